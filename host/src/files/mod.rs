//! Files that appear whole or not at all, and bytes that wait for a place.

mod spool;

pub use spool::{Spool, Spooled};

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A file that is written beside its place, and put there when it is whole. What was there before stays until then; a file
/// that is dropped unfinished leaves nothing behind.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    temporary: PathBuf,
    writer: BufWriter<File>,
    placed: bool,
}

impl NewFile {
    /// Begins a file for `path`, under a name that nobody else has: not another thread, process or container.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create(path: &Path) -> std::io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = path.file_name().ok_or(ErrorKind::InvalidInput)?.to_string_lossy().into_owned();
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let temporary = path.with_file_name(format!(".{name}.{}-{count}.tmp", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&temporary) {
                Ok(file) => {
                    let writer = BufWriter::new(file);
                    return Ok(Self { path: path.to_owned(), temporary, writer, placed: false });
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Where the file will be.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the file into its place: its bytes are on the disk before its name is.
    ///
    /// # Errors
    /// What the file system says; then the file is removed.
    pub fn place(mut self) -> std::io::Result<PathBuf> {
        self.writer.flush()?;
        self.writer.get_ref().sync_all()?;
        fs::rename(&self.temporary, &self.path)?;
        self.placed = true;
        Ok(self.path.clone())
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.writer.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.placed
            && let Err(error) = fs::remove_file(&self.temporary)
        {
            tracing::warn!(path = %self.temporary.display(), %error, "can't remove an unfinished file");
        }
    }
}

/// Where bytes go that are written one after the other.
#[derive(Debug)]
pub enum Output {
    /// A file that is put into its place when it is whole.
    Place(NewFile),
    /// Bytes whose place is not known yet.
    Spool(Spool),
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Place(file) => file.write(bytes),
            Self::Spool(spool) => spool.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Place(file) => file.flush(),
            Self::Spool(spool) => spool.flush(),
        }
    }
}

/// A file without a name, in the machine's folder for temporary files: it goes with the value, or with the process.
pub(crate) fn unlinked_file() -> std::io::Result<File> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!(".host-spool-{}-{count}", std::process::id()));
        match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => {
                fs::remove_file(&path)?;
                return Ok(file);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

/// A folder of this process alone, in the machine's folder for temporary files. It goes with the value.
#[derive(Debug)]
pub struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    /// Makes a folder whose name begins with `name`, and that only this user can read.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create(name: &str) -> std::io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let folder = std::env::temp_dir().join(format!("{name}-{}-{count}", std::process::id()));
            match fs::DirBuilder::new().mode(0o700).create(&folder) {
                Ok(()) => return Ok(Self(folder)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "can't remove a temporary folder");
        }
    }
}
