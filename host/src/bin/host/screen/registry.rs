//! Published plugins.

use super::{diff, grouped, new_table, print, short};
use host::compare::{DiffReport, SchemaChange};
use host::error::Exit;
use host::registry::{Action, PluginsLock, Published, PublishedPlugin};
use host::sandbox::Packaged;
use host::text::shown;
use serde_json::json;

/// What a cell may hold; the lock is written by others.
const NOTE_CHARS_MAX: usize = 200;

/// What `host plugin publish` did, or did not.
#[derive(Default)]
pub(crate) struct Publication {
    pub(crate) plugin: String,
    pub(crate) digest: String,
    /// How it differs from the version in force; `None` where there was none, or the same.
    pub(crate) diff: Option<DiffReport>,
    /// What a first version makes of the rows: a comparison with itself.
    pub(crate) first: Option<DiffReport>,
    /// Whether more rows are rejected than the budget allows.
    pub(crate) is_over_budget: bool,
    /// Whether rows were compared, and not the schemas alone.
    pub(crate) rows_compared: bool,
    /// Whether the same component is in force.
    pub(crate) is_in_force: bool,
    pub(crate) is_dry_run: bool,
    /// Why the version in force could not be compared.
    pub(crate) not_compared: Option<String>,
    /// Whether it breaks readers, or nobody can tell, and that was not allowed.
    pub(crate) is_breaking: bool,
    pub(crate) published: Option<Published>,
}

impl Publication {
    /// Whether something speaks against publishing.
    pub(crate) fn is_refused(&self) -> bool {
        self.is_breaking || self.is_over_budget
    }
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
            "not_compared": publication.not_compared,
            "first": publication.first.as_ref().map(diff::document),
            "refused": publication.is_refused(),
            "published": publication.published,
        });
        return print(&format!("{document:#}\n"));
    }
    let (name, digest) = (&publication.plugin, short(&publication.digest));
    let mut screen = publication.diff.as_ref().map_or_else(String::new, |report| diff::text(report) + "\n");
    if publication.diff.is_some() && !publication.rows_compared {
        screen += "hint: `--input F.jsonl` compares the rows, too\n";
    }
    if let Some(reason) = &publication.not_compared {
        screen += &format!("the version in force can't be compared: {}\n", shown(reason, 500));
    }
    if let Some(report) = &publication.first {
        let rows: u64 = report.tables.iter().map(|table| table.new_rows).sum();
        let (records, rows, rejects) = (grouped(report.records), grouped(rows), grouped(report.new.rejects));
        screen += &format!("{records} records make {rows} rows and {rejects} rejects\n");
    }
    screen += &match &publication.published {
        Some(Published { digest_before: Some(before), .. }) => {
            let back = format!("hint: `host plugin rollback {name}` takes it back\n");
            format!("published {name} ({digest}) in place of {}\n{back}", short(before))
        }
        Some(_) => format!("published {name} ({digest}), the first of its name\n"),
        None if publication.is_in_force => format!("{name} ({digest}) is already in force\n"),
        None if publication.is_over_budget && !publication.is_dry_run => format!(
            "refused: {name} ({digest}) rejects more of the rows than the budget allows\nhint: mend it, or allow more with \
             `--max-rejects`\n"
        ),
        None if publication.is_breaking && publication.not_compared.is_some() => format!(
            "refused: nobody can tell whether {name} ({digest}) breaks those who read its star tables\nhint: publish with \
             `--breaking` if it does not\n"
        ),
        None if publication.is_breaking => format!(
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
pub(crate) fn show_rollback(published: &Published, changes: &[SchemaChange], json: bool) -> Exit {
    if json {
        let mut document = json!(published);
        document["schema_changes"] = json!(changes);
        return print(&format!("{document:#}\n"));
    }
    let Published { plugin, digest_before, entry } = published;
    let before = digest_before.as_deref().unwrap_or_default();
    let (version, digest, before) = (&entry.version, short(&entry.digest), short(before));
    let changes = diff::schema(changes);
    print(&format!("{plugin}@{version} ({digest}) is in force again, in place of {before}\n{changes}"))
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
        let cells = [name.as_str(), &plugin.version, short(&plugin.digest), at, note];
        table.add_row(cells.map(|cell| shown(cell, NOTE_CHARS_MAX)));
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
        let note = shown(entry.note.as_deref().unwrap_or_default(), NOTE_CHARS_MAX);
        table.add_row([
            shown(&entry.at, NOTE_CHARS_MAX),
            what.to_owned(),
            shown(&entry.version, NOTE_CHARS_MAX),
            shown(short(&entry.digest), NOTE_CHARS_MAX),
            note,
        ]);
    }
    format!("{table}\n")
}

/// Shows what was put into a package.
pub(crate) fn show_packaged(packaged: &[Packaged], json: bool) -> Exit {
    if json {
        let document = |Packaged { manifest, digest, code_bytes, .. }: &Packaged| json!({ "plugin": manifest.name, "version": manifest.version, "digest": digest, "code_bytes": code_bytes });
        let documents: Vec<_> = packaged.iter().map(document).collect();
        return print(&format!("{:#}\n", json!({ "packaged": documents })));
    }
    let mut table = new_table();
    table.set_header(["plugin", "version", "digest", "bytes of code"]);
    for Packaged { manifest, digest, code_bytes, .. } in packaged {
        let cells = [manifest.name.clone(), manifest.version.clone(), short(digest).to_owned(), grouped(*code_bytes)];
        table.add_row(cells);
    }
    print(&format!("{table}\n"))
}
