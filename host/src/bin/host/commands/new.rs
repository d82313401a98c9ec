//! `host plugin new`.

use super::{Failure, boxed};
use crate::arguments::NewArguments;
use crate::screen;
use host::error::Exit;
use host::input::Input;
use host::scaffold::{NewPlugin, ScaffoldError, StarName, make_plugin};
use std::path::PathBuf;

pub(super) fn new_command(arguments: NewArguments, json: bool) -> Result<Exit, Failure> {
    let name = StarName::parse(&arguments.name).map_err(|error| boxed(ScaffoldError::from(error)))?;
    let folder = std::env::current_dir().map_err(|source| {
        boxed(ScaffoldError::Files { what: "find the current folder", path: PathBuf::from("."), source })
    })?;
    let bar = screen::progress_bar(Input::File(arguments.from.clone()).bytes(), json);
    let request = NewPlugin { name, from: arguments.from, table: arguments.table, folder: folder.clone() };
    let report = make_plugin(&request, &|bytes| bar.set_position(bytes));
    bar.finish_and_clear();
    Ok(screen::show_new(&report.map_err(boxed)?, &folder, json))
}
