//! Lines of JSON, good and bad: in runs of one layout, so that shapes are learned and met again.

use super::numbers::number;
use super::texts::{calendar_text, text};
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// How a column's value comes about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Boolean,
    Integer,
    Number,
    Date,
    Time,
    Timestamp,
    Text,
    /// One of the texts.
    Variant(&'static [&'static str]),
    /// An object with these members.
    Object(&'static [Member]),
}

/// A member of the lines' objects: its key, which needs no escape, and its kind.
pub(crate) type Member = (&'static str, Kind);

/// Members that no row knows; the keys look like others, in whole or in part, and stand as they are written.
const STRANGERS: &[(&str, &str)] = &[
    ("extra", "1"),
    ("", "\"\""),
    ("ключ", "null"),
    ("unit\\\"", "\"a \\\" b\""),
    ("\\u0069nt_", "[1,{\"int\":[\"]\\\"\"]}]"),
    ("int_", "{\"int\":2,\"int\":{}}"),
    ("tex", "-12.50"),
    ("int ", "1e3"),
    ("extra", "true"),
];

/// Lines of up to four layouts, in runs, each line with or without a flaw.
pub(crate) fn lines(members: &'static [Member]) -> impl Strategy<Value = Vec<u8>> {
    let run = layout(members).prop_flat_map(|layout| {
        let line = (line(layout), prop_oneof![8 => Just(Flaw::None), 1 => flaw()]);
        prop::collection::vec(line.prop_map(|(line, flaw)| flaw.apply(line)), 1..20)
    });
    (prop::collection::vec(run, 1..5), prop::bool::weighted(0.2)).prop_map(|(runs, unended)| {
        let mut lines = runs.concat().concat();
        if unended && lines.last() == Some(&b'\n') {
            lines.pop();
        }
        lines
    })
}

/// What the lines of a run have in common.
#[derive(Clone, Debug)]
struct Layout {
    /// Keys as they are written, with the kinds of their values; a text for a stranger's value.
    members: Vec<(String, Result<Kind, &'static str>)>,
    /// What stands before a key, behind it, before a value, and behind it.
    space: [&'static str; 4],
    end: &'static str,
}

fn layout(members: &'static [Member]) -> impl Strategy<Value = Layout> {
    let known: Vec<_> = members.iter().map(|(key, kind)| ((*key).to_owned(), Ok(*kind))).collect();
    let count = known.len();
    let strangers = prop::sample::subsequence(STRANGERS, 0..=2);
    let spaces = select(&["", "", "", " ", "\t", "  ", "\r"][..]);
    let styles = prop_oneof![
        4 => Just([""; 4]),
        2 => Just([" ", "", " ", ""]),
        1 => [spaces.clone(), spaces.clone(), spaces.clone(), spaces],
    ];
    let order = prop_oneof![3 => Just(false), 2 => Just(true)];
    let missing = prop_oneof![8 => Just(None), 2 => (0..count).prop_map(Some)];
    let escaped = prop_oneof![9 => Just(None), 1 => (0..count).prop_map(Some)];
    let end = prop_oneof![8 => Just("\n"), 1 => Just("\r\n"), 1 => Just(" \n")];
    (strangers, styles, order, missing, escaped, end).prop_flat_map(
        move |(strangers, space, shuffled, missing, escaped, end)| {
            let mut members = known.clone();
            if let Some(escaped) = escaped {
                members[escaped].0 = escape_first(&members[escaped].0);
            }
            if let Some(missing) = missing {
                drop(members.remove(missing));
            }
            members.extend(strangers.into_iter().map(|(key, value)| (key.to_owned(), Err(value))));
            let members = if shuffled { Just(members).prop_shuffle().boxed() } else { Just(members).boxed() };
            members.prop_map(move |members| Layout { members, space, end })
        },
    )
}

/// The key with its first character written as an escape.
fn escape_first(key: &str) -> String {
    let mut characters = key.chars();
    let first = characters.next().map_or(0, u32::from);
    format!("\\u{first:04x}{}", characters.as_str())
}

/// A line of the layout: mostly plain values, at most a member or so that is not.
fn line(layout: Layout) -> impl Strategy<Value = Vec<u8>> {
    let kinds: Vec<_> = layout.members.iter().map(|(_, kind)| *kind).collect();
    let plain: Vec<_> = kinds.iter().map(|kind| plain(*kind)).collect();
    let others = prop::collection::vec((any::<Index>(), other()), 0..2);
    (plain, prop_oneof![2 => Just(vec![]), 1 => others]).prop_flat_map(move |(values, others)| {
        let (layout, kinds) = (layout.clone(), kinds.clone());
        let awkward: Vec<_> = others.iter().map(|(at, _)| awkward(kinds[at.index(kinds.len())])).collect();
        awkward.prop_map(move |awkward| {
            let mut values = values.clone();
            for ((at, other), awkward) in others.iter().zip(awkward) {
                let at = at.index(values.len());
                values[at] = other.clone().unwrap_or(awkward);
            }
            write_line(&layout, &values)
        })
    })
}

fn write_line(layout: &Layout, values: &[String]) -> Vec<u8> {
    let [before_key, behind_key, before_value, behind_value] = layout.space;
    let members = layout
        .members
        .iter()
        .zip(values)
        .map(|((key, _), value)| format!("{before_key}\"{key}\"{behind_key}:{before_value}{value}{behind_value}"));
    format!("{{{}}}{}", members.collect::<Vec<_>>().join(","), layout.end).into_bytes()
}

/// A value that the kind's column takes, as most lines have it.
fn plain(kind: Result<Kind, &'static str>) -> BoxedStrategy<String> {
    let quoted = |text: String| format!("\"{text}\"");
    match kind {
        Err(value) => {
            prop_oneof![2 => Just(value.to_owned()), 1 => any::<i64>().prop_map(|value| value.to_string())].boxed()
        }
        Ok(Kind::Boolean) => any::<bool>().prop_map(|value| value.to_string()).boxed(),
        Ok(Kind::Integer) => any::<i32>().prop_map(|value| value.to_string()).boxed(),
        Ok(Kind::Number) => {
            (-999_999..999_999, 0..100).prop_map(|(whole, cents)| format!("{whole}.{cents:02}")).boxed()
        }
        Ok(Kind::Date) => date().prop_map(quoted).boxed(),
        Ok(Kind::Time) => time().prop_map(quoted).boxed(),
        Ok(Kind::Timestamp) => (date(), time()).prop_map(|(date, time)| format!("\"{date}T{time}\"")).boxed(),
        Ok(Kind::Text) => prop_oneof!["[ -!#-\\[\\]-~]{0,20}", "[a-zé漢😀]{0,9}"].prop_map(quoted).boxed(),
        Ok(Kind::Variant(texts)) => select(texts).prop_map(|text| format!("\"{text}\"")).boxed(),
        Ok(Kind::Object(members)) => object(members).boxed(),
    }
}

fn object(members: &'static [Member]) -> impl Strategy<Value = String> {
    let values: Vec<_> = members.iter().map(|(_, kind)| plain(Ok(*kind))).collect();
    values.prop_map(|values| {
        let members = members.iter().zip(values).map(|((key, _), value)| format!("\"{key}\":{value}"));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    })
}

fn date() -> impl Strategy<Value = String> {
    (1..=9999, 1..=12, 1..=28).prop_map(|(year, month, day)| format!("{year:04}-{month:02}-{day:02}"))
}

fn time() -> impl Strategy<Value = String> {
    let fraction = prop_oneof![1 => Just(String::new()), 3 => "\\.[0-9]{1,6}"];
    (0..24, 0..60, 0..60, fraction)
        .prop_map(|(hour, minute, second, fraction)| format!("{hour:02}:{minute:02}:{second:02}{fraction}"))
}

/// A value of the kind as only few lines have it, and which its column need not take.
fn awkward(kind: Result<Kind, &'static str>) -> BoxedStrategy<String> {
    match kind {
        Ok(Kind::Integer | Kind::Number) => number().boxed(),
        Ok(Kind::Date | Kind::Time | Kind::Timestamp) => calendar_text().prop_map(|text| format!("\"{text}\"")).boxed(),
        Ok(Kind::Text | Kind::Variant(_)) => text().boxed(),
        Ok(Kind::Object(members)) => (layout(members).prop_flat_map(line))
            .prop_map(|line| String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned())
            .boxed(),
        Ok(Kind::Boolean) => select(&["True", "tru", "falsey", "1", "0", "\"t\""][..]).prop_map(str::to_owned).boxed(),
        Err(_) => prop_oneof![number(), text()].boxed(),
    }
}

/// A value of some other kind, or `None` for an awkward one of the column's own.
fn other() -> impl Strategy<Value = Option<String>> {
    let values =
        ["null", "true", "0", "-1.5", "\"\"", "\"null\"", "[]", "{}", "{\"int\":1}", "[[[1]]]", "", "nul", "null0"];
    prop_oneof![3 => Just(None), 1 => select(values.to_vec()).prop_map(|value| Some(value.to_owned()))]
}

/// What goes wrong with a whole line.
#[derive(Clone, Debug)]
enum Flaw {
    None,
    Truncated(Index),
    Overwritten(Index, u8),
    Inserted(Index, Vec<u8>),
    Removed(Index),
    /// A member comes once more, at the end.
    Repeated(Index),
}

fn flaw() -> impl Strategy<Value = Flaw> {
    let tokens = ["{", "}", "[", "]", "\"", ":", ",", "\\", "null", "0", ".", "-", " ", "\r", "\n", "\u{feff}", "é"];
    let token = select(tokens.to_vec()).prop_map(|token| token.as_bytes().to_vec());
    let byte = prop_oneof![1 => any::<u8>(), 2 => select(b"\"{}[]:,\\ 019-+.eEtnT\r\n".to_vec())];
    let inserted = prop_oneof![2 => token, 1 => prop::collection::vec(any::<u8>(), 1..9)];
    prop_oneof![
        any::<Index>().prop_map(Flaw::Truncated),
        (any::<Index>(), byte).prop_map(|(at, byte)| Flaw::Overwritten(at, byte)),
        (any::<Index>(), inserted).prop_map(|(at, bytes)| Flaw::Inserted(at, bytes)),
        any::<Index>().prop_map(Flaw::Removed),
        any::<Index>().prop_map(Flaw::Repeated),
    ]
}

impl Flaw {
    fn apply(self, mut line: Vec<u8>) -> Vec<u8> {
        match self {
            Self::None => {}
            Self::Truncated(at) => {
                line.truncate(at.index(line.len()));
                line.push(b'\n');
            }
            Self::Overwritten(at, byte) => {
                let at = at.index(line.len());
                line[at] = byte;
            }
            Self::Inserted(at, bytes) => {
                let at = at.index(line.len());
                line.splice(at..at, bytes);
            }
            Self::Removed(at) => {
                line.remove(at.index(line.len()));
            }
            Self::Repeated(at) => {
                let starts: Vec<_> = line.iter().enumerate().filter(|(_, byte)| matches!(byte, b'{' | b',')).collect();
                let start = starts[at.index(starts.len())].0 + 1;
                let end = line[start..]
                    .iter()
                    .position(|byte| matches!(byte, b',' | b'}'))
                    .map_or(line.len(), |end| start + end);
                let member = [b",".as_slice(), &line[start..end], b"}"].concat();
                if let Some(brace) = line.iter().rposition(|byte| *byte == b'}') {
                    line.splice(brace..=brace, member);
                }
            }
        }
        line
    }
}
