//! The star tables: from packets to tables that others read, exactly once.

mod cloud;
mod compact;
mod crashes;
mod delta;
mod explain;
mod facts;
mod fixture;
mod gc;
mod growing;
mod joined;
mod lag;
pub(crate) mod line;
mod mishaps;
mod rejects;
mod replay;
mod stops;
mod triggers;
mod verify;
