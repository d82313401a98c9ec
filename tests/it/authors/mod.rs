//! What authors of plugins do: test, try hard inputs, compare, publish, watch.

mod compare;
mod dev;
mod fuzz;
mod publish;
mod testing;

use serde_json::Value;
use std::process::Output;

/// The JSON document that a command printed.
#[track_caller]
fn document(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}
