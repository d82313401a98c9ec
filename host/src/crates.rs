//! Crates of plugins, for those who write them: found by name, built by cargo.

use crate::error::{Exit, Explain};
use serde::Deserialize;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

/// The profile that plugins are built in: the one that they ship as.
pub const PROFILE: &str = "plugin";
/// The target that makes components.
pub const TARGET: &str = "wasm32-wasip2";

/// The folder of a plugin's crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginCrate {
    folder: PathBuf,
}

/// Why a crate can't be found or built.
#[derive(Debug, thiserror::Error)]
pub enum CrateError {
    /// There is no such crate.
    #[error(
        "there is no plugin crate `{name}`: neither a folder with a `Cargo.toml`, nor one in `plugins/` here or above"
    )]
    NotFound {
        /// What was asked for.
        name: String,
    },
    /// There are no plugins with cases.
    #[error("there is no plugin with cases in `plugins/` here or above")]
    NoneFound,
    /// Cargo can't be started.
    #[error("can't start cargo")]
    NoCargo {
        /// Why.
        source: std::io::Error,
    },
    /// Cargo failed, and said why on the standard error.
    #[error("cargo could not build {}", names(crates))]
    BuildFailed {
        /// The crates.
        crates: Vec<PluginCrate>,
        /// Whether the target is missing.
        lacks_target: bool,
    },
    /// The crate makes no component.
    #[error("the crate `{}` makes no component", folder.display())]
    NoComponent {
        /// The crate's folder.
        folder: PathBuf,
    },
}

fn names(crates: &[PluginCrate]) -> String {
    crates.iter().map(|one| format!("`{}`", one.name())).collect::<Vec<_>>().join(", ")
}

impl Explain for CrateError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "crate-not-found",
            Self::NoneFound => "no-crates",
            Self::NoCargo { .. } => "no-cargo",
            Self::BuildFailed { .. } => "build-failed",
            Self::NoComponent { .. } => "no-component",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotFound { .. } | Self::NoneFound => {
                "`host plugin new fact_returns --from returns.jsonl` makes a plugin".to_owned()
            }
            Self::NoCargo { .. } => "install Rust from https://rustup.rs".to_owned(),
            Self::BuildFailed { lacks_target: true, .. } => format!("`rustup target add {TARGET}`"),
            Self::BuildFailed { .. } => "cargo's own message stands above".to_owned(),
            Self::NoComponent { .. } => {
                "its `Cargo.toml` needs `[lib]` with `crate-type = [\"cdylib\", \"rlib\"]`".to_owned()
            }
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::NotFound { .. } | Self::NoneFound => Exit::BadInput,
            Self::NoCargo { .. } => Exit::Environment,
            Self::BuildFailed { .. } | Self::NoComponent { .. } => Exit::PluginAtFault,
        }
    }
}

impl PluginCrate {
    /// The crate in the folder `name`, or of that name in `plugins/` of the folder `from` or one above it.
    ///
    /// # Errors
    /// [`CrateError::NotFound`].
    pub fn find(name: &str, from: &Path) -> Result<Self, CrateError> {
        let near = from.join(name);
        let in_plugins = from.ancestors().map(|folder| folder.join("plugins").join(name));
        let mut candidates = std::iter::once(near).chain(in_plugins);
        let folder = candidates.find(|folder| folder.join("Cargo.toml").is_file());
        folder.map(|folder| Self { folder }).ok_or_else(|| CrateError::NotFound { name: name.to_owned() })
    }

    /// All crates with cases in `plugins/` of the folder `from` or the nearest above it that has some.
    ///
    /// # Errors
    /// [`CrateError::NoneFound`].
    pub fn find_all(from: &Path) -> Result<Vec<Self>, CrateError> {
        for folder in from.ancestors().map(|folder| folder.join("plugins")) {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
            let mut crates: Vec<_> =
                entries.filter(|path| path.join("cases").is_dir() && path.join("Cargo.toml").is_file()).collect();
            crates.sort();
            if !crates.is_empty() {
                return Ok(crates.into_iter().map(|folder| Self { folder }).collect());
            }
        }
        Err(CrateError::NoneFound)
    }

    /// The crate's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The name of the folder, which is that of the plugin.
    #[must_use]
    pub fn name(&self) -> String {
        let folder = std::path::absolute(&self.folder).unwrap_or_else(|_| self.folder.clone());
        folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// Builds the crate with cargo, as [`build`] does, and gives its component.
    ///
    /// # Errors
    /// [`CrateError`].
    pub fn build(&self) -> Result<PathBuf, CrateError> {
        let component = build(std::slice::from_ref(self))?.pop();
        component.ok_or_else(|| CrateError::NoComponent { folder: self.folder.clone() })
    }

    /// When what the crate is built from was last changed, and how many files that are: a change of it is a reason to build.
    #[must_use]
    pub fn state(&self) -> (usize, Option<SystemTime>) {
        let mut files = vec![self.folder.join("Cargo.toml")];
        let mut folders = vec![self.folder.join("src")];
        while let Some(folder) = folders.pop() {
            for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        let changed = files.iter().filter_map(|path| path.metadata().ok()?.modified().ok()).max();
        (files.len(), changed)
    }
}

/// A message of cargo's.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// Builds crates of one workspace with cargo, which says on the standard error what it does, and gives their components.
///
/// # Errors
/// [`CrateError`].
pub fn build(crates: &[PluginCrate]) -> Result<Vec<PathBuf>, CrateError> {
    let Some(first) = crates.first() else { return Ok(Vec::new()) };
    if let Some(gone) = crates.iter().find(|one| !one.folder.is_dir()) {
        return Err(CrateError::NotFound { name: gone.folder.display().to_string() });
    }
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--profile", PROFILE, "--target", TARGET, "--message-format", "json-render-diagnostics"]);
    if crates.len() > 1 {
        // The folder of one is in the workspace of all.
        cargo.args(crates.iter().flat_map(|one| ["--package".to_owned(), one.name()]));
    }
    cargo.current_dir(&first.folder).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = cargo.spawn().map_err(|source| CrateError::NoCargo { source })?;
    let messages = child.stdout.take().map(|output| read_messages(BufReader::new(output))).unwrap_or_default();
    if !child.wait().is_ok_and(|status| status.success()) {
        return Err(CrateError::BuildFailed { crates: crates.to_vec(), lacks_target: lacks_target(&first.folder) });
    }
    crates.iter().map(|one| component(one, &messages)).collect()
}

/// Whether the compiler that builds `folder` has no library for the target.
fn lacks_target(folder: &Path) -> bool {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", TARGET]).current_dir(folder).stderr(Stdio::null());
    let library = rustc.output().ok().and_then(|output| String::from_utf8(output.stdout).ok());
    library.is_some_and(|library| !Path::new(library.trim()).exists())
}

fn read_messages(output: impl BufRead) -> Vec<Message> {
    let lines = output.lines().map_while(Result::ok);
    let messages = lines.filter_map(|line| serde_json::from_str::<Message>(&line).ok());
    messages.filter(|message| message.reason == "compiler-artifact").collect()
}

fn component(one: &PluginCrate, messages: &[Message]) -> Result<PathBuf, CrateError> {
    let manifest = std::fs::canonicalize(one.folder.join("Cargo.toml")).unwrap_or_default();
    let of_crate = messages.iter().filter(|message| message.manifest_path == manifest);
    let mut files = of_crate.flat_map(|message| &message.filenames);
    let component = files.find(|file| file.extension().is_some_and(|extension| extension == "wasm"));
    component.cloned().ok_or_else(|| CrateError::NoComponent { folder: one.folder.clone() })
}
