//! The star tables: from packets to tables that others read, exactly once.

mod crashes;
mod delta;
mod fixture;
mod line;
mod replay;
mod stops;
mod verify;
