//! A row of a fact: its record leads to its packet, and its key to its file.

use super::source::{PacketOfRecord, packet_of_record};
use super::{ExplainError, Explanation, Origin, Outcome, Question};
use crate::rejects::rejects_of_record;
use crate::star::{RowKey, StarObject};
use std::collections::BTreeSet;

impl Question<'_> {
    pub(super) fn fact(&self) -> Result<Explanation, ExplainError> {
        let key = self.record_key()?;
        let record = self.record()?;
        let sequences = self.sequences()?;
        let packet = packet_of_record(&self.parts.lake, self.source(), &sequences, record);
        let manifest = match self.parts.star.wait(packet)? {
            PacketOfRecord::Found(manifest) => manifest,
            PacketOfRecord::Beyond { last_record } => {
                return Err(self.never_made(format!("the lake has {last_record} records of `{}`", self.source())));
            }
            PacketOfRecord::Gap { after } => {
                let reason = format!("the lake lacks the packet after packet {after} of `{}`", self.source());
                let mut explanation = self.explanation(Outcome::Waiting, Origin::Untold { reason });
                return match self.find_row(record, &key, &mut explanation)? {
                    true => Ok(explanation),
                    false => Err(self.never_made("the lake lacks the packet that could hold its record".to_owned())),
                };
            }
        };
        let origin = self.line(&manifest, record - manifest.first_record)?;
        let mut explanation = self.explanation(Outcome::NoRow, origin);
        let (star, sequence) = (&self.parts.star, manifest.sequence);
        explanation.rejects = rejects_of_record(star, self.first_table(), sequence, record)?;
        if self.find_row(record, &key, &mut explanation)? {
            return Ok(explanation);
        }
        if self.processed.is_none_or(|processed| processed < sequence) {
            explanation.held = self.held(sequence)?;
            explanation.outcome = if explanation.held.is_some() { Outcome::Held } else { Outcome::Waiting };
        } else if !explanation.rejects.is_empty() {
            explanation.outcome = Outcome::Rejected;
        }
        Ok(explanation)
    }

    /// Looks for the row in the files that may hold it.
    fn find_row(&self, record: u64, key: &RowKey, explanation: &mut Explanation) -> Result<bool, ExplainError> {
        let Some(version) = &self.version else { return Ok(false) };
        let values = BTreeSet::from([record.cast_signed()]);
        for file in self.parts.star.files_with(version, &self.table.key[0], &values)? {
            let object = StarObject::open(&self.parts.star, &self.table.name, &file.path)?;
            if let Some(row) = object.row(&self.table, key)? {
                explanation.outcome = Outcome::Made;
                explanation.file = Some(self.explained_file(&object, &file));
                explanation.row = Some(row);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The key of the row, which has to be the number of its record.
    fn record_key(&self) -> Result<RowKey, ExplainError> {
        if self.table.record_key().is_none() {
            return Err(
                self.no_key("its rows are not numbered by their records: its key is not one whole number".into())
            );
        }
        let key = RowKey::parse(&self.table, &[Some(self.key.to_owned())]);
        key.map_err(|error| self.no_key(error.to_string()))
    }

    fn record(&self) -> Result<u64, ExplainError> {
        let record: i64 = self.key.trim().parse().map_err(|_| self.no_key("it is no whole number".to_owned()))?;
        match u64::try_from(record) {
            Ok(record) if record > 0 => Ok(record),
            _ => Err(self.never_made("records are numbered from 1".to_owned())),
        }
    }

    pub(super) fn never_made(&self, reason: String) -> ExplainError {
        ExplainError::NeverMade { table: self.table.name.clone(), key: self.shown_key(), reason }
    }

    pub(super) fn no_key(&self, reason: String) -> ExplainError {
        ExplainError::NoKey { table: self.table.name.clone(), key: self.shown_key(), reason }
    }

    fn shown_key(&self) -> String {
        crate::text::shown(self.key, crate::text::NAME_CHARS_MAX)
    }
}
