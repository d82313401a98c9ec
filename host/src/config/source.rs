//! The sections `[source]`, `[lake]`, `[checkpoints]` and `[tables]`.

use super::{ConfigError, bad_value};
use crate::source::{Cursor, LAST_UPDATED, TableOptions};
use std::collections::BTreeMap;
use std::path::PathBuf;
use toml::{Table, Value};

/// How many of the last seconds a cursor by `last_updated` looks at again: what was measured to lose nothing but silent edits.
const LAG_SECONDS: u32 = 3;

/// Where rows come from and go to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flow {
    /// The source: `postgres://...`, `secret:<name>` or `dir:<folder>`.
    pub source_url: Option<String>,
    /// The schema of the database; `public` if left out.
    pub schema: Option<String>,
    /// Tables that are not read.
    pub exclude: Vec<String>,
    /// The raw lake; `file:./lake/raw` if left out.
    pub raw: Option<ObjectPlace>,
    /// The star tables.
    pub star: Option<ObjectPlace>,
    /// The checkpoints; `file:./lake/checkpoints` if left out.
    pub checkpoints: Option<DocumentPlace>,
    /// What differs from what the source says of its tables.
    pub tables: BTreeMap<String, TableOptions>,
}

/// Where objects are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectPlace {
    /// A folder: `file:<path>`.
    Folder(PathBuf),
    /// A bucket, and what stands before all keys: `s3://<bucket>/<prefix>`.
    Bucket {
        /// The bucket.
        bucket: String,
        /// The prefix; empty for none.
        prefix: String,
    },
}

/// Where documents are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentPlace {
    /// A folder: `file:<path>`.
    Folder(PathBuf),
    /// The Parameter Store: `ssm:/<prefix>`.
    Parameters {
        /// What stands before the names of tables.
        prefix: String,
    },
}

impl ObjectPlace {
    /// The place that a text names; `None` if it names none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let Some(rest) = text.strip_prefix("s3://") else { return folder(text).map(Self::Folder) };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let (bucket, prefix) = (bucket.to_owned(), prefix.trim_matches('/').to_owned());
        (!bucket.is_empty()).then_some(Self::Bucket { bucket, prefix })
    }
}

impl std::str::FromStr for ObjectPlace {
    type Err = String;

    /// The place that a text names, where a folder needs no `file:`.
    fn from_str(text: &str) -> Result<Self, String> {
        let is_address = text.starts_with("s3:") || text.starts_with("file:");
        let folder = (!is_address && !text.is_empty()).then(|| Self::Folder(text.into()));
        Self::parse(text).or(folder).ok_or_else(|| "expected a folder, or `s3://<bucket>/<prefix>`".to_owned())
    }
}

impl std::fmt::Display for ObjectPlace {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(formatter),
            Self::Bucket { bucket, prefix } => write!(formatter, "s3://{bucket}/{prefix}"),
        }
    }
}

impl DocumentPlace {
    fn parse(text: &str) -> Option<Self> {
        let Some(prefix) = text.strip_prefix("ssm:/") else { return folder(text).map(Self::Folder) };
        let prefix = prefix.trim_matches('/').to_owned();
        (!prefix.is_empty()).then_some(Self::Parameters { prefix })
    }
}

fn folder(text: &str) -> Option<PathBuf> {
    let folder = text.strip_prefix("file:")?;
    let folder = folder.strip_prefix("//").unwrap_or(folder);
    (!folder.is_empty()).then(|| folder.into())
}

const OBJECTS: &str = "`file:<folder>` or `s3://<bucket>/<prefix>`";
const DOCUMENTS: &str = "`file:<folder>` or `ssm:/<prefix>`";

impl Flow {
    /// Where the raw lake is.
    #[must_use]
    pub fn raw(&self) -> ObjectPlace {
        self.raw.clone().unwrap_or_else(|| ObjectPlace::Folder("./lake/raw".into()))
    }

    /// Where the star tables are.
    #[must_use]
    pub fn star(&self) -> ObjectPlace {
        self.star.clone().unwrap_or_else(|| ObjectPlace::Folder("./lake/star".into()))
    }

    /// Where the checkpoints are.
    #[must_use]
    pub fn checkpoints(&self) -> DocumentPlace {
        self.checkpoints.clone().unwrap_or_else(|| DocumentPlace::Folder("./lake/checkpoints".into()))
    }

    /// Sets a key of one of the sections, from the file or from the environment.
    pub(super) fn set(&mut self, place: &str, section: &str, key: &str, value: Value) -> Result<(), ConfigError> {
        let full = format!("{section}.{key}");
        let expected = |expected| bad_value(place, &full, &value, expected);
        match (section, key) {
            ("source", "url") => self.source_url = Some(text(&value).ok_or_else(|| expected("a URL"))?),
            ("source", "schema") => self.schema = Some(text(&value).ok_or_else(|| expected("the name of a schema"))?),
            ("source", "exclude") => {
                self.exclude =
                    texts(&value).ok_or_else(|| expected("names of tables, in a variable with commas: `a,b`"))?
            }
            ("lake", "raw") => self.raw = Some(objects(&value).ok_or_else(|| expected(OBJECTS))?),
            ("lake", "star") => self.star = Some(objects(&value).ok_or_else(|| expected(OBJECTS))?),
            ("checkpoints", "url") => {
                let documents = text(&value).and_then(|text| DocumentPlace::parse(&text));
                self.checkpoints = Some(documents.ok_or_else(|| expected(DOCUMENTS))?);
            }
            _ => {
                let known = match section {
                    "source" => "`source.url`, `source.schema`, `source.exclude`",
                    "lake" => "`lake.raw`, `lake.star`",
                    _ => "`checkpoints.url`",
                };
                return Err(ConfigError::UnknownKey { place: place.to_owned(), key: full, known: known.to_owned() });
            }
        }
        Ok(())
    }

