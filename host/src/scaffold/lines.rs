//! The lines of a file.

use crate::input::{ChunkLimits, Input, InputError, LineChunks};
use std::ops::ControlFlow;
use std::path::Path;

/// Hands each line of a file that is not blank to `visit`, with its number from 1, until `visit` breaks off; `progress` is
/// told how many bytes were read.
pub(super) fn visit_lines<E: From<InputError>>(
    path: &Path,
    progress: &dyn Fn(u64),
    mut visit: impl FnMut(u64, &[u8]) -> Result<ControlFlow<()>, E>,
) -> Result<(), E> {
    let input = Input::File(path.to_owned());
    let mut chunks = LineChunks::new(input.name(), input.open()?, ChunkLimits::default(), None);
    let mut buffer = Vec::new();
    while let Some(chunk) = chunks.next_chunk(buffer)? {
        for (index, line) in (0..).zip(chunk.bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty())) {
            if visit(chunk.line_number(index), line)?.is_break() {
                return Ok(());
            }
        }
        progress(chunk.input_end);
        buffer = chunk.bytes;
    }
    Ok(())
}
