//! Tests of the host, on its public interface.
#![allow(clippy::disallowed_types, reason = "tests look into databases themselves")]
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod authors;
mod cases;
mod command_line;
mod guests;
mod ingest;
mod lambda;
mod languages;
mod mistakes;
mod mutated;
mod scaffold;
mod star;
mod store;
mod terraform;
mod totesys;
