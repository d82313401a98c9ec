//! The engine: its settings, and what it asks of a component before anything of it runs.

use super::bindings::TransformPre;
use super::cache::Cache;
use super::error::LoadError;
use super::instances::Instances;
use super::limits::{COMPONENT_BYTES_MAX, Limits, MEMORY_BYTES_MAX, STACK_BYTES_MAX, TABLE_ELEMENTS_MAX};
use super::package::{Package, Packaged};
use super::plugin::{Plugin, PluginParts};
use super::store::CallState;
use super::turns::Turns;
use super::{CONTRACT_VERSION, imports, wasi};
use crate::text::{FAULT_CHARS_MAX, NAME_CHARS_MAX, sha256, shown};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use wasmtime::component::{Component, Linker};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OperatorCost, OptLevel, PoolingAllocationConfig,
    WasmBacktraceDetails,
};

/// The engine, which is started when it is first needed.
#[derive(Clone)]
pub(super) struct LazyEngine {
    /// For so many calls at a time.
    instances: u32,
    started: Arc<OnceLock<Result<Engine, String>>>,
}

impl LazyEngine {
    /// # Errors
    /// What wasmtime says where the machine can't give the address space.
    pub(super) fn get(&self) -> Result<&Engine, &str> {
        let start = || Engine::new(&settings(self.instances)).map_err(|error| format!("{error:#}"));
        self.started.get_or_init(start).as_ref().map_err(String::as_str)
    }
}

/// The WebAssembly engine, with the settings that make plugins deterministic and contained.
#[derive(Clone)]
pub struct Sandbox {
    engine: LazyEngine,
    cache: Option<Cache>,
    package: Option<Package>,
    turns: Arc<Turns>,
}

impl Sandbox {
    /// Starts an engine for `threads` calls at a time; a call beyond them waits. Compiled plugins are kept in `cache`.
    ///
    /// # Errors
    /// [`LoadError::Engine`] where the machine can't give the address space.
    pub fn new(threads: usize, cache: Option<Cache>) -> Result<Self, LoadError> {
        let sandbox = Self::later(threads, cache);
        sandbox.engine()?;
        Ok(sandbox)
    }

    /// The same, with an engine that is started with the first plugin that is loaded or called.
    #[must_use]
    pub fn later(threads: usize, cache: Option<Cache>) -> Self {
        // One call a thread, and one more for a `describe` beside it.
        let instances = u32::try_from(threads).unwrap_or(u32::MAX).saturating_add(1);
        let engine = LazyEngine { instances, started: Arc::default() };
        Self { engine, cache, package: None, turns: Arc::new(Turns::new(instances)) }
    }

    fn engine(&self) -> Result<&Engine, LoadError> {
        self.engine.get().map_err(|reason| LoadError::Engine { reason: reason.to_owned() })
    }

    /// This sandbox, with what lies in the package of this program.
    #[must_use]
    pub fn with_package(self, package: Package) -> Self {
        Self { package: Some(package), ..self }
    }

    /// Takes the plugin with `digest` from the package; `None` if it is not there. Its code is loaded with its first call.
    #[must_use]
    pub fn load_packaged(&self, digest: &str, limits: Limits) -> Option<Plugin> {
        let started = Instant::now();
        let package = self.package.as_ref()?;
        let Packaged { manifest, digest, size_bytes, imports, .. } = package.find(digest)?;
        let parts = PluginParts {
            engine: self.engine.clone(),
            turns: self.turns.clone(),
            path: package.component(&digest),
            instances: Instances::later(package.clone(), digest.clone()),
            digest,
            size_bytes,
            imports,
            limits,
            started,
        };
        Some(Plugin::described(parts, manifest))
    }

    /// Loads the plugin at `path`: compiles it, checks its imports and its version of the contract, and asks what it does.
    ///
    /// # Errors
    /// Why the plugin can't be run.
    pub fn load(&self, path: &Path, limits: Limits) -> Result<Plugin, LoadError> {
        let started = Instant::now();
        let wasm = read_component(path)?;
        let digest = sha256(&wasm);
        let engine = self.engine()?;
        let compile = || Component::from_binary(engine, &wasm);
        let component = match &self.cache {
            Some(cache) => cache.load(engine, &digest, compile),
            None => compile(),
        };
        let component =
            component.map_err(|error| LoadError::NotAComponent { path: path.to_owned(), reason: reason(&error) })?;
        check_contract(engine, path, &component)?;
        let refused = wasi::refused_imports(engine, &component);
        if !refused.is_empty() {
            return Err(LoadError::Import { path: path.to_owned(), imports: refused });
        }
        let instances = link(engine, &component)
            .map_err(|error| LoadError::Contract { path: path.to_owned(), reason: reason(&error) })?;
        let imports = component.component_type().imports(engine).map(|(name, _)| name.to_owned()).collect();
        Plugin::describe(PluginParts {
            engine: self.engine.clone(),
            turns: self.turns.clone(),
            instances: Instances::of(instances),
            path: path.to_owned(),
            digest,
            size_bytes: wasm.len() as u64,
            imports,
            limits,
            started,
        })
    }
}

