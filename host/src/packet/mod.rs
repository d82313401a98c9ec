//! Packets: the rows of one table that one ingest brought.
//!
//! A packet is known by its table and its sequence id 1, 2, 3, ... It exists when its [`Manifest`] exists, and never changes.

mod keys;
pub(crate) mod line;
mod manifest;
pub(crate) mod moment;
pub(crate) mod values;

pub use keys::{
    cursor_key, data_key, decode_segment, deletes_key, is_data_or_state, manifest_key, manifests_prefix,
    merged_run_key, merged_run_span, packet_state_key, parquet_key, sequence_of, state_prefix, table_of_manifest,
    table_prefix,
};
pub use manifest::{
    CursorPosition, DataFormat, Manifest, ManifestError, PacketKind, SourceColumn, StateObject, StoredObject,
};

/// The largest sequence id: as many digits as keys have room for.
pub const SEQUENCE_MAX: u64 = 99_999_999;
