//! Why a plugin can't be loaded.

use super::fault::Fault;
use crate::error::{Exit, Explain};
use crate::manifest::ManifestError;
use crate::text::{NAME_CHARS_MAX, shown};
use std::path::PathBuf;

/// A plugin that can't be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file can't be read.
    #[error("can't read the plugin `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of a package can't be written.
    #[error("can't write `{}`", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is larger than any plugin.
    #[error("the plugin `{}` has {bytes} bytes, more than the {bytes_max} that are compiled", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// The file is no component, or one with features that the sandbox does not offer.
    #[error("`{}` is no WebAssembly component that this host can compile: {reason}", path.display())]
    NotAComponent {
        /// The file.
        path: PathBuf,
        /// What the compiler said.
        reason: String,
    },
    /// The component exports no version of the contract.
    #[error("`{}` exports no `star:transform/plugin`: it is no transform plugin", path.display())]
    NoContract {
        /// The file.
        path: PathBuf,
    },
    /// The component was built for a version of the contract that this host does not run.
    #[error("`{}` was built for version {found} of the contract, and this host runs {supported}", path.display())]
    ContractVersion {
        /// The file.
        path: PathBuf,
        /// The plugin's version of the contract.
        found: String,
        /// The host's.
        supported: String,
    },
    /// The component imports what the sandbox does not offer.
    #[error("`{}` imports {}, which the sandbox does not offer", path.display(), list(imports))]
    Import {
        /// The file.
        path: PathBuf,
        /// The refused imports.
        imports: Vec<String>,
    },
    /// The exports are there, but of other types.
    #[error("`{}` does not fit the contract: {reason}", path.display())]
    Contract {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The plugin failed while it described itself.
    #[error("`{}` failed in `describe`: {fault}", path.display())]
    Describe {
        /// The file.
        path: PathBuf,
        /// How it failed.
        fault: Fault,
    },
    /// The plugin describes something impossible.
    #[error("the manifest of `{}` is wrong: {error}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: ManifestError,
    },
    /// The engine itself can't start.
    #[error("can't start the WebAssembly engine: {reason}")]
    Engine {
        /// What wasmtime said.
        reason: String,
    },
}

fn list(names: &[String]) -> String {
    /// Enough to see what the plugin is about.
    const NAMES_MAX: usize = 10;
    let shown = names.iter().take(NAMES_MAX).map(|name| format!("`{}`", shown(name, NAME_CHARS_MAX)));
    let mut list = shown.collect::<Vec<_>>().join(", ");
    if names.len() > NAMES_MAX {
        list.push_str(&format!(" and {} more", names.len() - NAMES_MAX));
    }
    list
}

impl Explain for LoadError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "plugin-unreadable",
            Self::Unwritable { .. } => "package-unwritable",
            Self::TooLarge { .. } => "plugin-too-large",
            Self::NotAComponent { .. } => "not-a-component",
            Self::NoContract { .. } => "no-contract",
            Self::ContractVersion { .. } => "contract-version",
            Self::Import { .. } => "import-refused",
            Self::Contract { .. } => "contract-mismatch",
            Self::Describe { .. } => "describe-failed",
            Self::Manifest { .. } => "bad-manifest",
            Self::Engine { .. } => "engine",
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unreadable { .. } => "build the plugins with `make plugins` and name a file of `plugins/dist/`",
            Self::Unwritable { .. } => "may this user write there, and is there room?",
            Self::TooLarge { .. } => "build it in release mode, without debug information",
            Self::NotAComponent { .. } => {
                "build for the target wasm32-wasip2, which makes components: `cargo build --profile plugin --target wasm32-wasip2`"
            }
            Self::NoContract { .. } => {
                "end the plugin's crate with `sdk::plugin!(function: Source => Row);`, and make it a `cdylib`"
            }
            Self::ContractVersion { .. } => {
                "build the plugin again with the SDK of this host's version, or use a host of the plugin's"
            }
            Self::Import { .. } => {
                "a plugin sees its rows and nothing else: leave out files, network, threads and processes, and the crates that need them"
            }
            Self::Contract { .. } => "build the plugin again with this host's SDK",
            Self::Describe { fault: Fault::Fuel { .. }, .. } => {
                "is `fuel_base` in `host.toml` or `HOST_LIMITS_FUEL_BASE` too low? `describe` runs on it alone"
            }
            Self::Describe { fault: Fault::Memory { .. }, .. } => {
                "is `memory_bytes_max` in `host.toml` or `HOST_LIMITS_MEMORY_BYTES_MAX` too low?"
            }
            Self::Describe { .. } => "`describe` must answer without input, the same each time",
            Self::Manifest { .. } => "mend the structs that derive `Source` and `Star`, and build the plugin again",
            Self::Engine { .. } => return None,
        };
        Some(hint.to_owned())
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Unreadable { .. } => Exit::BadInput,
            Self::Unwritable { .. } | Self::Engine { .. } | Self::Describe { fault: Fault::Machine { .. }, .. } => {
                Exit::Environment
            }
            _ => Exit::PluginAtFault,
        }
    }
}
