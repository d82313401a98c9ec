//! What every error of the host can say beside its message.

use std::process::ExitCode;

/// How the program ends. A partial failure gives the highest of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// All went well.
    Done = 0,
    /// It was done, and the answer is no: more rows were rejected than the budget allows, two plugins differ, a change breaks
    /// readers.
    No = 1,
    /// The plugin is at fault.
    PluginAtFault = 2,
    /// The input or the configuration is bad.
    BadInput = 3,
    /// The command line is wrong.
    Usage = 4,
    /// The surroundings failed; to try again may help.
    Environment = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error that can be acted on.
pub trait Explain: std::error::Error {
    /// A stable word for the error: lower-case letters and hyphens.
    fn code(&self) -> &'static str;
    /// What to do about it.
    fn hint(&self) -> Option<String>;
    /// How the program ends.
    fn exit(&self) -> Exit;
}

/// The message of an error and of all that caused it, each said once: some libraries put the text of the cause into their own.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        source = cause.source();
        // What a store wraps its cause in says no more than the cause, and what the caller has said before.
        let is_wrapper = cause.is::<object_store::Error>() && source.is_some();
        let cause = cause.to_string();
        if !is_wrapper && !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("can't read `key`")]
    struct Unreadable(#[source] object_store::Error);

    #[test]
    fn a_cause_that_its_effect_quotes_is_said_once() {
        let cause = std::io::Error::other("the disk is gone");
        let error = Unreadable(object_store::Error::Generic { store: "folder", source: cause.into() });
        assert_eq!("can't read `key`: the disk is gone", with_causes(&error));
        let error = Unreadable(object_store::Error::NotImplemented { operation: "x".into(), implementer: "y".into() });
        assert!(with_causes(&error).starts_with("can't read `key`: Operation x not"), "{}", with_causes(&error));
    }
}
