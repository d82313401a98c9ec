//! Makes the ToteSys database at any scale, the same rows for the same seed.
//!
//! ```text
//! Options ──► Generator ──► write_table(Table, output)     one line of JSON a row
//!                       └─► load(client) ──► Postgres ◄── Simulator     working days at full speed
//! ```
//!
//! The rows have the domains and the habits of the real database as one still picture shows them: ties, timestamps with
//! few or no fraction digits, ids that run ahead of their timestamps by some milliseconds, edited rows at the end of
//! the heap, text with apostrophes, ampersands and commas, leading zeros, nulls, agreed dates years ahead. All names are
//! made up. `tests/database.rs` says each of these as a check.
//!
//! In the order in which data flows: [`schema`] is what the tables look like, `random` and `calendar` are where values
//! come from, `timeline` says which order happens when and `later` what the days after it bring, `reference`, `design`,
//! `orders` and `payment` make the rows, `hard` the awkward ones, `line` spells them. For a database that lives,
//! [`server`] is a PostgreSQL of one's own, [`ddl`] the schema as SQL, [`load`] brings the rows in, and [`simulator`]
//! changes them.
//!
//! ```
//! let database = totesys::Generator::new(totesys::Options::default())?;
//! let mut lines = Vec::new();
//! assert_eq!(3, database.write_table(totesys::Table::Currency, &mut lines)?);
//! assert!(lines.starts_with(br#"{"currency_id":1,"currency_code":"GBP","#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![allow(clippy::disallowed_types, reason = "tests look into databases themselves")]

pub mod ddl;
pub mod load;
pub mod schema;
pub mod server;
pub mod simulator;

mod calendar;
mod design;
mod generator;
mod hard;
mod later;
mod line;
mod orders;
mod payment;
mod random;
mod reference;
mod timeline;
mod words;

pub use generator::{Generator, Options, Size, SizeError};
pub use later::DaysError;
pub use line::Style;
pub use schema::Table;
