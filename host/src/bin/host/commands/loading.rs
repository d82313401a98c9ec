//! From what names a plugin on the command line to a plugin that runs.

use super::{Failure, boxed, clients, runtime};
use host::config::{Config, ObjectPlace};
use host::crates::PluginCrate;
use host::error::{Exit, Explain};
use host::files::TemporaryFolder;
use host::manifest::is_name;
use host::parts::open_plugins;
use host::registry::{Registry, RegistryError};
use host::sandbox::{Cache, Package, Plugin, Sandbox};
use host::store::InMemory;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;

/// Loads plugins into one sandbox, each with the limits that the configuration has for its name.
pub(crate) struct Loader<'a> {
    config: &'a Config,
    sandbox: Sandbox,
    /// Where fetched components are, as long as they may be read.
    fetched: Vec<TemporaryFolder>,
    /// The worst of what kept plugins from being loaded.
    worst: Exit,
    /// Tells that a plugin can't be loaded.
    tell: fn(&str, &dyn Explain),
}

impl<'a> Loader<'a> {
    /// For calls on `threads` threads at a time.
    pub(crate) fn new(config: &'a Config, threads: usize) -> Result<Self, Failure> {
        let cache = config.plugins_cache.as_deref().and_then(Cache::open);
        Ok(Self {
            config,
            sandbox: Sandbox::new(threads, cache).map_err(boxed)?,
            fetched: Vec::new(),
            worst: Exit::Done,
            tell: |name, error| {
                tracing::error!(name, "the plugin can't be loaded: its tables stay as they are");
                crate::screen::show_error(error, false);
            },
        })
    }

    /// The same, for a program in whose package components lie: it starts nothing before it is needed, and tells in its own way
    /// what can't be loaded.
    pub(crate) fn for_package(
        config: &'a Config,
        threads: usize,
        package: Package,
        tell: fn(&str, &dyn Explain),
    ) -> Self {
        let cache = config.plugins_cache.as_deref().and_then(Cache::open);
        let sandbox = Sandbox::later(threads, cache).with_package(package);
        Self { config, sandbox, fetched: Vec::new(), worst: Exit::Done, tell }
    }

    /// Loads the component at `path`.
    pub(crate) fn load(&self, path: &Path) -> Result<Plugin, Failure> {
        let plugin = self.sandbox.load(path, self.config.limits("").map_err(boxed)?).map_err(boxed)?;
        self.limited(plugin)
    }

    fn limited(&self, plugin: Plugin) -> Result<Plugin, Failure> {
        let limits = self.config.limits(&plugin.manifest().name).map_err(boxed)?;
        Ok(plugin.with_limits(limits))
    }

    /// Loads what `argument` names: a component's file, the folder of a crate, which is built, a published plugin, or else a
    /// crate of that name in `plugins/`.
    pub(crate) fn load_named(&mut self, argument: &Path) -> Result<Plugin, Failure> {
        let mut not_published = None;
        if let Some(name) = published_name(argument).filter(|_| !argument.exists()) {
            match self.load_published(name) {
                Err(error) if error.code() == "not-published" => not_published = Some(error),
                loaded => return loaded,
            }
        }
        match (built(argument)?, not_published) {
            (Some((_, component)), _) => self.load(&component),
            (None, Some(error)) => Err(error),
            (None, None) => self.load(argument),
        }
    }

    fn load_published(&mut self, name: &str) -> Result<Plugin, Failure> {
        let registry = open_registry(self.config, None, false)?;
        let digest = runtime()?.block_on(async {
            let snapshot = registry.read().await?;
            Ok::<_, RegistryError>(registry.published(&snapshot, name)?.digest.clone())
        });
        self.load_digest(&registry, name, &digest.map_err(boxed)?)
    }

    /// Loads a published component.
    pub(crate) fn load_digest(&mut self, registry: &Registry, name: &str, digest: &str) -> Result<Plugin, Failure> {
        let limits = self.config.limits("").map_err(boxed)?;
        if let Some(plugin) = self.sandbox.load_packaged(digest, limits) {
            return self.limited(plugin);
        }
        let wasm = runtime()?.block_on(registry.fetch(name, digest)).map_err(boxed)?;
        self.load_bytes(&format!("{name}.wasm"), &wasm)
    }

    fn load_bytes(&mut self, name: &str, wasm: &[u8]) -> Result<Plugin, Failure> {
        let folder = TemporaryFolder::create("host-plugin").map_err(super::environment_failure)?;
        let path = folder.path().join(name);
        std::fs::write(&path, wasm).map_err(super::environment_failure)?;
        self.fetched.push(folder);
        self.load(&path)
    }

    /// How a program ends that goes on without the plugins that could not be loaded.
    pub(crate) fn worst(&self) -> Exit {
        self.worst
    }

