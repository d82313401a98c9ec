//! A JSON object as its members, in their order, whose values are still text.

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashSet;

/// The members of a JSON object, in their order.
#[derive(Debug, Default)]
pub(crate) struct Members<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

/// Reads a line; `None` where it is no JSON object, or has two members with one name.
pub(crate) fn parse_members(line: &[u8]) -> Option<Members<'_>> {
    let members: Members<'_> = serde_json::from_slice(line).ok()?;
    let mut names = HashSet::with_capacity(members.0.len());
    members.0.iter().all(|(name, _)| names.insert(name.as_ref())).then_some(members)
}

impl<'a> Members<'a> {
    /// The raw JSON text of the member `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(candidate, _)| candidate == name).map(|(_, value)| value.get())
    }
}

impl<'a> Deserialize<'a> for Members<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'a> Visitor<'a> for MembersVisitor {
    type Value = Members<'a>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((Name(name), value)) = map.next_entry()? {
            members.push((name, value));
        }
        Ok(Members(members))
    }
}

/// A name that borrows from the line where it can.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_object_whose_names_differ() {
        let members = parse_members(br#"{"b":1.0,"a\u0062":[2], "c":null }"#).unwrap();
        assert_eq!(members.get("ab"), Some("[2]"));
        assert_eq!((members.get("b"), members.get("d")), (Some("1.0"), None));
        for line in [&b"[1]"[..], b"7", b"{\"a\":1,\"a\":1}", b"{\"a\":}", b"{} {}", b"{\"a\":\"\xff\"}"] {
            assert!(parse_members(line).is_none(), "{}", String::from_utf8_lossy(line));
        }
    }
}
