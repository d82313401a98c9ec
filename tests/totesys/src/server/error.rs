//! Why a server can't be had.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// What went wrong with a server.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerError {
    /// PostgreSQL, or the user that it runs as, is not on this machine.
    Missing {
        /// What was looked for.
        what: &'static str,
    },
    /// A program could not be started.
    Program {
        /// Its name.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// A program failed, such as `psql` on a statement that the server refused.
    Failed {
        /// Its name.
        program: String,
        /// What it had to say.
        output: String,
    },
    /// The disk did not take or give a file.
    Files {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The server ended, or was not ready in time.
    Start {
        /// What it wrote to its log.
        log: String,
    },
    /// The server did not stop in time and was killed.
    Stop {
        /// How long it had.
        seconds: u64,
    },
    /// All ports are taken.
    NoFreePort,
    /// The transaction counter can't be moved.
    TransactionIds {
        /// Where to.
        next: u64,
        /// Why not.
        reason: String,
    },
}

impl fmt::Display for ServerError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { what } => {
                write!(formatter, "{what} is not installed\nhint: `apt-get install postgresql` on Debian and its kin")
            }
            Self::Program { program, .. } => write!(formatter, "`{program}` can't be started"),
            Self::Failed { program, output } => write!(formatter, "`{program}` failed: {}", output.trim()),
            Self::Files { path, .. } => write!(formatter, "`{}` can't be read or written", path.display()),
            Self::Start { log } => write!(formatter, "the server does not start; its log says:\n{}", log.trim()),
            Self::Stop { seconds } => write!(formatter, "the server did not stop in {seconds} s and was killed"),
            Self::NoFreePort => write!(formatter, "no port on 127.0.0.1 is free"),
            Self::TransactionIds { next, reason } => {
                write!(formatter, "the next transaction id can't be `{next}`: {reason}")
            }
        }
    }
}

impl Error for ServerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Program { source, .. } | Self::Files { source, .. } => Some(source),
            _ => None,
        }
    }
}