    /// Tells that a plugin can't be loaded: it stops its own tables, and not those of others.
    fn go_on_without(&mut self, name: &str, error: Failure) -> Result<(), Failure> {
        // Surroundings that fail may fail for all.
        if error.exit() == Exit::Environment {
            return Err(error);
        }
        (self.tell)(name, error.as_ref());
        self.worst = self.worst.max(error.exit());
        Ok(())
    }
}

/// The crate that `argument` names, by its folder or by its name in `plugins/`, and its component, built; `None` where there is
/// none.
pub(crate) fn built(argument: &Path) -> Result<Option<(PluginCrate, PathBuf)>, Failure> {
    if argument.is_file() {
        return Ok(None);
    }
    let here = std::env::current_dir().map_err(super::environment_failure)?;
    let Ok(one) = PluginCrate::find(&argument.to_string_lossy(), &here) else { return Ok(None) };
    let component = one.build().map_err(boxed)?;
    Ok(Some((one, component)))
}

/// The argument as the name of a plugin, which is no path.
fn published_name(argument: &Path) -> Option<&str> {
    argument.to_str().filter(|name| is_name(name))
}

/// The published plugins in `place`, or where the configuration says. A folder that is not there is made where something is to
/// be put into it, and is an empty one otherwise.
pub(crate) fn open_registry(config: &Config, place: Option<&ObjectPlace>, to_write: bool) -> Result<Registry, Failure> {
    let place = place.cloned().unwrap_or_else(|| config.plugins());
    if matches!(&place, ObjectPlace::Folder(folder) if !to_write && !folder.exists()) {
        return Ok(Registry::new(Arc::new(InMemory::new()), place.to_string()));
    }
    let run = uuid::Uuid::now_v7().to_string();
    runtime()?.block_on(open_plugins(&place, &run, clients())).map_err(boxed)
}

/// The number of threads: as many as there are processors, if none was named.
pub(crate) fn threads(named: Option<u16>) -> usize {
    named.map_or_else(|| available_parallelism().map_or(1, usize::from), usize::from)
}

/// All plugins that can be loaded: those that are published, and where they are published in a folder, the components that lie
/// there beside. Those of `loaded` are taken over as long as they are in force.
pub(crate) fn load_all(
    loader: &mut Loader<'_>,
    config: &Config,
    mut loaded: Vec<Plugin>,
) -> Result<Vec<Plugin>, Failure> {
    loader.worst = Exit::Done;
    let registry = open_registry(config, None, false)?;
    let snapshot = runtime()?.block_on(registry.read()).map_err(boxed)?;
    let mut plugins = Vec::new();
    for (name, published) in &snapshot.lock.plugins {
        let is_in_force = |plugin: &Plugin| plugin.manifest().name == *name && plugin.digest() == published.digest;
        if let Some(index) = loaded.iter().position(is_in_force) {
            plugins.push(loaded.swap_remove(index));
            continue;
        }
        match loader.load_digest(&registry, name, &published.digest) {
            Ok(plugin) => plugins.push(plugin),
            Err(error) => loader.go_on_without(name, error)?,
        }
    }
    let place = config.plugins();
    for path in components(&place)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let plugin = match loader.load(&path) {
            Ok(plugin) => plugin,
            Err(error) => {
                loader.go_on_without(&name, error)?;
                continue;
            }
        };
        if snapshot.lock.plugins.contains_key(&plugin.manifest().name) {
            tracing::debug!(name, "a published component of this plugin goes before");
        } else {
            plugins.push(plugin);
        }
    }
    if plugins.is_empty() {
        let exit = if loader.worst == Exit::Done { Exit::BadInput } else { loader.worst };
        return Err(boxed(NoPlugins { place, exit }));
    }
    Ok(plugins)
}

/// The components in a folder, by name; a bucket has published ones alone.
fn components(place: &ObjectPlace) -> Result<Vec<PathBuf>, Failure> {
    let ObjectPlace::Folder(folder) = place else { return Ok(Vec::new()) };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(super::environment_failure(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(super::environment_failure)?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort_unstable();
    Ok(paths)
}

/// A place without plugins.
#[derive(Debug, thiserror::Error)]
#[error("there is no plugin in `{place}` that can be loaded")]
struct NoPlugins {
    place: ObjectPlace,
    exit: Exit,
}

impl host::error::Explain for NoPlugins {
    fn code(&self) -> &'static str {
        "no-plugins"
    }

    fn hint(&self) -> Option<String> {
        Some("publish one, `host plugin publish <crate>`; or name a folder of components: `[plugins] path`, `HOST_PLUGINS_PATH`".to_owned())
    }

    fn exit(&self) -> Exit {
        self.exit
    }
}
