//! Rows with anything wrong in them: each makes a row or a reject, and nothing panics.

use host::sandbox::{Call, Limits, Sandbox};
use std::io::Cursor;
use tests::tools::{PLUGINS, plugin, soak, tables_of};
use totesys::{Generator, Options, Size, Style};

/// Lines of `make test`; `SOAK` multiplies them.
const LINES: usize = 20_000;

/// A generator of numbers: SplitMix64, by Sebastiano Vigna.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// What may stand where a value is expected.
const FRAGMENTS: &[&str] = &[
    "null",
    "true",
    "-0",
    "0.00",
    "1e5",
    "-1",
    "99999999999999999999",
    "2147483648",
    "1.005",
    "1E-2",
    "\"\"",
    "\"\\u0000\"",
    "\"\\",
    "{}",
    "[[]]",
    "\"9999-12-31\"",
    "\"0000-00-00\"",
    "\"2024-02-30\"",
    "\"2022-11-03T14:20:52.1234567\"",
    "\"2022-11-03 24:00:00\"",
    "\"infinity\"",
    "\"0044-03-15 BC\"",
    "NaN",
    "\"NaN\"",
    "\u{feff}",
    "\"\u{1f45c}\"",
    ",",
    ":",
    "}",
    "{",
    "\r",
    "\t",
    "\\u",
];

fn mutate(line: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(3) {
        let at = random.below(line.len() + 1);
        match random.below(6) {
            0 => {
                line.truncate(at);
            }
            1 if at < line.len() => line[at] = random.next() as u8,
            2 if at < line.len() => {
                line.remove(at);
            }
            3 => {
                let end = at + random.below(line.len() - at + 1);
                let part = line[at..end].to_vec();
                line.splice(at..at, part);
            }
            4 => {
                let value = line[at..].iter().position(|&byte| byte == b':').map_or(at, |colon| at + colon + 1);
                let end = line[value..].iter().position(|&byte| byte == b',').map_or(line.len(), |comma| value + comma);
                line.splice(value..end, FRAGMENTS[random.below(FRAGMENTS.len())].bytes());
            }
            _ => {
                line.splice(at..at, FRAGMENTS[random.below(FRAGMENTS.len())].bytes());
            }
        }
    }
    line.retain(|&byte| byte != b'\n');
}

#[test]
fn mutated_lines_make_rows_or_rejects_and_nothing_panics() {
    let soak = soak();
    let sandbox = Sandbox::new(1, None).unwrap();
    let options = Options { size: Size::SalesOrders(1_000), seed: 11, style: Style::Compact, hard: true };
    let generator = Generator::new(options).unwrap();
    let mut random = Random(7);
    for name in PLUGINS.into_iter().filter(|name| *name != "dim_date") {
        let plugin = sandbox.load(&plugin(name), Limits::default()).unwrap();
        let table = tables_of(name).0.parse().unwrap();
        let mut rows = Cursor::new(Vec::new());
        generator.write_table(table, &mut rows).unwrap();
        let rows: Vec<_> = rows.get_ref().split(|&byte| byte == b'\n').filter(|row| !row.is_empty()).collect();
        let mut left = LINES * soak / (PLUGINS.len() - 1);
        while left > 0 {
            let lines = left.min(2_000);
            left -= lines;
            let mut json_lines = Vec::new();
            for _ in 0..lines {
                let mut line = rows[random.below(rows.len())].to_vec();
                // Some lines stay as they are, so that shapes are predicted between the bad ones.
                if random.below(3) > 0 {
                    mutate(&mut line, &mut random);
                }
                json_lines.extend_from_slice(&line);
                json_lines.push(b'\n');
            }
            let call =
                Call { sequence: 1, first_record: 1, first_line: 0, lines: lines as u32, json_lines: &json_lines };
            let transformed = plugin.call(&call).result.unwrap_or_else(|fault| panic!("{name}: {fault}"));
            assert_eq!(transformed.tables[0].count + transformed.rejects.len(), lines, "{name}");
        }
    }
}
