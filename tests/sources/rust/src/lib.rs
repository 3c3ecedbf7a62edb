//! A cache.
//!
//! Small on purpose.

pub mod cache;
mod policy;

pub use cache::entry::Entry;
pub use policy::{Lru, Policy};

/// Library version.
pub fn version() -> &'static str {
    "1"
}
