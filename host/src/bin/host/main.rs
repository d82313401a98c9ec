//! The command line.

mod arguments;
mod commands;
mod screen;

use clap::Parser;
use host::error::Exit;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = match arguments::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            // Where even the message can't be shown, the exit code still says it.
            let _ = error.print();
            return exit.into();
        }
    };
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_env("HOST_LOG").unwrap_or_else(|_| "warn".into()))
        .without_time()
        .init();
    let json = arguments.json;
    match commands::run(arguments) {
        Ok(exit) => exit.into(),
        Err(error) => {
            screen::show_error(error.as_ref(), json);
            error.exit().into()
        }
    }
}
