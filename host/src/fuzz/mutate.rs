//! Lines that are a little other than those of the cases.

use super::random::Random;
use super::values::{VALUES, long_values};
use crate::input::parse_members;
use serde_json::Value;

/// A line, and what was done to it.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// The line, with its line feed.
    pub(super) bytes: Vec<u8>,
    /// What is other than in the case; empty where nothing is.
    pub(super) change: String,
}

/// Makes lines of others.
pub(super) struct Mutator {
    columns: Vec<String>,
    long_values: Vec<String>,
}

impl Mutator {
    /// For a plugin that reads `columns`.
    pub(super) fn new(columns: Vec<String>) -> Self {
        Self { columns, long_values: long_values() }
    }

    /// A line for each hard value in each column that the line has and the plugin reads.
    pub(super) fn each_value(&self, line: &Line) -> Vec<Line> {
        let Some(members) = members(&line.bytes) else { return Vec::new() };
        let read = members.iter().enumerate().filter(|(_, (name, _))| self.columns.contains(name));
        let values = || VALUES.iter().copied().chain(self.long_values.iter().map(String::as_str));
        let changed = |(place, (name, _)): (usize, &Member)| {
            let (members, name) = (members.clone(), name.clone());
            values().map(move |value| {
                let mut members = members.clone();
                members[place].1 = value.to_owned();
                Line { bytes: written(&members), change: format!("`{name}` is {}", short(value)) }
            })
        };
        read.flat_map(changed).collect()
    }

    /// Another line of `line`.
    pub(super) fn mutate(&self, line: &Line, random: &mut Random) -> Line {
        let Some(mut members) = members(&line.bytes) else { return line.clone() };
        let column = random.pick(&self.columns).cloned().unwrap_or_default();
        let place = members.iter().position(|(name, _)| *name == column);
        // Most mistakes are in values.
        let change = match (random.below(20), place) {
            (0..=11, Some(place)) => {
                let value = self.value(random);
                let change = format!("`{column}` is {}", short(&value));
                members[place].1 = value;
                change
            }
            (12, Some(place)) => {
                members.remove(place);
                format!("without `{column}`")
            }
            (13, Some(place)) => {
                let value = members[place].1.clone();
                members.push((column.clone(), value));
                format!("`{column}` twice")
            }
            (14, _) => {
                let at = random.below(members.len() + 1);
                let value = self.value(random);
                let change = format!("a column more, which is {}", short(&value));
                members.insert(at, ("a column more".to_owned(), value));
                change
            }
            (15, _) => {
                random.shuffle(&mut members);
                "the columns in another order".to_owned()
            }
            (16, _) => {
                let change = joined(&line.change, "blanks between all");
                return Line { bytes: spaced(&members), change };
            }
            (17, _) => {
                let bytes = line.bytes.trim_ascii_end();
                let mut cut = bytes[..random.below(bytes.len())].to_vec();
                if cut.iter().all(u8::is_ascii_whitespace) {
                    cut = b"{".to_vec();
                }
                cut.push(b'\n');
                return Line { bytes: cut, change: joined(&line.change, "cut off") };
            }
            (18, _) => {
                let mut bytes = line.bytes.clone();
                let at = random.below(bytes.len().saturating_sub(1));
                bytes[at] = 0xff;
                return Line { bytes, change: joined(&line.change, &format!("byte {} is no UTF-8", at + 1)) };
            }
            (19, _) => return Line { bytes: b"{}\n".to_vec(), change: "an empty object".to_owned() },
            _ => {
                let value = self.value(random);
                let change = format!("`{column}`, which was missing, is {}", short(&value));
                members.push((column, value));
                change
            }
        };
        Line { bytes: written(&members), change: joined(&line.change, &change) }
    }

    fn value(&self, random: &mut Random) -> String {
        match random.below(VALUES.len() + self.long_values.len()) {
            index if index < VALUES.len() => VALUES[index].to_owned(),
            index => self.long_values[index - VALUES.len()].clone(),
        }
    }
}

fn joined(before: &str, change: &str) -> String {
    if before.is_empty() { change.to_owned() } else { format!("{before}; {change}") }
}

fn short(value: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 40;
    crate::text::shown(value, SHOWN_CHARS_MAX)
}

type Member = (String, String);

/// The members of an object in their order, each value as it is written.
fn members(line: &[u8]) -> Option<Vec<Member>> {
    let members = parse_members(line)?.0.into_iter();
    Some(members.map(|(name, value)| (name.into_owned(), value.get().to_owned())).collect())
}

fn written(members: &[Member]) -> Vec<u8> {
    let member = |(name, value): &Member| format!("{}:{value}", Value::from(name.as_str()));
    format!("{{{}}}\n", members.iter().map(member).collect::<Vec<_>>().join(",")).into_bytes()
}

fn spaced(members: &[Member]) -> Vec<u8> {
    let member = |(name, value): &Member| format!(" {} :\t{value} ", Value::from(name.as_str()));
    format!("{{{}}} \r\n", members.iter().map(member).collect::<Vec<_>>().join(",")).into_bytes()
}
