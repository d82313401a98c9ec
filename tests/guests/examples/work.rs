//! Does, at each marked line, the work that the mark names: too much of it, or some that a plugin may not do.

#![expect(
    unsafe_code,
    clippy::disallowed_methods,
    clippy::only_used_in_recursion,
    reason = "a hostile plugin is not bound to the rules of the house"
)]

use guests::types::{Column, Context, Failure, Output, Reject, Rows, Values};
use guests::{innocent, log};
use std::collections::HashMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

guests::guest!(transform: transform);

fn transform(context: &Context, json_lines: &[u8]) -> Result<Output, Failure> {
    let mut output = innocent::transform(context, json_lines)?;
    let marks: Vec<&str> = guests::lines(json_lines).filter_map(|line| line.bad).collect();
    for mark in &marks {
        match *mark {
            "loop" => endless(|| {}),
            "recursion" => {
                black_box(depth(1));
            }
            "recursion-with-arrays" => {
                black_box(depth_with_arrays(1));
            }
            "memory" => hoard(),
            "memory-grow" => endless(grow_memory),
            "memory-grow-by-nothing" => endless(grow_memory_by_nothing),
            "memory-fill" => fill_memory(),
            "memory-copy" => copy_memory(),
            "log-flood" => (0..5_000).for_each(|index| log::write(log::Level::Info, &format!("message {index}"))),
            "log-flood-empty" => (0..10_000).for_each(|_| log::write(log::Level::Debug, "")),
            "log-then-panic" => {
                log::write(log::Level::Info, "here it comes");
                panic!("there it is");
            }
            "log-forever" => endless(|| log::write(log::Level::Debug, "")),
            "log-large-forever" => {
                let message = "x".repeat(8 * 1024 * 1024);
                endless(|| log::write(log::Level::Warning, &message));
            }
            "log-no-text" => {
                // SAFETY: none; this is the misdeed.
                log::write(log::Level::Info, unsafe { core::str::from_utf8_unchecked(black_box(&[b'a', 0xff])) });
            }
            "log-escapes" => log::write(log::Level::Warning, "\u{1b}[2Jgone\nsecond line \u{202e}drow"),
            "stderr-forever" => endless(|| eprintln!("{}", "x".repeat(4_000))),
            "stderr-then-panic" => {
                (0..1_000).for_each(|index| eprintln!("line {index}"));
                panic!("after much talk");
            }
            "stderr-then-wild-call" => {
                eprintln!("this is no hostcall");
                call_wildly();
            }
            "clock-forever" => endless(|| {
                black_box(Instant::now());
            }),
            "random-forever" => endless(random),
            "random-too-much" => random_bytes(1 << 30),
            "sleep" => std::thread::sleep(Duration::from_secs(3_600)),
            "exit" => std::process::exit(3),
            "abort" => std::process::abort(),
            "panic" => panic!("no such\nproduct: \u{1b}[31m7"),
            "index" => {
                let empty: &[u8] = black_box(&[]);
                black_box(empty[black_box(7)]);
            }
            "wild-call" => call_wildly(),
            "wild-pointer" => read_wildly(),
            "failure" => return Err(Failure { message: format!("the moon is {}\u{1b}", "wrong ".repeat(1_000)) }),
            // On one line alone a failure, on more a trap: whatever the host cuts, it must not blame the line.
            "failure-in-part" if marks.len() == 1 => return Err(Failure { message: "not alone".to_owned() }),
            "failure-in-part" => panic!("not together"),
            "output-text" => set_text(&mut output, &"x".repeat(1536 * 1024)),
            "output-after-much-memory" => {
                grow_memory();
                set_text(&mut output, &"x".repeat(1536 * 1024));
            }
            "wild-call-after-much-memory" => {
                grow_memory();
                call_wildly();
            }
            "output-rejects" => output.rejects = vec![large_reject(); 64],
            "output-columns" => output.tables[0].columns = same_region(),
            "output-tables" => {
                let table = |column| Rows { count: 1, columns: vec![column], lines: None };
                output.tables = same_region().into_iter().map(table).collect();
            }
            "output-outside" => {
                // SAFETY: none; this is the misdeed.
                let outside = unsafe { Vec::from_raw_parts(0xffff_0000_usize as *mut u8, 65_535, 65_535) };
                output.tables[0].columns[2].values = Values::Boolean(outside);
            }
            "output-no-text" => {
                // SAFETY: none; this is the misdeed.
                let no_text = unsafe { String::from_utf8_unchecked(vec![b'a', 0xff]) };
                output.rejects = vec![Reject { message: no_text, ..innocent::reject(0, "no-text") }];
            }
            // Not with a panic, which would be a misdeed of its own.
            unknown => return Err(Failure { message: format!("no such misdeed: `{unknown}`") }),
        }
    }
    Ok(output)
}

