//! The database's address and password, kept in Secrets Manager.
#![allow(clippy::disallowed_types, reason = "the client of this service lives here")]

use crate::aws::{Failure, FailureKind, HINT_CREDENTIALS, HINT_UNREACHABLE};
use crate::error::{Exit, Explain};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::SdkError;
use serde::Deserialize;
use std::fmt;

/// How to reach the database. Neither form shows its password, however it is printed.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseSecret {
    /// A URL, as it stands in the secret.
    Url(String),
    /// The parts that RDS writes: those that it manages itself have no more than the user and the password.
    Parts {
        /// The server.
        host: Option<String>,
        /// Its port.
        port: Option<u16>,
        /// Whom to sign in as.
        user: String,
        /// The password.
        password: String,
        /// The database; without it, that of the user's name.
        database: Option<String>,
    },
}

impl fmt::Debug for DatabaseSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DatabaseSecret(..)")
    }
}

impl DatabaseSecret {
    /// The URL of the database, with the password: not for eyes. The server is `host` where the secret names none; `None` if
    /// neither names one.
    #[must_use]
    pub fn url(&self, host: Option<&str>) -> Option<String> {
        match self {
            Self::Url(url) => Some(url.clone()),
            Self::Parts { host: own, port, user, password, database } => {
                let (user, password) = (encode(user), encode(password));
                let database = database.as_deref().map(|name| format!("/{}", encode(name))).unwrap_or_default();
                let host = own.as_deref().or(host)?;
                // An address of IPv6 has colons of its own.
                let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                Some(format!("postgres://{user}:{password}@{host}{port}{database}"))
            }
        }
    }
}

/// Text as a part of a URL.
fn encode(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// Reads the secret `name`: a URL that begins with `postgres://` or `postgresql://`, or the JSON that RDS writes, with
/// `username`, `password`, and optionally `host`, `port` and `dbname`.
///
/// # Errors
/// If the secret can't be read or is neither. No error holds any of its text.
pub async fn read_secret(client: &Client, name: &str) -> Result<DatabaseSecret, SecretError> {
    let found = client.get_secret_value().secret_id(name).send().await;
    let found = found.map_err(|error| {
        let missing = error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception());
        let readable = !matches!(error, SdkError::ResponseError(_));
        let failure = Failure::of(error);
        // An answer that can't be read is kept whole by its error, and it may hold the secret.
        let source = if readable { failure.source } else { "the answer can't be read".into() };
        SecretError::of(name, missing, Failure { source, ..failure })
    })?;
    parse(name, found.secret_string().unwrap_or_default())
}

/// The JSON that RDS writes, as far as it is needed. The port is a number, and text in secrets written by hand.
#[derive(Deserialize)]
struct Parts {
    engine: Option<String>,
    username: Option<String>,
    password: Option<String>,
    host: Option<String>,
    port: Option<Port>,
    dbname: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Port {
    Number(u16),
    Text(String),
}

fn parse(name: &str, text: &str) -> Result<DatabaseSecret, SecretError> {
    let text = text.trim();
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Ok(DatabaseSecret::Url(text.to_owned()));
    }
    let unusable = |reason| SecretError::Unusable { name: name.to_owned(), reason };
    // The parser's own error may quote what it read.
    let parts: Parts = serde_json::from_str(text)
        .map_err(|_| unusable("it is neither a URL (`postgres://...`) nor an object of JSON as RDS writes it"))?;
    if parts.engine.is_some_and(|engine| !engine.contains("postgres")) {
        return Err(unusable("its `engine` is not PostgreSQL"));
    }
    let port = match parts.port {
        None => None,
        Some(Port::Number(port)) => Some(port),
        Some(Port::Text(port)) => Some(port.parse().map_err(|_| unusable("its `port` is no number of a port"))?),
    };
    Ok(DatabaseSecret::Parts {
        host: parts.host,
        port,
        user: parts.username.ok_or_else(|| unusable("it has no `username`"))?,
        password: parts.password.ok_or_else(|| unusable("it has no `password`"))?,
        database: parts.dbname,
    })
}

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a secret could not be read. None of its text is in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// There is no such secret.
    #[error("there is no secret `{name}`")]
    Missing {
        /// The secret.
        name: String,
        /// What AWS said.
        source: Source,
    },
    /// There are no credentials, or AWS does not accept them.
    #[error("the secret `{name}` can't be read without valid credentials of AWS")]
    Credentials {
        /// The secret.
        name: String,
        /// What was said.
        source: Source,
    },
    /// The credentials don't allow it.
    #[error("the secret `{name}` may not be read")]
    Denied {
        /// The secret.
        name: String,
        /// What AWS said.
        source: Source,
    },
    /// Secrets Manager can't be reached, or is too busy.
    #[error("the secret `{name}` can't be read now")]
    Unavailable {
        /// The secret.
        name: String,
        /// What was said.
        source: Source,
    },
    /// The secret holds something else.
    #[error("the secret `{name}` is not the address of a database: {reason}")]
    Unusable {
        /// The secret.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Anything else.
    #[error("the secret `{name}` can't be read")]
    Other {
        /// The secret.
        name: String,
        /// What was said.
        source: Source,
    },
}

impl SecretError {
    fn of(name: &str, missing: bool, failure: Failure) -> Self {
        let (name, source) = (name.to_owned(), failure.source);
        match failure.kind {
            _ if missing => Self::Missing { name, source },
            FailureKind::Denied => Self::Denied { name, source },
            FailureKind::Credentials => Self::Credentials { name, source },
            FailureKind::Unreachable | FailureKind::TimedOut | FailureKind::Throttled | FailureKind::Service => {
                Self::Unavailable { name, source }
            }
            FailureKind::Refused | FailureKind::Request => Self::Other { name, source },
        }
    }
}

impl Explain for SecretError {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "no-such-secret",
            Self::Denied { .. } => "access-denied",
            Self::Credentials { .. } => "no-credentials",
            Self::Unavailable { .. } => "unreachable",
            Self::Unusable { .. } => "bad-secret",
            Self::Other { .. } => "secrets-manager",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { name, .. } => {
                Some(format!("create it with `aws secretsmanager create-secret --name {name} --secret-string <url>`"))
            }
            Self::Denied { name, .. } => Some(format!(
                "grant `secretsmanager:GetSecretValue` on `{name}`, and `kms:Decrypt` on its key; or use another role"
            )),
            Self::Unavailable { .. } => Some(HINT_UNREACHABLE.to_owned()),
            Self::Credentials { .. } => Some(HINT_CREDENTIALS.to_owned()),
            Self::Unusable { .. } => {
                let hint = "store `postgres://<user>:<password>@<host>/<database>`, or let RDS write the secret, and name the server, \
                            if it does not, by `PGHOST`";
                Some(hint.to_owned())
            }
            Self::Other { .. } => None,
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Missing { .. } | Self::Denied { .. } | Self::Unusable { .. } => Exit::BadInput,
            Self::Credentials { .. } | Self::Unavailable { .. } | Self::Other { .. } => Exit::Environment,
        }
    }
}
