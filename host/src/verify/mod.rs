//! Whether the lake and the star tables are whole, and fit each other. Nothing is changed.
//!
//! What is looked at: each object of the lake against its manifest; sequence ids and record numbers; the checkpoints; each file of
//! each star table against its name, which is made of its digest, and against the log; each record of each packet, which is
//! in its fact once, or among its rejects; each dimension against what its packets fold to; each reference from a fact to a
//! dimension.

mod fact;
mod packets;
mod references;
mod report;
mod star;

pub use report::{Finding, Kind, VerifyReport};

use crate::process::{Inspection, Parts, ProcessError};
use std::time::Instant;

/// How far a verification is.
pub struct Progress {
    /// What is looked at: a table.
    pub table: String,
}

/// What the parts of a verification share.
struct Verify<'a> {
    parts: &'a Parts,
    report: VerifyReport,
    progress: &'a dyn Fn(&Progress),
}

/// Looks at everything.
///
/// # Errors
/// [`ProcessError`] if a store can't be read; what is wrong with what it holds is in the report.
pub fn verify(
    parts: &Parts,
    checkpoints: &dyn crate::checkpoint::CheckpointStore,
    progress: &dyn Fn(&Progress),
) -> Result<VerifyReport, ProcessError> {
    let began = Instant::now();
    let mut verify = Verify { parts, report: VerifyReport::default(), progress };
    verify.packets(checkpoints)?;
    let inspection = Inspection::new(parts)?;
    for plugin in inspection.plugins() {
        verify.star_tables(&inspection, plugin)?;
    }
    verify.references(&inspection)?;
    verify.report.took = began.elapsed();
    Ok(verify.report)
}

impl Verify<'_> {
    fn tell(&self, table: &str) {
        (self.progress)(&Progress { table: table.to_owned() });
    }

    fn find(&mut self, kind: Kind, table: &str, what: impl Into<String>) {
        self.report.findings.push(Finding { kind, table: table.to_owned(), what: what.into() });
    }
}
