//! From sources to packets.

mod cursors;
mod poll;
mod truth;
mod types;
