# Sourced by node.sh: certificates, configuration files and command lines of the cluster's programs. Needs
# folder, programs, here, cgroup, address, pods, services and first_service.

# One authority for all; a client is who its certificate says: NAME, and a group after a slash.
certificates() {
  cd "$folder/config"
  openssl_() { openssl "$@" 2>"$folder/log/openssl.log" || { cat "$folder/log/openssl.log" >&2; return 1; }; }
  openssl_ req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 30 -subj /CN=podometer-tests \
    -keyout ca.key -out ca.crt
  certificate() {
    openssl_ req -x509 -CA ca.crt -CAkey ca.key -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 30 \
      -subj "$2" -addext basicConstraints=critical,CA:FALSE -addext "${3:-extendedKeyUsage=clientAuth}" -keyout "$1.key" -out "$1.crt"
  }
  certificate apiserver /CN=kube-apiserver "subjectAltName=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,DNS:localhost,IP:127.0.0.1,IP:$address,IP:$first_service"
  certificate admin /O=system:masters/CN=admin
  certificate apiserver-kubelet /O=system:masters/CN=kube-apiserver-kubelet
  certificate front-proxy /CN=front-proxy
  certificate controller-manager /CN=system:kube-controller-manager
  certificate scheduler /CN=system:kube-scheduler
  certificate kubelet /O=system:nodes/CN=system:node:node
  certificate proxy /CN=system:kube-proxy
  certificate coredns /CN=coredns
  certificate volumes /CN=volumes
  openssl_ genrsa -out service-accounts.key 2048
  local client
  for client in admin controller-manager scheduler kubelet proxy coredns volumes; do kubeconfig "$client" >"$client.kubeconfig"; done
  cd /
}

kubeconfig() {
  cat <<YAML
apiVersion: v1
kind: Config
current-context: podometer-tests
contexts: [{name: podometer-tests, context: {cluster: podometer-tests, user: $1}}]
clusters:
- name: podometer-tests
  cluster: {server: "https://$address:6443", certificate-authority-data: $(base64 -w0 ca.crt)}
users:
- name: $1
  user: {client-certificate-data: $(base64 -w0 "$1.crt"), client-key-data: $(base64 -w0 "$1.key")}
YAML
}

configuration() {
  mkdir -p "$folder/config/cni"
  # Routed pairs, no bridge: what goes from pod to pod by way of a Service always passes kube-proxy's rules.
  cat >"$folder/config/cni/pods.conflist" <<JSON
{"cniVersion": "1.0.0", "name": "pods", "plugins": [{"type": "ptp", "ipam": {"type": "host-local",
  "dataDir": "/run/pod-addresses", "ranges": [[{"subnet": "$pods"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
JSON
  # restrict_oom_score_adj: where root may not raise its limits, no sandbox would start without it.
  cat >"$folder/config/containerd.toml" <<TOML
version = 2
root = "$folder/containerd"
state = "/run/containerd"
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "$folder/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "podometer/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
    SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$folder/debian/usr/lib/cni"
    conf_dir = "$folder/config/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "$folder/config/certs.d"
TOML
  : >"$folder/config/resolv.conf"
  # Images come by `import` only: the kubelet must never throw one away.
  cat >"$folder/config/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: false}
  x509: {clientCAFile: $folder/config/ca.crt}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
cgroupRoot: /$cgroup
failCgroupV1: false
failSwapOn: false
clusterDomain: cluster.local
clusterDNS: ["$address"]
resolvConf: $folder/config/resolv.conf
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: 1%, nodefs.available: 1%, nodefs.inodesFree: 1%, imagefs.available: 1%}
maxPods: ${PODOMETER_MAX_PODS:-110}
registryPullQPS: 0
eventRecordQPS: 0
YAML
  cat >"$folder/config/Corefile" <<CORE
.:53 {
  bind $address
  errors
  health $address:8080
  ready $address:8181
  kubernetes cluster.local {
    kubeconfig $folder/config/coredns.kubeconfig
    pods insecure
    ttl 5
  }
  cache 5
}
CORE
}

control_plane() {
  local c=$folder/config
  kubernetes kube-apiserver --etcd-servers=http://127.0.0.1:2379 --advertise-address="$address" \
    --service-cluster-ip-range="$services" --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
    --allow-privileged=true --client-ca-file="$c/ca.crt" --cert-dir="$c" \
    --tls-cert-file="$c/apiserver.crt" --tls-private-key-file="$c/apiserver.key" \
    --kubelet-client-certificate="$c/apiserver-kubelet.crt" --kubelet-client-key="$c/apiserver-kubelet.key" \
    --kubelet-preferred-address-types=InternalIP \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file="$c/service-accounts.key" --service-account-signing-key-file="$c/service-accounts.key" \
    --requestheader-client-ca-file="$c/ca.crt" --requestheader-allowed-names=front-proxy \
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
    --requestheader-extra-headers-prefix=X-Remote-Extra- \
    --proxy-client-cert-file="$c/front-proxy.crt" --proxy-client-key-file="$c/front-proxy.key"
  # The other ones wait for the API server by giving up: they start when it listens.
  until_true "the API server listens" answers_tls "$address" 6443
  kubernetes kube-controller-manager --kubeconfig="$c/controller-manager.kubeconfig" --leader-elect=false \
    --service-account-private-key-file="$c/service-accounts.key" --root-ca-file="$c/ca.crt" \
    --use-service-account-credentials=true --cert-dir="$c/controller-manager"
  kubernetes kube-scheduler --kubeconfig="$c/scheduler.kubeconfig" --leader-elect=false --cert-dir="$c/scheduler"
  kubernetes kubelet --kubeconfig="$c/kubelet.kubeconfig" --config="$c/kubelet.yaml" --root-dir="$folder/kubelet" \
    --cert-dir="$c/kubelet" --hostname-override=node --node-ip="$address"
  kubernetes kube-proxy --kubeconfig="$c/proxy.kubeconfig" --proxy-mode=iptables --cluster-cidr="$pods" \
    --hostname-override=node --conntrack-max-per-core=0 --conntrack-min=0 \
    --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0
  kubernetes coredns -conf "$c/Corefile"
  kubernetes volumes --kubeconfig "$c/volumes.kubeconfig" --folder "$folder/volumes"
}

answers_tls() { (: <>"/dev/tcp/$1/$2") 2>/dev/null; }
