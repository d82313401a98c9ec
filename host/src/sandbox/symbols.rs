//! Where in a plugin's source it stopped, from the debug information in its component.
//!
//! Compiled plugins are kept without it, so that a good run does not pay for it: it is read from the component's own file when
//! a call fails.

use crate::text::{NAME_CHARS_MAX, sha256, shown};
use addr2line::{Context, Frame};
use gimli::{Dwarf, EndianSlice, LittleEndian, SectionId};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use wasmparser::{Parser, Payload};
use wasmtime::WasmBacktrace;

/// The calls of the innermost functions that are looked at: a recursion that is too deep has thousands.
const FRAMES_MAX: usize = 64;

/// A place in a plugin's source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourcePlace {
    /// The file, as the compiler was told: within the plugin's workspace.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
    /// The function.
    pub function: String,
}

impl fmt::Display for SourcePlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{} in `{}`", self.file, self.line, self.column, self.function)
    }
}

/// Finds places in a plugin's source; each only once.
#[derive(Debug)]
pub(super) struct Symbols {
    path: PathBuf,
    digest: String,
    found: Mutex<Found>,
}

#[derive(Debug, Default)]
struct Found {
    places: BTreeMap<Vec<usize>, Option<SourcePlace>>,
    /// Whether the component has no debug information, so that there is nothing to look for.
    has_none: bool,
}

/// So many places are kept: a plugin that fails in more of them is looked up again.
const PLACES_MAX: usize = 1_000;

impl Symbols {
    /// The symbols of the component with `digest` in the file `path`.
    pub(super) fn new(path: &Path, digest: &str) -> Self {
        Self { path: path.to_owned(), digest: digest.to_owned(), found: Mutex::default() }
    }

    /// The innermost place of `backtrace` that lies in a file of the crate `crate_name`; where none does, in any file but those
    /// of libraries. `None` where the component has no debug information.
    pub(super) fn place(&self, backtrace: &WasmBacktrace, crate_name: &str) -> Option<SourcePlace> {
        let frames = backtrace.frames().iter().take(FRAMES_MAX);
        let offsets: Vec<_> = frames.filter_map(wasmtime::FrameInfo::module_offset).collect();
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = found.places.get(&offsets) {
            return place.clone();
        }
        if found.has_none {
            return None;
        }
        let wasm = std::fs::read(&self.path).ok()?;
        if sha256(&wasm) != self.digest {
            // Another component stands there now, and its places would be wrong.
            return None;
        }
        let modules = modules(&wasm);
        found.has_none = modules.iter().all(|module| !module.sections.contains_key(SectionId::DebugInfo.name()));
        let place = find(&modules, &offsets, crate_name);
        if found.places.len() < PLACES_MAX {
            found.places.insert(offsets, place.clone());
        }
        place
    }
}

/// The innermost place that lies in a file of the crate, or else in no library's.
fn find(modules: &[CoreModule<'_>], offsets: &[usize], crate_name: &str) -> Option<SourcePlace> {
    let mut elsewhere = None;
    for &offset in offsets {
        let Some(module) = modules.iter().find(|module| module.code.contains(&offset)) else { continue };
        for place in module.places(offset).unwrap_or_default() {
            if is_of_crate(&place.file, crate_name) {
                return Some(place);
            }
            if elsewhere.is_none() && !is_library(&place.file) {
                elsewhere = Some(place);
            }
        }
    }
    elsewhere
}

/// Whether the file lies in the folder of a crate, which has the name of the crate.
fn is_of_crate(file: &str, crate_name: &str) -> bool {
    file.split('/').rev().skip(1).any(|folder| folder == crate_name)
}

/// Whether the file is one of the language's own, of a crate from a registry, or of the SDK.
fn is_library(file: &str) -> bool {
    const PLACES: [&str; 6] =
        ["/rustc/", "/registry/src/", "library/std/", "library/core/", "wasisdk://", "plugins/sdk/"];
    PLACES.iter().any(|place| file.contains(place))
}

/// A core module of a component.
struct CoreModule<'a> {
    /// Where its code stands in the component.
    code: std::ops::Range<usize>,
    sections: BTreeMap<&'a str, &'a [u8]>,
}

fn modules(wasm: &[u8]) -> Vec<CoreModule<'_>> {
    let mut modules: Vec<CoreModule<'_>> = Vec::new();
    for payload in Parser::new(0).parse_all(wasm).map_while(Result::ok) {
        match payload {
            Payload::ModuleSection { .. } => modules.push(CoreModule { code: 0..0, sections: BTreeMap::new() }),
            Payload::CodeSectionStart { range, .. } => {
                if let Some(module) = modules.last_mut() {
                    module.code = range;
                }
            }
            Payload::CustomSection(section) => {
                if let Some(module) = modules.last_mut() {
                    module.sections.insert(section.name(), section.data());
                }
            }
            _ => {}
        }
    }
    modules
}

impl CoreModule<'_> {
    /// The places that an instruction comes from, the innermost inlined function first.
    fn places(&self, offset: usize) -> Result<Vec<SourcePlace>, gimli::Error> {
        let section = |id: SectionId| {
            let bytes = self.sections.get(id.name()).copied().unwrap_or_default();
            Ok::<_, gimli::Error>(EndianSlice::new(bytes, LittleEndian))
        };
        let context = Context::from_dwarf(Dwarf::load(section)?)?;
        // Debug information counts from the start of the code.
        let address = (offset - self.code.start) as u64;
        let folder = context.find_dwarf_and_unit(address).skip_all_loads().and_then(|unit| unit.unit.comp_dir);
        let folder = folder.map(|folder| format!("{}/", folder.to_string_lossy())).unwrap_or_default();
        let mut frames = context.find_frames(address).skip_all_loads()?;
        let mut places = Vec::new();
        while let Some(frame) = frames.next()? {
            places.extend(place(&frame, &folder));
        }
        Ok(places)
    }
}

fn place(frame: &Frame<'_, EndianSlice<'_, LittleEndian>>, folder: &str) -> Option<SourcePlace> {
    let location = frame.location.as_ref()?;
    let file = location.file?;
    let function = frame.function.as_ref().and_then(|function| Some(function.demangle().ok()?.into_owned()));
    Some(SourcePlace {
        file: shown(file.strip_prefix(folder).unwrap_or(file), NAME_CHARS_MAX * 2),
        line: location.line?,
        column: location.column.unwrap_or(1),
        function: shown(&function.unwrap_or_else(|| "?".to_owned()), NAME_CHARS_MAX * 2),
    })
}
