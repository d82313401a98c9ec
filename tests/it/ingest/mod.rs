//! From sources to packets.

mod command;
mod crashes;
mod cursors;
mod faults;
mod folder;
mod packets;
mod poll;
mod races;
mod truth;
mod types;
