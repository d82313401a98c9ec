//! Writes the ToteSys database as one file of JSON Lines a table, or into a Postgres.

use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_postgres::NoTls;
use totesys::load::{self, Loaded};
use totesys::server::{self, Server};
use totesys::{Generator, Options, Size, Table};

/// The database that `serve` loads.
const DATABASE: &str = "totesys";

/// Makes the ToteSys database at any scale, the same rows for the same seed.
#[derive(Debug, Parser)]
#[command(name = "totesys", version, subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
#[command(group = ArgGroup::new("target").required(true).args(["out", "postgres"]))]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The folder to write `<table>.jsonl` to; made if absent.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The empty database to load instead, as `postgres://user:password@host:port/database`.
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    #[command(flatten)]
    database: DatabaseArguments,
    /// Only this table; can be given more than once. In a database, it then has no foreign keys.
    #[arg(long = "table", value_name = "TABLE")]
    tables: Vec<Table>,
    /// How lines are spelt.
    #[arg(long, value_enum, default_value_t = Spelling::Compact, conflicts_with = "postgres")]
    style: Spelling,
}

/// Which database it is.
#[derive(Debug, Args)]
struct DatabaseArguments {
    /// The size; 1 gives 11,187 sales orders.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// The exact number of sales orders, the rest in proportion.
    #[arg(long, value_name = "N", conflicts_with = "scale")]
    orders: Option<u64>,
    /// Which of many databases of that size.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Adds awkward but legal values.
    #[arg(long)]
    hard: bool,
    /// The database as it stands so many working days later.
    #[arg(long, value_name = "N", default_value_t = 0)]
    days: u64,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts a private PostgreSQL with the database, prints its URL, and stops it on an interrupt or when the standard
    /// input ends.
    Serve {
        #[command(flatten)]
        database: DatabaseArguments,
        /// The port on 127.0.0.1; without one, a free port is found.
        #[arg(long)]
        port: Option<u16>,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Spelling {
    /// As the raw lake holds lines.
    Compact,
    /// As Python's `json` prints rows.
    Dump,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  because: {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    if let Some(Command::Serve { database, port }) = &arguments.command {
        return serve(&database.generator(totesys::Style::Compact)?, *port);
    }
    let style = match arguments.style {
        Spelling::Compact => totesys::Style::Compact,
        Spelling::Dump => totesys::Style::Dump,
    };
    let database = arguments.database.generator(style)?;
    match (&arguments.out, &arguments.postgres) {
        (Some(folder), _) => write_files(&database, folder, &arguments.tables),
        (None, Some(url)) => {
            let loaded = tokio::runtime::Runtime::new()?.block_on(load_database(&database, url, &arguments.tables))?;
            loaded.rows.iter().for_each(|(table, rows)| println!("{} {rows}", table.name()));
            Ok(())
        }
        (None, None) => Ok(()),
    }
}

impl DatabaseArguments {
    fn generator(&self, style: totesys::Style) -> Result<Generator, Box<dyn Error>> {
        let size = self.orders.map_or(Size::Scale(self.scale), Size::SalesOrders);
        let database = Generator::new(Options { size, seed: self.seed, style, hard: self.hard })?;
        Ok(database.after_days(self.days)?)
    }
}

fn write_files(database: &Generator, folder: &Path, tables: &[Table]) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder).map_err(|error| format!("`{}`: {error}", folder.display()))?;
    let is_asked = |table: &Table| tables.is_empty() || tables.contains(table);
    for table in Table::ALL.into_iter().filter(is_asked) {
        let path = folder.join(table.name()).with_extension("jsonl");
        let rows = File::create(&path)
            .and_then(|file| database.write_table(table, file))
            .map_err(|error| format!("`{}`: {error}", path.display()))?;
        println!("{} {rows}", table.name());
    }
    Ok(())
}

async fn load_database(database: &Generator, url: &str, tables: &[Table]) -> Result<Loaded, Box<dyn Error>> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(match tables {
        [] => load::load(&client, database).await?,
        tables => load::load_tables(&client, database, tables).await?,
    })
}

fn serve(database: &Generator, port: Option<u16>) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Runtime::new()?;
    // First, so that an interrupt during the load stops the server too.
    let mut ends = runtime.block_on(async { watch_for_end() })?;
    let server = Server::start(server::Options { port, ..server::Options::default() })?;
    let url = server.create_database(DATABASE)?;
    runtime.block_on(async {
        tokio::select! {
            loaded = load_database(database, &url, &[]) => {
                loaded?.rows.iter().for_each(|(table, rows)| eprintln!("{} {rows}", table.name()));
            }
            end = ends.recv() => {
                eprintln!("{}", end.unwrap_or_default());
                return Ok(());
            }
        }
        eprintln!("it stops on an interrupt, or when the standard input ends");
        println!("{url}");
        eprintln!("{}", ends.recv().await.unwrap_or_default());
        Ok(())
    })
}

/// Tells once when somebody wants an end: by a signal, or by closing the standard input.
fn watch_for_end() -> io::Result<mpsc::Receiver<&'static str>> {
    let (sender, receiver) = mpsc::channel(1);
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let (mut signals, sender) = (signal(kind)?, sender.clone());
        tokio::spawn(async move {
            signals.recv().await;
            // One end is enough.
            let _ = sender.try_send("stopped by a signal");
        });
    }
    thread::spawn(move || {
        // An input that can't be read is an end too.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = sender.try_send("stopped because the standard input ended");
    });
    Ok(receiver)
}
