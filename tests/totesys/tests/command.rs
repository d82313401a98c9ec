//! The command: files, a database that is there, and a server for those who have none.

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use totesys::server::{Options, Server};

type Outcome = Result<(), Box<dyn Error>>;

fn totesys(arguments: &[&str]) -> Result<Output, std::io::Error> {
    Command::new(env!("CARGO_BIN_EXE_totesys")).args(arguments).stdin(Stdio::null()).output()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_target_is_needed_and_one_only() -> Outcome {
    let (none, both) = (totesys(&[])?, totesys(&["--out", "/nowhere", "--postgres", "postgres://nobody@127.0.0.1"])?);
    assert!(text(&none.stderr).contains("<--out <DIR>|--postgres <URL>>"), "{}", text(&none.stderr));
    assert!(text(&both.stderr).contains("cannot be used with"), "{}", text(&both.stderr));
    assert!(!none.status.success() && !both.status.success());
    Ok(())
}

#[test]
fn a_database_gets_the_rows_that_files_would() -> Outcome {
    let server = Server::start(Options::default())?;
    let (url, folder) = (server.create_database("totesys")?, tempfile::tempdir()?);
    let common = ["--orders", "300", "--seed", "7", "--days", "2", "--hard"];
    let out = folder.path().display().to_string();
    let files = totesys(&[["--out", &out].as_slice(), &common].concat())?;
    let loaded = totesys(&[["--postgres", &url].as_slice(), &common].concat())?;
    assert!(loaded.status.success(), "{}", text(&loaded.stderr));
    assert_eq!(text(&files.stdout), text(&loaded.stdout));
    let lines = fs::read_to_string(folder.path().join("payment.jsonl"))?;
    let rows = server.execute("totesys", "SELECT row_to_json(p) FROM payment p ORDER BY ctid")?;
    assert_eq!(lines.trim_end(), rows);

    let again = totesys(&[["--postgres", &url].as_slice(), &common].concat())?;
    let message = text(&again.stderr);
    assert!(!again.status.success() && message.contains("already exists"), "{message}");

    let url = server.create_database("orders only")?;
    let loaded = totesys(&["--postgres", &url, "--orders", "300", "--table", "sales_order"])?;
    assert_eq!("sales_order 300\n", text(&loaded.stdout));
    Ok(())
}

#[test]
fn a_served_database_goes_when_the_input_ends() -> Outcome {
    let mut serving = Command::new(env!("CARGO_BIN_EXE_totesys"))
        .args(["serve", "--orders", "50"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let lines = BufReader::new(serving.stdout.take().ok_or("an output")?).lines();
    let url = lines.map_while(Result::ok).find(|line| line.starts_with("postgres://")).ok_or("a URL")?;
    let query = || Command::new("psql").args(["-XAtc", "SELECT count(*) FROM sales_order", &url]).output();
    assert_eq!("50\n", text(&query()?.stdout));
    drop(serving.stdin.take());
    assert!(serving.wait()?.success());
    assert!(!query()?.status.success());
    Ok(())
}

#[test]
fn a_server_does_not_outlive_its_owner() -> Outcome {
    let mut serving = Command::new(env!("CARGO_BIN_EXE_totesys"))
        .args(["serve", "--orders", "0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let lines = BufReader::new(serving.stdout.take().ok_or("an output")?).lines();
    let url = lines.map_while(Result::ok).find(|line| line.starts_with("postgres://")).ok_or("a URL")?;
    let query = |sql: &str| Command::new("psql").args(["-XAtc", sql, &url]).output();
    let folder = text(&query("SHOW unix_socket_directories")?.stdout);
    assert!(Path::new(folder.trim()).is_dir());
    // No chance to clean up.
    serving.kill()?;
    serving.wait()?;
    let killed = Instant::now();
    while Path::new(folder.trim()).exists() {
        assert!(killed.elapsed() < Duration::from_secs(20), "{folder} is still there");
        thread::sleep(Duration::from_millis(20));
    }
    assert!(!query("SELECT 1")?.status.success());
    Ok(())
}
