//! What tells whether the bytes of an object are those that were stored.
//!
//! An object has two: the SHA-256, which names what it holds for good, and the CRC-64/NVME, which any damage by accident
//! changes, and which costs a tenth of it: reading the lines of a large packet took a fifth longer with the SHA-256.

use crate::packet::StoredObject;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crc_fast::CrcAlgorithm;
use sha2::{Digest, Sha256};

/// Checksums of bytes that come bit by bit.
#[derive(Debug)]
pub(super) struct Checksums {
    crc64: Option<crc_fast::Digest>,
    sha256: Option<Sha256>,
}

impl Checksums {
    /// Both.
    pub(super) fn new() -> Self {
        Self { crc64: Some(crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme)), sha256: Some(Sha256::new()) }
    }

    /// The one that tells soonest whether `object` is damaged.
    pub(super) fn quick(object: &StoredObject) -> Self {
        match object.crc64nvme {
            Some(_) => Self { sha256: None, ..Self::new() },
            None => Self { crc64: None, ..Self::new() },
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        if let Some(crc64) = &mut self.crc64 {
            crc64.update(bytes);
        }
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
    }

    /// The CRC-64/NVME as S3 writes it: eight bytes, the highest first, in base64.
    pub(super) fn crc64nvme(&self) -> Option<String> {
        self.crc64.as_ref().map(|crc64| BASE64_STANDARD.encode(crc64.finalize().to_be_bytes()))
    }

    /// The SHA-256 in hexadecimal digits.
    pub(super) fn sha256(self) -> Option<String> {
        self.sha256.map(|sha256| crate::text::hexadecimal(&sha256.finalize()))
    }

    /// Which of them is not the one of `object`: its name, what `object` has, and what was found.
    pub(super) fn difference(self, object: &StoredObject) -> Option<(&'static str, String, String)> {
        if let (Some(expected), Some(found)) = (&object.crc64nvme, self.crc64nvme())
            && *expected != found
        {
            return Some(("CRC-64/NVME", expected.clone(), found));
        }
        let found = self.sha256().filter(|found| *found != object.sha256)?;
        Some(("SHA-256", object.sha256.clone(), found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_one_of_the_catalogue_as_s3_writes_it() {
        let mut checksums = Checksums::new();
        checksums.update(b"1234");
        checksums.update(b"56789");
        // The check value of CRC-64/NVME in the catalogue of parametrised CRC algorithms: ae8b14860a799888.
        assert_eq!(checksums.crc64nvme().as_deref(), Some("rosUhgp5mIg="));
    }
}
