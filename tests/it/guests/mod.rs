//! Plugins that do what no plugin should: each is a file in `tests/guests/examples`, or, where it is about what a component
//! imports or exports, WebAssembly text.

mod cache;
mod determinism;
mod halving;
mod lines;
mod load;
mod neighbours;

use host::sandbox::{Isolated, Limits, Plugin, Sandbox};
use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use tests::{call, guest, json_lines};

/// Small, so that an endless loop ends soon.
const LIMITS: Limits = Limits {
    fuel_base: 10_000_000,
    fuel_per_byte: 1_000,
    memory_bytes_max: 32 * 1024 * 1024,
    output_bytes_max: 1024 * 1024,
    log_bytes_max: 4 * 1024,
};

/// One sandbox for all tests, as a host has one for all plugins.
fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| Sandbox::new(4, None).expect("the engine starts"))
}

fn load(name: &str) -> Plugin {
    sandbox().load(&guest(name), LIMITS).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A guest, loaded once.
fn plugin(name: &str) -> &'static Plugin {
    static LOADED: Mutex<BTreeMap<String, &'static Plugin>> = Mutex::new(BTreeMap::new());
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    loaded.entry(name.to_owned()).or_insert_with(|| Box::leak(Box::new(load(name))))
}

/// What the innocent plugin makes of `lines` unmarked lines.
fn innocent_rows(lines: usize) -> Vec<String> {
    let called = plugin("innocent").call(&call(&json_lines(lines, |_| None)));
    tests::rows(&[called.result.expect("the innocent plugin works")])
}

fn isolate(plugin: &Plugin, json_lines: &[u8]) -> Isolated {
    plugin.call_isolating(&call(json_lines)).unwrap_or_else(|error| panic!("{error}"))
}

/// A panic's message without its line and column.
fn without_place(message: &str) -> String {
    match message.split_once(".rs:") {
        Some((before, after)) => {
            let after = after.trim_start_matches(|character: char| character.is_ascii_digit() || character == ':');
            format!("{before}.rs:{after}")
        }
        None => message.to_owned(),
    }
}
