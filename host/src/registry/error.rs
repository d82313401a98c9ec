//! Why a plugin can't be published, fetched or rolled back.

use crate::error::{Exit, Explain};
use crate::store::S3Error;

/// What can go wrong with published plugins.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The store can't be read or written.
    #[error("can't reach the published plugins in `{store}`")]
    Store {
        /// The store.
        store: String,
        /// Why.
        source: object_store::Error,
    },
    /// The lock is no lock.
    #[error("`plugins.lock` in `{store}` has a mistake: {reason}")]
    Lock {
        /// The store.
        store: String,
        /// What the parser said.
        reason: String,
    },
    /// Somebody else moved the lock.
    #[error("somebody else changed the published plugins at the same time; `{name}` is as they left it")]
    Conflict {
        /// The plugin.
        name: String,
    },
    /// Another version is published than the one that was to be replaced.
    #[error("`{name}` is published as {found}, and not as {expected}")]
    NotReplaced {
        /// The plugin.
        name: String,
        /// What is published.
        found: String,
        /// What was to be replaced.
        expected: String,
    },
    /// No plugin of this name is published.
    #[error("no plugin `{name}` is published in `{store}`; published are {known}")]
    Unknown {
        /// The plugin.
        name: String,
        /// The store.
        store: String,
        /// Those that are.
        known: String,
    },
    /// There is no version before.
    #[error("`{name}` has no version before {digest}")]
    NothingBefore {
        /// The plugin.
        name: String,
        /// The published version.
        digest: String,
    },
    /// No version with this digest was ever published, or several.
    #[error("`{name}` has not one version with a digest that begins with `{digest}`")]
    NoSuchDigest {
        /// The plugin.
        name: String,
        /// What was asked for.
        digest: String,
    },
    /// The version that was asked for is in force.
    #[error("`{name}` is at {digest} already")]
    InForce {
        /// The plugin.
        name: String,
        /// The version in force.
        digest: String,
    },
    /// The file changed after it was loaded.
    #[error("the component of `{name}` was built anew while it was compared; nothing is published")]
    Changed {
        /// The plugin.
        name: String,
    },
    /// A component is not what its name says.
    #[error("the component of `{name}` is damaged: its digest is {found}, and should be {expected}")]
    Damaged {
        /// The plugin.
        name: String,
        /// The digest of what is there.
        found: String,
        /// The digest in the lock.
        expected: String,
    },
}

impl Explain for RegistryError {
    fn code(&self) -> &'static str {
        match self {
            Self::Store { .. } => "plugin-store",
            Self::Lock { .. } => "plugins-lock",
            Self::Conflict { .. } => "conflict",
            Self::NotReplaced { .. } => "not-replaced",
            Self::Unknown { .. } => "not-published",
            Self::NothingBefore { .. } => "nothing-before",
            Self::NoSuchDigest { .. } => "no-such-digest",
            Self::InForce { .. } => "in-force",
            Self::Changed { .. } => "changed",
            Self::Damaged { .. } => "damaged",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Store { source, .. } => S3Error::find(source)
                .and_then(Explain::hint)
                .unwrap_or_else(|| "`--store` or `plugins.path` in `host.toml` names the folder".to_owned()),
            Self::Lock { .. } => {
                "it is written by `host plugin publish` alone; take an earlier one from a backup".to_owned()
            }
            Self::Conflict { .. } | Self::NotReplaced { .. } | Self::Changed { .. } => {
                "run it again: it shows the difference to what is published now".to_owned()
            }
            Self::Unknown { .. } => "`host plugin list` shows the published plugins".to_owned(),
            Self::NothingBefore { name, .. } | Self::NoSuchDigest { name, .. } | Self::InForce { name, .. } => {
                format!("`host plugin list {name}` shows its history; four digits and more name a version")
            }
            Self::Damaged { .. } => "publish the component again from its source, or roll back".to_owned(),
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Store { source, .. } => S3Error::find(source).map_or(Exit::Environment, Explain::exit),
            Self::Conflict { .. } | Self::NotReplaced { .. } | Self::Changed { .. } => Exit::Environment,
            _ => Exit::BadInput,
        }
    }
}
