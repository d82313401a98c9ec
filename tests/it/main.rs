//! Tests of the host, on its public interface.

mod cases;
mod command_line;
mod guests;
mod mutated;
mod totesys;
