//! What images say of how they are run: looked up in their registries once, when an order begins.
//!
//! A task without a command runs its image's entrypoint, which the runner must be told: such an image can't
//! be done without, and is run by the digest that was looked up. Of the other images only the user is wanted,
//! so that nobody waits long for their registries. What was found stands in the order's ConfigMap.
//!
//! How to read an image's configuration ([`image`]), which images are wanted ([`wanted`]) and whom a registry
//! gets to know ([`logins`]) are pure; [`registry`] asks.

mod image;
mod logins;
mod look_up;
mod registry;
mod wanted;

pub use image::{Image, User};
pub use registry::{LookUpError, Registry, Trust};

pub(super) use image::argv;
pub(super) use look_up::{look_up, of};
pub(super) use registry::{digest, pinned};
