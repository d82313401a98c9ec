//! The command that explains a row.

use super::loading::threads;
use super::process::open_parts;
use super::{Failure, boxed, runtime};
use crate::arguments::ExplainArguments;
use crate::screen;
use host::config::Config;
use host::error::Exit;
use host::explain::explain;

pub(crate) fn explain_command(config: &Config, arguments: &ExplainArguments, json: bool) -> Result<Exit, Failure> {
    let runtime = runtime()?;
    let (parts, _loader) = open_parts(config, runtime, threads(None))?;
    let explanation = explain(&parts, &arguments.table, &arguments.key).map_err(boxed)?;
    Ok(screen::show_explanation(&explanation, json))
}
