//! The command line, and under the Lambda runtime the functions.

mod arguments;
mod commands;
mod lambda;
mod screen;

use clap::Parser;
use host::error::Exit;
use std::io::IsTerminal;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    share_one_heap();
    if lambda::is_function() {
        return lambda::run();
    }
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
        .with_env_filter(filter(LOG))
        .with_ansi(std::io::stderr().is_terminal())
        .log_internal_errors(false)
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

/// What is logged: what `HOST_LOG` says, or `default`. The library of Delta Lake tells as an error that a table is not there yet, and is heard only
/// when it is asked for.
fn filter(default: &str) -> EnvFilter {
    let is_asked = |filter: &EnvFilter| filter.to_string().contains("delta_kernel");
    match EnvFilter::try_from_env("HOST_LOG") {
        Ok(filter) if is_asked(&filter) => filter,
        Ok(filter) => EnvFilter::new(format!("{filter},delta_kernel=off,delta_kernel_default_engine=off")),
        Err(_) => EnvFilter::new(format!("{default},delta_kernel=off,delta_kernel_default_engine=off")),
    }
}

/// What is logged if nobody says: what the screens don't tell anyway.
const LOG: &str =
    "warn,host::ingest=off,host::process=off,host::compact=off,aws_config=off,aws_runtime=off,aws_smithy_runtime=off";

/// Lets all threads allocate from one heap. Rows are made by one thread and freed by another; with a heap for each thread,
/// what one frees the other can't use, and the peak grows by a third. Allocations are large and few, so nobody waits.
fn share_one_heap() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        #[expect(unsafe_code, reason = "a call of the C library")]
        // SAFETY: called before any other thread is started; the option takes any positive number.
        let taken = unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
        debug_assert_eq!(taken, 1, "the C library knows the option");
    }
}
