//! Makes rows of whatever might differ from run to run: time, randomness, addresses, the bits of a NaN, what an earlier call
//! left behind. In the sandbox none of it does.

#![expect(
    clippy::disallowed_methods,
    clippy::eq_op,
    reason = "a hostile plugin is not bound to the rules of the house"
)]

use guests::innocent;
use guests::types::{Context, Failure, Output, Values};
use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Instant, SystemTime};

guests::guest!(transform: transform);

static CALLS: AtomicU32 = AtomicU32::new(0);

fn transform(context: &Context, json_lines: &[u8]) -> Result<Output, Failure> {
    let mut output = innocent::transform(context, json_lines)?;
    let calls = CALLS.fetch_add(1, Ordering::Relaxed);
    let rows = output.tables[0].count;
    let texts = (0..rows).map(|row| format!("calls {calls} {}", mood(row)));
    output.tables[0].columns[9].values = innocent::text(texts);
    output.tables[0].columns[3].values = Values::Float64((0..rows).map(not_a_number).collect());
    Ok(output)
}

fn mood(row: u32) -> String {
    let mut mood = String::new();
    let _ = write!(mood, "started {:?} ", Instant::now().elapsed());
    let _ = write!(mood, "at {:?} ", SystemTime::now().duration_since(SystemTime::UNIX_EPOCH));
    let set: HashSet<u32> = (0..8).map(|value| value * 31 + row).collect();
    let _ = write!(mood, "set {set:?} ");
    let map: HashMap<String, u32> = (0..8).map(|value| (format!("key {value}"), row)).collect();
    let _ = write!(mood, "map {:?} ", map.keys().collect::<Vec<_>>());
    let heap = Box::new(row);
    let _ = write!(mood, "heap {:p} stack {:p} ", &raw const *heap, &raw const mood);
    let _ = write!(mood, "arguments {} variables {} ", std::env::args().count(), std::env::vars().count());
    let _ = write!(mood, "thread {:?}", std::thread::current().id());
    mood
}

/// A NaN that comes of a calculation: processors differ in its sign and its lower bits.
fn not_a_number(row: u32) -> f64 {
    let zero = black_box(f64::from(row) * 0.0);
    let nan = black_box(zero / zero);
    f64::from_bits(black_box((nan - black_box(1.0)).to_bits()))
}
