//! Uploads in parts into a folder.

use super::generic;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{Error, MultipartUpload, ObjectStoreExt, PutPayload, PutResult, Result, UploadPart};
use rustix::fs::{Mode, OFlags};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

/// After how many bytes the disk is made to take what is written, while more is on its way: the wait at the end is then for
/// these at most, a fraction of a second on a slow disk.
const WRITE_BACK_BYTES: u64 = 32 << 20;

/// What is written past the cache of the operating system begins and ends at multiples of this: pages of memory, blocks of disks.
const ALIGNMENT: u64 = 4_096;
/// How much is written past the cache at a time; small enough to stay in the processor's own.
const DIRECT_BYTES: usize = 1 << 20;

/// A file that grows beside its final place, under a name that no list shows, and appears under its own when it is whole and
/// on the disk. It never replaces another. Dropped before that, it leaves nothing.
#[derive(Debug)]
pub(super) struct FolderUpload {
    files: LocalFileSystem,
    location: Path,
    /// Where the file will appear.
    path: PathBuf,
    growing: Arc<Growing>,
    /// The name under which it grows; none when it has appeared, or was aborted.
    temporary: Option<Temporary>,
    /// How many bytes were handed over.
    handed: u64,
}

/// What the threads that write share.
#[derive(Debug)]
struct Growing {
    file: File,
    /// The same file, opened to be written past the cache of the operating system, where the file system can do that. What is
    /// written once and not read soon need not be copied there: that copy costs as much as all of Postgres' binary form.
    direct: Option<File>,
    /// How many bytes are written, and how many were so when the disk was last made to take them.
    written: AtomicU64,
    written_back: AtomicU64,
    /// Held by the thread that waits for the disk. A failure is told once, to whoever waits: it is kept for the end.
    write_back: Arc<Mutex<Option<io::Error>>>,
}

impl FolderUpload {
    /// Begins a file, and makes the folders that it lies in.
    pub(super) async fn begin(files: LocalFileSystem, location: &Path) -> Result<Self> {
        let path = files.path_to_filesystem(location)?;
        let beside = path.clone();
        let (file, temporary) = blocking(move || create_beside(&beside)).await.map_err(generic)?;
        let growing = Growing {
            direct: open_direct(&temporary.0),
            file,
            written: AtomicU64::new(0),
            written_back: AtomicU64::new(0),
            write_back: Arc::default(),
        };
        let growing = Arc::new(growing);
        Ok(Self { files, location: location.clone(), path, growing, temporary: Some(temporary), handed: 0 })
    }
}

#[async_trait]
impl MultipartUpload for FolderUpload {
    /// Each part has its place, so that they can be written in any order, and at once.
    fn put_part(&mut self, content: PutPayload) -> UploadPart {
        let place = self.handed;
        self.handed += content.content_length() as u64;
        let growing = self.growing.clone();
        Box::pin(async move { blocking(move || growing.write(place, &content)).await.map_err(generic) })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let over = || io::Error::other("the upload was completed or aborted before");
        let temporary = self.temporary.take().ok_or_else(over).map_err(generic)?;
        if self.growing.written.load(Ordering::Acquire) != self.handed {
            let missing = "parts are missing: each one's future must have returned";
            return Err(generic(io::Error::other(missing)));
        }
        if let Some(failure) = self.growing.write_back.lock().await.take() {
            return Err(generic(failure));
        }
        let (growing, path) = (self.growing.clone(), self.path.clone());
        let appeared = blocking(move || {
            growing.file.sync_all()?;
            std::fs::hard_link(&temporary.0, &path)?;
            drop(temporary);
            sync_folder_of(&path)
        });
        match appeared.await {
            Ok(()) => {
                let meta = self.files.head(&self.location).await?;
                Ok(PutResult { e_tag: meta.e_tag, version: None, extensions: Default::default() })
            }
            Err(source) if source.kind() == ErrorKind::AlreadyExists => {
                Err(Error::AlreadyExists { path: self.location.to_string(), source: source.into() })
            }
            Err(source) => Err(generic(source)),
        }
    }

    async fn abort(&mut self) -> Result<()> {
        self.temporary = None;
        Ok(())
    }
}

impl Growing {
    fn write(self: Arc<Self>, place: u64, content: &PutPayload) -> io::Result<()> {
        let length = content.content_length() as u64;
        if let Some(direct) = &self.direct {
            return self.write_direct(direct, place, content).map(|()| {
                self.written.fetch_add(length, Ordering::AcqRel);
            });
        }
        self.write_pieces(place, content)?;
        let written = self.written.fetch_add(length, Ordering::AcqRel) + length;
        if written - self.written_back.load(Ordering::Acquire).min(written) >= WRITE_BACK_BYTES {
            self.start_write_back(written);
        }
        Ok(())
    }

