//! Connections: where to, as whom, and how safely.
//!
//! What the URL leaves open the usual variables say: `PGHOST`, `PGPORT`, `PGUSER`, `PGPASSWORD`, `PGDATABASE`, `PGSSLMODE`,
//! `PGSSLROOTCERT`, `PGOPTIONS`. A timeout that the options set (`?options=-c%20lock_timeout%3D10min`) holds in place of the
//! host's own. A session that can't be used after 30 seconds, or those of `?connect_timeout=`, for each host that is named, is
//! given up.
//!
//! | `sslmode` | |
//! |---|---|
//! | `disable` | no TLS |
//! | `prefer` | TLS where the server has it; whoever answers is believed. The default |
//! | `require` | TLS; whoever answers is believed, unless `sslrootcert` is given |
//! | `verify-ca`, `verify-full` | TLS; the certificate must be the host's, by `sslrootcert` or the machine's authorities |
#![allow(clippy::disallowed_types, reason = "Postgres lives here")]

use crate::source::SourceError;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long one address may take to be reached.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may take until a session can be used, if `connect_timeout` in the URL says nothing else.
const SESSION_TIMEOUT: Duration = Duration::from_secs(30);

/// What every session is set to: times in UTC, and texts as the lines hold them.
const SESSION: &str = "\
    SET application_name = 'host ingest'; SET client_encoding = 'UTF8'; SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; \
    SET intervalstyle = 'iso_8601'; SET bytea_output = 'hex'; SET extra_float_digits = 1; SET jit = off";
/// An end to whatever hangs. A run ends at twelve hours, so that what belongs to no packet can be told from what will.
const TIMEOUTS: [(&str, &str); 3] =
    [("statement_timeout", "12h"), ("lock_timeout", "30s"), ("idle_in_transaction_session_timeout", "1h")];

/// Where the database is, and who asks.
#[derive(Clone)]
pub struct Address {
    config: Config,
    tls: Tls,
    root_certificate: Option<PathBuf>,
    /// How long it may take until a session can be used.
    patience: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tls {
    Disable,
    Believe,
    Verify,
}

impl Address {
    /// The address in a URL, and in the variables of the environment for what it leaves open.
    ///
    /// # Errors
    /// [`SourceError::Url`].
    pub fn parse(url: &str, environment: &BTreeMap<String, String>) -> Result<Self, SourceError> {
        let variable = |name: &str| environment.get(name).filter(|value| !value.is_empty());
        let (url, mut parameters) = split_parameters(url);
        let url = with_port(&url, variable("PGPORT").map(String::as_str))?;
        let mut config: Config =
            url.parse().map_err(|error: tokio_postgres::Error| SourceError::Url(crate::error::with_causes(&error)))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            config.host(variable("PGHOST").map_or("localhost", String::as_str));
        }
        if config.get_ports().is_empty()
            && let Some(port) = variable("PGPORT").and_then(|port| port.parse().ok())
        {
            config.port(port);
        }
        if config.get_user().is_none() {
            let user = variable("PGUSER").or_else(|| variable("USER"));
            config.user(user.ok_or_else(|| SourceError::Url("it names no user, and `PGUSER` is not set".to_owned()))?);
        }
        if config.get_password().is_none()
            && let Some(password) = variable("PGPASSWORD")
        {
            config.password(password);
        }
        if config.get_dbname().is_none()
            && let Some(database) = variable("PGDATABASE")
        {
            config.dbname(database);
        }
        if config.get_options().is_none()
            && let Some(options) = variable("PGOPTIONS")
        {
            config.options(options);
        }
        let hosts = config.get_hosts().len().max(config.get_hostaddrs().len());
        let patience = config.get_connect_timeout().copied().unwrap_or(SESSION_TIMEOUT);
        let patience = patience.saturating_mul(u32::try_from(hosts).unwrap_or(1));
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        let mode = parameters.remove("sslmode").or_else(|| variable("PGSSLMODE").cloned());
        let root = parameters.remove("sslrootcert").or_else(|| variable("PGSSLROOTCERT").cloned()).map(PathBuf::from);
        let (mode, tls) = match mode.as_deref().unwrap_or("prefer") {
            "disable" => (SslMode::Disable, Tls::Disable),
            "allow" | "prefer" => (SslMode::Prefer, Tls::Believe),
            "require" if root.is_none() => (SslMode::Require, Tls::Believe),
            "require" | "verify-ca" | "verify-full" => (SslMode::Require, Tls::Verify),
            other => {
                let known = "`disable`, `prefer`, `require`, `verify-ca` and `verify-full`";
                return Err(SourceError::Url(format!("there is no sslmode `{other}`; there are {known}")));
            }
        };
        config.ssl_mode(mode);
        Ok(Self { config, tls, root_certificate: root, patience })
    }

