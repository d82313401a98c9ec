//! Where objects are kept: a folder of this machine, in the terms of `object_store`.

mod folder;

pub use folder::FolderStore;
pub use object_store::memory::InMemory;
