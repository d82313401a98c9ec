//! The file of rejects, and their summary.

use crate::files::{NewFile, Output, Spool};
use crate::input::Chunk;
use crate::reject::Reject;
use crate::report::{RejectGroup, RejectGroups};
use crate::sandbox::Plugin;
use serde::Serialize;
use serde_json::value::RawValue;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::Path;

/// Writes rejects, and counts them by reason.
pub(super) struct Rejects {
    /// What the input is called wherever the file lies.
    input: String,
    file: Option<Output>,
    groups: RejectGroups<()>,
    count: u64,
    count_by_host: u64,
}

/// A reject as it stands in the file.
#[derive(Serialize)]
struct RejectLine<'a> {
    plugin: &'a str,
    version: &'a str,
    digest: &'a str,
    input: &'a str,
    line: u64,
    record: u64,
    code: &'a str,
    column: Option<&'a str>,
    message: &'a str,
    row: Row<'a>,
}

/// The row: as JSON where it is some, else as the text that it is.
#[derive(Serialize)]
#[serde(untagged)]
enum Row<'a> {
    Json(&'a RawValue),
    Text(String),
}

impl Rejects {
    /// Rejects of `plugin`, of lines of `input`, that go to a file at `path`, or that are only counted. The file keeps what it has of other
    /// plugins.
    pub(super) fn new(plugin: &str, input: String, path: Option<&Path>) -> std::io::Result<Self> {
        let file = path.map(|path| begin_file(plugin, path)).transpose()?.map(Output::Place);
        Ok(Self { input, file, groups: RejectGroups::default(), count: 0, count_by_host: 0 })
    }

    /// Rejects of lines of `input`, whose place is not known yet.
    pub(super) fn spool(input: String) -> Self {
        let file = Some(Output::Spool(Spool::default()));
        Self { input, file, groups: RejectGroups::default(), count: 0, count_by_host: 0 }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn count_by_host(&self) -> u64 {
        self.count_by_host
    }

    /// Adds the rejects of a chunk, whose first record has the number `first_record`.
    pub(super) fn add(
        &mut self,
        plugin: &Plugin,
        chunk: &Chunk,
        first_record: u64,
        rejects: &[Reject],
    ) -> std::io::Result<()> {
        let mut lines = chunk.bytes.split(|&byte| byte == b'\n').enumerate();
        for reject in rejects {
            let number = chunk.line_number(reject.line);
            self.count += 1;
            self.count_by_host += u64::from(reject.by_host);
            self.groups.add((), number, &reject.code, reject.column.as_deref(), &reject.message);
            let Some(file) = &mut self.file else { continue };
            // Rejects come in the order of their lines.
            let row = lines.find(|&(index, _)| index as u64 == reject.line).map_or(&b""[..], |(_, row)| row);
            let line = RejectLine {
                plugin: &plugin.manifest().name,
                version: &plugin.manifest().version,
                digest: plugin.digest(),
                input: &self.input,
                line: number,
                record: first_record + reject.line,
                code: &reject.code,
                column: reject.column.as_deref(),
                message: &reject.message,
                row: serde_json::from_slice(row)
                    .map_or_else(|_| Row::Text(String::from_utf8_lossy(row).into_owned()), Row::Json),
            };
            serde_json::to_writer(&mut *file, &line)?;
            file.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Gives the summary, the most frequent reason first, and what was written.
    pub(super) fn finish(self) -> (Vec<RejectGroup>, Option<Output>) {
        let groups = self.groups.finish().into_iter().map(|((), group)| group);
        (groups.collect(), self.file)
    }
}

/// Begins the file with the rejects of other plugins that stand at its place.
fn begin_file(plugin: &str, path: &Path) -> std::io::Result<NewFile> {
    let mut file = NewFile::create(path)?;
    let old = match File::open(path) {
        Ok(old) => old,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(file),
        Err(error) => return Err(error),
    };
    // Each line begins with the plugin's name, which holds no quote.
    let own = format!("{{\"plugin\":\"{plugin}\",");
    for line in BufReader::new(old).split(b'\n') {
        let line = line?;
        if !line.is_empty() && !line.starts_with(own.as_bytes()) {
            file.write_all(&line)?;
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}