    fn write_pieces(&self, mut place: u64, content: &PutPayload) -> io::Result<()> {
        for piece in content {
            self.file.write_all_at(piece, place)?;
            place += piece.len() as u64;
        }
        Ok(())
    }

    /// Writes whole blocks past the cache, and what stands before the first and after the last of them through it: no block is
    /// written in both ways.
    fn write_direct(&self, direct: &File, place: u64, content: &PutPayload) -> io::Result<()> {
        let end = place + content.content_length() as u64;
        let (first, last) = (place.next_multiple_of(ALIGNMENT), end - end % ALIGNMENT);
        if first >= last {
            return self.write_pieces(place, content);
        }
        let mut room = vec![0; DIRECT_BYTES + ALIGNMENT as usize];
        let start = room.as_ptr().align_offset(ALIGNMENT as usize);
        let room = &mut room[start..start + DIRECT_BYTES];
        let (mut at, mut filled) = (place, 0);
        for piece in content {
            let mut rest = &piece[..];
            while !rest.is_empty() {
                if at < first || at >= last {
                    let edge = if at < first { first } else { end };
                    let count = rest.len().min(usize::try_from(edge - at).unwrap_or(usize::MAX));
                    self.file.write_all_at(&rest[..count], at)?;
                    (rest, at) = (&rest[count..], at + count as u64);
                    continue;
                }
                let left = usize::try_from(last - at).unwrap_or(usize::MAX);
                let count = rest.len().min(DIRECT_BYTES - filled).min(left);
                room[filled..filled + count].copy_from_slice(&rest[..count]);
                (rest, at, filled) = (&rest[count..], at + count as u64, filled + count);
                if filled == DIRECT_BYTES || at == last {
                    self.write_blocks(direct, &room[..filled], at - filled as u64)?;
                    filled = 0;
                }
            }
        }
        Ok(())
    }

    fn write_blocks(&self, direct: &File, blocks: &[u8], place: u64) -> io::Result<()> {
        match direct.write_all_at(blocks, place) {
            // The disk has other blocks.
            Err(error) if error.kind() == ErrorKind::InvalidInput => self.file.write_all_at(blocks, place),
            written => written,
        }
    }

    /// Makes the disk take what is written, on a thread of its own, unless one is at it.
    fn start_write_back(self: Arc<Self>, written: u64) {
        if let Ok(mut failure) = self.write_back.clone().try_lock_owned() {
            self.written_back.store(written, Ordering::Release);
            spawn_blocking(move || {
                if let Err(error) = self.file.sync_data() {
                    failure.get_or_insert(error);
                }
            });
        }
    }
}

/// A file that goes when it is dropped.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // Nobody waits for the answer, and what stays is found by `remove_stale`.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Makes a file for what is to appear at `path`: `<path>#<number>`, a name that `LocalFileSystem` neither lists nor opens, as
/// long as nothing but digits follows the first hash.
fn create_beside(path: &FilePath) -> io::Result<(File, Temporary)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().replace('#', "-");
    let mut number = 1_u64;
    loop {
        let temporary = path.with_file_name(format!("{name}#{number}"));
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Ok(file) => return Ok((file, Temporary(temporary))),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                create_folder(path.parent().ok_or(error)?)?;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Opens a file to be written past the cache of the operating system; `None` where that can't be done.
fn open_direct(path: &FilePath) -> Option<File> {
    let flags = OFlags::WRONLY | OFlags::DIRECT | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).ok().map(File::from)
}

/// Makes a folder, and those that it lies in; each is on the disk.
fn create_folder(folder: &FilePath) -> io::Result<()> {
    match std::fs::create_dir(folder) {
        Ok(()) => sync_folder_of(folder),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            create_folder(folder.parent().ok_or(error)?)?;
            create_folder(folder)
        }
        Err(error) => Err(error),
    }
}

/// Waits until the disk has what changed in the folder that `path` lies in.
fn sync_folder_of(path: &FilePath) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Removes the temporary files below `folder` that were last written before `older_than`, and says how many.
pub(super) fn remove_stale(folder: &FilePath, older_than: DateTime<Utc>) -> io::Result<u64> {
    let mut removed = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            removed += remove_stale(&entry.path(), older_than)?;
        } else if is_temporary(&entry.file_name().to_string_lossy()) {
            match entry.metadata().and_then(|meta| meta.modified()) {
                Ok(modified) if DateTime::<Utc>::from(modified) < older_than => {
                    removed += u64::from(std::fs::remove_file(entry.path()).is_ok());
                }
                // Young, or gone meanwhile.
                _ => {}
            }
        }
    }
    Ok(removed)
}

/// Whether a file has a name that no object has.
fn is_temporary(name: &str) -> bool {
    let number = name.split_once('#').map(|(_, number)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Runs on a thread that may wait.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other).and_then(|done| done)
}
