//! The star tables: from packets to tables that others read, exactly once.

mod crashes;
mod delta;
mod fixture;
mod compact;
mod facts;
mod gc;
mod growing;
mod joined;
mod line;
mod replay;
mod stops;
mod verify;
