//! How a server's data folder is made and what its configuration says.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::programs::{self, Programs};
use super::{Options, ServerError};

/// What a server in a folder is started with, besides its port.
fn settings(folder: &Path, options: &Options) -> Vec<(String, String)> {
    let on_or_off = |is_on: bool| if is_on { "on" } else { "off" };
    let folder = folder.display().to_string();
    let own = [
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_directories", &folder),
        ("max_connections", "100"),
        ("max_prepared_transactions", "64"),
        ("fsync", on_or_off(options.durable)),
        ("autovacuum", "on"),
        // Loads of millions of rows would else checkpoint all the time.
        ("max_wal_size", "4GB"),
        // A test that makes a deadlock should not wait a second for it.
        ("deadlock_timeout", "100ms"),
        ("log_min_messages", "info"),
        ("log_line_prefix", "%m [%p] "),
        ("timezone", "UTC"),
        ("ssl", on_or_off(options.tls)),
        ("ssl_cert_file", "../certificate.pem"),
        ("ssl_key_file", "../key.pem"),
    ];
    let own = own.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    own.chain(options.extra_settings.iter().cloned()).collect()
}

/// The data folder.
pub(super) fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// The certificate of a server with TLS.
pub(super) fn certificate(folder: &Path) -> PathBuf {
    folder.join("certificate.pem")
}

/// Makes the data folder, the configuration and, if asked for, the certificate.
pub(super) fn initialize(programs: &Programs, folder: &Path, options: &Options) -> Result<(), ServerError> {
    let mut initdb = programs.server("initdb");
    // The locale is named, because that of whoever runs the test could be none or sort by another alphabet.
    initdb
        .args(["--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"])
        .arg("--pgdata")
        .arg(data(folder));
    let password_file = folder.join("password");
    match &options.password {
        None => initdb.arg("--auth=trust"),
        Some(password) => {
            write_file(&password_file, password)?;
            programs.give(&password_file)?;
            initdb.arg("--auth=scram-sha-256").arg("--pwfile").arg(&password_file)
        }
    };
    programs::run(initdb)?;
    if options.password.is_some() {
        fs::remove_file(&password_file).map_err(|source| ServerError::Files { path: password_file, source })?;
    }
    if options.tls {
        make_certificate(programs, folder)?;
    }
    let lines = settings(folder, options).into_iter().fold(String::new(), |mut lines, (name, value)| {
        let _ = writeln!(lines, "{name} = '{}'", value.replace('\'', "''"));
        lines
    });
    append_to_file(&data(folder).join("postgresql.conf"), &lines)
}

fn make_certificate(programs: &Programs, folder: &Path) -> Result<(), ServerError> {
    let key = folder.join("key.pem");
    let mut openssl = Command::new("openssl");
    openssl
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650"])
        // No authority for others: TLS libraries refuse such a certificate as a server's.
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(certificate(folder));
    programs::run(openssl)?;
    programs.give(&key)?;
    programs.give(&certificate(folder))
}

fn write_file(path: &Path, text: &str) -> Result<(), ServerError> {
    fs::write(path, text).map_err(|source| ServerError::Files { path: path.to_owned(), source })
}

fn append_to_file(path: &Path, text: &str) -> Result<(), ServerError> {
    let append = || File::options().append(true).open(path)?.write_all(text.as_bytes());
    append().map_err(|source| ServerError::Files { path: path.to_owned(), source })
}
