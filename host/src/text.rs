//! Text of a plugin's or a row's own, made fit for a terminal and a log: short, on one line, and without control over either.

use sha2::{Digest, Sha256};

/// What a reject may say; the rest is cut off.
pub(crate) const REJECT_CHARS_MAX: usize = 1_000;
/// How much of a name is shown that is none.
pub(crate) const NAME_CHARS_MAX: usize = 80;
/// What a fault or a refusal may say.
pub(crate) const FAULT_CHARS_MAX: usize = 2_000;

/// The first `chars_max` characters of `text`, with control characters, and those that turn the direction of writing or can't
/// be seen, as escapes.
#[must_use]
pub fn shown(text: &str, chars_max: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(chars_max));
    let mut chars = text.chars();
    for character in chars.by_ref().take(chars_max) {
        if is_hidden(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Names for a message: each in backticks, or `none` where there is none.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a String>, none: &str) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{}`", shown(name, NAME_CHARS_MAX))).collect();
    if names.is_empty() { none.to_owned() } else { names.join(", ") }
}

/// The first of some names that comes twice.
pub(crate) fn twice(names: &[String]) -> Option<&String> {
    names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)).map(|(_, name)| name)
}

/// The SHA-256 of bytes, in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Bytes as hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A name as a part of a key of TOML: quoted, where it has to be.
pub(crate) fn toml_key(name: &str) -> String {
    let is_bare = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if is_bare { name.to_owned() } else { serde_json::to_string(name).unwrap_or_default() }
}

/// `-1234567.50` as `-1,234,567.50`; a number with an exponent as it is.
#[must_use]
pub fn grouped(text: &str) -> String {
    let (sign, unsigned) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, rest) =
        unsigned.split_at(unsigned.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(unsigned.len()));
    let mut grouped = String::new();
    for (index, digit) in whole.char_indices() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{rest}")
}
