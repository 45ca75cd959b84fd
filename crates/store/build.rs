//! Cargo doesn't see a new migration by itself: it lies outside of the crate.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
