//! A host for table transforms in WebAssembly.
pub mod columns;
pub mod error;
pub mod manifest;
pub mod reject;
pub mod sandbox;
