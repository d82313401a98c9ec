//! The same transform three ways over one file of sales orders, on one core:
//!
//! - `serde`: natively on serde_json, as one would write it by hand: borrowed texts, exact types, the same columns and checks;
//! - `sdk`: the plugin's own code, natively;
//! - `plugin`: the plugin as it ships, in the sandbox, fuel-metered.
//!
//! Prints one JSON object with the seconds of each round. The ways take turns, so that a slow moment of the machine meets all.

use sdk::bindings::exports::star::transform::plugin::Guest;
use sdk::bindings::star::transform::types::Context;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::time::Instant;

const CHUNK_BYTES: usize = 1024 * 1024;
const ROUNDS: usize = 7;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let (Some(plugin), Some(input)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: transform PLUGIN.wasm SALES_ORDERS.jsonl");
        return;
    };
    let lines = std::fs::read(&input).expect("the input can be read");
    let chunks = chunks(&lines);
    let sandbox = host::sandbox::Sandbox::new(1, None).expect("the engine starts");
    let plugin = sandbox.load(plugin.as_ref(), host::sandbox::Limits::default()).expect("the plugin loads");
    let ways: [(&str, Way<'_>); 3] = [
        ("serde", &|chunks| chunks.iter().map(|chunk| serde_rows(chunk)).sum()),
        ("sdk", &|chunks| chunks.iter().map(|chunk| sdk_rows(chunk)).sum()),
        ("plugin", &|chunks| chunks.iter().map(|chunk| plugin_rows(&plugin, chunk)).sum()),
    ];
    let mut seconds = ways.map(|(name, _)| (name, Vec::new()));
    for _ in 0..ROUNDS {
        for ((_, way), (_, seconds)) in ways.iter().zip(&mut seconds) {
            let started = Instant::now();
            let rows = way(&chunks);
            seconds.push(started.elapsed().as_secs_f64());
            assert_eq!(
                rows as u64,
                chunks.iter().map(|chunk| u64::from(chunk.lines)).sum::<u64>(),
                "each line makes a row"
            );
        }
    }
    let seconds: serde_json::Map<_, _> =
        seconds.into_iter().map(|(name, seconds)| (name.to_owned(), seconds.into())).collect();
    println!("{}", serde_json::Value::from(seconds));
}

/// Gives how many rows the chunks make.
type Way<'a> = &'a dyn Fn(&[Chunk<'_>]) -> usize;

struct Chunk<'a> {
    bytes: &'a [u8],
    lines: u32,
    first_record: u64,
}

fn chunks(lines: &[u8]) -> Vec<Chunk<'_>> {
    let mut chunks = Vec::new();
    let mut rest = lines;
    let mut first_record = 1;
    while !rest.is_empty() {
        let window = &rest[..rest.len().min(CHUNK_BYTES)];
        let end = memchr::memrchr(b'\n', window).map_or(rest.len(), |at| at + 1);
        let (bytes, after) = rest.split_at(end);
        let lines = memchr::memchr_iter(b'\n', bytes).count() as u32;
        chunks.push(Chunk { bytes, lines, first_record });
        first_record += u64::from(lines);
        rest = after;
    }
    chunks
}

fn plugin_rows(plugin: &host::sandbox::Plugin, chunk: &Chunk<'_>) -> usize {
    let call = host::sandbox::Call {
        sequence: 1,
        first_record: chunk.first_record,
        first_line: chunk.first_record - 1,
        lines: chunk.lines,
        json_lines: chunk.bytes,
    };
    plugin.call(&call).result.map_or(0, |transformed| transformed.tables[0].count)
}

fn sdk_rows(chunk: &Chunk<'_>) -> usize {
    let context = Context {
        table: "sales_order".to_owned(),
        sequence: 1,
        first_record: chunk.first_record,
        first_line: chunk.first_record - 1,
        lines: chunk.lines,
    };
    let output = fact_sales_order::Plugin::transform(context, chunk.bytes.to_vec());
    output.map_or(0, |output| std::hint::black_box(output).tables[0].count as usize)
}

#[derive(Deserialize)]
struct SalesOrder<'a> {
    sales_order_id: i32,
    created_at: &'a str,
    last_updated: &'a str,
    design_id: i32,
    staff_id: i32,
    counterparty_id: i32,
    units_sold: i32,
    #[serde(borrow)]
    unit_price: &'a RawValue,
    currency_id: i32,
    agreed_delivery_date: &'a str,
    agreed_payment_date: &'a str,
    agreed_delivery_location_id: i32,
}

