//! A plugin, and its calls.

use super::bindings::{Context, Transform};
use super::check::{Transformed, check};
use super::engine::LazyEngine;
use super::error::LoadError;
use super::fault::{Fault, Stage};
use super::instances::Instances;
use super::limits::{HANDLES_MAX, Limits, MANIFEST_BYTES_MAX};
use super::store::{CallState, LogLine, Usage};
use super::symbols::Symbols;
use super::turns::Turns;
use crate::manifest::Manifest;
use crate::text::{FAULT_CHARS_MAX, shown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::{Store, WasmBacktrace};

/// A component that may run: its imports, version and manifest were checked.
pub struct Plugin {
    engine: LazyEngine,
    turns: Arc<Turns>,
    instances: Instances,
    path: PathBuf,
    digest: String,
    size_bytes: u64,
    imports: Vec<String>,
    limits: Limits,
    manifest: Manifest,
    load_time: Duration,
    symbols: Symbols,
}

/// A component whose imports and version were checked, and that has not yet said what it does.
pub(super) struct PluginParts {
    pub(super) engine: LazyEngine,
    pub(super) turns: Arc<Turns>,
    pub(super) instances: Instances,
    pub(super) path: PathBuf,
    pub(super) digest: String,
    pub(super) size_bytes: u64,
    pub(super) imports: Vec<String>,
    pub(super) limits: Limits,
    pub(super) started: Instant,
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
        Self { limits: limits.capped(), ..self }
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
        let output_bytes_max = usize::try_from(self.limits.output_bytes_max).unwrap_or(usize::MAX);
        // Of several lines the guilty ones are still to be found: then is the time to tell where in the source.
        let asks_place = call.lines <= 1;
        let (result, usage, log) =
            self.in_instance(Stage::Start, asks_place, fuel, output_bytes_max, |store, plugin| {
                plugin.star_transform_plugin().call_transform(store, &context, call.json_lines)
            });
        let result = match result {
            Ok(Ok(output)) => check(output, &self.manifest, call.lines).map_err(Fault::Output),
            Ok(Err(failure)) => Err(Fault::Failure { message: shown(&failure.message, FAULT_CHARS_MAX) }),
            Err(fault) => Err(fault),
        };
        Called { result, usage, log }
    }

    /// A component that has said before what it does.
    pub(super) fn described(parts: PluginParts, manifest: Manifest) -> Self {
        let PluginParts { engine, turns, instances, path, digest, size_bytes, imports, limits, started } = parts;
        let (limits, load_time) = (limits.capped(), started.elapsed());
        let symbols = Symbols::new(&path, &digest);
        Self { engine, turns, instances, path, digest, size_bytes, imports, limits, manifest, load_time, symbols }
    }

    /// Asks the component what it does.
    pub(super) fn describe(parts: PluginParts) -> Result<Self, LoadError> {
        let started = parts.started;
        let plugin = Self::described(parts, Manifest::default());
        let fuel = plugin.limits.fuel(0);
        let (result, ..) = plugin.in_instance(Stage::FirstStart, true, fuel, MANIFEST_BYTES_MAX, |store, component| {
            component.star_transform_plugin().call_describe(store)
        });
        let path = || plugin.path.clone();
        let manifest: Manifest = result.map_err(|fault| LoadError::Describe { path: path(), fault })?.into();
        manifest.check().map_err(|error| LoadError::Manifest { path: path(), error })?;
        Ok(Self { manifest, load_time: started.elapsed(), ..plugin })
    }

    fn in_instance<T>(
        &self,
        mut stage: Stage,
        asks_place: bool,
        fuel: u64,
        output_bytes_max: usize,
        run: impl FnOnce(&mut Store<CallState>, &Transform) -> wasmtime::Result<T>,
    ) -> (Result<T, Fault>, Usage, Vec<LogLine>) {
        // Given back after the store, and the instance with it, is gone.
        let _turn = self.turns.take();
        let engine = match self.engine.get() {
            Ok(engine) => engine,
            Err(reason) => {
                return (Err(Fault::Machine { reason: reason.to_owned() }), Usage::default(), Vec::new());
            }
        };
        let mut store = Store::new(engine, CallState::new(self.limits));
        store.limiter(|state| state);
        store.set_hostcall_fuel(output_bytes_max);
        store.set_max_component_handles(HANDLES_MAX);
        let result = store.set_fuel(fuel).and_then(|()| self.instances.get(engine)?.instantiate(&mut store)).and_then(
            |plugin| {
                stage = Stage::Call;
                run(&mut store, &plugin)
            },
        );
        let used = fuel.saturating_sub(store.get_fuel().unwrap_or(0));
        let limits = Limits { output_bytes_max: output_bytes_max as u64, ..self.limits };
        let result = result.map_err(|error| {
            let backtrace = error.downcast_ref::<WasmBacktrace>().filter(|_| asks_place);
            let place = backtrace.and_then(|backtrace| self.symbols.place(backtrace, &self.manifest.name));
            Fault::of(&error, stage, store.data(), fuel, &limits).at(place)
        });
        let usage = store.data().usage(used, fuel);
        (result, usage, store.data_mut().take_log())
    }
}
