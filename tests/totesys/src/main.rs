//! Writes the ToteSys database as one file of JSON Lines a table.

use std::error::Error;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use totesys::{Generator, Options, Size, Table};

/// Makes the ToteSys database at any scale, the same rows for the same seed.
#[derive(Debug, Parser)]
#[command(name = "totesys", version)]
struct Arguments {
    /// The folder to write `<table>.jsonl` to; made if absent.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The size; 1 gives 11,187 sales orders.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// The exact number of sales orders, the rest in proportion.
    #[arg(long, value_name = "N", conflicts_with = "scale")]
    orders: Option<u64>,
    /// Which of many databases of that size.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only this table; can be given more than once.
    #[arg(long = "table", value_name = "TABLE")]
    tables: Vec<Table>,
    /// How lines are spelt.
    #[arg(long, value_enum, default_value_t = Spelling::Compact)]
    style: Spelling,
    /// Adds awkward but legal values.
    #[arg(long)]
    hard: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Spelling {
    /// As the raw lake holds lines.
    Compact,
    /// As Python's `json` prints rows.
    Dump,
}

fn main() -> ExitCode {
    match write_database(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write_database(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let database = Generator::new(Options {
        size: arguments.orders.map_or(Size::Scale(arguments.scale), Size::SalesOrders),
        seed: arguments.seed,
        style: match arguments.style {
            Spelling::Compact => totesys::Style::Compact,
            Spelling::Dump => totesys::Style::Dump,
        },
        hard: arguments.hard,
    })?;
    fs::create_dir_all(&arguments.out).map_err(|error| format!("`{}`: {error}", arguments.out.display()))?;
    let is_asked = |table: &Table| arguments.tables.is_empty() || arguments.tables.contains(table);
    for table in Table::ALL.into_iter().filter(is_asked) {
        let path = arguments.out.join(table.name()).with_extension("jsonl");
        let rows = File::create(&path)
            .and_then(|file| database.write_table(table, file))
            .map_err(|error| format!("`{}`: {error}", path.display()))?;
        println!("{} {rows}", table.name());
    }
    Ok(())
}
