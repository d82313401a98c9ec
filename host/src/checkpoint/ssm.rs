//! Checkpoints in the Parameter Store of AWS.
#![allow(clippy::disallowed_types, reason = "the client of this service lives here")]

use crate::aws::{Failure, FailureKind, HINT_CREDENTIALS, HINT_THROTTLED, HINT_UNREACHABLE};
use crate::error::{Exit, Explain};
use aws_sdk_ssm::Client;
use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ssm::types::{ParameterTier, ParameterType};
use std::collections::BTreeMap;

/// What a parameter of the standard tier holds, in bytes. It is checked here, as stand-ins take more.
const DOCUMENT_BYTES_MAX: usize = 4_096;
/// How many parameters come with one answer at most.
const PAGE_PARAMETERS_MAX: i32 = 10;

/// A document for each table, in the parameter `/<prefix>/<table>`.
///
/// A write is one request that replaces the whole document, so its parts never come apart. Of two writers the last one wins: a
/// checkpoint only repeats what the lake says.
#[derive(Clone, Debug)]
pub struct SsmCheckpoints {
    client: Client,
    /// With neither a slash before it nor one after it.
    prefix: String,
}

impl SsmCheckpoints {
    /// The checkpoints below `prefix`; slashes around it don't matter. Nothing is asked yet.
    #[must_use]
    pub fn new(client: Client, prefix: &str) -> Self {
        Self { client, prefix: prefix.trim_matches('/').to_owned() }
    }

    /// The document of a table, `None` if it has none.
    ///
    /// # Errors
    /// If the Parameter Store fails, or does not allow it.
    pub async fn read(&self, table: &str) -> Result<Option<String>, SsmError> {
        let parameter = self.parameter(table);
        match self.client.get_parameter().name(&parameter).send().await {
            Ok(found) => Ok(found.parameter.and_then(|parameter| parameter.value)),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_parameter_not_found()) => Ok(None),
            Err(error) => Err(SsmError::of("GetParameter", Some(table), parameter, error)),
        }
    }

    /// Replaces the document of a table: at most 4,096 bytes, and at least one.
    ///
    /// # Errors
    /// If the document is too large, or if the Parameter Store fails or does not allow it. After a timeout the document may have
    /// been replaced all the same.
    pub async fn write(&self, table: &str, document: &str) -> Result<(), SsmError> {
        let parameter = self.parameter(table);
        if document.len() > DOCUMENT_BYTES_MAX {
            return Err(SsmError::TooLarge { table: table.to_owned(), parameter, bytes: document.len() });
        }
        let request = self.client.put_parameter().name(&parameter).value(document).overwrite(true);
        let sent = request.r#type(ParameterType::String).tier(ParameterTier::Standard).send().await;
        sent.map(|_| ()).map_err(|error| SsmError::of("PutParameter", Some(table), parameter, error))
    }

    /// The tables that have a document, in order.
    ///
    /// # Errors
    /// If the Parameter Store fails, or does not allow it.
    pub async fn tables(&self) -> Result<Vec<String>, SsmError> {
        Ok(self.documents().await?.into_keys().collect())
    }

    /// The documents of all tables.
    ///
    /// # Errors
    /// If the Parameter Store fails, or does not allow it.
    pub async fn documents(&self) -> Result<BTreeMap<String, String>, SsmError> {
        let path = format!("/{}", self.prefix);
        let (mut documents, mut token) = (BTreeMap::new(), None);
        loop {
            let request = self.client.get_parameters_by_path().path(&path).max_results(PAGE_PARAMETERS_MAX);
            let page = request.set_next_token(token).send().await;
            let page = page.map_err(|error| SsmError::of("GetParametersByPath", None, path.clone(), error))?;
            let found = page.parameters().iter().filter_map(|parameter| {
                let table = decoded(parameter.name()?.rsplit('/').next()?)?;
                Some((table, parameter.value()?.to_owned()))
            });
            documents.extend(found);
            token = page.next_token;
            if token.is_none() {
                return Ok(documents);
            }
        }
    }

    /// Removes the document of a table, if it has one.
    ///
    /// # Errors
    /// If the Parameter Store fails, or does not allow it.
    pub async fn delete(&self, table: &str) -> Result<(), SsmError> {
        let parameter = self.parameter(table);
        match self.client.delete_parameter().name(&parameter).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_parameter_not_found()) => Ok(()),
            Err(error) => Err(SsmError::of("DeleteParameter", Some(table), parameter, error)),
        }
    }

    fn parameter(&self, table: &str) -> String {
        let table = encoded(table);
        if self.prefix.is_empty() { format!("/{table}") } else { format!("/{}/{table}", self.prefix) }
    }
}

