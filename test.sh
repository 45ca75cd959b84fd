#!/usr/bin/env bash
# Runs every check on a fresh Debian machine: installs what it needs, starts what it needs, stops what
# it started. `./test.sh --fast` runs what needs neither a server nor another Debian root.
# What is slow to get is kept in a cache folder outside of the checkout (PODOMETER_CACHE).
set -euo pipefail
cd "$(dirname "$0")"

fast=
for argument in "$@"; do
  case $argument in
    --fast) fast=1 ;;
    *) echo "usage: ./test.sh [--fast]" >&2; exit 2 ;;
  esac
done

if [ "$(id -u)" = 0 ]; then default_cache=/var/cache/podometer; else default_cache=${XDG_CACHE_HOME:-$HOME/.cache}/podometer; fi
export PODOMETER_CACHE=${PODOMETER_CACHE:-$default_cache}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PODOMETER_CACHE/target}
# A test never waits for a person, and a snapshot that differs is a failure.
export INSTA_UPDATE=no CARGO_TERM_COLOR=never
mkdir -p "$PODOMETER_CACHE"

began=$(date +%s)
step() { printf '\n== %s (at %s s)\n' "$1" "$(($(date +%s) - began))"; }

missing=
for tool in gcc make; do command -v "$tool" >/dev/null || missing="$missing $tool"; done
if [ -n "$missing" ]; then
  [ "$(id -u)" = 0 ] || { echo "install first:$missing" >&2; exit 2; }
  # shellcheck disable=SC2086
  apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing
fi
command -v cargo >/dev/null || { echo "install Rust first, by rustup" >&2; exit 2; }

if [ -n "$fast" ]; then
  export PODOMETER_TEST_FAST=1
else
  step "servers"
  # shellcheck source=tests/stack/servers.sh
  . tests/stack/servers.sh
  start_servers
  step "a Kubernetes cluster, with Podometer's images"
  start_cluster
  if [ -n "${PODOMETER_TEST_IMPORT:-}" ]; then
    images=$PODOMETER_CACHE/images
    ./build_service.sh all --archive "$images" >/dev/null
    for image in $(tests/cluster/images.sh kafka timescaledb) "$images"/*.tar; do
      $PODOMETER_TEST_IMPORT "$image" >/dev/null
    done
  fi
fi

step "format"
cargo fmt --all --check
if [ -z "$fast" ]; then
  KUBECTL="$PWD/tests/cluster/cluster.sh kubectl" kubernetes/render.sh --check
fi

step "manifests"
if command -v kubectl >/dev/null; then
  kubernetes/render.sh --check
else
  echo "not checked: there is no kubectl"
fi

step "lints"
cargo clippy --workspace --all-targets --quiet -- -D warnings

step "tests"
timeout 3000 cargo test --workspace --quiet --no-fail-fast

if [ -n "${PODOMETER_TEST_NODE_AGENT:-}" ]; then
  step "the node's agent away for 30 s"
  timeout 600 cargo test --workspace --quiet --test cluster -- --ignored node_agent
elif [ -z "$fast" ]; then
  echo "not run: the test of a node whose agent is away; PODOMETER_TEST_NODE_AGENT says how to stop it" >&2
  [ -z "${CI:-}" ] || exit 1
fi

step "exactness, in short"
# The programs that the tests have built: another build of a single crate would choose other features
# and build all dependencies anew.
built=$CARGO_TARGET_DIR/debug
timeout 600 "$built/bench" fidelity --short --podometer "$built/podometer"

if [ -z "$fast" ]; then
  step "services, brokers and the database killed and paused under load, in short"
  timeout 600 "$built/bench" chaos --rounds 4 --seed 3
fi

if [ -n "$fast" ]; then
  step "done; not run with --fast: what needs Kafka, TimescaleDB or Kubernetes, the minimal Debian root"
  exit 0
fi

step "a minimal Debian root: gcc, make, Rust and nothing else"
timeout 2400 tests/minimal-root.sh

step "done"
