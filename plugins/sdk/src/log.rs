//! Lines for the host's log.

use crate::bindings::star::transform::log::{Level, write};

/// Writes a message for the plugin's author to the host's log. Outside a host, as in a test, it goes nowhere.
pub fn debug(message: &str) {
    send(Level::Debug, message);
}

/// Writes a message worth knowing to the host's log.
pub fn info(message: &str) {
    send(Level::Info, message);
}

/// Writes a message that somebody should look at to the host's log.
pub fn warning(message: &str) {
    send(Level::Warning, message);
}

fn send(level: Level, message: &str) {
    if cfg!(target_arch = "wasm32") {
        write(level, message);
    }
}
