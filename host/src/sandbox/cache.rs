//! Compiled components, kept between runs.
//!
//! Compiled code runs outside of any sandbox, so only what this host compiled is ever loaded: the folder and each file belong
//! to this user, nobody else can write them, and a file's bytes have the digest that was written before them.

use sha2::{Digest, Sha256};
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
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
        let path = self.folder.join(format!("{digest}-{:016x}.cwasm", environment(engine)));
        if let Some(compiled) = read_trusted(&path) {
            match deserialize(engine, &compiled) {
                Ok(component) => return Ok(component),
                Err(error) => tracing::debug!(path = %path.display(), %error, "compiling anew"),
            }
        }
        let component = compile()?;
        if let Err(error) = write(&path, &component.serialize()?) {
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

fn read_trusted(path: &Path) -> Option<Vec<u8>> {
    let file = fs::File::open(path).ok()?;
    if !is_private(&file.metadata().ok()?) {
        return None;
    }
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut &file, &mut bytes).ok()?;
    let compiled = bytes.split_off_checked(DIGEST_BYTES)?;
    (Sha256::digest(&compiled).as_slice() == bytes).then_some(compiled)
}

/// `Vec::split_off` that does not panic on a short vector.
trait SplitOffChecked: Sized {
    fn split_off_checked(&mut self, at: usize) -> Option<Self>;
}

impl SplitOffChecked for Vec<u8> {
    fn split_off_checked(&mut self, at: usize) -> Option<Self> {
        (at <= self.len()).then(|| self.split_off(at))
    }
}

/// Writes beside the place and renames, so that nobody reads half a file.
fn write(path: &Path, compiled: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(&Sha256::digest(compiled))?;
    file.write_all(compiled)?;
    fs::rename(&temporary, path)
}
