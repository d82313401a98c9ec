//! From sources to packets.

mod cursors;
mod packets;
mod poll;
mod truth;
mod types;
