//! A host for table transforms in WebAssembly: rows of a database become star tables, in a sandbox.
//!
//! ```text
//! source ──► ingest ──► lake ──► process ──► transform ──► sandbox ──► transform ──► star
//! rows       changes    packets  catch-up    chunks        plugins     in order      Parquet, Delta Lake
//!               ▲ state, checkpoint   ▲ log of the star table
//! ```
//!
//! The modules, in the order in which rows pass them:
//!
//! | module | what it holds |
//! |---|---|
//! | [`source`] | where rows come from: Postgres, or a folder of files that stands for a database; the change cursors |
//! | [`ingest`] | from a source to packets: what has changed, exactly once; sweeps |
//! | [`packet`] | what a packet is made of, and the keys of the lake |
//! | [`lake`] | packets in a store: uploads, the commit, reading back, garbage |
//! | [`state`] | the newest hash of each key of a table: what every row is compared with |
//! | [`checkpoint`], [`status`] | where each table stands |
//! | [`store`], [`aws`] | where objects are kept: a folder, memory, S3; the clients of AWS |
//! | [`input`] | JSON Lines, cut into chunks; the calendar; rows of other tables that are joined in |
//! | [`sandbox`] | plugins: loading, calling, limits, checks of what comes back |
//! | [`manifest`] | what a plugin says that it reads and writes |
//! | [`columns`], [`reject`] | what a plugin hands back: rows as columns, and lines that made no row |
//! | [`transform`] | the way from lines through a plugin to columns, on all threads, in order |
//! | [`star`] | star tables: row groups, Parquet files, buckets of keys, Delta Lake |
//! | [`process`] | from packets to star tables: each is brought up to date, exactly once |
//! | [`verify`] | whether lake and star tables are whole, and fit each other |
//! | [`compact`] | small files of facts become few large ones |
//! | [`rejects`] | records that were rejected: listed, and run again by the plugins of today |
//! | [`explain`] | where a row of a star table comes from |
//! | [`report`] | what was done |
//! | [`scaffold`] | new plugins, made of the rows that they are to read |
//! | [`case`] | golden cases of plugins: run, recorded, blessed |
//! | [`registry`] | published plugins |
//! | [`compare`] | what changes between two versions of a plugin |
//! | [`fuzz`] | hard inputs, derived from cases |
//! | [`crates`] | crates of plugins, built by cargo |
//! | [`files`], [`text`] | files that appear whole or not at all; text made fit for a terminal |
//! | [`config`], [`parts`], [`error`] | settings; the real parts, built of them; what every error can say |
//! | [`crash`] | named steps at which a test stops the process |
//!
//! # Invariants
//!
//! 1. A packet exists when its manifest exists; a manifest is created with *create if absent*, once. No object of the lake is
//!    ever overwritten; the only conditional replace is that of the small hint `<table>/cursor`.
//! 2. A row becomes part of a packet if, and only if, the hash of its line differs from the state of its key: whatever is asked
//!    for, crashes or runs twice, no version comes twice.
//! 3. The checkpoint is written last and only repeats what the lake says; losing it loses nothing.
//! 4. The same rows, plugin and host version give the same star bytes: chunk cuts depend on the rows alone, never on threads
//!    or time, and where no limit is touched any cut gives the same rows in the same order.
//! 5. A star table's log says which packet it holds, in the entry that adds the packet's rows: to process twice, or at the same
//!    time, or after a crash, adds nothing twice and leaves nothing out. No plugin runs on rows that are not in the lake, the
//!    made-up calendar aside.
//! 6. A plugin sees rows and nothing else: no files, no network, no clock, no randomness, and nothing of an earlier call.
//! 7. A bad row costs that row; a bad plugin costs its own star tables; a table that fails costs no other table.
//! 8. Nothing that a plugin hands back is used before it was checked; nothing that the lake hands back before its digest was.

pub mod aws;
pub mod case;
pub mod checkpoint;
pub mod columns;
pub mod compact;
pub mod compare;
pub mod config;
pub mod crash;
pub mod crates;
pub mod error;
pub mod explain;
pub mod files;
pub mod fuzz;
pub mod ingest;
pub mod input;
pub mod lake;
pub mod manifest;
pub mod packet;
pub mod parts;
pub mod process;
pub mod registry;
pub mod reject;
pub mod rejects;
pub mod report;
pub mod sandbox;
pub mod scaffold;
pub mod source;
pub mod star;
pub mod state;
pub mod status;
pub mod store;
pub mod text;
pub mod transform;
pub mod verify;
