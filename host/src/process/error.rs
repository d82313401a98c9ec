//! Why a star table could not be brought up to date.

use crate::checkpoint::CheckpointError;
use crate::error::{Exit, Explain};
use crate::input::ColumnProblem;
use crate::lake::LakeError;
use crate::star::{StarError, TableError};
use crate::transform::RunError;

/// Why a star table could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The raw lake, or the store of the star tables.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The star table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A file of the star table can't be made.
    #[error(transparent)]
    Star(#[from] StarError),
    /// The plugin fails.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A checkpoint can't be read or written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The columns of a packet are not those that the plugin reads.
    #[error("packet {sequence} of `{table}` is not what {plugin} reads: {}", words(problems))]
    Drift {
        /// The star table that waits for it.
        star: String,
        /// The source table.
        table: String,
        /// The packet.
        sequence: u64,
        /// The plugin, as name@version.
        plugin: String,
        /// What differs.
        problems: Vec<ColumnProblem>,
    },
    /// The star table holds packets that the lake does not have.
    #[error("`{star}` holds the packets of `{table}` up to {processed}, and the last one in the lake is {lake}")]
    Ahead {
        /// The star table.
        star: String,
        /// The source table.
        table: String,
        /// The last packet that the star table holds.
        processed: u64,
        /// The last packet in the lake.
        lake: u64,
    },
    /// The star table holds packets of another lake, or of one that was begun anew.
    #[error("`{star}` holds packet {sequence} of `{table}`, and the lake has another one of that number")]
    OtherPackets {
        /// The star table.
        star: String,
        /// The source table.
        table: String,
        /// The last packet that the star table holds.
        sequence: u64,
    },
    /// A packet was to be accepted that stops nothing.
    #[error("packet {sequence} does not stop `{star}` with {plugin}: there is nothing to accept")]
    NotHeld {
        /// The first star table of the plugin.
        star: String,
        /// The packet.
        sequence: u64,
        /// The plugin, as name@version.
        plugin: String,
    },
    /// Rows would be taken away because their packet is missing.
    #[error("the lake lacks packet {sequence} of `{table}`, and `{star}` would lose what it has of it")]
    Gap {
        /// The star table.
        star: String,
        /// The source table.
        table: String,
        /// The first packet that is missing.
        sequence: u64,
    },
    /// Other processes have committed again and again.
    #[error("others commit to `{star}` all the time: given up after {tries} tries")]
    Crowded {
        /// The star table.
        star: String,
        /// How often it was tried.
        tries: u32,
    },
    /// The star table is that of another plugin, or of another source table.
    #[error("the star table `{star}` was made by the {what} `{owner}`, and not by `{ours}`")]
    Owner {
        /// The star table.
        star: String,
        /// Which of both differs.
        what: &'static str,
        /// The one that the table says.
        owner: String,
        /// The one of the plugin.
        ours: String,
    },
    /// A file holds more packets than are to be made again.
    #[error("`{file}` of `{table}` holds the packets {first} to {last}, and not all of them are to be made again")]
    Joined {
        /// The star table.
        table: String,
        /// The file.
        file: String,
        /// Its first packet.
        first: u64,
        /// Its last packet.
        last: u64,
    },
    /// The plugin failed on another of its tables.
    #[error("`{star}`, which the same plugin makes, could not be brought up to date")]
    Sibling {
        /// The other table.
        star: String,
    },
    /// Two plugins can't live together.
    #[error("{0}")]
    Plan(String),
    /// A table that nobody makes.
    #[error("no plugin makes or reads a table `{table}`; there are {known}")]
    UnknownTable {
        /// The table.
        table: String,
        /// The tables that there are.
        known: String,
    },
}

fn words(problems: &[ColumnProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl ProcessError {
    fn explained(&self) -> Option<&dyn Explain> {
        match self {
            Self::Lake(error) => Some(error),
            Self::Table(error) => Some(error),
            Self::Star(error) => Some(error),
            Self::Run(error) => Some(error),
            Self::Checkpoint(error) => Some(error),
            _ => None,
        }
    }
}

impl Explain for ProcessError {
    fn code(&self) -> &'static str {
        match self {
            Self::Drift { .. } => "source-drift",
            Self::Ahead { .. } => "star-ahead",
            Self::Crowded { .. } => "star-crowded",
            Self::Owner { .. } => "star-owner",
            Self::OtherPackets { .. } => "star-other-packets",
            Self::NotHeld { .. } => "not-held",
            Self::Gap { .. } => "star-gap",
            Self::Joined { .. } => "star-joined",
            Self::Sibling { .. } => "star-sibling",
            Self::Plan(_) => "plugins",
            Self::UnknownTable { .. } => "unknown-table",
            _ => self.explained().map_or("process", Explain::code),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Drift { star, sequence, .. } => format!(
                "the table of the source has changed: publish a plugin that reads its columns, old and new, as nullable ones, and it \
                 catches up by itself; or, if a later packet brings the rows as they should be, \
                 `host process --accept {star}/{sequence}`: rows of this one that lack a column are rejected"
            ),
            Self::Ahead { .. } => {
                "does `[lake] raw` name the right lake? Were packets lost, bring them back from a backup".to_owned()
            }
            Self::Crowded { .. } => "run it again; one process at a time is enough".to_owned(),
            Self::Owner { owner, .. } => format!(
                "keep the name `{owner}`: by it the table knows how far it has come; or give the new table another name"
            ),
            Self::OtherPackets { star, .. } => format!(
                "does `[lake] raw` name the right lake? If it was begun anew, `host replay --table {star}` makes the table again \
                 from the packets that there are now"
            ),
            Self::NotHeld { .. } => {
                "`host status` shows the packets that stop a table; run `host process` first".to_owned()
            }
            Self::Gap { .. } => {
                "bring the manifest back from a backup, or from an older version of the bucket; nothing was written"
                    .to_owned()
            }
            Self::Joined { first, last, .. } => format!("`--sequence {first}..{last}` takes all of them"),
            Self::Sibling { .. } => return None,
            Self::Plan(_) => "take one of them out of the folder of plugins".to_owned(),
            Self::UnknownTable { .. } => "check the name; `host status` shows all tables".to_owned(),
            _ => return self.explained().and_then(Explain::hint),
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Crowded { .. } => Exit::Environment,
            Self::Owner { .. } => Exit::PluginAtFault,
            _ => self.explained().map_or(Exit::BadInput, Explain::exit),
        }
    }
}
