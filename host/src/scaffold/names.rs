//! Names: of the star table, and those that columns get in Rust and in the star table.

use crate::manifest::{NAME_BYTES_MAX, StarKind};
use crate::text::shown;
use std::collections::HashSet;

/// Rust's keywords, those kept for later too.
const KEYWORDS: [&str; 52] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true",
    "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield", "union",
];
/// The keywords that `r#` makes no names of.
const NEVER_NAMES: [&str; 3] = ["crate", "self", "super"];

/// The name of a star table, checked: `fact_` or `dim_`, and words of lower-case ASCII letters and digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StarName(String);

/// A text that is no name of a star table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It does not say whether the table is a fact or a dimension.
    #[error("`{name}` begins with neither `fact_` nor `dim_`")]
    NoKind {
        /// The text.
        name: String,
    },
    /// It has other characters than a name has, or too many.
    #[error("`{name}` is no name of a star table")]
    NoName {
        /// The text.
        name: String,
    },
}

impl NameError {
    pub(super) fn hint(&self) -> String {
        match self {
            Self::NoKind { name } => {
                let rest = snake_case(name);
                format!("a table of events is `fact_{rest}`, one of things that events refer to is `dim_{rest}`")
            }
            Self::NoName { .. } => format!(
                "a name is `fact_` or `dim_` and words of lower-case ASCII letters and digits with single underscores \
                 between, at most {NAME_BYTES_MAX} characters"
            ),
        }
    }
}

impl StarName {
    /// Checks a name.
    ///
    /// # Errors
    /// A text that is no name, or does not begin with `fact_` or `dim_`.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let name = || shown(text, NAME_BYTES_MAX);
        let Some((_, rest)) = split_kind(text) else { return Err(NameError::NoKind { name: name() }) };
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        if text.len() > NAME_BYTES_MAX || !rest.split('_').all(is_word) {
            return Err(NameError::NoName { name: name() });
        }
        Ok(Self(text.to_owned()))
    }

    /// The name, as `fact_sales_order`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the table holds.
    #[must_use]
    pub fn kind(&self) -> StarKind {
        split_kind(&self.0).map_or(StarKind::Fact, |(kind, _)| kind)
    }

    /// The name without the kind, as `sales_order`.
    #[must_use]
    pub fn subject(&self) -> &str {
        split_kind(&self.0).map_or(&self.0, |(_, rest)| rest)
    }
}

fn split_kind(text: &str) -> Option<(StarKind, &str)> {
    let fact = text.strip_prefix("fact_").map(|rest| (StarKind::Fact, rest));
    fact.or_else(|| text.strip_prefix("dim_").map(|rest| (StarKind::Dimension, rest)))
}

/// Gives out names that differ from each other.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: HashSet<String>,
}

impl Names {
    /// Keeps `name` from being given out.
    pub(super) fn reserve(&mut self, name: &str) {
        self.taken.insert(name.to_owned());
    }

    /// `wanted`, with a number behind where that name is taken, and cut where it is too long.
    pub(super) fn take(&mut self, wanted: &str) -> String {
        let mut name = cut(wanted, NAME_BYTES_MAX).to_owned();
        let mut number = 2;
        while !self.taken.insert(name.clone()) {
            let suffix = format!("_{number}");
            name = cut(wanted, NAME_BYTES_MAX - suffix.len()).to_owned() + &suffix;
            number += 1;
        }
        name
    }
}

/// The first `bytes_max` bytes of an ASCII text.
fn cut(text: &str, bytes_max: usize) -> &str {
    text.get(..bytes_max).unwrap_or(text)
}

/// Whether a column's name can stand for itself, in Rust and in the star table.
pub(super) fn is_plain(name: &str) -> bool {
    let letters = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    let has_letter = name.bytes().any(|byte| byte.is_ascii_lowercase());
    let starts = name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    letters
        && has_letter
        && starts
        && !name.contains("__")
        && name.len() <= NAME_BYTES_MAX
        && !NEVER_NAMES.contains(&name)
}

/// A name for a column: its own where that is plain, and otherwise one made of its letters. `number` names a column that has
/// no letters.
pub(super) fn field_name(column: &str, number: usize) -> String {
    if is_plain(column) {
        return column.to_owned();
    }
    let name = snake_case(column);
    match name.bytes().next() {
        None => format!("column_{number}"),
        Some(first) if first.is_ascii_digit() => format!("column_{name}"),
        Some(_) if NEVER_NAMES.contains(&name.as_str()) => format!("{name}_column"),
        Some(_) => name,
    }
}

