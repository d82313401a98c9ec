//! `plugins.lock`: which component of each plugin is in force, and which ones were.

use crate::manifest::is_name;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What `plugins.lock` says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginsLock {
    /// The published plugins, by name.
    #[serde(default)]
    pub plugins: BTreeMap<String, PublishedPlugin>,
}

/// A published plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedPlugin {
    /// The SHA-256 of the component in force.
    pub digest: String,
    /// Its version.
    pub version: String,
    /// All that was ever in force, the newest last.
    pub history: Vec<HistoryEntry>,
}

/// A change of what is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryEntry {
    /// When, in UTC.
    pub at: String,
    /// What was done.
    pub action: Action,
    /// The SHA-256 of the component that came into force.
    pub digest: String,
    /// Its version.
    pub version: String,
    /// Why, as its publisher said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// How a component came into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It was published.
    Publish,
    /// A later one was taken back.
    Rollback,
}

impl PluginsLock {
    /// Checks what only a hand can have broken.
    pub(super) fn check(&self) -> Result<(), String> {
        for (name, plugin) in &self.plugins {
            let shown = crate::text::shown(name, 80);
            if !is_name(name) {
                return Err(format!("`{shown}` is no name of a plugin"));
            }
            let digests = plugin.history.iter().map(|entry| &entry.digest).chain([&plugin.digest]);
            if let Some(digest) = digests.into_iter().find(|digest| !is_digest(digest)) {
                return Err(format!("`{}` of `{shown}` is no SHA-256", crate::text::shown(digest, 80)));
            }
            if plugin.history.last().is_none_or(|last| last.digest != plugin.digest) {
                return Err(format!("the digest of `{shown}` is not the last one of its history"));
            }
        }
        Ok(())
    }
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

impl PublishedPlugin {
    /// The component that was in force before the one that is: a component that was taken back does not count. Taking back
    /// several times goes back several versions.
    #[must_use]
    pub fn before(&self) -> Option<&HistoryEntry> {
        let mut standing: Vec<&HistoryEntry> = Vec::new();
        for entry in &self.history {
            if entry.action == Action::Rollback
                && let Some(at) = standing.iter().rposition(|earlier| earlier.digest == entry.digest)
            {
                standing.truncate(at + 1);
            } else {
                standing.push(entry);
            }
        }
        standing.pop();
        standing.pop()
    }

    /// The last entry with the one digest that begins with `prefix`, of 4 digits or more.
    #[must_use]
    pub fn find(&self, prefix: &str) -> Option<&HistoryEntry> {
        const PREFIX_LENGTH_MIN: usize = 4;
        let found = self.history.iter().rfind(|entry| entry.digest.starts_with(prefix))?;
        let is_one = self.history.iter().all(|entry| entry.digest == found.digest || !entry.digest.starts_with(prefix));
        (is_one && prefix.len() >= PREFIX_LENGTH_MIN).then_some(found)
    }

    /// Puts a component in force.
    pub(super) fn enter(&mut self, entry: HistoryEntry) {
        self.digest.clone_from(&entry.digest);
        self.version.clone_from(&entry.version);
        self.history.push(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(steps: &[(Action, &str)]) -> PublishedPlugin {
        let mut plugin = PublishedPlugin { digest: String::new(), version: String::new(), history: Vec::new() };
        for (action, digest) in steps {
            let entry = HistoryEntry {
                at: String::new(),
                action: *action,
                digest: (*digest).to_owned(),
                version: "1".to_owned(),
                note: None,
            };
            plugin.enter(entry);
        }
        plugin
    }

    #[test]
    fn rolling_back_goes_to_what_stood_before_as_often_as_there_is_something() {
        use Action::{Publish, Rollback};
        let before = |steps: &[(Action, &str)]| published(steps).before().map(|entry| entry.digest.clone());
        assert_eq!(before(&[(Publish, "a")]), None);
        assert_eq!(before(&[(Publish, "a"), (Publish, "b"), (Publish, "c")]).as_deref(), Some("b"));
        assert_eq!(before(&[(Publish, "a"), (Publish, "b"), (Publish, "c"), (Rollback, "b")]).as_deref(), Some("a"));
        assert_eq!(before(&[(Publish, "a"), (Publish, "b"), (Rollback, "a")]), None);
        assert_eq!(
            before(&[(Publish, "a"), (Publish, "b"), (Rollback, "a"), (Publish, "d")]).as_deref(),
            Some("a"),
            "what was taken back does not come again"
        );
    }
}
