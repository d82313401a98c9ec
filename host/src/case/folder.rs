//! The folder of a case.

use super::error::CaseError;
use crate::input::{Lookups, LookupsBuilder};
use crate::manifest::Manifest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The name of the file of the rejects, without its ending.
pub const REJECTS: &str = "rejects";

/// What `case.toml` says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseSettings {
    /// What the case is about, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub story: Option<String>,
    /// How many units of fuel the case may take in all; `None`: as many as the limits allow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fuel_max: Option<u64>,
}

/// The folder of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseFolder {
    path: PathBuf,
    settings: CaseSettings,
}

/// The name of a table as that of a file: a plugin's tables are what it says, and it may not say where files are.
pub(super) fn file_stem(table: &str) -> String {
    let stem: String =
        table.chars().map(|letter| if matches!(letter, '/' | '\\' | '\0') { '_' } else { letter }).collect();
    if stem.starts_with('.') { format!("_{stem}") } else { stem }
}

/// Whether a case can have this name: that of a folder, and no path to somewhere else.
#[must_use]
pub fn is_case_name(name: &str) -> bool {
    let is_letter = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | ' ');
    !name.is_empty() && !name.starts_with('.') && name.chars().all(is_letter)
}

/// The lines of one file under `input`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The name of the file.
    pub name: String,
    /// The lines.
    pub lines: Vec<u8>,
}

impl CaseFolder {
    /// The cases in the folder `cases`, in the order of their names.
    ///
    /// # Errors
    /// [`CaseError::NoCases`], [`CaseError::Unreadable`] and [`CaseError::Settings`].
    pub fn find_all(cases: &Path) -> Result<Vec<Self>, CaseError> {
        if !cases.is_dir() {
            return Err(CaseError::NoCases { path: cases.to_owned() });
        }
        let folders = entries(cases)?.into_iter().filter(|path| path.is_dir());
        let found = folders.map(|path| Self::open(&path)).collect::<Result<Vec<_>, _>>()?;
        if found.is_empty() { Err(CaseError::NoCases { path: cases.to_owned() }) } else { Ok(found) }
    }

    /// The case in the folder `path`.
    ///
    /// # Errors
    /// [`CaseError::Unreadable`] and [`CaseError::Settings`].
    pub fn open(path: &Path) -> Result<Self, CaseError> {
        let file = path.join("case.toml");
        let settings = if file.exists() {
            let text = fs::read_to_string(&file).map_err(unreadable(&file))?;
            toml::from_str(&text).map_err(|error| CaseError::Settings { path: file, reason: error.to_string() })?
        } else {
            CaseSettings::default()
        };
        Ok(Self { path: path.to_owned(), settings })
    }

    /// Where the case is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name of the folder.
    #[must_use]
    pub fn name(&self) -> String {
        file_name(&self.path)
    }

    /// What `case.toml` says.
    #[must_use]
    pub fn settings(&self) -> &CaseSettings {
        &self.settings
    }

    /// The packets.
    ///
    /// # Errors
    /// [`CaseError::Unreadable`].
    pub fn packets(&self) -> Result<Vec<Packet>, CaseError> {
        let folder = self.path.join("input");
        let files = json_lines(&folder)?;
        if files.is_empty() {
            return Err(CaseError::NoInput { path: folder });
        }
        let packet = |path: PathBuf| {
            let lines = fs::read(&path).map_err(unreadable(&path))?;
            Ok(Packet { name: file_name(&path), lines })
        };
        files.into_iter().map(packet).collect()
    }

    /// The rows that the plugin of `manifest` looks up.
    ///
    /// # Errors
    /// [`CaseError::NoLookup`] and [`CaseError::Input`].
    pub fn lookups(&self, manifest: &Manifest) -> Result<Lookups, CaseError> {
        let folder = self.path.join("lookup");
        let file = |table: &str| folder.join(format!("{}.jsonl", file_stem(table)));
        if let Some(lookup) = manifest.lookups.iter().find(|lookup| !file(&lookup.table).exists()) {
            return Err(CaseError::NoLookup { table: lookup.table.clone(), path: file(&lookup.table) });
        }
        let files = manifest.lookups.iter().map(|lookup| (lookup.table.clone(), file(&lookup.table)));
        Ok(files.collect::<LookupsBuilder>().read(manifest)?)
    }

    /// The expected lines of each star table and of the rejects, by their name.
    ///
    /// # Errors
    /// [`CaseError::Unreadable`] and [`CaseError::UnknownExpected`].
    pub fn expected(&self, manifest: &Manifest) -> Result<BTreeMap<String, Vec<String>>, CaseError> {
        let mut expected: BTreeMap<_, _> = names(manifest).map(|name| (name.to_owned(), Vec::new())).collect();
        let folder = self.path.join("expected");
        let files = if folder.exists() { json_lines(&folder)? } else { Vec::new() };
        for path in files {
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            let Some(lines) = expected.get_mut(&stem) else {
                let known = names(manifest).map(|name| format!("`{name}.jsonl`")).collect::<Vec<_>>().join(", ");
                return Err(CaseError::UnknownExpected { path, known });
            };
            let text = fs::read_to_string(&path).map_err(unreadable(&path))?;
            *lines = text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        }
        Ok(expected)
    }
}

/// The star tables and the rejects.
pub(super) fn names(manifest: &Manifest) -> impl Iterator<Item = &str> {
    manifest.star_tables.iter().map(|table| table.name.as_str()).chain([REJECTS])
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The files of JSON Lines in a folder, in the order of the names; what else an editor or a system leaves there is none of them.
fn json_lines(folder: &Path) -> Result<Vec<PathBuf>, CaseError> {
    let is_json_lines = |path: &PathBuf| {
        path.extension().is_some_and(|extension| extension == "jsonl")
            && !file_name(path).starts_with('.')
            && path.is_file()
    };
    Ok(entries(folder)?.into_iter().filter(is_json_lines).collect())
}

/// What stands in a folder, in the order of the names.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, CaseError> {
    let entries = fs::read_dir(folder).map_err(unreadable(folder))?;
    let mut paths =
        entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>().map_err(unreadable(folder))?;
    paths.sort();
    Ok(paths)
}

fn unreadable(path: &Path) -> impl FnOnce(std::io::Error) -> CaseError {
    let path = path.to_owned();
    |source| CaseError::Unreadable { path, source }
}

/// Writes `case.toml` into the folder of a case.
pub(super) fn write_settings(folder: &Path, settings: &CaseSettings) -> Result<(), CaseError> {
    let path = folder.join("case.toml");
    let text = toml::to_string(settings)
        .map_err(|error| CaseError::Settings { path: path.clone(), reason: error.to_string() })?;
    write(&path, text.as_bytes())
}

/// Writes a file that appears whole or not at all.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), CaseError> {
    let written = crate::files::NewFile::create(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.place()
    });
    written.map(|_| ()).map_err(unwritable(path))
}

pub(super) fn unwritable(path: &Path) -> impl FnOnce(std::io::Error) -> CaseError {
    let path = path.to_owned();
    |source| CaseError::Unwritable { path, source }
}
