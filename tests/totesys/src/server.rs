//! A PostgreSQL of one's own: made in a moment, listening on 127.0.0.1 only, gone without a trace.
//!
//! ```text
//! Server::start ──► initdb ──► postgres ──► url(database)
//!                      in a folder that goes with the server
//! ```
//!
//! PostgreSQL refuses to run as root, so a root's server runs as the user `postgres`. A server also ends when the process
//! that started it dies without dropping it.

mod error;
mod guard;
mod programs;
mod settings;
mod transaction_ids;

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

pub use error::ServerError;
use guard::Guard;
use programs::Programs;

/// Below the ports that systems give to outgoing connections, so that none of them takes a stopped server's port.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
/// How many ports are tried, should other processes take them in the same moment.
const PORT_TRIES: usize = 20;
/// A server that recovers from a crash can take some time on a slow disk.
const START_SECONDS_MAX: u64 = 120;
/// How long a server gets to stop by itself.
const STOP_SECONDS_MAX: u64 = 60;
/// How often a server that starts or stops is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(4);

/// What a [`Server`] is to be like; the default is fast, plain and trusting.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether commits reach the disk, as they should where data matters. Without, a crash of the server loses nothing
    /// either, only one of the machine does.
    pub durable: bool,
    /// The password of the user `postgres`; without one, everyone on this machine is let in.
    pub password: Option<String>,
    /// Whether connections can be encrypted, with a certificate for `localhost` and 127.0.0.1 that signs itself.
    pub tls: bool,
    /// The port on 127.0.0.1; without one, a free port is found.
    pub port: Option<u16>,
    /// Settings as in `postgresql.conf`, which win over the server's own.
    pub extra_settings: Vec<(String, String)>,
}

/// A running PostgreSQL, stopped and removed when it is dropped.
#[derive(Debug)]
pub struct Server {
    options: Options,
    programs: Programs,
    port: u16,
    postgres: Option<Child>,
    // Before the folder, which the guard would remove too.
    guard: Guard,
    folder: TempDir,
}

