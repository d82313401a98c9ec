//! New plugins, made of the rows that they are to read.
//!
//! ```text
//! rows ──► infer ──► plan ──► template ──► a crate in the project,
//!          types     fields   code         or in a workspace of plugins
//!                       └────► case        with lines, and the rows that must come of them
//! ```

mod case;
mod counted;
mod embedded;
mod error;
mod infer;
mod lines;
mod moment;
mod names;
mod number;
mod place;
mod plan;
mod summary;
mod template;
mod value;
mod write;

pub use counted::SomeLines;
pub use error::ScaffoldError;
pub use infer::InferredColumn;
pub use names::{NameError, StarName};

use crate::manifest::{NAME_BYTES_MAX, StarKind};
use crate::report::serialize_path;
use crate::text::shown;
use embedded::{SHARED, Sdk};
use place::Place;
use plan::Plan;
use serde::{Serialize, Serializer};
use std::path::{Path, PathBuf};
use write::{Staging, exists};

/// What a plugin is to be made of.
#[derive(Clone, Debug)]
pub struct NewPlugin {
    /// The name of the star table, which is also the plugin's.
    pub name: StarName,
    /// A file of JSON Lines with rows of the source table.
    pub from: PathBuf,
    /// The source table; the file's name without its ending if left out.
    pub table: Option<String>,
    /// The folder in or above which the plugin's workspace is.
    pub folder: PathBuf,
}

/// What was inferred and written.
#[derive(Clone, Debug, Serialize)]
pub struct NewPluginReport {
    /// The plugin, which has the name of its star table.
    pub plugin: String,
    /// What the star table holds.
    pub kind: StarKind,
    /// The key of the star table.
    pub key: String,
    /// The source table.
    pub table: String,
    /// The file of rows.
    #[serde(serialize_with = "serialize_path")]
    pub from: PathBuf,
    /// How many rows it has.
    pub rows: u64,
    /// Its lines that are no JSON objects, or have a column twice.
    pub bad_lines: Option<SomeLines>,
    /// The columns, in the order of the rows.
    pub columns: Vec<InferredColumn>,
    /// The plugin's folder.
    #[serde(serialize_with = "serialize_path")]
    pub crate_folder: PathBuf,
    /// The top folder of its workspace.
    #[serde(serialize_with = "serialize_path")]
    pub workspace: PathBuf,
    /// Files and folders that were written, from the top folder on.
    #[serde(serialize_with = "serialize_paths")]
    pub written: Vec<PathBuf>,
    /// Files that were there and stay as they were, though a new workspace would have them.
    #[serde(serialize_with = "serialize_paths")]
    pub kept: Vec<PathBuf>,
}

/// Makes a plugin; `progress` is told how many bytes of the rows were read. Nothing that is there is overwritten, and on an
/// error nothing is left behind.
///
/// # Errors
/// Rows that make no table, a folder that takes no plugin, and what the file system says.
pub fn make_plugin(request: &NewPlugin, progress: &dyn Fn(u64)) -> Result<NewPluginReport, ScaffoldError> {
    let sdk = Sdk::read()?;
    let table = table_name(request)?;
    // Before the rows are read: they may be many.
    let place = Place::find(&request.folder, &sdk.version)?;
    let name = request.name.as_str();
    let crate_folder = place.root().join("plugins").join(name);
    if exists(&crate_folder) {
        return Err(ScaffoldError::Exists { path: crate_folder });
    }
    // A pipe gives its rows only once, and they are needed twice. What can't be looked at can't be opened either.
    if request.from.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return Err(ScaffoldError::NoFile { path: request.from.clone() });
    }
    let inferred = infer::infer(&request.from, progress)?;
    let plan = Plan::new(&request.name, &table, &inferred.columns)?;
    let case = case::record_case(&plan, &request.from)?;
    let file = request.from.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());

    let mut staging = Staging::begin(place.root(), name)?;
    let mut new = NewFiles { staging: &mut staging, root: place.root(), written: Vec::new(), kept: Vec::new() };
    let sdk_crate = sdk.crate_folder();
    let pinned = (!matches!(place, Place::Project(_))).then_some((sdk_crate.as_str(), sdk.version.as_str()));
    let crate_path = Path::new("plugins").join(name);
    let recorded = crate_path.join("cases/recorded");
    let stem = plan.file_stem();
    for (path, bytes) in [
        (crate_path.join("Cargo.toml"), template::plugin_manifest(&plan, pinned).into_bytes()),
        (crate_path.join("src/lib.rs"), template::plugin_code(&plan, &file, inferred.rows).into_bytes()),
        (recorded.join("case.toml"), template::case_manifest(&file).into_bytes()),
        (recorded.join(format!("input/{stem}.jsonl")), case.input),
        (recorded.join(format!("expected/{name}.jsonl")), case.expected.into_bytes()),
    ] {
        new.write(path, bytes)?;
    }
    new.staging.place(&crate_path)?;
    if let Place::New(_) = place {
        new.write_workspace(&sdk)?;
    }
    let NewFiles { written, kept, .. } = new;
    staging.finish();
    Ok(NewPluginReport {
        plugin: name.to_owned(),
        kind: request.name.kind(),
        key: plan.key,
        table,
        from: request.from.clone(),
        rows: inferred.rows,
        bad_lines: inferred.bad_lines,
        columns: inferred.columns,
        crate_folder,
        workspace: place.root().to_owned(),
        written,
        kept,
    })
}

/// The name of the source table.
fn table_name(request: &NewPlugin) -> Result<String, ScaffoldError> {
    let stem = || request.from.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let name = request.table.clone().unwrap_or_else(stem);
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(ScaffoldError::Table { name: shown(&name, NAME_BYTES_MAX) });
    }
    Ok(name)
}

/// Files on their way to their places, and what is to be told of them.
struct NewFiles<'a> {
    staging: &'a mut Staging,
    root: &'a Path,
    written: Vec<PathBuf>,
    kept: Vec<PathBuf>,
}

impl NewFiles<'_> {
    fn write(&mut self, path: PathBuf, bytes: Vec<u8>) -> Result<(), ScaffoldError> {
        self.staging.write(&path, bytes)?;
        self.written.push(path);
        Ok(())
    }

    /// Makes the root a workspace of plugins. Its `Cargo.toml` comes last: with it the folder is one.
    fn write_workspace(&mut self, sdk: &Sdk) -> Result<(), ScaffoldError> {
        let folder = PathBuf::from(sdk.folder());
        for (path, bytes) in sdk.files()? {
            self.staging.write(folder.join(path), bytes)?;
        }
        self.staging.place(&folder)?;
        self.written.push(folder);
        for name in SHARED {
            self.write_unless_there(name, embedded::file(name)?)?;
        }
        self.write_unless_there(".gitignore", b"/target/\n/plugins/dist/\n/plugins/*/fuzz/\n")?;
        let manifest = PathBuf::from("Cargo.toml");
        self.write(manifest.clone(), sdk.workspace_manifest().into_bytes())?;
        self.staging.place(manifest)
    }

    fn write_unless_there(&mut self, name: &str, bytes: &[u8]) -> Result<(), ScaffoldError> {
        let path = PathBuf::from(name);
        if exists(&self.root.join(&path)) {
            self.kept.push(path);
            return Ok(());
        }
        self.write(path.clone(), bytes.to_vec())?;
        self.staging.place(path)
    }
}

fn serialize_paths<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| path.display().to_string()))
}
