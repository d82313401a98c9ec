//! From sources to packets.

mod poll;
mod truth;
mod types;
