//! From sources to packets.

mod command;
mod cursors;
mod faults;
mod folder;
mod packets;
mod poll;
mod truth;
mod types;
