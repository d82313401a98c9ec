//! Files and folders that appear together or not at all, and never in the place of others.

use super::error::ScaffoldError;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Files that are written into a hidden folder in `root`, and then moved to their places in it.
#[derive(Debug)]
pub(super) struct Staging {
    root: PathBuf,
    hidden: PathBuf,
    /// What stands in its place already, in the order in which it was put there.
    placed: Vec<PathBuf>,
    /// The folders among them that were made to put others in.
    folders: Vec<PathBuf>,
    is_done: bool,
}

impl Staging {
    /// Begins in the folder `root`.
    pub(super) fn begin(root: &Path, name: &str) -> Result<Self, ScaffoldError> {
        let hidden = root.join(format!(".{name}.{}.tmp", std::process::id()));
        fs::create_dir(&hidden).map_err(|source| failed("make the folder", &hidden, source))?;
        Ok(Self { root: root.to_owned(), hidden, placed: Vec::new(), folders: Vec::new(), is_done: false })
    }

    /// Writes the file `path`, which is relative to the root; it is not there before it is placed.
    pub(super) fn write(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> Result<(), ScaffoldError> {
        let path = self.hidden.join(path);
        let folder = path.parent().unwrap_or(&self.hidden);
        fs::create_dir_all(folder).map_err(|source| failed("make the folder", folder, source))?;
        fs::write(&path, bytes).map_err(|source| failed("write", &path, source))
    }

    /// Moves the file or folder `path`, which is relative to the root, to its place.
    pub(super) fn place(&mut self, path: impl AsRef<Path>) -> Result<(), ScaffoldError> {
        let place = self.root.join(&path);
        self.make_folder(place.parent().unwrap_or(&self.root).to_owned())?;
        if exists(&place) {
            return Err(ScaffoldError::Exists { path: place });
        }
        fs::rename(self.hidden.join(path), &place).map_err(|source| failed("make", &place, source))?;
        self.placed.push(place);
        Ok(())
    }

    /// Makes a folder in the root, if it is not there.
    fn make_folder(&mut self, folder: PathBuf) -> Result<(), ScaffoldError> {
        match fs::create_dir(&folder) {
            Ok(()) => {
                self.placed.push(folder.clone());
                self.folders.push(folder);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(failed("make the folder", &folder, source)),
        }
        Ok(())
    }

    /// Leaves everything in its place.
    pub(super) fn finish(mut self) {
        self.is_done = true;
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let placed = if self.is_done { Vec::new() } else { std::mem::take(&mut self.placed) };
        for path in placed.into_iter().rev().chain([self.hidden.clone()]) {
            let removed = match path.metadata() {
                Ok(metadata) if !metadata.is_dir() => fs::remove_file(&path),
                // A folder that others have put something into by now is theirs too.
                _ if self.folders.contains(&path) => fs::remove_dir(&path),
                _ => fs::remove_dir_all(&path),
            };
            if let Err(error) = removed {
                tracing::warn!(path = %path.display(), %error, "can't remove what was half made");
            }
        }
    }
}

/// Whether anything stands at `path`, be it a link to nothing.
pub(super) fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn failed(what: &'static str, path: &Path, source: io::Error) -> ScaffoldError {
    ScaffoldError::Files { what, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finished_leaves_nothing_behind() {
        let root = std::env::temp_dir().join(format!("staging-{}", std::process::id()));
        fs::create_dir(&root).unwrap();
        fs::write(root.join("theirs"), "1").unwrap();
        let names = || {
            let mut names: Vec<_> =
                fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        let mut staging = Staging::begin(&root, "a").unwrap();
        for path in ["plugins/a/lib.rs", "own", "theirs"] {
            staging.write(path, "2").unwrap();
        }
        staging.place("plugins/a").unwrap();
        staging.place("own").unwrap();
        assert!(matches!(staging.place("theirs"), Err(ScaffoldError::Exists { .. })));
        assert_eq!(names()[1..], ["own", "plugins", "theirs"]);
        drop(staging);
        assert_eq!(names(), ["theirs"]);
        let mut staging = Staging::begin(&root, "a").unwrap();
        staging.write("plugins/a/lib.rs", "2").unwrap();
        staging.place("plugins/a").unwrap();
        staging.finish();
        assert_eq!(names(), ["plugins", "theirs"]);
        assert_eq!(fs::read_to_string(root.join("theirs")).unwrap(), "1");
        fs::remove_dir_all(&root).unwrap();
    }
}