/// A table's name as a part of a parameter's, which has letters and digits of ASCII, `_`, `-` and `.`: other bytes are `.` and two
/// hexadecimal digits.
fn encoded(table: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => char::from(byte).to_string(),
        _ => format!(".{byte:02X}"),
    };
    table.bytes().map(encode).collect()
}

/// The table's name that was encoded so; `None` if it was not.
fn decoded(name: &str) -> Option<String> {
    let mut parts = name.split('.');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a checkpoint could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SsmError {
    /// No connection, or no answer in time.
    #[error("{}: `{action}` did not reach the Parameter Store", name(table, parameter))]
    Unreachable {
        /// What was tried.
        action: &'static str,
        /// The table, if it was for one.
        table: Option<String>,
        /// The parameter, or the path of all.
        parameter: String,
        /// What the network said.
        source: Source,
    },
    /// There are no credentials, or AWS does not accept them.
    #[error("{}: `{action}` has no valid credentials", name(table, parameter))]
    Credentials {
        /// What was tried.
        action: &'static str,
        /// The table, if it was for one.
        table: Option<String>,
        /// The parameter, or the path of all.
        parameter: String,
        /// What was said.
        source: Source,
    },
    /// The credentials don't allow it.
    #[error("{}: `{action}` is not allowed", name(table, parameter))]
    Denied {
        /// What was tried.
        action: &'static str,
        /// The table, if it was for one.
        table: Option<String>,
        /// The parameter, or the path of all.
        parameter: String,
        /// What AWS said.
        source: Source,
    },
    /// The Parameter Store asked for fewer requests, until the last attempt.
    #[error("{}: `{action}` was throttled in each attempt", name(table, parameter))]
    Throttled {
        /// What was tried.
        action: &'static str,
        /// The table, if it was for one.
        table: Option<String>,
        /// The parameter, or the path of all.
        parameter: String,
        /// What AWS said.
        source: Source,
    },
    /// The document is larger than a parameter may be.
    #[error(
        "table `{table}`, parameter `{parameter}`: the checkpoint has {bytes} bytes, and a parameter holds at most {DOCUMENT_BYTES_MAX}"
    )]
    TooLarge {
        /// The table.
        table: String,
        /// The parameter.
        parameter: String,
        /// The document's bytes.
        bytes: usize,
    },
    /// Anything else.
    #[error("{}: `{action}` failed", name(table, parameter))]
    Other {
        /// What was tried.
        action: &'static str,
        /// The table, if it was for one.
        table: Option<String>,
        /// The parameter, or the path of all.
        parameter: String,
        /// What was said.
        source: Source,
    },
}

/// What an error is about.
fn name(table: &Option<String>, parameter: &str) -> String {
    match table {
        Some(table) => format!("table `{table}`, parameter `{parameter}`"),
        None => format!("parameters `{parameter}/*`"),
    }
}

impl SsmError {
    fn of<E>(action: &'static str, table: Option<&str>, parameter: String, error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let table = table.map(str::to_owned);
        let Failure { kind, source, .. } = Failure::of(error);
        match kind {
            FailureKind::Unreachable | FailureKind::TimedOut => Self::Unreachable { action, table, parameter, source },
            FailureKind::Denied => Self::Denied { action, table, parameter, source },
            FailureKind::Credentials => Self::Credentials { action, table, parameter, source },
            FailureKind::Throttled => Self::Throttled { action, table, parameter, source },
            FailureKind::Service | FailureKind::Refused | FailureKind::Request => {
                Self::Other { action, table, parameter, source }
            }
        }
    }
}

impl Explain for SsmError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Denied { .. } => "access-denied",
            Self::Credentials { .. } => "no-credentials",
            Self::Throttled { .. } => "throttled",
            Self::TooLarge { .. } => "checkpoint-too-large",
            Self::Other { .. } => "parameter-store",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreachable { .. } => Some(HINT_UNREACHABLE.to_owned()),
            Self::Credentials { .. } => Some(HINT_CREDENTIALS.to_owned()),
            Self::Denied { action, parameter, .. } => {
                Some(format!("grant `ssm:{action}` on the parameter `{parameter}`, or use another role"))
            }
            Self::Throttled { .. } => Some(HINT_THROTTLED.to_owned()),
            Self::TooLarge { .. } | Self::Other { .. } => None,
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Denied { .. } | Self::TooLarge { .. } => Exit::BadInput,
            Self::Unreachable { .. } | Self::Credentials { .. } | Self::Throttled { .. } | Self::Other { .. } => {
                Exit::Environment
            }
        }
    }
}
