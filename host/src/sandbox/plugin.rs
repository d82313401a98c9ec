//! The engine, and plugins that it may run.

use super::bindings::{Context, Transform, TransformPre, log};
use super::cache::Cache;
use super::check::{Transformed, check};
use super::error::{Fault, LoadError};
use super::limits::{COMPONENT_BYTES_MAX, Limits, POOL_MEMORY_BYTES_MAX, STACK_BYTES_MAX};
use super::store::{CallState, LogLine, Usage};
use super::{CONTRACT_VERSION, wasi};
use crate::manifest::Manifest;
use sha2::{Digest, Sha256};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Store, Trap};

/// The WebAssembly engine, with the settings that make plugins deterministic and contained.
#[derive(Clone)]
pub struct Sandbox {
    engine: Engine,
    cache: Option<Cache>,
}

impl Sandbox {
    /// Starts an engine for `threads` calls at a time. Compiled plugins are kept in `cache`.
    ///
    /// # Errors
    /// [`LoadError::Engine`] where the machine can't give the address space.
    pub fn new(threads: usize, cache: Option<Cache>) -> Result<Self, LoadError> {
        let engine =
            Engine::new(&config(threads)).map_err(|error| LoadError::Engine { reason: format!("{error:#}") })?;
        Ok(Self { engine, cache })
    }

    /// Loads the plugin at `path`: compiles it, checks its imports and its version of the contract, and asks what it does.
    ///
    /// # Errors
    /// Why the plugin can't be run.
    pub fn load(&self, path: &Path, limits: Limits) -> Result<Plugin, LoadError> {
        let started = Instant::now();
        let wasm = read(path)?;
        let digest = hex(&Sha256::digest(&wasm));
        let compile = || Component::from_binary(&self.engine, &wasm);
        let component = match &self.cache {
            Some(cache) => cache.load(&self.engine, &digest, compile),
            None => compile(),
        };
        let not_a_component =
            |error: wasmtime::Error| LoadError::NotAComponent { path: path.to_owned(), reason: format!("{error:#}") };
        let component = component.map_err(not_a_component)?;
        self.check_contract(path, &component)?;
        let imports = wasi::refused_imports(&self.engine, &component);
        if !imports.is_empty() {
            return Err(LoadError::Import { path: path.to_owned(), imports });
        }
        let contract =
            |error: wasmtime::Error| LoadError::Contract { path: path.to_owned(), reason: format!("{error:#}") };
        let instances = self.link(&component).map_err(contract)?;
        let mut plugin = Plugin {
            engine: self.engine.clone(),
            instances,
            path: path.to_owned(),
            digest,
            size_bytes: wasm.len() as u64,
            imports: component.component_type().imports(&self.engine).map(|(name, _)| name.to_owned()).collect(),
            limits,
            manifest: Manifest::default(),
            load_time: Duration::ZERO,
        };
        plugin.manifest = plugin.describe()?;
        plugin.load_time = started.elapsed();
        Ok(plugin)
    }

