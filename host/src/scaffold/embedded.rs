//! The SDK as this host was built with it, and what a workspace of plugins needs beside.

use super::error::ScaffoldError;
use std::path::PathBuf;
use toml::{Table, Value};

/// The files, by their paths in the project.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// Files of the project that a workspace of plugins gets as they are.
pub(super) const SHARED: [&str; 3] = ["Cargo.lock", "rust-toolchain.toml", "rustfmt.toml"];
/// The part of a workspace's metadata that says which SDK its plugins are built with.
pub(super) const METADATA: &str = "host";

/// The bytes of the file `name`.
pub(super) fn file(name: &str) -> Result<&'static [u8], ScaffoldError> {
    let found = FILES.iter().find(|(path, _)| *path == name);
    found.map(|(_, bytes)| *bytes).ok_or_else(|| broken(format!("there is no `{name}`")))
}

/// The SDK: its version, and the top `Cargo.toml` of the project that it is a part of.
#[derive(Debug)]
pub(super) struct Sdk {
    pub(super) version: String,
    workspace: Table,
    profile: Table,
}

impl Sdk {
    /// Reads what this host holds.
    pub(super) fn read() -> Result<Self, ScaffoldError> {
        let manifest = parse("Cargo.toml")?;
        let workspace = table(&manifest, "workspace")?.clone();
        let version = table(&workspace, "package")?.get("version").and_then(Value::as_str);
        let version = version.ok_or_else(|| broken("it has no version".to_owned()))?.to_owned();
        let profile = table(table(&manifest, "profile")?, "plugin")?.clone();
        Ok(Self { version, workspace, profile })
    }

    /// The folder in a workspace of plugins that the SDK stands in.
    pub(super) fn folder(&self) -> String {
        format!("sdk-{}", self.version)
    }

    /// The folder of the SDK's crate in a workspace of plugins.
    pub(super) fn crate_folder(&self) -> String {
        format!("{}/plugins/sdk", self.folder())
    }

    /// The files of [`Self::folder`]: a workspace of its own, laid out as in the project, so that the SDK builds unchanged.
    pub(super) fn files(&self) -> Result<Vec<(PathBuf, Vec<u8>)>, ScaffoldError> {
        let is_sdk = |path: &&(&str, &[u8])| path.0.starts_with("plugins/sdk/") || path.0.starts_with("wit/");
        let mut files: Vec<_> =
            FILES.iter().filter(is_sdk).map(|(path, bytes)| (PathBuf::from(path), bytes.to_vec())).collect();
        files.push((PathBuf::from("Cargo.toml"), self.manifest()?.into_bytes()));
        Ok(files)
    }

    /// The SDK's own top `Cargo.toml`: what its crates take from the workspace.
    fn manifest(&self) -> Result<String, ScaffoldError> {
        let mut dependencies = Table::new();
        for name in ["plugins/sdk/Cargo.toml", "plugins/sdk/derive/Cargo.toml"] {
            let crate_manifest = parse(name)?;
            for kind in ["dependencies", "dev-dependencies"] {
                let Some(wanted) = crate_manifest.get(kind).and_then(Value::as_table) else { continue };
                let known = table(&self.workspace, "dependencies")?;
                dependencies.extend(wanted.keys().filter_map(|name| Some((name.clone(), known.get(name)?.clone()))));
            }
        }
        let mut workspace = Table::new();
        workspace.insert("resolver".to_owned(), Value::from("3"));
        workspace.insert("members".to_owned(), Value::from(vec!["plugins/sdk", "plugins/sdk/derive"]));
        for part in ["package", "lints"] {
            workspace.insert(part.to_owned(), Value::from(table(&self.workspace, part)?.clone()));
        }
        workspace.insert("dependencies".to_owned(), Value::from(dependencies));
        let manifest = Table::from_iter([("workspace".to_owned(), Value::from(workspace))]);
        Ok(format!("# The SDK of the host {}, as it was built and tested with it.\n{manifest}", self.version))
    }

    /// The top `Cargo.toml` of a workspace of plugins.
    pub(super) fn workspace_manifest(&self) -> String {
        let profiles = Table::from_iter([("plugin".to_owned(), Value::from(self.profile.clone()))]);
        let profiles = Table::from_iter([("profile".to_owned(), Value::from(profiles))]);
        format!(
            "[workspace]\nresolver = \"3\"\nmembers = [\"plugins/*\"]\nexclude = [{:?}, \"plugins/dist\"]\n\n\
             # `host plugin new` knows this workspace by it.\n[workspace.metadata.{METADATA}]\nsdk = {:?}\n\n\
             # What a plugin ships as: fast, and with the lines and names that tell where it trapped.\n{profiles}",
            self.folder(),
            self.version,
        )
    }
}

fn parse(name: &str) -> Result<Table, ScaffoldError> {
    let text = std::str::from_utf8(file(name)?).map_err(|error| broken(format!("`{name}`: {error}")))?;
    text.parse().map_err(|error| broken(format!("`{name}`: {error}")))
}

fn table<'t>(parent: &'t Table, name: &str) -> Result<&'t Table, ScaffoldError> {
    parent.get(name).and_then(Value::as_table).ok_or_else(|| broken(format!("there is no `[{name}]`")))
}

fn broken(problem: String) -> ScaffoldError {
    ScaffoldError::Sdk { problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_embedded_files_are_those_of_the_project() {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut found = Vec::new();
        for folder in ["plugins/sdk", "wit"] {
            list(&project, Path::new(folder), &mut found);
        }
        found.sort();
        let sdk = Sdk::read().unwrap();
        let mut files = sdk.files().unwrap();
        files.sort();
        let manifest = files.remove(0);
        assert_eq!(manifest.0, Path::new("Cargo.toml"), "the SDK's own top manifest, which the project has not");
        assert_eq!(files.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>(), found);
        let shared = SHARED.map(|name| (PathBuf::from(name), file(name).unwrap().to_vec()));
        for (path, bytes) in files.into_iter().chain(shared) {
            assert_eq!(std::fs::read(project.join(&path)).unwrap(), bytes, "{}", path.display());
        }
        assert_eq!(sdk.version, env!("CARGO_PKG_VERSION"));
    }

    /// The source files in `folder`, without those of tests.
    fn list(project: &Path, folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(project.join(folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if !entry.file_type().unwrap().is_dir() {
                found.push(path);
            } else if entry.file_name() != "tests" {
                list(project, &path, found);
            }
        }
    }
}
