//! Puts the SDK, the contract and what a workspace of plugins needs into the host, for `host plugin new`.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Files and folders, from the top of the project; folders with all of their source files.
const EMBEDDED: [&str; 9] = [
    "Cargo.lock",
    "Cargo.toml",
    "plugins/sdk/Cargo.toml",
    "plugins/sdk/derive/Cargo.toml",
    "plugins/sdk/derive/src",
    "plugins/sdk/src",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "wit",
];

fn main() -> io::Result<()> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let mut files = Vec::new();
    for name in EMBEDDED {
        let path = project.join(name);
        println!("cargo::rerun-if-changed={}", path.display());
        find_files(&path, &mut files)?;
    }
    files.sort();
    let mut table = "&[\n".to_owned();
    for path in files {
        let name = path.strip_prefix(&project).unwrap_or(&path).display().to_string().replace('\\', "/");
        // Writing to a text can't fail.
        let _ = writeln!(table, "    ({name:?}, include_bytes!({:?})),", path.display().to_string());
    }
    table.push_str("]\n");
    #[expect(clippy::disallowed_methods, reason = "cargo tells a build script by the environment where to write")]
    let folder = std::env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    fs::write(PathBuf::from(folder).join("embedded.rs"), table)
}

/// Adds `path`, or the source files in it and in its folders.
fn find_files(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        let is_source =
            path.extension().is_some_and(|ending| ["rs", "toml", "wit"].iter().any(|known| ending == *known));
        if path.is_dir() || is_source {
            find_files(&path, files)?;
        }
    }
    Ok(())
}