    /// Opens a session whose names are looked up in `schema`.
    pub(super) async fn connect(&self, schema: &str) -> Result<Client, SourceError> {
        tokio::time::timeout(self.patience, self.open(schema)).await.unwrap_or_else(|_| {
            let reason = format!("it did not answer within {} s", self.patience.as_secs());
            let source = std::io::Error::new(std::io::ErrorKind::TimedOut, reason).into();
            Err(SourceError::Connect { target: self.to_string(), source })
        })
    }

    async fn open(&self, schema: &str) -> Result<Client, SourceError> {
        let client = if self.tls == Tls::Disable {
            let (client, connection) =
                self.config.connect(tokio_postgres::NoTls).await.map_err(|error| self.failed(error))?;
            tokio::spawn(run(connection));
            client
        } else {
            let tls = MakeRustlsConnect::new(self.tls_config()?);
            let (client, connection) = self.config.connect(tls).await.map_err(|error| self.failed(error))?;
            tokio::spawn(run(connection));
            client
        };
        let mut session = format!("{SESSION}; SET search_path = {}", super::quote(schema));
        let own = self.config.get_options().unwrap_or_default();
        let is_own = |name: &str| {
            let mut settings =
                own.split_whitespace().map(|part| part.trim_start_matches("--").trim_start_matches("-c"));
            settings.any(|setting| setting.split('=').next().is_some_and(|own| own.replace('-', "_") == *name))
        };
        for (name, value) in TIMEOUTS.iter().filter(|(name, _)| !is_own(name)) {
            session += &format!("; SET {name} = '{value}'");
        }
        client.batch_execute(&session).await.map_err(|error| self.failed(error))?;
        Ok(client)
    }

    fn tls_config(&self) -> Result<ClientConfig, SourceError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| SourceError::Url(error.to_string()))?;
        if self.tls == Tls::Believe {
            let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(Believe(provider)));
            return Ok(builder.with_no_client_auth());
        }
        let mut roots = RootCertStore::empty();
        match &self.root_certificate {
            Some(path) => {
                let unreadable = |reason: String| {
                    SourceError::Url(format!("can't use `sslrootcert` `{}`: {reason}", path.display()))
                };
                let certificates = CertificateDer::pem_file_iter(path).map_err(|error| match error {
                    rustls::pki_types::pem::Error::Io(source) => SourceError::Unreadable { path: path.clone(), source },
                    error => unreadable(error.to_string()),
                })?;
                for certificate in certificates {
                    let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
                    roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
                }
            }
            None => {
                let found = rustls_native_certs::load_native_certs();
                roots.add_parsable_certificates(found.certs);
            }
        }
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }

    fn failed(&self, error: tokio_postgres::Error) -> SourceError {
        const REFUSALS: [SqlState; 3] = [
            SqlState::INVALID_PASSWORD,
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
            SqlState::INSUFFICIENT_PRIVILEGE,
        ];
        let (target, user) = (self.to_string(), self.config.get_user().unwrap_or_default().to_owned());
        match error.as_db_error() {
            Some(refusal) if *refusal.code() == SqlState::INVALID_CATALOG_NAME => {
                SourceError::UnknownDatabase { target }
            }
            Some(refusal) if REFUSALS.contains(refusal.code()) => {
                SourceError::Refused { target, user, reason: refusal.message().to_owned() }
            }
            // A password that is asked for and not given.
            None if crate::error::with_causes(&error).contains("password missing") => {
                SourceError::Refused { target, user, reason: "it asks for a password, and none is given".to_owned() }
            }
            _ => match tls_reason(&error) {
                Some((reason, hint)) => SourceError::Tls { target, reason, hint },
                None => SourceError::Connect { target, source: error.into() },
            },
        }
    }
}