/// A field's name as Rust writes it: `r#type` for the keyword `type`.
pub(super) fn rust_name(field: &str) -> String {
    if KEYWORDS.contains(&field) { format!("r#{field}") } else { field.to_owned() }
}

pub(super) fn is_keyword(name: &str) -> bool {
    KEYWORDS.contains(&name)
}

/// `Unit Price`, `unitPrice` and `unit-price` as `unit_price`, `größe` as `groesse`; other letters are left out.
pub(super) fn snake_case(text: &str) -> String {
    let mut name = String::new();
    let mut was_lower = false;
    for letter in text.chars() {
        let ascii = ascii_letters(letter);
        if letter.is_uppercase() && was_lower {
            name.push('_');
        }
        was_lower = letter.is_lowercase() || letter.is_ascii_digit();
        match ascii {
            Some(ascii) => name.push_str(&ascii),
            None => name.push('_'),
        }
    }
    name.split('_').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_")
}

/// The letters that stand for a Latin letter in ASCII, in lower case.
fn ascii_letters(letter: char) -> Option<String> {
    if letter.is_ascii_alphanumeric() {
        return Some(letter.to_ascii_lowercase().to_string());
    }
    let ascii = match letter.to_lowercase().next()? {
        'ä' | 'æ' => "ae",
        'ö' | 'œ' => "oe",
        'ü' => "ue",
        'ß' => "ss",
        'à' | 'á' | 'â' | 'ã' | 'å' | 'ā' | 'ă' | 'ą' => "a",
        'ç' | 'ć' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ę' | 'ě' => "e",
        'ğ' => "g",
        'ì' | 'í' | 'î' | 'ï' | 'ī' | 'ı' => "i",
        'ł' | 'ľ' => "l",
        'ñ' | 'ń' | 'ň' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ø' | 'ő' | 'ō' => "o",
        'ř' => "r",
        'ś' | 'š' | 'ş' | 'ș' => "s",
        'ť' | 'ţ' | 'ț' => "t",
        'þ' => "th",
        'ù' | 'ú' | 'û' | 'ū' | 'ů' | 'ű' => "u",
        'ý' | 'ÿ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => return None,
    };
    Some(ascii.to_owned())
}

/// `sales_order` as `SalesOrder`.
pub(super) fn pascal_case(name: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        first.to_ascii_uppercase() + rest
    };
    name.split('_').map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_name_says_its_kind_and_is_words_with_single_underscores() {
        let name = StarName::parse("dim_price_2024").unwrap();
        assert_eq!((name.kind(), name.subject()), (StarKind::Dimension, "price_2024"));
        for text in ["sales", "facts_x", "", "Fact_x"] {
            assert!(matches!(StarName::parse(text), Err(NameError::NoKind { .. })), "{text}");
        }
        let long = format!("fact_{}", "x".repeat(59));
        for text in ["fact_", "dim_a__b", "dim_a_", "fact_Sales", "fact_a-b", "fact_größe", &long] {
            assert!(matches!(StarName::parse(text), Err(NameError::NoName { .. })), "{text}");
        }
    }

    #[test]
    fn columns_get_names_that_rust_and_the_star_table_take() {
        for (column, name) in [
            ("unit_price", "unit_price"),
            ("_id", "_id"),
            ("type", "type"),
            ("Unit Price", "unit_price"),
            ("unitPrice", "unit_price"),
            ("URL", "url"),
            ("größe", "groesse"),
            ("a__b", "a_b"),
            ("2024", "column_2024"),
            ("数量", "column_7"),
            ("", "column_7"),
            ("__", "column_7"),
            ("self", "self_column"),
            ("Self", "self_column"),
        ] {
            assert_eq!(field_name(column, 7), name, "{column}");
        }
        assert_eq!((rust_name("type"), rust_name("kind")), ("r#type".to_owned(), "kind".to_owned()));
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number_and_stays_short() {
        let mut names = Names::default();
        let long = "x".repeat(70);
        let given = ["a", "a", "a", &long, &long].map(|name| names.take(name));
        assert_eq!(given[..3], ["a", "a_2", "a_3"]);
        assert_eq!((given[3].len(), given[4].len(), &given[4][61..]), (63, 63, "_2"));
    }
}