    fn link(&self, component: &Component) -> wasmtime::Result<TransformPre<CallState>> {
        let mut linker = Linker::new(&self.engine);
        wasi::link(&self.engine, component, &mut linker)?;
        log::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state)?;
        TransformPre::new(linker.instantiate_pre(component)?)
    }

    /// Refuses another version of the contract before anything of the plugin runs.
    fn check_contract(&self, path: &Path, component: &Component) -> Result<(), LoadError> {
        let component_type = component.component_type();
        let found = component_type.exports(&self.engine).find_map(|(name, _)| {
            let version = name.strip_prefix("star:transform/plugin")?;
            Some(version.strip_prefix('@').unwrap_or("unknown").to_owned())
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

fn config(threads: usize) -> Config {
    // One call a thread, and one more for a `describe` beside it.
    let instances = u32::try_from(threads).unwrap_or(u32::MAX).saturating_add(1);
    // A component of an interpreter has a handful of core instances, memories and tables.
    const PARTS_MAX: u32 = 16;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(PARTS_MAX))
        .total_memories(instances.saturating_mul(2))
        .total_tables(instances.saturating_mul(PARTS_MAX))
        .max_core_instances_per_component(PARTS_MAX)
        .max_memories_per_component(2)
        .max_tables_per_component(PARTS_MAX)
        .table_elements(100_000)
        .max_memory_size(POOL_MEMORY_BYTES_MAX as usize)
        // What a call touches stays in place and is zeroed for the next one: page faults cost more than the zeros.
        .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
        .pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .consume_fuel(true)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .cranelift_opt_level(OptLevel::Speed)
        .max_wasm_stack(STACK_BYTES_MAX);
    config
}

/// What stays resident of a memory between calls: some chunk, its columns, and what a small runtime needs.
const KEEP_RESIDENT_BYTES: usize = 8 * 1024 * 1024;

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    let unreadable = |source| LoadError::Unreadable { path: path.to_owned(), source };
    let file = fs::File::open(path).map_err(unreadable)?;
    let mut wasm = Vec::new();
    file.take(COMPONENT_BYTES_MAX + 1).read_to_end(&mut wasm).map_err(unreadable)?;
    if wasm.len() as u64 > COMPONENT_BYTES_MAX {
        let bytes = fs::metadata(path).map_or(wasm.len() as u64, |metadata| metadata.len());
        return Err(LoadError::TooLarge { path: path.to_owned(), bytes, bytes_max: COMPONENT_BYTES_MAX });
    }
    Ok(wasm)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A component that may run: its imports, version and manifest were checked.
pub struct Plugin {
    engine: Engine,
    instances: TransformPre<CallState>,
    path: PathBuf,
    digest: String,
    size_bytes: u64,
    imports: Vec<String>,
    limits: Limits,
    manifest: Manifest,
    load_time: Duration,
}

/// The lines of one call.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The sequence id of the packet.
    pub sequence: u64,
    /// The record number of the first line.
    pub first_record: u64,
    /// The index of the first line in its packet, from 0.
    pub first_line: u64,
    /// How many lines there are.
    pub lines: u32,
    /// The lines.
    pub json_lines: &'a [u8],
}

/// How a call went.
#[derive(Debug)]
pub struct Called {
    /// The rows and rejects, or the fault.
    pub result: Result<Transformed, Fault>,
    /// What it used.
    pub usage: Usage,
    /// What it logged.
    pub log: Vec<LogLine>,
}

impl Plugin {
    /// What the plugin reads and writes.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where it was loaded from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The SHA-256 of the component, in hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The size of the component in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// What the component imports.
    #[must_use]
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    /// The limits of its calls.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How long it took to load.
    #[must_use]
    pub fn load_time(&self) -> Duration {
        self.load_time
    }

    /// The same plugin with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Runs the lines of `call` in a fresh instance, and checks what comes back.
    #[must_use]
    pub fn call(&self, call: &Call<'_>) -> Called {
        let context = Context {
            table: self.manifest.source_table.clone(),
            sequence: call.sequence,
            first_record: call.first_record,
            first_line: call.first_line,
            lines: call.lines,
        };
        let fuel = self.limits.fuel(call.json_lines.len());
        let (result, usage, log) = self.in_instance(fuel, |store, plugin| {
            plugin.star_transform_plugin().call_transform(store, &context, call.json_lines)
        });
        let result = match result {
            Ok(Ok(output)) => check(output, &self.manifest, call.lines).map_err(Fault::Output),
            Ok(Err(failure)) => Err(Fault::Failure { message: failure.message }),
            Err(fault) => Err(fault),
        };
        Called { result, usage, log }
    }

    fn describe(&self) -> Result<Manifest, LoadError> {
        let path = || self.path.clone();
        let fuel = self.limits.fuel(0);
        let (result, ..) = self.in_instance(fuel, |store, plugin| plugin.star_transform_plugin().call_describe(store));
        let manifest: Manifest = result.map_err(|fault| LoadError::Describe { path: path(), fault })?.into();
        manifest.check().map_err(|error| LoadError::Manifest { path: path(), error })?;
        Ok(manifest)
    }

    fn in_instance<T>(
        &self,
        fuel: u64,
        run: impl FnOnce(&mut Store<CallState>, &Transform) -> wasmtime::Result<T>,
    ) -> (Result<T, Fault>, Usage, Vec<LogLine>) {
        let mut store = Store::new(&self.engine, CallState::new(self.limits));
        store.limiter(|state| state);
        store.set_hostcall_fuel(usize::try_from(self.limits.output_bytes_max).unwrap_or(usize::MAX));
        let result = store
            .set_fuel(fuel)
            .and_then(|()| self.instances.instantiate(&mut store))
            .and_then(|plugin| run(&mut store, &plugin));
        let used = fuel - store.get_fuel().unwrap_or(fuel);
        let fault = result.map_err(|error| self.fault(&error, fuel, store.data()));
        let usage = store.data().usage(used);
        (fault, usage, store.data_mut().take_log())
    }

    /// What a wasmtime error means.
    fn fault(&self, error: &wasmtime::Error, fuel: u64, state: &CallState) -> Fault {
        if let Some(Trap::OutOfFuel) = error.downcast_ref() {
            return Fault::Fuel { limit: fuel };
        }
        let message = state.panic_message().unwrap_or_else(|| root_cause(error));
        if state.memory_denied() {
            return Fault::Memory { limit: self.limits.memory_bytes_max, message };
        }
        if error.downcast_ref::<Trap>().is_none() && message.contains("hostcall") {
            return Fault::OutputSize { limit: self.limits.output_bytes_max };
        }
        Fault::Trap { message }
    }
}

/// The innermost message of an error: `wasm trap: ...` without the backtrace around it.
fn root_cause(error: &wasmtime::Error) -> String {
    error.chain().last().map_or_else(|| error.to_string(), ToString::to_string)
}
