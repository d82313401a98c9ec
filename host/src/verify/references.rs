//! References from facts to dimensions.

use super::fact::unreadable;
use super::{Kind, Verify, VerifyError};
use crate::manifest::StarTable;
use crate::process::Inspection;
use std::collections::{BTreeMap, HashSet};
use twox_hash::XxHash3_64;

/// The values of a key field, by their hashes: those of millions of keys take little room.
type Values = HashSet<u64>;

impl Verify<'_> {
    /// Follows each reference from each star table to another.
    pub(super) fn references(&mut self, inspection: &Inspection<'_>) -> Result<(), VerifyError> {
        let mut known: BTreeMap<(String, String), Option<Values>> = BTreeMap::new();
        for plugin in inspection.plugins() {
            for table in &plugin.manifest().star_tables {
                self.tell(&table.name);
                for field in &table.fields {
                    let Some(reference) = &field.references else { continue };
                    let target = (reference.table.clone(), reference.field.clone());
                    if !known.contains_key(&target) {
                        let values = self.values(&target.0, &target.1)?;
                        known.insert(target.clone(), values);
                    }
                    if let Some(Some(values)) = known.get(&target) {
                        self.follow(table, &field.name, &target, values)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The values of a field; `None` where there is no such table.
    fn values(&mut self, table: &str, field: &str) -> Result<Option<Values>, VerifyError> {
        let Some(version) = self.parts.star.open(table)? else { return Ok(None) };
        let mut values = Values::new();
        for file in self.parts.star.files(&version)? {
            let Some(fetched) = self.fetch(table, &file.path)? else { continue };
            if let Err(error) = fetched.for_each_value(field, |value| {
                values.insert(XxHash3_64::oneshot(value));
            }) {
                self.find(Kind::DamagedFile, table, unreadable(&file, &error));
            }
        }
        Ok(Some(values))
    }

    fn follow(
        &mut self,
        table: &StarTable,
        field: &str,
        target: &(String, String),
        values: &Values,
    ) -> Result<(), VerifyError> {
        let Some(version) = self.parts.star.open(&table.name)? else { return Ok(()) };
        let (mut followed, mut dangling) = (0, 0_u64);
        for file in self.parts.star.files(&version)? {
            let Some(fetched) = self.fetch(&table.name, &file.path)? else { continue };
            // One that can't be read was told with the files.
            let _ = fetched.for_each_value(field, |value| {
                followed += 1;
                dangling += u64::from(!values.contains(&XxHash3_64::oneshot(value)));
            });
        }
        self.report.references += followed;
        if dangling > 0 {
            let what = format!("{dangling} of {followed} values of `{field}` are no `{}` of `{}`", target.1, target.0);
            self.find(Kind::DanglingReference, &table.name, what);
        }
        Ok(())
    }
}
