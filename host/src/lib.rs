//! A host for table transforms in WebAssembly: rows of a database become star tables, in a sandbox.
//!
//! ```text
//! input ──► process ──► sandbox ──► process ──► star
//! lines     chunks      plugins     in order    Parquet
//! ```
//!
//! The modules, in the order in which rows pass them:
//!
//! | module | what it holds |
//! |---|---|
//! | [`input`] | JSON Lines, cut into chunks; the calendar; rows of other tables that are joined in |
//! | [`sandbox`] | plugins: loading, calling, limits, checks of what comes back |
//! | [`manifest`] | what a plugin says that it reads and writes |
//! | [`columns`], [`reject`] | what a plugin hands back: rows as columns, and lines that made no row |
//! | [`star`] | star tables: row groups, Parquet files |
//! | [`process`] | the way from lines to star tables, on all threads, in order |
//! | [`report`] | what was done |
//! | [`scaffold`] | new plugins, made of the rows that they are to read |
//! | [`case`] | golden cases of plugins: run, recorded, blessed |
//! | [`registry`], [`store`] | published plugins, and where objects are kept |
//! | [`compare`] | what changes between two versions of a plugin |
//! | [`fuzz`] | hard inputs, derived from cases |
//! | [`crates`] | crates of plugins, built by cargo |
//! | [`files`], [`text`] | files that appear whole or not at all; text made fit for a terminal |
//! | [`config`], [`error`] | settings; what every error can say |
//!
//! # Invariants
//!
//! 1. The same rows, plugin and host version give the same star bytes: chunk cuts depend on the rows alone, never on threads
//!    or time, and where no limit is touched any cut gives the same rows in the same order.
//! 2. A plugin sees rows and nothing else: no files, no network, no clock, no randomness, and nothing of an earlier call.
//! 3. A bad row costs that row; a bad plugin costs its own star tables.
//! 4. Nothing that a plugin hands back is used before it was checked.

pub mod case;
pub mod columns;
pub mod compare;
pub mod config;
pub mod crates;
pub mod error;
pub mod files;
pub mod fuzz;
pub mod input;
pub mod manifest;
pub mod process;
pub mod registry;
pub mod reject;
pub mod report;
pub mod sandbox;
pub mod scaffold;
pub mod star;
pub mod store;
pub mod text;