fn endless(mut work: impl FnMut()) {
    while black_box(true) {
        work();
    }
}

/// Runs out of the host's stack.
#[expect(unconditional_recursion, reason = "the misdeed")]
fn depth(level: u64) -> u64 {
    black_box(depth(level + 1)) + 1
}

/// Runs out of the plugin's own stack, which lies in its memory.
#[expect(unconditional_recursion, reason = "the misdeed")]
fn depth_with_arrays(level: u64) -> u64 {
    let array = black_box([level; 64]);
    depth_with_arrays(level + 1) + array[(level % 64) as usize]
}

fn hoard() {
    let mut hoard = Vec::new();
    endless(|| hoard.push(Vec::<u8>::with_capacity(1024 * 1024)));
}

fn fill_memory() {
    let mut bytes = vec![0_u8; 16 * 1024 * 1024];
    endless(|| black_box(&mut bytes).fill(7));
}

fn copy_memory() {
    let mut bytes = vec![0_u8; 16 * 1024 * 1024];
    endless(|| black_box(&mut bytes).copy_within(0..8 * 1024 * 1024, 8 * 1024 * 1024));
}

#[cfg(target_arch = "wasm32")]
fn grow_memory() {
    black_box(core::arch::wasm32::memory_grow::<0>(60_000));
}

#[cfg(target_arch = "wasm32")]
fn grow_memory_by_nothing() {
    black_box(core::arch::wasm32::memory_grow::<0>(0));
}

#[cfg(not(target_arch = "wasm32"))]
fn grow_memory() {}

#[cfg(not(target_arch = "wasm32"))]
fn grow_memory_by_nothing() {}

fn random() {
    // Each map takes fresh keys only in a fresh thread; so the source is asked itself.
    black_box(HashMap::<u8, u8>::new());
    random_bytes(256);
}

/// Asks the host for random bytes, past the C library, which asks for 256 at most.
fn random_bytes(count: u64) {
    #[cfg(target_arch = "wasm32")]
    {
        #[link(wasm_import_module = "wasi:random/random@0.2.0")]
        unsafe extern "C" {
            #[link_name = "get-random-bytes"]
            fn get_random_bytes(count: u64, list: *mut [usize; 2]);
        }
        let mut list = [0; 2];
        // SAFETY: the host writes the address and the length of the bytes to `list`; that the bytes leak is no harm.
        unsafe { get_random_bytes(count, &raw mut list) };
        black_box(list);
    }
    black_box(count);
}

fn call_wildly() {
    // SAFETY: none; this is the misdeed.
    let function = unsafe { core::mem::transmute::<usize, fn()>(black_box(1 << 20)) };
    function();
}

fn read_wildly() {
    let pointer = black_box(0xffff_0000_usize) as *const u64;
    // SAFETY: none; this is the misdeed.
    black_box(unsafe { pointer.read_volatile() });
}

fn set_text(output: &mut Output, value: &str) {
    let count = output.tables[0].count as usize;
    let texts = (0..count).map(|_| value.to_owned());
    if let Some(column) = output.tables[0].columns.get_mut(9) {
        column.values = innocent::text(texts);
    }
}

fn large_reject() -> Reject {
    Reject { message: "x".repeat(32 * 1024), ..innocent::reject(0, "large") }
}

/// Many columns whose values all stand at the same place: as many copies for a host that does not count.
fn same_region() -> Vec<Column> {
    const BYTES: usize = 1024 * 1024;
    let region = Box::leak(vec![1_u8; BYTES].into_boxed_slice()).as_mut_ptr();
    let column = || {
        // SAFETY: none; this is the misdeed. The bindings hand the address over and free it only after the host took it.
        innocent::valid(Values::Boolean(unsafe { Vec::from_raw_parts(region, BYTES, BYTES) }))
    };
    (0..500).map(|_| column()).collect()
}
