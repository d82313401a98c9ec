//! Reads files.

use guests::innocent;
use guests::types::{Context, Failure, Output};

guests::guest!(transform: transform);

fn transform(context: &Context, json_lines: &[u8]) -> Result<Output, Failure> {
    let secrets = std::fs::read("/etc/passwd").map_err(|error| Failure { message: error.to_string() })?;
    innocent::transform(context, if secrets.is_empty() { &[] } else { json_lines })
}