/// Refuses another version of the contract before anything of the plugin runs.
fn check_contract(engine: &Engine, path: &Path, component: &Component) -> Result<(), LoadError> {
    let component_type = component.component_type();
    let found = component_type.exports(engine).find_map(|(name, _)| {
        let (interface, version) = name.split_once('@').unwrap_or((name, "unknown"));
        (interface == "star:transform/plugin").then(|| shown(version, NAME_CHARS_MAX))
    });
    match found {
        None => Err(LoadError::NoContract { path: path.to_owned() }),
        Some(found) if !is_compatible(&found, CONTRACT_VERSION) => {
            let supported = CONTRACT_VERSION.to_owned();
            Err(LoadError::ContractVersion { path: path.to_owned(), found, supported })
        }
        Some(_) => Ok(()),
    }
}

/// Links a component with what the sandbox offers.
pub(super) fn link(engine: &Engine, component: &Component) -> wasmtime::Result<TransformPre<CallState>> {
    let mut linker = Linker::new(engine);
    wasi::link(engine, component, &mut linker)?;
    imports::link_log(&mut linker)?;
    TransformPre::new(linker.instantiate_pre(component)?)
}

/// Whether a plugin of contract version `plugin` runs on a host of version `host`: the same major version, and while that is
/// 0 the same minor version.
fn is_compatible(plugin: &str, host: &str) -> bool {
    let compatible_part = |version: &str| {
        let mut parts = version.split('.');
        let major = parts.next().unwrap_or_default().to_owned();
        let minor = parts.next().unwrap_or_default().to_owned();
        if major == "0" { (major, minor) } else { (major, String::new()) }
    };
    compatible_part(plugin) == compatible_part(host)
}

/// What wasmtime says of a component that it does not take; names of the component's own may be in it.
pub(super) fn reason(error: &wasmtime::Error) -> String {
    shown(&format!("{error:#}"), FAULT_CHARS_MAX)
}

/// The settings of an engine for so many calls at a time.
pub(super) fn settings(instances: u32) -> Config {
    // An interpreter whose WASI is stubbed has about forty core instances, most of them the stub of one interface; what all hold
    // beside memory and tables is bounded by wasmtime, to a MiB.
    const CORE_INSTANCES_MAX: u32 = 64;
    // An interpreter has a handful of tables.
    const TABLES_MAX: u32 = 16;
    // One memory: with a second one, two parts of a component could hand each other long strings in a loop, which wasmtime
    // copies and checks without asking for fuel; and the limit of memory would count twice.
    const MEMORIES_MAX: u32 = 1;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES_MAX))
        .total_memories(instances.saturating_mul(MEMORIES_MAX))
        .total_tables(instances.saturating_mul(TABLES_MAX))
        .max_core_instances_per_component(CORE_INSTANCES_MAX)
        .max_memories_per_component(MEMORIES_MAX)
        .max_tables_per_component(TABLES_MAX)
        .table_elements(TABLE_ELEMENTS_MAX)
        .max_memory_size(MEMORY_BYTES_MAX as usize)
        // What a call touches stays in place and is zeroed for the next one: page faults cost more than the zeros.
        .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
        .pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .consume_fuel(true)
        .operator_cost(operator_cost())
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .cranelift_opt_level(OptLevel::Speed)
        .max_wasm_stack(STACK_BYTES_MAX)
        // Debug information is read when it is needed, from the component itself.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable);
    config
}

/// A unit for each instruction, but for those that are a call of the host: some hundred instructions, as any other call of it.
fn operator_cost() -> OperatorCost {
    OperatorCost { MemoryGrow: u8::MAX, TableGrow: u8::MAX, ..OperatorCost::new() }
}

/// What stays resident of a memory between calls: some chunk, its columns, and what a small runtime needs.
const KEEP_RESIDENT_BYTES: usize = 8 * 1024 * 1024;

/// Reads what begins as a component does.
pub(super) fn read_component(path: &Path) -> Result<Vec<u8>, LoadError> {
    let unreadable = |source| LoadError::Unreadable { path: path.to_owned(), source };
    let file = fs::File::open(path).map_err(unreadable)?;
    let mut wasm = Vec::new();
    file.take(COMPONENT_BYTES_MAX + 1).read_to_end(&mut wasm).map_err(unreadable)?;
    if wasm.len() as u64 > COMPONENT_BYTES_MAX {
        let bytes = fs::metadata(path).map_or(wasm.len() as u64, |metadata| metadata.len());
        return Err(LoadError::TooLarge { path: path.to_owned(), bytes, bytes_max: COMPONENT_BYTES_MAX });
    }
    if let Some(reason) = foreign_header(&wasm) {
        return Err(LoadError::NotAComponent { path: path.to_owned(), reason: reason.to_owned() });
    }
    Ok(wasm)
}

/// What a file is that does not begin as a component does: magic, version 13, layer 1.
fn foreign_header(wasm: &[u8]) -> Option<&'static str> {
    match wasm {
        [b'\0', b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => None,
        [b'\0', b'a', b's', b'm', 1, 0, 0, 0, ..] => Some("it is a core module, not a component"),
        [b'\0', b'a', b's', b'm', ..] => Some("it is of another version of WebAssembly"),
        _ => Some("it does not begin as WebAssembly does"),
    }
}