#[derive(Default)]
struct FactSalesOrder {
    sales_record_id: Vec<i32>,
    sales_order_id: Vec<i32>,
    created_date: Vec<i32>,
    created_time: Vec<i64>,
    last_updated_date: Vec<i32>,
    last_updated_time: Vec<i64>,
    sales_staff_id: Vec<i32>,
    counterparty_id: Vec<i32>,
    units_sold: Vec<i32>,
    unit_price: Vec<i64>,
    currency_id: Vec<i32>,
    design_id: Vec<i32>,
    agreed_payment_date: Vec<i32>,
    agreed_delivery_date: Vec<i32>,
    agreed_delivery_location_id: Vec<i32>,
    rejects: Vec<(u32, String)>,
}

fn serde_rows(chunk: &Chunk<'_>) -> usize {
    let mut fact = FactSalesOrder::default();
    for (index, line) in chunk.bytes.split(|&byte| byte == b'\n').enumerate().take(chunk.lines as usize) {
        let record = chunk.first_record + index as u64;
        if let Err(reason) = serde_row(line, record, &mut fact) {
            fact.rejects.push((index as u32, reason));
        }
    }
    std::hint::black_box(fact).sales_record_id.len()
}

fn serde_row(line: &[u8], record: u64, fact: &mut FactSalesOrder) -> Result<(), String> {
    let order: SalesOrder<'_> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let bad = |column: &str| format!("bad {column}");
    let created = timestamp(order.created_at).ok_or_else(|| bad("created_at"))?;
    let updated = timestamp(order.last_updated).ok_or_else(|| bad("last_updated"))?;
    let price = decimal(order.unit_price.get()).ok_or_else(|| bad("unit_price"))?;
    let delivery = date(order.agreed_delivery_date.as_bytes()).ok_or_else(|| bad("agreed_delivery_date"))?;
    let payment = date(order.agreed_payment_date.as_bytes()).ok_or_else(|| bad("agreed_payment_date"))?;
    fact.sales_record_id.push(i32::try_from(record).map_err(|_| bad("record"))?);
    fact.sales_order_id.push(order.sales_order_id);
    fact.created_date.push(created.0);
    fact.created_time.push(created.1);
    fact.last_updated_date.push(updated.0);
    fact.last_updated_time.push(updated.1);
    fact.sales_staff_id.push(order.staff_id);
    fact.counterparty_id.push(order.counterparty_id);
    fact.units_sold.push(order.units_sold);
    fact.unit_price.push(price);
    fact.currency_id.push(order.currency_id);
    fact.design_id.push(order.design_id);
    fact.agreed_payment_date.push(payment);
    fact.agreed_delivery_date.push(delivery);
    fact.agreed_delivery_location_id.push(order.agreed_delivery_location_id);
    Ok(())
}

fn digits(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0')))
}

fn date(bytes: &[u8]) -> Option<i32> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *bytes else { return None };
    let (year, month, day) = (digits(&[y1, y2, y3, y4])?, digits(&[m1, m2])?, digits(&[d1, d2])?);
    sdk::Date::from_year_month_day(year, month, day).map(sdk::Date::days)
}

fn timestamp(text: &str) -> Option<(i32, i64)> {
    let bytes = text.as_bytes();
    let (day, rest) = bytes.split_at_checked(10)?;
    let [b'T' | b' ', h1, h2, b':', m1, m2, b':', s1, s2, fraction @ ..] = rest else { return None };
    let (hour, minute, second) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?, digits(&[*s1, *s2])?);
    let micros = match fraction {
        [] => 0,
        [b'.', digits_of @ ..] if (1..=6).contains(&digits_of.len()) => {
            digits(digits_of)? * 10_u32.pow(6 - digits_of.len() as u32)
        }
        _ => return None,
    };
    let time = sdk::Time::from_hour_minute_second(hour, minute, second, micros)?;
    Some((date(day)?, time.micros()))
}

/// A decimal(10, 2).
fn decimal(text: &str) -> Option<i64> {
    let (negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let fits = whole.len() <= 8 && fraction.len() <= 2;
    let cents = digits(fraction.as_bytes())? * 10_u32.pow(2_u32.saturating_sub(fraction.len() as u32));
    let unscaled = i64::from(digits(whole.as_bytes())?) * 100 + i64::from(cents);
    fits.then_some(if negative { -unscaled } else { unscaled })
}