impl Server {
    /// Makes a server with its three databases `postgres`, `template0` and `template1`, and starts it. This takes about a
    /// second, in which the thread is blocked, as it is in all that starts or stops a server.
    ///
    /// # Errors
    /// If PostgreSQL is not installed or does not start; the message then ends with what its log says.
    pub fn start(options: Options) -> Result<Self, ServerError> {
        let programs = Programs::find()?;
        let folder = tempfile::Builder::new()
            .prefix("totesys-")
            .tempdir()
            .map_err(|source| ServerError::Files { path: std::env::temp_dir(), source })?;
        programs.give(folder.path())?;
        settings::initialize(&programs, folder.path(), &options)?;
        let guard = Guard::over(folder.path())?;
        let mut server = Self { options, programs, port: 0, postgres: None, guard, folder };
        server.start_on_free_port()?;
        Ok(server)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What a client connects to a database by, with the password if there is one.
    pub fn url(&self, database: &str) -> String {
        let password = self.options.password.as_deref().map(|password| format!(":{}", percent_encoded(password)));
        let (password, port) = (password.unwrap_or_default(), self.port);
        format!("postgres://postgres{password}@127.0.0.1:{port}/{}", percent_encoded(database))
    }

    /// The folder that everything of the server is in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the server has to say.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// The certificate, in PEM, of a server with `tls`.
    pub fn certificate(&self) -> Option<PathBuf> {
        self.options.tls.then(|| settings::certificate(self.folder.path()))
    }

    /// Makes an empty database and tells its URL.
    ///
    /// # Errors
    /// If there is one of that name, or the server does not run.
    pub fn create_database(&self, name: &str) -> Result<String, ServerError> {
        self.execute("postgres", &format!("CREATE DATABASE \"{}\"", name.replace('"', "\"\"")))?;
        Ok(self.url(name))
    }

    /// Runs SQL through `psql` and tells what it prints: a line a row, `|` between columns.
    ///
    /// # Errors
    /// If the server refuses a statement or does not run.
    pub fn execute(&self, database: &str, sql: &str) -> Result<String, ServerError> {
        let mut psql = self.programs.client("psql");
        psql.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1", "--no-password"])
            .args(["--host=127.0.0.1", "--username=postgres", &format!("--port={}", self.port)])
            .arg(format!("--dbname={database}"))
            .arg(format!("--command={sql}"))
            .env("PGPASSWORD", self.options.password.as_deref().unwrap_or_default());
        Ok(programs::run(psql)?.trim_end().to_owned())
    }

    /// Stops in order and starts again, on the same port.
    ///
    /// # Errors
    /// If the server does not come up again.
    pub fn restart(&mut self) -> Result<(), ServerError> {
        self.stop()?;
        self.start_again()
    }

    /// Stops in order: open transactions are rolled back, connections are closed. A stopped server stays so.
    ///
    /// # Errors
    /// If the server does not end in time.
    pub fn stop(&mut self) -> Result<(), ServerError> {
        self.end(Signal::INT)
    }

    /// Stops without a checkpoint, as a crash does: the next start recovers from the write-ahead log.
    ///
    /// # Errors
    /// If the server does not end in time.
    pub fn crash(&mut self) -> Result<(), ServerError> {
        self.end(Signal::QUIT)
    }

    /// Starts a server that was stopped or crashed, on the same port. A running server stays so.
    ///
    /// # Errors
    /// If the server does not come up.
    pub fn start_again(&mut self) -> Result<(), ServerError> {
        self.start_with(&[])
    }

    /// Moves the 64-bit transaction counter, so that the next transaction that writes gets the id `next`; stops and
    /// starts the server. The three ids that PostgreSQL keeps for itself at the start of each 2^32 are skipped.
    ///
    /// All databases are frozen on the way, in steps that stay within half of the 32 bits, so that the server goes on as
    /// after billions of real transactions.
    ///
    /// # Errors
    /// If `next` is too small or beyond what the counter holds, if there are prepared transactions, or if the server
    /// does not take writes afterwards.
    pub fn reset_next_xid(&mut self, next: u64) -> Result<(), ServerError> {
        transaction_ids::reset(self, next)
    }

    fn data(&self) -> PathBuf {
        settings::data(self.folder.path())
    }

    fn start_on_free_port(&mut self) -> Result<(), ServerError> {
        if let Some(port) = self.options.port {
            self.port = port;
            return self.start_again();
        }
        let mut tries = 0;
        loop {
            self.port = free_port()?;
            match self.start_again() {
                Err(ServerError::Start { log }) if log.contains("Address already in use") && tries < PORT_TRIES => {
                    tries += 1;
                }
                outcome => return outcome,
            }
        }
    }

    /// Starts with settings for this time only, and waits until connections are accepted.
    fn start_with(&mut self, settings: &[(&str, &str)]) -> Result<(), ServerError> {
        if self.postgres.is_some() {
            return Ok(());
        }
        let log = self.log();
        let files = |source| ServerError::Files { path: log.clone(), source };
        let log_file = File::options().create(true).append(true).open(&log).map_err(files)?;
        let log_start = log_file.metadata().map_err(files)?.len();
        let mut command = self.programs.server("postgres");
        command.arg("-D").arg(self.data()).arg("-c").arg(format!("port={}", self.port));
        for (name, value) in settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        let output = log_file.try_clone().map_err(files)?;
        command.stdin(Stdio::null()).stdout(output).stderr(log_file);
        let mut postgres =
            command.spawn().map_err(|source| ServerError::Program { program: "postgres".to_owned(), source })?;
        let started = Instant::now();
        let is_ready = loop {
            if self.is_ready(postgres.id()) {
                break true;
            }
            let is_over = !matches!(postgres.try_wait(), Ok(None));
            if is_over || started.elapsed().as_secs() >= START_SECONDS_MAX {
                break false;
            }
            thread::sleep(LOOK_EVERY);
        };
        self.postgres = Some(postgres);
        if is_ready {
            return Ok(());
        }
        self.end(Signal::QUIT)?;
        let log = fs::read(&log).map_err(files)?;
        let since = log.get(log_start as usize..).unwrap_or_default();
        Err(ServerError::Start { log: String::from_utf8_lossy(since).into_owned() })
    }

    /// Whether the server with this process id says so in its `postmaster.pid`: the id first, `ready` in the eighth line.
    fn is_ready(&self, process: u32) -> bool {
        let status = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let mut lines = status.lines().map(str::trim);
        lines.next() == Some(&process.to_string()) && lines.nth(6) == Some("ready")
    }

    /// Asks the server to end and waits for it; kills it if it takes too long.
    fn end(&mut self, signal: Signal) -> Result<(), ServerError> {
        let Some(mut postgres) = self.postgres.take() else { return Ok(()) };
        let stopped = Instant::now();
        // A server that is gone already is what was wanted.
        let _ = kill_process(Pid::from_child(&postgres), signal);
        while let Ok(None) = postgres.try_wait() {
            if stopped.elapsed().as_secs() >= STOP_SECONDS_MAX {
                let _ = postgres.kill();
                let _ = postgres.wait();
                return Err(ServerError::Stop { seconds: STOP_SECONDS_MAX });
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nobody is left to hear of a failure; the folder goes in any case.
        let _ = self.crash();
        self.guard.dismiss();
    }
}

/// A port on which nobody listens, another one for each caller of this process.
fn free_port() -> Result<u16, ServerError> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Processes that run side by side start at different ports.
    let start = process::id().wrapping_mul(97) as u16;
    for _ in PORTS {
        let offset = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % (PORTS.end - PORTS.start);
        let port = PORTS.start + offset;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(ServerError::NoFreePort)
}

fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}
