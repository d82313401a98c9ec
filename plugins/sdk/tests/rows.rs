//! What a transform function may return: one row a line, perhaps one, several, and rows of several tables; each with texts
//! that are borrowed from the line.

use sdk::bindings::exports::star::transform::plugin::Guest;
use sdk::bindings::star::transform::types::{Context, Output, Rows, Values};

/// The columns that the plugins of this test read.
mod source {
    use sdk::Source;

    /// A word; the lifetime has a name of its own.
    #[derive(Source)]
    pub(crate) struct Word<'line> {
        pub(crate) text: &'line str,
        pub(crate) note: Option<&'line str>,
    }
}

/// The rows that they make.
mod star {
    use sdk::Star;

    #[derive(Star)]
    #[star(dimension, key = "text")]
    pub(crate) struct DimWord<'word> {
        pub(crate) text: &'word str,
        pub(crate) note: Option<&'word str>,
    }

    #[derive(Star)]
    #[star(fact, key = "length")]
    pub(crate) struct FactLength {
        pub(crate) length: i64,
    }
}

mod one {
    use crate::source::Word;
    use crate::star::DimWord;
    use sdk::{Context, Reject};

    fn transform<'a>(word: &Word<'a>, _context: &Context<'_>) -> Result<DimWord<'a>, Reject> {
        Ok(DimWord { text: word.text, note: word.note })
    }

    sdk::plugin!(transform: Word => DimWord);
}

mod perhaps_one {
    use crate::source::Word;
    use crate::star::DimWord;
    use sdk::{Context, Reject};

    fn transform<'a>(word: &Word<'a>, _context: &Context<'_>) -> Result<Option<DimWord<'a>>, Reject> {
        Ok(word.note.map(|note| DimWord { text: word.text, note: Some(note) }))
    }

    sdk::plugin!(transform: Word => Option<DimWord>);
}

mod several_of_two_tables {
    use crate::source::Word;
    use crate::star::{DimWord, FactLength};
    use sdk::{Context, Reject};

    type Made<'a> = (Vec<DimWord<'a>>, FactLength);

    fn transform<'a>(word: &Word<'a>, _context: &Context<'_>) -> Result<Made<'a>, Reject> {
        if word.text.is_empty() {
            return Err(Reject::new("empty", "the text is empty").column("text"));
        }
        let parts = word.text.split(' ').map(|text| DimWord { text, note: word.note });
        Ok((parts.collect(), FactLength { length: word.text.len() as i64 }))
    }

    sdk::plugin!(transform: Word => Made);
}

const LINES: &str = r#"{"text":"one","note":"first"}
{"text":"two three"}
{"text":"","note":null}
{"text":"f\u00fcnf sechs sieben","note":""}
"#;

fn call<P: Guest>() -> Output {
    let context = Context { table: "word".to_owned(), sequence: 1, first_record: 1, first_line: 0, lines: 4 };
    P::transform(context, LINES.as_bytes().to_vec()).expect("a call does not fail")
}

fn texts(rows: &Rows, column: usize) -> Vec<&str> {
    let Values::Utf8(text) = &rows.columns[column].values else { panic!("no text column") };
    let bytes = text.offsets.windows(2).map(|ends| &text.bytes[ends[0] as usize..ends[1] as usize]);
    bytes.map(|bytes| std::str::from_utf8(bytes).expect("texts are UTF-8")).collect()
}

#[test]
fn one_row_a_line_needs_no_line_numbers() {
    let output = call::<one::Plugin>();
    let [words] = &output.tables[..] else { panic!("one table") };
    assert_eq!(texts(words, 0), ["one", "two three", "", "fünf sechs sieben"]);
    assert_eq!(words.columns[1].validity, Some(vec![0b1001]));
    assert_eq!((words.count, &words.lines), (4, &None));
}

#[test]
fn a_line_may_make_no_row_and_be_no_reject() {
    let output = call::<perhaps_one::Plugin>();
    let [words] = &output.tables[..] else { panic!("one table") };
    assert_eq!(texts(words, 0), ["one", "fünf sechs sieben"]);
    assert_eq!(words.columns[1].validity, None);
    assert_eq!((words.count, &words.lines), (2, &Some(vec![0, 3])));
    assert!(output.rejects.is_empty());
}

#[test]
fn a_line_may_make_rows_of_several_tables_or_a_reject_for_all_of_them() {
    let output = call::<several_of_two_tables::Plugin>();
    let [words, lengths] = &output.tables[..] else { panic!("two tables") };
    assert_eq!(texts(words, 0), ["one", "two", "three", "fünf", "sechs", "sieben"]);
    assert_eq!((words.count, &words.lines), (6, &Some(vec![0, 1, 1, 3, 3, 3])));
    assert!(matches!(&lengths.columns[0].values, Values::Int64(found) if found == &[3, 9, 18]));
    assert_eq!((lengths.count, &lengths.lines), (3, &None));
    let rejects: Vec<_> = output.rejects.iter().map(|reject| (reject.line, reject.code.as_str())).collect();
    assert_eq!(rejects, [(2, "empty")]);
}
