//! Compiled components, kept between runs.
//!
//! Compiled code runs outside of any sandbox, so only what this host compiled is ever loaded: the folder and each file belong
//! to this user, nobody else can write them, and a file begins with the digest of its name and of the code that follows.

use sha2::{Digest, Sha256};
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use wasmtime::Engine;
use wasmtime::component::Component;

const DIGEST_BYTES: usize = 32;

/// A folder of compiled components.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Opens the folder, and makes it if need be; `None` where it can't be trusted, and then each run compiles anew.
    #[must_use]
    pub fn open(folder: &Path) -> Option<Self> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        if let Err(error) = made {
            tracing::warn!(folder = %folder.display(), %error, "can't keep compiled plugins: each run compiles them anew");
            return None;
        }
        let trusted = fs::metadata(folder).is_ok_and(|metadata| metadata.is_dir() && is_private(&metadata));
        if !trusted {
            let folder = folder.display();
            tracing::warn!(%folder, "others can write the folder of compiled plugins: it is not used; `chmod 700` it");
            return None;
        }
        Some(Self { folder: folder.to_owned() })
    }

    /// The compiled form of the component with `digest`, from the folder or else by `compile`.
    pub(super) fn load(
        &self,
        engine: &Engine,
        digest: &str,
        compile: impl FnOnce() -> wasmtime::Result<Component>,
    ) -> wasmtime::Result<Component> {
        let name = format!("{digest}-{:016x}.cwasm", environment(engine));
        let path = self.folder.join(&name);
        if let Some(compiled) = read_trusted(&path, &name) {
            match deserialize(engine, &compiled) {
                Ok(component) => return Ok(component),
                Err(error) => tracing::debug!(path = %path.display(), %error, "compiling anew"),
            }
        }
        let component = compile()?;
        if let Err(error) = write(&path, &name, &component.serialize()?) {
            tracing::warn!(path = %path.display(), %error, "can't keep a compiled plugin");
        }
        Ok(component)
    }
}

#[expect(unsafe_code, reason = "loading compiled code is unsafe by its nature; see the module's rules")]
fn deserialize(engine: &Engine, compiled: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the bytes are what `serialize` gave this host: only this user could write the file, and the digest holds.
    unsafe { Component::deserialize(engine, compiled) }
}

/// What beside the component decides the compiled code: wasmtime's version, its settings, and the processor's features.
fn environment(engine: &Engine) -> u64 {
    #[expect(
        deprecated,
        reason = "its output is the same in each build, which that of `DefaultHasher` is not promised to be"
    )]
    let mut hasher = std::hash::SipHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

fn is_private(metadata: &fs::Metadata) -> bool {
    const WRITABLE_BY_OTHERS: u32 = 0o022;
    metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & WRITABLE_BY_OTHERS == 0
}

/// The digest of the compiled code and of the name that it is kept under, so that it can't stand for another plugin's.
fn digest(name: &str, compiled: &[u8]) -> [u8; DIGEST_BYTES] {
    Sha256::new().chain_update(name).chain_update(compiled).finalize().into()
}

fn read_trusted(path: &Path, name: &str) -> Option<Vec<u8>> {
    let file = fs::File::open(path).ok()?;
    if !is_private(&file.metadata().ok()?) {
        return None;
    }
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut &file, &mut bytes).ok()?;
    if bytes.len() < DIGEST_BYTES {
        return None;
    }
    let compiled = bytes.split_off(DIGEST_BYTES);
    (digest(name, &compiled).as_slice() == bytes).then_some(compiled)
}

/// Writes beside the place and renames, so that nobody reads half a file.
fn write(path: &Path, name: &str, compiled: &[u8]) -> std::io::Result<()> {
    // Threads of one process may keep the same plugin at the same time.
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let write = WRITES.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_extension(format!("{}-{write}.tmp", std::process::id()));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    let written = file.write_all(&digest(name, compiled)).and_then(|()| file.write_all(compiled));
    let kept = written.and_then(|()| fs::rename(&temporary, path));
    if kept.is_err() {
        // What is left of it would only take room.
        let _ = fs::remove_file(&temporary);
    }
    kept
}
