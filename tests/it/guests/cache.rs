//! Compiled plugins, kept between runs: what this host did not write is not loaded.

use super::LIMITS;
use host::sandbox::{Cache, Sandbox};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tests::{call, guest, json_lines};

/// Loads the innocent plugin with a cache in `folder`, and says what it makes of some lines.
fn run(folder: &Path) -> String {
    let sandbox = Sandbox::new(1, Cache::open(folder)).expect("the engine starts");
    let plugin = sandbox.load(&guest("innocent"), LIMITS).expect("the innocent plugin loads");
    format!("{:?}", plugin.call(&call(&json_lines(10, |_| None))))
}

/// A folder with one compiled plugin, and what it gave.
fn cached() -> (TempDir, PathBuf, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let result = run(folder.path());
    let file = only_file(folder.path()).expect("a compiled plugin");
    (folder, file, result)
}

fn only_file(folder: &Path) -> Option<PathBuf> {
    let mut files = fs::read_dir(folder).expect("the folder can be read").map(|entry| entry.expect("an entry").path());
    let file = files.next();
    assert_eq!(files.next(), None, "one plugin makes one file");
    file
}

/// Which file it is: another one after it was written anew.
fn identity(file: &Path) -> u64 {
    fs::metadata(file).expect("the file is there").ino()
}

#[test]
fn a_hit_gives_the_same_and_writes_nothing() {
    let (folder, file, result) = cached();
    let before = (identity(&file), fs::metadata(&file).expect("the file").mtime_nsec());
    assert_eq!(fs::metadata(&file).expect("the file").mode() & 0o777, 0o600);
    assert_eq!(run(folder.path()), result);
    assert_eq!((identity(&file), fs::metadata(&file).expect("the file").mtime_nsec()), before);
}

/// What is done to the file is undone: the plugin is compiled anew, with the same result.
fn mended_after(harm: impl Fn(&Path)) {
    let (folder, file, result) = cached();
    let sound = fs::read(&file).expect("the file can be read");
    harm(&file);
    let before = identity(&file);
    assert_eq!(run(folder.path()), result);
    assert_ne!(identity(&file), before, "the harmed file was taken");
    assert_eq!(fs::read(only_file(folder.path()).expect("a file")).expect("the file can be read"), sound);
}

#[test]
fn flipped_bytes_are_not_loaded() {
    for at in [0, 31, 32, 1_000, 40_000] {
        mended_after(|file| {
            let mut bytes = fs::read(file).expect("the file can be read");
            bytes[at] ^= 1;
            fs::write(file, bytes).expect("the file can be written");
        });
    }
}

#[test]
fn truncated_files_are_not_loaded() {
    for length in [0, 7, 32, 1_000] {
        mended_after(|file| {
            let file = fs::OpenOptions::new().write(true).open(file).expect("the file can be opened");
            file.set_len(length).expect("the file can be cut");
        });
    }
}

#[test]
fn files_that_others_can_write_are_not_loaded() {
    for mode in [0o620, 0o602, 0o666] {
        mended_after(|file| {
            fs::set_permissions(file, fs::Permissions::from_mode(mode)).expect("the mode can be set");
        });
    }
}

#[test]
fn another_plugins_code_under_a_plugins_name_is_not_loaded() {
    let (folder, file, _) = cached();
    let other = tempfile::tempdir().expect("a folder");
    let sandbox = Sandbox::new(1, Cache::open(other.path())).expect("the engine starts");
    sandbox.load(&guest("moody"), LIMITS).expect("the moody plugin loads");
    let moody = only_file(other.path()).expect("a compiled plugin");
    fs::copy(moody, &file).expect("the file can be replaced");
    let before = identity(&file);
    run(folder.path());
    assert_ne!(identity(&file), before, "the code of another plugin was taken");
}

#[test]
fn a_folder_that_others_can_write_is_not_used() {
    for mode in [0o770, 0o707, 0o777] {
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).expect("the mode can be set");
        assert!(Cache::open(folder.path()).is_none(), "{mode:o}");
        run(folder.path());
        assert_eq!(only_file(folder.path()), None, "{mode:o}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_does_no_harm() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("a file");
    assert!(Cache::open(&file).is_none());
    assert!(Cache::open(&file.join("folder")).is_none());
    run(&file.join("folder"));
}

#[test]
fn a_folder_that_is_not_there_is_made_for_this_user_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = folder.path().join("a/b");
    run(&made);
    assert_eq!(fs::metadata(&made).expect("the folder is there").mode() & 0o777, 0o700);
    assert!(only_file(&made).is_some());
}

#[test]
fn a_file_that_cannot_be_written_does_no_harm() {
    let (folder, file, result) = cached();
    fs::remove_file(&file).expect("the file can be removed");
    // Where the file should be there is a folder with something in it.
    fs::create_dir(&file).expect("a folder");
    fs::write(file.join("something"), "").expect("a file");
    assert_eq!(run(folder.path()), result);
    assert!(file.is_dir());
}

#[test]
fn threads_can_keep_the_same_plugin_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4).map(|_| scope.spawn(|| run(folder.path()))).collect();
        let results: Vec<_> = runs.into_iter().map(|run| run.join().expect("it runs")).collect();
        assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
    });
    assert!(only_file(folder.path()).is_some());
}
