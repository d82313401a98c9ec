//! Tests of the host, on its public interface.

mod guests;