/// Why a connection can't be made safe, and what to do, if that is what failed.
fn tls_reason(error: &tokio_postgres::Error) -> Option<(String, &'static str)> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        // An I/O error hides what it holds from the chain.
        let held = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        match held.and_then(|held| held.downcast_ref::<rustls::Error>()) {
            // An authority of the same name is not the one either.
            Some(rustls::Error::InvalidCertificate(
                CertificateError::UnknownIssuer
                | CertificateError::BadSignature
                | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
                | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. },
            )) => {
                const HINT: &str =
                    "name the certificate of the authority that signed it: `?sslmode=verify-full&sslrootcert=<file>`";
                return Some(("nobody whom this machine trusts has signed its certificate".to_owned(), HINT));
            }
            Some(error) => {
                return Some((error.to_string(), "check the server's certificate, and the host in `[source] url`"));
            }
            None => {}
        }
        if error.to_string().contains("does not support TLS") {
            let hint = "set `ssl = on` in the server, or connect without: `?sslmode=prefer`";
            return Some(("the server does not support TLS".to_owned(), hint));
        }
        cause = error.source();
    }
    None
}

/// Host, port and database: no user, no password.
impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(host)) => host.clone(),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => self.config.get_hostaddrs().first().map(ToString::to_string).unwrap_or_default(),
        };
        let port = self.config.get_ports().first().copied().unwrap_or(5_432);
        write!(formatter, "{host}:{port}/{}", self.config.get_dbname().or(self.config.get_user()).unwrap_or_default())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Address({self})")
    }
}

/// Carries what goes to and fro, until the client is dropped.
async fn run<S, T>(connection: tokio_postgres::Connection<S, T>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    if let Err(error) = connection.await {
        // Whoever waits for an answer hears of it too.
        tracing::debug!(error = crate::error::with_causes(&error), "the connection to the database ended");
    }
}

/// The URL with the port of the environment, where it names a host and no port.
fn with_port(url: &str, port: Option<&str>) -> Result<String, SourceError> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
    if rest.split('?').next().is_some_and(|rest| rest.matches('@').count() > 1 || rest.contains('#')) {
        let reason = "user and password may hold `@`, `/`, `#` and their like only percent-encoded, as `%40`; or leave the password to `PGPASSWORD`";
        return Err(SourceError::Url(reason.to_owned()));
    }
    let (authority, path) = rest.find('/').map_or((rest, ""), |end| rest.split_at(end));
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let has_port = host.rsplit(']').next().is_some_and(|end| end.contains(':'));
    match port {
        // Several hosts have a port each.
        Some(_) if has_port || host.contains(',') => Ok(url.to_owned()),
        Some(port) if port.parse::<u16>().is_err() => {
            Err(SourceError::Url(format!("`PGPORT` is `{port}`, which is no port")))
        }
        // Without a host the port is not to stand in the URL either.
        Some(port) if !host.is_empty() => Ok(format!("{scheme}://{authority}:{port}{path}")),
        _ => Ok(url.to_owned()),
    }
}

/// The URL without the parameters that only this module understands, and those.
fn split_parameters(url: &str) -> (String, BTreeMap<String, String>) {
    let Some((base, query)) = url.split_once('?') else { return (url.to_owned(), BTreeMap::new()) };
    let (mut kept, mut taken) = (Vec::new(), BTreeMap::new());
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some((name @ ("sslmode" | "sslrootcert"), value)) => {
                taken.insert(name.to_owned(), crate::packet::decode_segment(value));
            }
            _ => kept.push(pair),
        }
    }
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    (format!("{base}{query}"), taken)
}

/// Takes any certificate, as `sslmode=require` does elsewhere: nobody can listen, and anybody can answer.
#[derive(Debug)]
struct Believe(Arc<CryptoProvider>);

impl ServerCertVerifier for Believe {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
