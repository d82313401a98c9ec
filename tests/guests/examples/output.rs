//! Hands back, when a line is marked, columns or rejects that are wrong in the way that the mark names.

use guests::innocent;
use guests::types::{Column, Context, Failure, Output, Rows, Text, Values};

guests::guest!(transform: transform);

fn transform(context: &Context, json_lines: &[u8]) -> Result<Output, Failure> {
    let mut output = innocent::transform(context, json_lines)?;
    let lines = context.lines;
    for (index, mark) in guests::lines(json_lines).enumerate().filter_map(|(index, line)| Some((index, line.bad?))) {
        spoil(mark, index, lines, &mut output)?;
    }
    Ok(output)
}

fn spoil(mark: &str, index: usize, lines: u32, output: &mut Output) -> Result<(), Failure> {
    let Output { tables, rejects } = output;
    let Some(Rows { count, columns, lines: row_lines }) = tables.first_mut() else { return Ok(()) };
    match mark {
        "columns-unequal" => number(columns, 1).truncate(index),
        "columns-unequal-long" => number(columns, 1).push(7),
        "bitmap-short" => columns[2].validity = Some(Vec::new()),
        "boolean-short" => columns[2].values = Values::Boolean(Vec::new()),
        "decimal128-odd-bytes" => match &mut columns[5].values {
            Values::Decimal128(bytes) => bytes.truncate(bytes.len() - 1),
            _ => return unexpected(),
        },
        "offsets-out-of-order" => name(columns).offsets[index] = i32::MAX,
        "offsets-negative" => name(columns).offsets[index] = -1,
        "offsets-past-the-end" => {
            let name = name(columns);
            name.bytes.truncate(name.bytes.len() - 1);
        }
        "offsets-before-the-end" => name(columns).bytes.push(b'x'),
        "offsets-short" => {
            name(columns).offsets.pop();
        }
        "offsets-empty" => name(columns).offsets.clear(),
        // `näme`: the second byte of the ä is the third of the text.
        "offsets-in-a-character" => {
            let name = name(columns);
            match index {
                0 => name.bytes[0] = 0x80,
                _ => name.offsets[index] += 2,
            }
        }
        "utf8-invalid" => {
            let name = name(columns);
            let start = name.offsets[index] as usize;
            name.bytes[start] = 0xff;
        }
        "null-in-key" => columns[0].validity = Some(innocent::bitmap((0..*count).map(|row| row as usize != index))),
        "decimal-too-wide" => match &mut columns[4].values {
            Values::Decimal64(values) => values[index] = 10_i64.pow(10),
            _ => return unexpected(),
        },
        "decimal-too-wide-below" => match &mut columns[4].values {
            Values::Decimal64(values) => values[index] = i64::MIN,
            _ => return unexpected(),
        },
        "decimal128-too-wide" => match &mut columns[5].values {
            Values::Decimal128(bytes) => {
                bytes[16 * index..][..16].copy_from_slice(&10_i128.pow(38).to_le_bytes());
                columns[5].validity = None;
            }
            _ => return unexpected(),
        },
        "date-out-of-range" => match &mut columns[6].values {
            Values::Date(days) => days[index] = i32::MAX,
            _ => return unexpected(),
        },
        "time-out-of-range" => match &mut columns[7].values {
            Values::Time(times) => times[index] = 86_400_000_000,
            _ => return unexpected(),
        },
        "timestamp-out-of-range" => match &mut columns[8].values {
            Values::Timestamp(times) => times[index] = i64::MIN,
            _ => return unexpected(),
        },
        "tables-none" => tables.clear(),
        "tables-two" => tables.push(Rows { count: 0, columns: Vec::new(), lines: None }),
        "columns-too-few" => {
            columns.pop();
        }
        "columns-too-many" => columns.push(innocent::valid(Values::Int32(Vec::new()))),
        "column-of-other-type" => columns[1].values = Values::Int64(vec![7; *count as usize]),
        "decimal-of-other-width" => columns[4].values = Values::Decimal128(vec![0; 16 * *count as usize]),
        "count-huge" => {
            *row_lines = Some(vec![0; *count as usize]);
            *count = u32::MAX;
        }
        "rows-missing" => {
            *count = 0;
            columns.clear();
        }
        "row-line-out-of-range" => *row_lines = Some((1..=*count).collect()),
        "row-lines-out-of-order" => {
            let mut falling: Vec<u32> = (0..*count).rev().collect();
            // With one line there is but one order.
            falling[0] = falling[0].max(1);
            *row_lines = Some(falling);
        }
        "row-lines-short" => *row_lines = Some(Vec::new()),
        "row-of-a-rejected-line" => {
            rejects.push(innocent::reject(index as u32, "both"));
            *row_lines = Some((0..*count).collect());
        }
        "reject-and-row" => rejects.push(innocent::reject(index as u32, "both")),
        "reject-out-of-range" => rejects.push(innocent::reject(lines, "late")),
        "reject-twice" => {
            rejects.extend([innocent::reject(index as u32, "one"), innocent::reject(index as u32, "two")])
        }
        "reject-code-empty" => rejects.push(innocent::reject(index as u32, "")),
        "reject-code" => rejects.push(innocent::reject(index as u32, "\u{1b}[31mRed Alert")),
        "reject-code-long" => rejects.push(innocent::reject(index as u32, &"x".repeat(10_000))),
        // Not with a panic, which would be a misdeed of its own.
        unknown => return Err(Failure { message: format!("no such misdeed: `{unknown}`") }),
    }
    Ok(())
}

fn unexpected() -> Result<(), Failure> {
    Err(Failure { message: "the innocent plugin has other columns".to_owned() })
}

fn number(columns: &mut [Column], index: usize) -> &mut Vec<i32> {
    match &mut columns[index].values {
        Values::Int32(values) => values,
        _ => unreachable!("the innocent plugin has a number there"),
    }
}

fn name(columns: &mut [Column]) -> &mut Text {
    match &mut columns[9].values {
        Values::Utf8(text) => text,
        _ => unreachable!("the innocent plugin has a text there"),
    }
}
