//! Where a plugin goes: into the project, into a workspace of plugins, or into a new one.

use super::embedded::METADATA;
use super::error::ScaffoldError;
use std::fs;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Where a plugin goes: below `plugins` in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The project that the SDK is a part of.
    Project(PathBuf),
    /// A workspace of plugins, made by an earlier `host plugin new`.
    Workspace(PathBuf),
    /// A folder that becomes one.
    New(PathBuf),
}

impl Place {
    /// The place for a plugin that is made in `folder`, with the SDK of the version `sdk_version`.
    pub(super) fn find(folder: &Path, sdk_version: &str) -> Result<Self, ScaffoldError> {
        for ancestor in folder.ancestors() {
            let Some(manifest) = read_manifest(&ancestor.join("Cargo.toml")) else { continue };
            if is_project(ancestor, &manifest) {
                return Ok(Self::Project(ancestor.to_owned()));
            }
            if let Some(found) = workspace_sdk(&manifest) {
                let root = ancestor.to_owned();
                if found != sdk_version {
                    let own = sdk_version.to_owned();
                    return Err(ScaffoldError::OtherSdk { root, found: found.to_owned(), own });
                }
                return Ok(Self::Workspace(root));
            }
        }
        let manifest = folder.join("Cargo.toml");
        if manifest.symlink_metadata().is_ok() {
            return Err(ScaffoldError::OtherProject { path: manifest });
        }
        Ok(Self::New(folder.to_owned()))
    }

    /// The top folder of the workspace.
    pub(super) fn root(&self) -> &Path {
        match self {
            Self::Project(root) | Self::Workspace(root) | Self::New(root) => root,
        }
    }
}

fn read_manifest(path: &Path) -> Option<Table> {
    fs::read_to_string(path).ok()?.parse().ok()
}

/// Whether the workspace in `folder` takes plugins in, and the SDK is one of its own crates.
fn is_project(folder: &Path, manifest: &Table) -> bool {
    let members = manifest.get("workspace").and_then(|workspace| workspace.get("members")).and_then(Value::as_array);
    let takes_plugins = members.is_some_and(|members| {
        ["plugins/fact_*", "plugins/dim_*"]
            .iter()
            .all(|glob| members.iter().any(|member| member.as_str() == Some(*glob)))
    });
    let sdk = || read_manifest(&folder.join("plugins/sdk/Cargo.toml"));
    let sdk_name = |sdk: &Table| Some(sdk.get("package")?.get("name")?.as_str()? == "sdk");
    takes_plugins && sdk().as_ref().and_then(sdk_name) == Some(true)
}

/// The version of the SDK in a workspace that was made by `host plugin new`.
fn workspace_sdk(manifest: &Table) -> Option<&str> {
    manifest.get("workspace")?.get("metadata")?.get(METADATA)?.get("sdk")?.as_str()
}
