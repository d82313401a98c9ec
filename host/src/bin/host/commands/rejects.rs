//! The command around rejected rows.

use super::loading::threads;
use super::process::open_parts;
use super::{Failure, boxed, runtime};
use crate::arguments::RejectsArguments;
use crate::screen;
use host::config::Config;
use host::error::Exit;
use host::rejects::{ListOptions, list, replay};

pub(crate) fn rejects_command(config: &Config, arguments: RejectsArguments, json: bool) -> Result<Exit, Failure> {
    let runtime = runtime()?;
    let (parts, _loader) = open_parts(config, runtime, threads(None))?;
    match arguments.table {
        Some(table) if arguments.replay => {
            let replay = replay(&parts, &table, arguments.publish).map_err(boxed)?;
            Ok(screen::show_replay(&table, &replay, json))
        }
        table => {
            let list = list(&parts, &ListOptions { table, rows_max: arguments.rows }).map_err(boxed)?;
            Ok(screen::show_rejects(&list, json))
        }
    }
}
