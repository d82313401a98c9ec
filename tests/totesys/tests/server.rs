//! What the private server promises.

use std::error::Error;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use totesys::server::{Options, Server, ServerError};

type Outcome = Result<(), Box<dyn Error>>;

fn psql(url: &str) -> Result<std::process::Output, std::io::Error> {
    Command::new("psql").args(["--no-psqlrc", "-Atc", "SELECT 1", "--no-password", url]).output()
}

#[test]
fn starts_at_once_with_its_settings_and_leaves_nothing() -> Outcome {
    let started = Instant::now();
    let server = Server::start(Options::default())?;
    // Four times what it takes on an idle machine.
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    for (setting, expected) in [
        ("listen_addresses", "127.0.0.1".to_owned()),
        ("port", server.port().to_string()),
        ("unix_socket_directories", server.folder().display().to_string()),
        ("max_prepared_transactions", "64".to_owned()),
        ("max_connections", "100".to_owned()),
        ("fsync", "off".to_owned()),
        ("autovacuum", "on".to_owned()),
        ("server_encoding", "UTF8".to_owned()),
        ("lc_collate", "C.UTF-8".to_owned()),
    ] {
        assert_eq!(expected, server.execute("postgres", &format!("SHOW {setting}"))?, "{setting}");
    }
    let url = server.create_database("some day")?;
    assert_eq!(server.url("some day"), url);
    assert_eq!(b"1\n", psql(&url)?.stdout.as_slice());
    let folder = server.folder().to_owned();
    assert!(server.log().is_file() && server.certificate().is_none());
    drop(server);
    assert!(!folder.exists() && !psql(&url)?.status.success());
    Ok(())
}

#[test]
fn what_was_committed_survives_a_restart_and_a_crash() -> Outcome {
    let mut server = Server::start(Options::default())?;
    let port = server.port();
    server.execute("postgres", "CREATE TABLE kept (step text)")?;
    server.execute("postgres", "INSERT INTO kept VALUES ('restart')")?;
    server.restart()?;
    server.execute("postgres", "INSERT INTO kept VALUES ('crash')")?;
    server.crash()?;
    assert!(matches!(server.execute("postgres", "SELECT 1"), Err(ServerError::Failed { .. })));
    server.start_again()?;
    server.execute("postgres", "INSERT INTO kept VALUES ('stop')")?;
    server.stop()?;
    server.stop()?;
    server.start_again()?;
    server.start_again()?;
    assert_eq!("restart\ncrash\nstop", server.execute("postgres", "SELECT step FROM kept")?);
    assert_eq!(port, server.port());
    Ok(())
}

#[test]
fn extra_settings_win_and_wrong_ones_show_the_log() -> Outcome {
    let setting = |name: &str, value: &str| Options {
        durable: true,
        extra_settings: vec![(name.to_owned(), value.to_owned())],
        ..Options::default()
    };
    let server = Server::start(setting("max_connections", "7"))?;
    assert_eq!("7", server.execute("postgres", "SHOW max_connections")?);
    assert_eq!("on", server.execute("postgres", "SHOW fsync")?);
    let refusal = Server::start(setting("no_such_setting", "1")).expect_err("a setting that does not exist");
    assert!(refusal.to_string().contains("unrecognized configuration parameter \"no_such_setting\""), "{refusal}");
    let taken = Options { port: Some(server.port()), ..Options::default() };
    let refusal = Server::start(taken).expect_err("a port that is taken");
    assert!(refusal.to_string().contains("Address already in use"), "{refusal}");
    Ok(())
}

#[test]
fn a_password_is_asked_for() -> Outcome {
    let password = Some("pass word/@:%é".to_owned());
    let server = Server::start(Options { password, ..Options::default() })?;
    assert_eq!(b"1\n", psql(&server.url("postgres"))?.stdout.as_slice());
    assert_eq!("1", server.execute("postgres", "SELECT 1")?);
    for url in ["postgres://postgres@127.0.0.1", "postgres://postgres:wrong@127.0.0.1"] {
        assert!(!psql(&format!("{url}:{}/postgres", server.port()))?.status.success());
    }
    Ok(())
}

#[test]
fn a_certificate_can_be_verified() -> Outcome {
    let server = Server::start(Options { tls: true, ..Options::default() })?;
    let certificate = server.certificate().ok_or("a server with TLS has a certificate")?;
    let verified = |certificate: PathBuf| {
        psql(&format!("{}?sslmode=verify-full&sslrootcert={}", server.url("postgres"), certificate.display()))
    };
    let output = verified(certificate)?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let other = Server::start(Options { tls: true, ..Options::default() })?;
    assert!(!verified(other.certificate().ok_or("a certificate")?)?.status.success());
    Ok(())
}

#[test]
fn the_transaction_counter_goes_where_it_is_sent() -> Outcome {
    const EPOCH: u64 = 1 << 32;
    let mut server = Server::start(Options::default())?;
    server.execute("postgres", "CREATE TABLE kept (id bigint)")?;
    // Ahead a little, to just before and just behind the end of 32 bits, past the half, many epochs on, and back.
    for next in [1_000_000, EPOCH - 20, EPOCH + 5, 3 * EPOCH + EPOCH / 2, (1 << 40) - 3, 7 * EPOCH, 5_000] {
        server.reset_next_xid(next)?;
        server.execute("postgres", "INSERT INTO kept SELECT pg_current_xact_id()::text::bigint")?;
        let id: u64 = server.execute("postgres", "SELECT id FROM kept ORDER BY ctid DESC LIMIT 1")?.parse()?;
        assert!((next..next + 100).contains(&id), "{id} for {next}");
    }
    // Over the end of 32 bits, with rows on both sides.
    server.reset_next_xid(2 * EPOCH - 20)?;
    for _ in 0..40 {
        server.execute("postgres", "INSERT INTO kept SELECT pg_current_xact_id()::text::bigint")?;
    }
    assert_eq!("47", server.execute("postgres", "SELECT count(*) FROM kept")?);
    let beyond = format!("SELECT count(*) > 10 FROM kept WHERE id > {}", 2 * EPOCH);
    assert_eq!("t", server.execute("postgres", &beyond)?);
    server.restart()?;
    assert_eq!("47", server.execute("postgres", "SELECT count(*) FROM kept")?);
    assert!(matches!(server.reset_next_xid(2), Err(ServerError::TransactionIds { .. })));
    Ok(())
}