    /// Reads `[tables.<table>]`.
    pub(super) fn read_table(&mut self, place: &str, name: String, table: Table) -> Result<(), ConfigError> {
        let mut options = TableOptions::default();
        let (mut columns, mut lag) = (None, None);
        for (key, value) in table {
            let full = format!("tables.{name}.{key}");
            let expected = |expected| bad_value(place, &full, &value, expected);
            match key.as_str() {
                "key" => {
                    let key = texts(&value).filter(|key| !key.is_empty());
                    let key = key.ok_or_else(|| expected("a list of columns"))?;
                    if crate::text::twice(&key).is_some() {
                        return Err(expected("a list of columns, each of them once"));
                    }
                    options.key = Some(key);
                }
                "cursor" => {
                    const CURSORS: &str = "`snapshot`, `last_updated` or `full`";
                    options.cursor = Some(match text(&value).as_deref() {
                        Some("snapshot") => Cursor::Snapshot,
                        Some("last_updated") => Cursor::LastUpdated { columns: Vec::new(), lag_seconds: LAG_SECONDS },
                        Some("full") => Cursor::Full,
                        _ => return Err(expected(CURSORS)),
                    });
                }
                "last_updated" => {
                    let given = texts(&value).filter(|columns| !columns.is_empty());
                    columns = Some(given.ok_or_else(|| expected("a list of columns"))?);
                }
                "lag_seconds" => {
                    let given = value.as_integer().and_then(|seconds| u32::try_from(seconds).ok());
                    lag = Some(given.ok_or_else(|| expected("a number of seconds"))?);
                }
                _ => {
                    let known = "`key`, `cursor`, `last_updated`, `lag_seconds`".to_owned();
                    return Err(ConfigError::UnknownKey { place: place.to_owned(), key: full, known });
                }
            }
        }
        if let Some(Cursor::LastUpdated { columns: found, lag_seconds }) = &mut options.cursor {
            *found = columns.unwrap_or_else(|| vec![LAST_UPDATED.to_owned()]);
            *lag_seconds = lag.unwrap_or(*lag_seconds);
        } else if columns.is_some() || lag.is_some() {
            let (key, value) = match (lag, columns) {
                (Some(lag), _) => ("lag_seconds", Value::Integer(lag.into())),
                (None, columns) => ("last_updated", columns.unwrap_or_default().into()),
            };
            let expected = "nothing: it goes with `cursor = \"last_updated\"` alone";
            return Err(bad_value(place, &format!("tables.{name}.{key}"), &value, expected));
        }
        self.tables.insert(name, options);
        Ok(())
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A list of texts, or one text with commas, as a variable has it.
fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        // Brackets are for the file.
        Value::String(list) if list.trim_start().starts_with('[') => None,
        Value::String(list) => {
            Some(list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect())
        }
        Value::Array(list) => list.iter().map(text).collect(),
        _ => None,
    }
}

fn objects(value: &Value) -> Option<ObjectPlace> {
    text(value).and_then(|text| ObjectPlace::parse(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_apart() {
        let bucket =
            |bucket: &str, prefix: &str| Some(ObjectPlace::Bucket { bucket: bucket.into(), prefix: prefix.into() });
        assert_eq!(bucket("lake", "raw/totesys"), ObjectPlace::parse("s3://lake/raw/totesys/"));
        assert_eq!(bucket("lake", ""), ObjectPlace::parse("s3://lake"));
        assert_eq!(Some(ObjectPlace::Folder("./lake/raw".into())), ObjectPlace::parse("file:./lake/raw"));
        assert_eq!(Some(ObjectPlace::Folder("/lake/raw".into())), ObjectPlace::parse("file:///lake/raw"));
        assert_eq!(Some(DocumentPlace::Parameters { prefix: "totes".into() }), DocumentPlace::parse("ssm:/totes/"));
        assert_eq!(Ok(ObjectPlace::Folder("lake/raw".into())), "lake/raw".parse());
        assert_eq!(bucket("lake", "raw"), "s3://lake/raw".parse().ok());
        for nothing in ["s3://", "file:", ""] {
            assert!(nothing.parse::<ObjectPlace>().is_err(), "{nothing}");
        }
        for nothing in ["s3://", "file:", "ssm:/", "lake/raw", ""] {
            assert_eq!(None, ObjectPlace::parse(nothing), "{nothing}");
            assert_eq!(None, DocumentPlace::parse(nothing), "{nothing}");
        }
    }
}
