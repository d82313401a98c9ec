//! From what names a plugin on the command line to a plugin that runs.

use super::{Failure, boxed, runtime};
use host::config::Config;
use host::crates::{PluginCrate, build};
use host::files::TemporaryFolder;
use host::registry::{Registry, RegistryError};
use host::sandbox::{Cache, Plugin, Sandbox};
use host::store::FolderStore;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;

/// Loads plugins into one sandbox, each with the limits that the configuration has for its name.
pub(crate) struct Loader<'a> {
    config: &'a Config,
    sandbox: Sandbox,
    /// Where fetched components are, as long as they may be read.
    fetched: Vec<TemporaryFolder>,
}

impl<'a> Loader<'a> {
    /// For calls on `threads` threads at a time.
    pub(crate) fn new(config: &'a Config, threads: usize) -> Result<Self, Failure> {
        let cache = config.plugins_cache.as_deref().and_then(Cache::open);
        Ok(Self { config, sandbox: Sandbox::new(threads, cache).map_err(boxed)?, fetched: Vec::new() })
    }

    /// Loads the component at `path`.
    pub(crate) fn load(&self, path: &Path) -> Result<Plugin, Failure> {
        let plugin = self.sandbox.load(path, self.config.limits("").map_err(boxed)?).map_err(boxed)?;
        let limits = self.config.limits(&plugin.manifest().name).map_err(boxed)?;
        Ok(plugin.with_limits(limits))
    }

    /// Loads what `argument` names: a component's file, the folder of a crate, which is built, or a published plugin.
    pub(crate) fn load_named(&mut self, argument: &Path) -> Result<Plugin, Failure> {
        if let Some(path) = built(argument)? {
            return self.load(&path);
        }
        match published_name(argument) {
            Some(name) if !argument.exists() => self.load_published(name),
            _ => self.load(argument),
        }
    }

    fn load_published(&mut self, name: &str) -> Result<Plugin, Failure> {
        let registry = open_registry(self.config, None)?;
        let digest = runtime()?.block_on(async {
            let snapshot = registry.read().await?;
            Ok::<_, RegistryError>(registry.published(&snapshot, name)?.digest.clone())
        });
        self.load_digest(&registry, name, &digest.map_err(boxed)?)
    }

    /// Loads a published component.
    pub(crate) fn load_digest(&mut self, registry: &Registry, name: &str, digest: &str) -> Result<Plugin, Failure> {
        let wasm = runtime()?.block_on(registry.fetch(name, digest)).map_err(boxed)?;
        let folder = TemporaryFolder::create("host-plugin").map_err(super::environment_failure)?;
        let path = folder.path().join(format!("{name}.wasm"));
        std::fs::write(&path, wasm).map_err(super::environment_failure)?;
        self.fetched.push(folder);
        self.load(&path)
    }
}

/// The component of a crate's folder, built; `None` where `argument` is no such folder.
pub(crate) fn built(argument: &Path) -> Result<Option<PathBuf>, Failure> {
    if !argument.join("Cargo.toml").is_file() {
        return Ok(None);
    }
    let one = PluginCrate::find(&argument.to_string_lossy(), Path::new("")).map_err(boxed)?;
    Ok(build(&[one]).map_err(boxed)?.pop())
}

/// The argument as the name of a plugin, which is no path.
fn published_name(argument: &Path) -> Option<&str> {
    let name = argument.to_str()?;
    let is_name = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    (is_name && !name.is_empty()).then_some(name)
}

/// The published plugins in `folder`, or where the configuration says.
pub(crate) fn open_registry(config: &Config, folder: Option<&Path>) -> Result<Registry, Failure> {
    let folder = folder.unwrap_or(config.plugins_path());
    let name = folder.display().to_string();
    let store =
        FolderStore::open(folder).map_err(|source| boxed(RegistryError::Store { store: name.clone(), source }))?;
    Ok(Registry::new(Arc::new(store), name))
}

/// The number of threads: as many as there are processors, if none was named.
pub(crate) fn threads(named: Option<u16>) -> usize {
    named.map_or_else(|| available_parallelism().map_or(1, usize::from), usize::from)
}
