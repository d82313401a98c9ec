//! Which plugin comes when.

use super::{ProcessError, keys};
use crate::manifest::{ColumnType, StarKind};
use crate::sandbox::Plugin;
use crate::text::listed;
use std::collections::{BTreeMap, BTreeSet};

/// The name of the made-up table of days.
pub(super) const CALENDAR: &str = "_calendar";

/// The plugins of a process, and what they make.
#[derive(Clone)]
pub struct Plan<'a> {
    plugins: &'a [Plugin],
    /// The plugin, by index, that makes each star table.
    makers: BTreeMap<String, usize>,
}

/// Whether a plugin makes facts.
pub(crate) fn is_fact(plugin: &Plugin) -> bool {
    plugin.manifest().star_tables.iter().any(|table| table.kind == StarKind::Fact)
}

/// Whether a plugin reads the calendar.
pub(crate) fn is_calendar(plugin: &Plugin) -> bool {
    plugin.manifest().source_table == CALENDAR
}

impl<'a> Plan<'a> {
    /// A plan for these plugins.
    ///
    /// # Errors
    /// [`ProcessError::Plan`] if two of them make the same table, or one a table that can't be.
    pub fn new(plugins: &'a [Plugin]) -> Result<Self, ProcessError> {
        let mut makers = BTreeMap::new();
        for (index, plugin) in plugins.iter().enumerate() {
            let manifest = plugin.manifest();
            let name = &manifest.name;
            let kinds: BTreeSet<bool> = manifest.star_tables.iter().map(|table| table.kind == StarKind::Fact).collect();
            if kinds.len() > 1 {
                return Err(ProcessError::Plan(format!(
                    "the plugin `{name}` makes both facts and dimensions; make two plugins of it"
                )));
            }
            for table in &manifest.star_tables {
                if keys::RESERVED.contains(&table.name.as_str()) {
                    return Err(ProcessError::Plan(format!(
                        "the plugin `{name}` makes a star table `{}`, and the host keeps other things there",
                        table.name
                    )));
                }
                if let Some(other) = makers.insert(table.name.clone(), index) {
                    let other = &plugins[other].manifest().name;
                    return Err(ProcessError::Plan(format!(
                        "the plugins `{other}` and `{name}` both make the star table `{}`",
                        table.name
                    )));
                }
            }
        }
        Ok(Self { plugins, makers })
    }

    /// The plugin that makes a star table.
    #[must_use]
    pub fn maker(&self, table: &str) -> Option<&'a Plugin> {
        self.makers.get(table).map(|index| &self.plugins[*index])
    }

    /// The error that nobody makes a table.
    pub(crate) fn unknown_table(&self, table: &str) -> ProcessError {
        ProcessError::UnknownTable { table: table.to_owned(), known: listed(self.makers.keys(), "none") }
    }

    /// The plugins that make the tables that are asked for, or that are made of them, and before each what it refers to.
    ///
    /// # Errors
    /// [`ProcessError::UnknownTable`].
    pub fn select(&self, asked: &[String]) -> Result<Vec<&'a Plugin>, ProcessError> {
        let mut chosen = self.named(asked)?;
        let referred: Vec<usize> = chosen
            .iter()
            .flat_map(|index| &self.plugins[*index].manifest().star_tables)
            .flat_map(|table| &table.fields)
            .filter_map(|field| self.makers.get(&field.references.as_ref()?.table).copied())
            .collect();
        chosen.extend(referred);
        Ok(self.in_order(chosen))
    }

    /// The plugins that make the tables that are asked for, or that are made of them.
    ///
    /// # Errors
    /// [`ProcessError::UnknownTable`].
    pub fn made_of(&self, asked: &[String]) -> Result<Vec<&'a Plugin>, ProcessError> {
        Ok(self.in_order(self.named(asked)?))
    }

    /// The indices of the plugins that make the tables that are asked for, or that are made of them; of all if none is.
    fn named(&self, asked: &[String]) -> Result<BTreeSet<usize>, ProcessError> {
        let mut chosen = BTreeSet::new();
        for table in asked {
            let reads = |plugin: &Plugin| plugin.manifest().inputs().any(|input| input == table);
            let of_source = self.plugins.iter().enumerate().filter(|(_, plugin)| reads(plugin));
            let found: Vec<usize> = of_source.map(|(index, _)| index).chain(self.makers.get(table).copied()).collect();
            if found.is_empty() {
                return Err(self.unknown_table(table));
            }
            chosen.extend(found);
        }
        if asked.is_empty() {
            chosen.extend(0..self.plugins.len());
        }
        Ok(chosen)
    }

    fn in_order(&self, chosen: BTreeSet<usize>) -> Vec<&'a Plugin> {
        let mut plugins: Vec<&Plugin> = chosen.into_iter().map(|index| &self.plugins[index]).collect();
        plugins.sort_by_key(|plugin| (is_fact(plugin), !is_calendar(plugin), plugin.manifest().name.clone()));
        plugins
    }

    /// The tables that days of a plugin's rows refer to, and that no plugin makes: their limits are not known.
    pub(super) fn unknown_calendars(&self, plugin: &Plugin) -> Vec<String> {
        let fields = plugin.manifest().star_tables.iter().flat_map(|table| &table.fields);
        let days = fields.filter(|field| field.column_type == ColumnType::Date);
        let referred = days.filter_map(|field| Some(field.references.as_ref()?.table.clone()));
        let unknown: BTreeSet<String> = referred.filter(|table| !self.makers.contains_key(table)).collect();
        unknown.into_iter().collect()
    }

    /// The star tables that are made of the calendar.
    #[must_use]
    pub fn calendars(&self) -> Vec<String> {
        let tables =
            self.plugins.iter().filter(|plugin| is_calendar(plugin)).flat_map(|plugin| &plugin.manifest().star_tables);
        tables.map(|table| table.name.clone()).collect()
    }

    /// The plugins that make star tables of the calendar.
    pub(super) fn calendar_plugins(&self) -> impl Iterator<Item = &'a Plugin> {
        self.plugins.iter().filter(|plugin| is_calendar(plugin))
    }

    /// The source tables that any plugin reads or looks up.
    pub(super) fn sources(&self) -> BTreeSet<String> {
        sources_of(&self.plugins.iter().collect::<Vec<_>>())
    }
}

/// The source tables that these plugins read or look up.
pub(super) fn sources_of(plugins: &[&Plugin]) -> BTreeSet<String> {
    let inputs = plugins.iter().flat_map(|plugin| plugin.manifest().inputs());
    inputs.filter(|table| *table != CALENDAR).cloned().collect()
}
