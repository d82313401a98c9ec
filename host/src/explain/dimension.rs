//! A row of a dimension: its key leads to its bucket, and, where the source has the same key, to its line.

use super::{ExplainError, ExplainedLookup, Explanation, Origin, Outcome, Question};
use crate::packet::Manifest;
use crate::process::{app, is_calendar, keys};
use crate::rejects::rejects_of_record;
use crate::star::{Bucket, Buckets, RowKey, StarObject};
use crate::state::{self, KeyLayout, Place};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::HashMap;

impl Question<'_> {
    pub(super) fn dimension(&self) -> Result<Explanation, ExplainError> {
        let values = self.values()?;
        let key = RowKey::parse(&self.table, &values).map_err(|error| self.no_key(error.to_string()))?;
        let mut explanation = self.explanation(Outcome::NoRow, Origin::Calendar);
        let is_there = self.find_in_bucket(&key, &mut explanation)?;
        if is_calendar(self.plugin) {
            return match is_there {
                true => Ok(explanation),
                false => {
                    Err(self.never_made("the calendar does not have it; `[calendar] years` names more".to_owned()))
                }
            };
        }
        let is_newer = self.find_line(&values, &mut explanation)?;
        match (&explanation.origin, is_there) {
            (_, true) => explanation.outcome = Outcome::Made,
            (Origin::Line(_), false) if is_newer => explanation.outcome = Outcome::Waiting,
            (Origin::Line(_), false) if !explanation.rejects.is_empty() => explanation.outcome = Outcome::Rejected,
            (Origin::Line(_), false) => explanation.outcome = Outcome::NoRow,
            (Origin::Gone { sequence }, false) => {
                return Err(self.never_made(format!("the source had the key, until packet {sequence} found it gone")));
            }
            (Origin::Untold { .. } | Origin::Calendar, false) => {
                return Err(self.never_made(format!("the lake has no row of `{}` with this key", self.source())));
            }
        }
        if let (Outcome::Waiting, Origin::Line(line)) = (explanation.outcome, &explanation.origin) {
            explanation.held = self.held(line.sequence)?;
            explanation.outcome = if explanation.held.is_some() { Outcome::Held } else { Outcome::Waiting };
        }
        explanation.lookups = self.lookups(&explanation.origin)?;
        Ok(explanation)
    }

    /// The values of the key's columns.
    fn values(&self) -> Result<Vec<Option<String>>, ExplainError> {
        if self.table.key.len() == 1 {
            return Ok(vec![Some(self.key.to_owned())]);
        }
        let values: Result<Vec<Value>, _> = serde_json::from_str(self.key);
        let columns = self.table.key.join(", ");
        let values = values.map_err(|_| self.no_key(format!("it is no JSON array of the values of {columns}")))?;
        let value = |value| match value {
            Value::Null => None,
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        };
        Ok(values.into_iter().map(value).collect())
    }

    fn find_in_bucket(&self, key: &RowKey, explanation: &mut Explanation) -> Result<bool, ExplainError> {
        let Some(version) = &self.version else { return Ok(false) };
        let files = self.parts.star.files(version)?;
        let of_file = |path: &str| keys::bucket_of(path);
        let buckets: Buckets = files.iter().filter_map(|file| of_file(&file.path)).collect();
        let bucket: Bucket = key.bucket(&buckets);
        for file in files.iter().filter(|file| of_file(&file.path) == Some(bucket)) {
            let object = StarObject::open(&self.parts.star, &self.table.name, &file.path)?;
            if let Some(row) = object.row(&self.table, key)? {
                explanation.outcome = Outcome::Made;
                explanation.file = Some(self.explained_file(&object, file));
                explanation.row = Some(row);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Looks for the newest line of the key: as the dimension knows it, or, where it knows none, in the packets that it does not
    /// hold yet; then it is true.
    fn find_line(&self, values: &[Option<String>], explanation: &mut Explanation) -> Result<bool, ExplainError> {
        let last = self.sequences()?.last().copied().unwrap_or(0);
        let processed = self.processed.unwrap_or(0);
        let mut untold = "the lake has no packet of its source".to_owned();
        for (sequence, is_newer) in [(processed, false), (last, true)] {
            if sequence == 0 || (is_newer && (explanation.row.is_some() || last <= processed)) {
                continue;
            }
            let manifest = self.parts.star.wait(self.parts.lake.manifest(self.source(), sequence))?;
            let bytes = match self.source_key(&manifest, values) {
                Ok(bytes) => bytes,
                Err(reason) => {
                    explanation.origin = Origin::Untold { reason };
                    return Ok(false);
                }
            };
            let place = self.place(&manifest, &bytes)?;
            // A key that was gone may have come back since.
            let may_be_back = |place: &Place| place.is_gone && explanation.row.is_none() && sequence < last;
            if let Some(place) = place.filter(|place| !may_be_back(place)) {
                explanation.origin = self.origin(place)?;
                explanation.rejects = self.rejects_at(explanation)?;
                return Ok(is_newer);
            }
            untold = format!("no packet of `{}` up to {sequence} has a row with this key", self.source());
        }
        explanation.origin = Origin::Untold { reason: untold };
        Ok(false)
    }

    /// The bytes of the key in the state of the source, where it has the same columns; or why it can't be told.
    fn source_key(&self, manifest: &Manifest, values: &[Option<String>]) -> Result<Vec<u8>, String> {
        let layout = KeyLayout::new(&manifest.key, &manifest.columns);
        let mut line = String::from("{");
        for column in layout.columns() {
            let index = self.table.key.iter().position(|name| *name == column.name);
            let value = index.and_then(|index| values.get(index)).cloned().flatten();
            let Some(value) = value.filter(|_| layout.columns().len() == self.table.key.len()) else {
                return Err(format!(
                    "the key of `{}` is {}, and that of `{}` is {}",
                    self.table.name,
                    self.table.key.join(", "),
                    manifest.table,
                    manifest.key.join(", ")
                ));
            };
            let text = if column.is_quoted { Value::String(value).to_string() } else { value };
            let comma = if line.len() > 1 { "," } else { "" };
            line += &format!("{comma}{}:{text}", Value::String(column.name.clone()));
        }
        line.push('}');
        let mut bytes = Vec::new();
        layout.encode_line(line.as_bytes(), &mut bytes).map_err(|error| error.to_string())?;
        Ok(bytes)
    }

    fn place(&self, manifest: &Manifest, key: &[u8]) -> Result<Option<Place>, ExplainError> {
        let (lake, now) = (&self.parts.lake, (self.parts.clock)());
        let place = self.parts.star.wait(async {
            let mut state = state::open(lake, Some(manifest), now).await?;
            state.place(key).await
        });
        Ok(place?)
    }

    fn origin(&self, place: Place) -> Result<Origin, ExplainError> {
        if place.is_gone {
            return Ok(Origin::Gone { sequence: place.sequence });
        }
        let manifest = self.parts.star.wait(self.parts.lake.manifest(self.source(), place.sequence))?;
        self.line(&manifest, place.line)
    }

    /// What the plugin of the row, or that of today, has said against the line.
    fn rejects_at(&self, explanation: &Explanation) -> Result<Vec<crate::rejects::Rejected>, ExplainError> {
        let Origin::Line(line) = &explanation.origin else { return Ok(Vec::new()) };
        let mut rejects = rejects_of_record(&self.parts.star, self.first_table(), line.sequence, line.record)?;
        let of_row = explanation.file.as_ref().map(|file| &file.made_by.digest);
        rejects.retain(|reject| Some(&reject.digest) == of_row || reject.digest == self.plugin.digest());
        Ok(rejects)
    }

    /// The tables in which the plugin looks up more for the row.
    fn lookups(&self, origin: &Origin) -> Result<Vec<ExplainedLookup>, ExplainError> {
        let line: HashMap<String, Box<RawValue>> = match origin {
            Origin::Line(line) => serde_json::from_str(&line.text).unwrap_or_default(),
            _ => HashMap::new(),
        };
        let mut lookups = Vec::new();
        for lookup in &self.plugin.manifest().lookups {
            let app = app(self.plugin, &lookup.table);
            let progress = self.version.as_ref().map(|version| self.parts.star.progress(version, &app));
            lookups.push(ExplainedLookup {
                table: lookup.table.clone(),
                key: lookup.key.clone(),
                column: lookup.source_column.clone(),
                value: line.get(&lookup.source_column).map(|value| value.get().to_owned()),
                processed: progress.transpose()?.flatten(),
            });
        }
        Ok(lookups)
    }
}
