//! Bytes that are kept until it is known where they go: their name is made of their digest.

use super::unlinked_file;
use crate::text::hexadecimal;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek, Write};

/// What stays in memory; more goes to a temporary file. Most packets are small.
const MEMORY_BYTES_MAX: usize = 1024 * 1024;

/// How many bytes are handed out at a time.
const PART_BYTES: usize = 8 * 1024 * 1024;

/// Takes bytes, and their digest on the way.
#[derive(Debug, Default)]
pub struct Spool {
    buffer: Vec<u8>,
    file: Option<File>,
    digest: Sha256,
    bytes: u64,
}

/// Bytes that were spooled.
#[derive(Debug)]
pub struct Spooled {
    /// The SHA-256 of the bytes, in hexadecimal digits.
    pub sha256: String,
    /// How many bytes.
    pub bytes: u64,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Memory(Bytes),
    File(File),
}

impl Spool {
    /// All bytes have come.
    ///
    /// # Errors
    /// What the file system says.
    pub fn finish(mut self) -> std::io::Result<Spooled> {
        let sha256 = hexadecimal(&self.digest.finalize());
        let content = match self.file.take() {
            Some(mut file) => {
                file.write_all(&self.buffer)?;
                Content::File(file)
            }
            None => Content::Memory(std::mem::take(&mut self.buffer).into()),
        };
        Ok(Spooled { sha256, bytes: self.bytes, content })
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() > MEMORY_BYTES_MAX {
            let file = match &mut self.file {
                Some(file) => file,
                None => self.file.insert(unlinked_file()?),
            };
            file.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Spooled {
    /// The bytes, in parts of some megabytes: one part where they fit. They are handed out from the beginning each time, but
    /// once at a time.
    ///
    /// # Errors
    /// What the file system says.
    pub fn parts(&self) -> std::io::Result<impl Iterator<Item = std::io::Result<Bytes>> + Send + use<>> {
        let (mut memory, mut file) = (None, None);
        match &self.content {
            Content::Memory(bytes) => memory = Some(bytes.clone()),
            Content::File(spooled) => {
                let mut spooled = spooled.try_clone()?;
                spooled.rewind()?;
                file = Some(spooled);
            }
        }
        Ok(std::iter::from_fn(move || {
            if let Some(bytes) = memory.take() {
                return Some(Ok(bytes));
            }
            let mut part = Vec::new();
            match file.as_mut()?.take(PART_BYTES as u64).read_to_end(&mut part) {
                Ok(0) => None,
                Ok(_) => Some(Ok(part.into())),
                Err(error) => Some(Err(error)),
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_goes_out_whether_it_fits_memory_or_not() {
        for length in [0, 10, MEMORY_BYTES_MAX, 20 * 1024 * 1024] {
            let bytes: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
            let mut spool = Spool::default();
            bytes.chunks(700_001).for_each(|chunk| spool.write_all(chunk).unwrap());
            let spooled = spool.finish().unwrap();
            assert_eq!((length as u64, crate::text::sha256(&bytes)), (spooled.bytes, spooled.sha256.clone()));
            let parts: Vec<Bytes> = spooled.parts().unwrap().collect::<Result<_, _>>().unwrap();
            assert_eq!(bytes, parts.concat());
            let again: Vec<Bytes> = spooled.parts().unwrap().collect::<Result<_, _>>().unwrap();
            assert_eq!(parts, again);
        }
    }
}
