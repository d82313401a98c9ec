//! Stand-ins for values that must not leave the database: the same one for the same value, and of the same form.
//!
//! A letter stands for a letter, a digit for a digit, a day for a day; what else there is (`@`, `-`, `.`) stays. So a plugin
//! takes a stand-in as it takes the value, and rows that had the same value still do. A stand-in is no encryption: whoever
//! can guess a value can check the guess.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The stand-in for a value, as it is written in a line. Nulls, true and false stay as they are.
pub(super) fn mask(raw: &str) -> String {
    match serde_json::from_str(raw) {
        Ok(Value::String(text)) => Value::from(mask_text(&text)).to_string(),
        Ok(Value::Number(_)) => mask_number(raw.trim()),
        Ok(Value::Array(values)) => {
            format!("[{}]", values.iter().map(|value| mask(&value.to_string())).collect::<Vec<_>>().join(","))
        }
        Ok(Value::Object(members)) => {
            let member = |(name, value): (&String, &Value)| {
                format!("{}:{}", Value::from(name.as_str()), mask(&value.to_string()))
            };
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
        }
        _ => raw.to_owned(),
    }
}

/// Numbers that depend on a value alone.
struct Stream {
    seed: Vec<u8>,
    block: [u8; 32],
    next: usize,
    blocks: u64,
}

impl Stream {
    fn new(value: &str) -> Self {
        Self { seed: value.as_bytes().to_vec(), block: [0; 32], next: 32, blocks: 0 }
    }

    /// A number below `limit`, which is small.
    fn below(&mut self, limit: u32) -> u32 {
        if self.next + 2 > self.block.len() {
            let block = Sha256::new().chain_update(self.blocks.to_le_bytes()).chain_update(&self.seed).finalize();
            self.block = block.into();
            self.blocks += 1;
            self.next = 0;
        }
        let number = u16::from_le_bytes([self.block[self.next], self.block[self.next + 1]]);
        self.next += 2;
        u32::from(number) % limit
    }

    fn letter(&mut self, from: &[char]) -> char {
        from[self.below(from.len() as u32) as usize]
    }
}

/// Letters of other scripts, so that a text that is not ASCII stays such a text.
const LOWER: [char; 4] = ['é', 'ø', 'ß', 'ž'];
const UPPER: [char; 4] = ['É', 'Ø', 'Ä', 'Ž'];

fn mask_text(text: &str) -> String {
    let mut stream = Stream::new(text);
    if let Some(day) = masked_day(text, &mut stream) {
        return day;
    }
    let stand_in = |character: char| match character {
        'a'..='z' => char::from(b'a' + stream.below(26) as u8),
        'A'..='Z' => char::from(b'A' + stream.below(26) as u8),
        '0'..='9' => char::from(b'0' + stream.below(10) as u8),
        _ if character.is_uppercase() => stream.letter(&UPPER),
        _ if character.is_alphabetic() => stream.letter(&LOWER),
        _ => character,
    };
    text.chars().map(stand_in).collect()
}

/// A text that begins as `2022-11-03` does, perhaps with a time behind it: another day of the year, another minute.
fn masked_day(text: &str, stream: &mut Stream) -> Option<String> {
    let bytes = text.as_bytes();
    let has_form = |at: usize, form: &[u8]| {
        form.iter().enumerate().all(|(index, form)| match (bytes.get(at + index), form) {
            (Some(byte), b'0') => byte.is_ascii_digit(),
            (Some(byte), form) => byte == form,
            (None, _) => false,
        })
    };
    if !has_form(0, b"0000-00-00") {
        return None;
    }
    let mut masked = format!("{}-{:02}-{:02}", &text[..4], stream.below(12) + 1, stream.below(28) + 1);
    let mut rest = &text[10..];
    if has_form(11, b"00:00:00") {
        masked.push(char::from(bytes[10]));
        masked += &format!("{:02}:{:02}:{:02}", stream.below(24), stream.below(60), stream.below(60));
        rest = &text[19..];
    }
    // A fraction and an offset keep their form; they tell nothing.
    Some(masked + rest)
}

/// Other digits, as many; the exponent stays.
fn mask_number(raw: &str) -> String {
    let mut stream = Stream::new(raw);
    let exponent = raw.find(['e', 'E']).unwrap_or(raw.len());
    let mut first = true;
    let digit = |character: char| {
        if !character.is_ascii_digit() {
            return character;
        }
        // A number with several digits does not begin with a zero; one that does has its point behind it.
        let leads = std::mem::take(&mut first);
        if leads && character == '0' {
            return '0';
        }
        let lowest = u32::from(leads);
        char::from(b'0' + (lowest + stream.below(10 - lowest)) as u8)
    };
    let masked: String = raw[..exponent].chars().map(digit).collect();
    masked + &raw[exponent..]
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on fails")]
mod tests {
    use super::*;

    #[test]
    fn a_stand_in_is_the_same_each_time_and_of_the_same_form() {
        for raw in ["\"Zoë.Bright@example.com\"", "\"2022-11-03T14:20:49.962\"", "-1234.50", "0.25", "\"+44 20 7946\""]
        {
            let stand_in = mask(raw);
            assert_eq!(stand_in, mask(raw));
            assert_ne!(stand_in, raw);
            assert_eq!(stand_in.chars().count(), raw.chars().count());
            let form = |text: &str| text.chars().map(|c| if c.is_alphanumeric() { 'x' } else { c }).collect::<String>();
            assert_eq!(form(&stand_in), form(raw));
            assert!(serde_json::from_str::<Value>(&stand_in).is_ok(), "{stand_in}");
        }
    }

    #[test]
    fn days_stay_days_and_nothing_stays_nothing() {
        let masked: String = serde_json::from_str(&mask("\"2024-02-29 23:59:59+02\"")).unwrap();
        assert!(chrono::NaiveDateTime::parse_from_str(&masked[..19], "%Y-%m-%d %H:%M:%S").is_ok(), "{masked}");
        assert!(masked.ends_with("+02"));
        assert_eq!(["null", "true"].map(mask), ["null", "true"]);
        assert_eq!(mask("[1,{\"a\":null}]").len(), "[1,{\"a\":null}]".len());
    }
}
