//! Published plugins.

use super::{diff, new_table, print};
use host::compare::DiffReport;
use host::error::Exit;
use host::registry::{Action, PluginsLock, Published, PublishedPlugin};
use serde_json::json;

/// What `host plugin publish` did, or did not.
#[derive(Default)]
pub(crate) struct Publication {
    pub(crate) plugin: String,
    pub(crate) digest: String,
    /// How it differs from the version in force; `None` where there was none, or the same.
    pub(crate) diff: Option<DiffReport>,
    /// Whether rows were compared, and not the schemas alone.
    pub(crate) rows_compared: bool,
    /// Whether the same component is in force.
    pub(crate) is_in_force: bool,
    pub(crate) is_dry_run: bool,
    /// Whether it breaks readers, and that was not allowed.
    pub(crate) is_refused: bool,
    pub(crate) published: Option<Published>,
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

/// Shows what was published, and how it differs from what was.
pub(crate) fn show_publication(publication: &Publication, json: bool) -> Exit {
    if json {
        let document = json!({
            "plugin": publication.plugin,
            "digest": publication.digest,
            "diff": publication.diff.as_ref().map(diff::document),
            "in_force": publication.is_in_force,
            "dry_run": publication.is_dry_run,
            "refused": publication.is_refused,
            "published": publication.published,
        });
        return print(&format!("{document:#}\n"));
    }
    let (name, digest) = (&publication.plugin, short(&publication.digest));
    let mut screen = publication.diff.as_ref().map_or_else(String::new, |report| diff::text(report) + "\n");
    if publication.diff.is_some() && !publication.rows_compared {
        screen += "hint: `--input F.jsonl` compares the rows, too\n";
    }
    screen += &match &publication.published {
        Some(Published { digest_before: Some(before), .. }) => {
            let back = format!("hint: `host plugin rollback {name}` takes it back\n");
            format!("published {name} ({digest}) in place of {}\n{back}", short(before))
        }
        Some(_) => format!("published {name} ({digest}), the first of its name\n"),
        None if publication.is_in_force => format!("{name} ({digest}) is already in force\n"),
        None if publication.is_refused => format!(
            "refused: {name} ({digest}) breaks those who read its star tables\nhint: give the changed columns new \
             names and let them take nulls, or publish with `--breaking` and replay the packets\n"
        ),
        None if publication.diff.is_none() => {
            format!("not published (`--dry-run`): {name} ({digest}) would be the first\n")
        }
        None => format!("not published (`--dry-run`): {name} ({digest})\n"),
    };
    print(&screen)
}

/// Shows what came into force again.
pub(crate) fn show_rollback(published: &Published, json: bool) -> Exit {
    if json {
        return print(&format!("{:#}\n", json!(published)));
    }
    let Published { plugin, digest_before, entry } = published;
    let before = digest_before.as_deref().unwrap_or_default();
    let (version, digest, before) = (&entry.version, short(&entry.digest), short(before));
    print(&format!("{plugin}@{version} ({digest}) is in force again, in place of {before}\n"))
}

/// Shows the published plugins, or the history of `name`.
pub(crate) fn show_list(lock: &PluginsLock, name: Option<&str>, json: bool) -> Exit {
    match name.and_then(|name| lock.plugins.get(name)) {
        Some(plugin) if json => print(&format!("{:#}\n", json!(plugin))),
        Some(plugin) => print(&history(plugin)),
        None if json => print(&format!("{:#}\n", json!(lock))),
        None if lock.plugins.is_empty() => {
            print("no plugin is published\nhint: `host plugin publish P.wasm` publishes one\n")
        }
        None => print(&list(lock)),
    }
}

fn list(lock: &PluginsLock) -> String {
    let mut table = new_table();
    table.set_header(["plugin", "version", "digest", "in force since", "note"]);
    for (name, plugin) in &lock.plugins {
        let last = plugin.history.last();
        let (at, note) = last.map_or(("", ""), |entry| (entry.at.as_str(), entry.note.as_deref().unwrap_or_default()));
        table.add_row([name.as_str(), &plugin.version, short(&plugin.digest), at, note]);
    }
    format!("{table}\n")
}

fn history(plugin: &PublishedPlugin) -> String {
    let mut table = new_table();
    table.set_header(["at", "what", "version", "digest", "note"]);
    for entry in plugin.history.iter().rev() {
        let what = match entry.action {
            Action::Publish => "published",
            Action::Rollback => "rolled back to",
        };
        let note = entry.note.as_deref().unwrap_or_default();
        table.add_row([entry.at.as_str(), what, &entry.version, short(&entry.digest), note]);
    }
    format!("{table}\n")
}
