//! Rejects, counted by reason.

use crate::reject::cure;
use crate::report::RejectGroup;

/// More reasons than anybody reads; the rest is counted with the last.
const GROUPS_MAX: usize = 100;

/// Counts rejects by reason.
#[derive(Debug, Default)]
pub(super) struct Groups(Vec<(u64, RejectGroup)>);

impl Groups {
    /// Counts a reject of the line `line` of the packet `sequence`.
    pub(super) fn add(&mut self, sequence: u64, line: u64, code: &str, column: Option<&str>, message: &str) {
        let same = |(_, group): &&mut (u64, RejectGroup)| group.code == code && group.column.as_deref() == column;
        if let Some((_, group)) = self.0.iter_mut().find(same) {
            group.rows += 1;
        } else if self.0.len() < GROUPS_MAX {
            let group = RejectGroup {
                code: code.to_owned(),
                column: column.map(str::to_owned),
                rows: 1,
                first_line: line,
                first_message: message.to_owned(),
                hint: cure(code).map(str::to_owned),
            };
            self.0.push((sequence, group));
        } else if let Some((_, last)) = self.0.last_mut() {
            last.rows += 1;
        }
    }

    /// The reasons, the most frequent first, each with the packet of its first line.
    pub(super) fn finish(mut self) -> Vec<(u64, RejectGroup)> {
        self.0.sort_by_key(|(_, group)| std::cmp::Reverse(group.rows));
        self.0
    }
}
