//! Why an event could not be handled, as the Lambda runtime hears of it.

use super::metrics::Metrics;
use crate::commands::Failure;
use host::error::{Exit, Explain, with_causes};
use lambda_runtime::Diagnostic;
use serde_json::{Value, json};

/// An event that could not be handled.
#[derive(Debug)]
pub(super) struct Failed {
    /// What retries and state machines go by.
    error_type: &'static str,
    message: String,
}

/// To try again may help.
const RETRYABLE: &str = "Retryable";
/// Somebody has to mend something first.
const FINAL: &str = "Final";
/// Some tables of a backfill have failed.
const TABLES_FAILED: &str = "TablesFailed";

impl Failed {
    /// A failure that stays until somebody mends what is wrong.
    pub(super) fn final_one(message: String) -> Self {
        Self { error_type: FINAL, message }
    }

    /// A failure that may be gone at the next try.
    pub(super) fn retryable(message: String) -> Self {
        Self { error_type: RETRYABLE, message }
    }

    /// Tables of a backfill that have failed.
    pub(super) fn tables(message: String) -> Self {
        Self { error_type: TABLES_FAILED, message }
    }

    /// A part of the program that failed.
    pub(super) fn mistake(error: &tokio::task::JoinError) -> Self {
        Self::final_one(format!("a task of the host ended: {error}; this is a mistake of the host: please report it"))
    }

    /// A service that neither answered nor failed until the time was over.
    pub(super) fn out_of_time() -> Self {
        Self::retryable(
            "error[out-of-time]: the time is over, and something still waits for the answer of a service: what is committed stays, \
             and the next run goes on"
                .to_owned(),
        )
    }

    /// An event that can't be understood.
    pub(super) fn event(reason: impl std::fmt::Display) -> Self {
        Self::final_one(format!("error[event]: {reason}"))
    }

    /// The failures of those tables that have one; retryable if any of them is.
    pub(super) fn of_all<'a, E: Explain + 'a>(
        tables: impl IntoIterator<Item = (&'a str, Option<&'a E>)>,
    ) -> Option<Self> {
        let mut failed: Option<Self> = None;
        for (table, error) in tables {
            let Some(error) = error else { continue };
            let next = Self::explained(error);
            let message = format!("`{table}`: {}", next.message);
            failed = Some(match failed {
                None => Self { message, ..next },
                Some(failed) => Self {
                    error_type: if next.is_final() { failed.error_type } else { next.error_type },
                    message: format!("{}; {message}", failed.message),
                },
            });
        }
        failed
    }

    pub(super) fn explained(error: &(dyn Explain + '_)) -> Self {
        let hint = error.hint().map_or_else(String::new, |hint| format!(" (hint: {hint})"));
        let message = format!("error[{}]: {}{hint}", error.code(), with_causes(&error));
        if error.exit() == Exit::Environment { Self::retryable(message) } else { Self::final_one(message) }
    }

    /// Whether to try again can't help.
    pub(super) fn is_final(&self) -> bool {
        self.error_type != RETRYABLE
    }

    /// The same as an answer.
    pub(super) fn told(self) -> Value {
        json!({ "errorType": self.error_type, "errorMessage": self.message })
    }

    /// Tells of it, and counts it if it is wrong for good.
    pub(super) fn tell(&self, metrics: &mut Metrics) {
        self.log();
        metrics.add("Critical", u64::from(self.is_final()));
    }

    /// Tells of it: what will be tried again is a warning.
    pub(super) fn log(&self) {
        let Self { error_type, message } = self;
        match self.is_final() {
            true => tracing::error!(severity = "CRITICAL", error_type, "{message}"),
            false => tracing::warn!(error_type, "{message}"),
        }
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl From<Failure> for Failed {
    fn from(error: Failure) -> Self {
        Self::explained(error.as_ref())
    }
}

impl From<Failed> for Diagnostic {
    fn from(failed: Failed) -> Self {
        Self { error_type: failed.error_type.to_owned(), error_message: failed.message }
    }
}

/// A handler that this program does not have.
#[derive(Debug, thiserror::Error)]
#[error("there is no handler `{name}`; there are `ingest` and `process`")]
pub(super) struct UnknownHandler {
    pub(super) name: String,
}

impl Explain for UnknownHandler {
    fn code(&self) -> &'static str {
        "unknown-handler"
    }

    fn hint(&self) -> Option<String> {
        Some("set the handler of the function".to_owned())
    }

    fn exit(&self) -> Exit {
        Exit::BadInput
    }
}
