//! References from facts to dimensions.

use super::fact::unreadable;
use super::{Kind, Verify};
use crate::manifest::{Field, Reference, StarTable};
use crate::process::{Inspection, ProcessError};
use crate::star::{TableError, TableFile};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use twox_hash::XxHash3_64;

/// The values of a key field, by their hashes: those of millions of keys take little room.
type Values = HashSet<u64>;

impl Verify<'_> {
    /// Follows each reference from each star table to another.
    pub(super) fn references(&mut self, inspection: &Inspection<'_>) -> Result<(), ProcessError> {
        let mut known: BTreeMap<(String, String), Option<Values>> = BTreeMap::new();
        for plugin in inspection.plugins() {
            for table in &plugin.manifest().star_tables {
                self.tell(&table.name);
                for reference in table.fields.iter().filter_map(|field| field.references.as_ref()) {
                    let target = (reference.table.clone(), reference.field.clone());
                    if let Entry::Vacant(unknown) = known.entry(target) {
                        unknown.insert(self.values(&reference.table, &reference.field)?);
                    }
                }
                self.follow(table, &known)?;
            }
        }
        Ok(())
    }

    /// The values of a field; `None` where there is no such table.
    fn values(&mut self, table: &str, field: &str) -> Result<Option<Values>, ProcessError> {
        let Some(files) = self.files_if_whole(table)? else { return Ok(None) };
        let mut values = Values::new();
        for file in files {
            let Some(fetched) = self.fetch(table, &file.path)? else { continue };
            if let Err(error) = fetched.for_each_value(field, |value, _| {
                values.insert(XxHash3_64::oneshot(value));
            }) {
                self.find(Kind::DamagedFile, table, unreadable(&file, &error));
            }
        }
        Ok(Some(values))
    }

    /// The files of a table, if there is one; a log that can't be read was told with the tables.
    fn files_if_whole(&self, table: &str) -> Result<Option<Vec<TableFile>>, ProcessError> {
        let files = self.parts.star.open(table).and_then(|version| match version {
            Some(version) => self.parts.star.files(&version).map(Some),
            None => Ok(None),
        });
        match files {
            Err(TableError::Log { .. }) => Ok(None),
            files => Ok(files?),
        }
    }

    /// Follows the references of a table; each of its files is fetched once.
    fn follow(
        &mut self,
        table: &StarTable,
        known: &BTreeMap<(String, String), Option<Values>>,
    ) -> Result<(), ProcessError> {
        let mut counts: Vec<Count<'_>> = table.fields.iter().filter_map(|field| Count::new(field, known)).collect();
        let Some(files) = self.files_if_whole(&table.name)?.filter(|_| !counts.is_empty()) else { return Ok(()) };
        for file in files {
            let Some(fetched) = self.fetch(&table.name, &file.path)? else { continue };
            for count in &mut counts {
                // One that can't be read was told with the files.
                let _ = fetched.for_each_value(&count.field.name, |value, text| {
                    count.followed += 1;
                    if !count.values.contains(&XxHash3_64::oneshot(value)) {
                        count.dangling += 1;
                        count.example.get_or_insert_with(text);
                    }
                });
            }
        }
        for Count { field, reference, followed, dangling, example, .. } in counts {
            self.report.references += followed;
            if let Some(example) = example {
                let (name, target, dimension) = (&field.name, &reference.field, &reference.table);
                let example = crate::text::shown(&example, crate::text::NAME_CHARS_MAX);
                let what = format!(
                    "{dangling} of {followed} values of `{name}` are no `{target}` of `{dimension}`, the first of them {example}"
                );
                self.find(Kind::DanglingReference, &table.name, what);
            }
        }
        Ok(())
    }
}

/// How many references of a field were followed.
struct Count<'a> {
    field: &'a Field,
    reference: &'a Reference,
    /// The values of the key that it refers to.
    values: &'a Values,
    followed: u64,
    dangling: u64,
    /// The first value that is none of them.
    example: Option<String>,
}

impl<'a> Count<'a> {
    /// A count for a field that refers to a table that there is.
    fn new(field: &'a Field, known: &'a BTreeMap<(String, String), Option<Values>>) -> Option<Self> {
        let reference = field.references.as_ref()?;
        let values = known.get(&(reference.table.clone(), reference.field.clone()))?.as_ref()?;
        Some(Self { field, reference, values, followed: 0, dangling: 0, example: None })
    }
}
