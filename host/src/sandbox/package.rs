//! Components that were compiled ahead of time and lie in the package of the program, under their digests.
//!
//! ```text
//! <SHA-256>.wasm     the component: what it stopped at is looked up there
//! <SHA-256>.cwasm    its code
//! <SHA-256>.json     what it said of itself
//! ```
//!
//! Compiled code runs outside of any sandbox. What lies in the package came with the program and is trusted as the program is, so
//! that nothing of it is looked at again; whoever can write there could write another program.

use super::engine::settings;
use super::error::LoadError;
use super::plugin::Plugin;
use crate::manifest::Manifest;
use crate::text::sha256;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::PathBuf;
use wasmtime::Engine;
use wasmtime::component::Component;

/// How many calls at a time the settings are for that components are compiled with: the code does not depend on it.
const INSTANCES: u32 = 1;

/// What every processor of the service has that runs such packages: a machine that compiles may have more.
#[cfg(target_arch = "x86_64")]
const PROCESSOR: (&str, &[&str]) = (
    "x86_64-unknown-linux-gnu",
    &[
        "has_sse3",
        "has_ssse3",
        "has_sse41",
        "has_sse42",
        "has_popcnt",
        "has_avx",
        "has_avx2",
        "has_fma",
        "has_bmi1",
        "has_bmi2",
        "has_lzcnt",
    ],
);
#[cfg(target_arch = "aarch64")]
const PROCESSOR: (&str, &[&str]) = ("aarch64-unknown-linux-gnu", &["has_lse"]);

/// A folder of components, and what they were compiled to.
#[derive(Clone, Debug)]
pub struct Package {
    folder: PathBuf,
}

/// A component of a package, as it said of itself when it was put there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Packaged {
    /// What it reads and writes.
    pub manifest: Manifest,
    /// The SHA-256 of the component.
    pub digest: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// What it imports.
    pub imports: Vec<String>,
    /// The size of its code in bytes.
    pub code_bytes: u64,
}

impl Package {
    /// The package in `folder`, which may lack any component.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Compiles the component of `plugin` for any processor of the kind that this program runs on, and puts all of it here.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn add(&self, plugin: &Plugin) -> Result<Packaged, LoadError> {
        let path = plugin.path();
        let wasm = super::engine::read_component(path)?;
        let mut config = settings(INSTANCES);
        let (target, features) = PROCESSOR;
        let refused = |error: wasmtime::Error| LoadError::Engine { reason: format!("{error:#}") };
        config.target(target).map_err(refused)?;
        for feature in features {
            #[expect(unsafe_code, reason = "a flag of the compiler's own can break what it makes")]
            // SAFETY: the flags name features of processors, nothing else; code with them is refused where one is missing.
            unsafe {
                config.cranelift_flag_enable(feature);
            }
        }
        let compiled = Engine::new(&config).map_err(refused)?.precompile_component(&wasm);
        let compiled = compiled.map_err(|error| LoadError::NotAComponent {
            path: path.to_owned(),
            reason: super::engine::reason(&error),
        })?;
        let packaged = Packaged {
            manifest: plugin.manifest().clone(),
            digest: sha256(&wasm),
            size_bytes: wasm.len() as u64,
            imports: plugin.imports().to_vec(),
            code_bytes: compiled.len() as u64,
        };
        let digest = &packaged.digest;
        let said = serde_json::to_vec(&packaged).map_err(|error| LoadError::Engine { reason: error.to_string() })?;
        let unwritable = |path: PathBuf| move |source| LoadError::Unwritable { path, source };
        fs::create_dir_all(&self.folder).map_err(unwritable(self.folder.clone()))?;
        for (path, bytes) in
            [(self.component(digest), &wasm), (self.code(digest), &compiled), (self.said(digest), &said)]
        {
            fs::write(&path, bytes).map_err(unwritable(path))?;
        }
        Ok(packaged)
    }

    fn said(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}.json"))
    }

    /// What the component with `digest` said of itself, if it is here.
    pub(super) fn find(&self, digest: &str) -> Option<Packaged> {
        let path = self.said(digest);
        let said = serde_json::from_slice(&fs::read(&path).ok()?);
        said.inspect_err(
            |error| tracing::warn!(path = %path.display(), %error, "a plugin of the package can't be read"),
        )
        .ok()
    }

    /// The file of the component with `digest`, whether it is there or not.
    pub(super) fn component(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}.wasm"))
    }

    fn code(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}.cwasm"))
    }

    /// The component with `digest`, which is here: its code, or that of the component itself where this is another machine than
    /// the code is for.
    pub(super) fn load(&self, engine: &Engine, digest: &str) -> wasmtime::Result<Component> {
        let code = self.code(digest);
        #[expect(unsafe_code, reason = "loading compiled code is unsafe by its nature; see the module's rules")]
        // SAFETY: the package came with the program, and nothing writes there while it runs.
        let loaded = unsafe { Component::deserialize_file(engine, &code) };
        loaded.or_else(|error| {
            let path = code.display();
            tracing::warn!(%path, "the code of a plugin is not for this machine, and is compiled anew: {error:#}");
            Component::from_binary(engine, &fs::read(self.component(digest))?)
        })
    }
}
