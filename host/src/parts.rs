//! The real parts, built of the configuration.

use crate::aws::Clients;
use crate::checkpoint::{CheckpointStore, FileCheckpoints, SsmCheckpoints};
use crate::config::{DocumentPlace, Flow, ObjectPlace};
use crate::error::{Exit, Explain};
use crate::lake::Lake;
use crate::registry::Registry;
use crate::source::postgres::Address;
use crate::source::{DirectorySource, PostgresSource, SecretError, Source, SourceError, read_secret};
use crate::star::StarLake;
use crate::store::{FolderStore, S3Store, Store, UploadTokens};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::runtime::Handle;

/// The configuration names a part that can't be had.
#[derive(Debug, thiserror::Error)]
pub enum PartsError {
    /// Nothing says where rows come from.
    #[error("the configuration names no source")]
    NoSource,
    /// A folder can't be opened.
    #[error("can't open the folder `{}`", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: object_store::Error,
    },
    /// The source can't be used.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl Explain for PartsError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoSource => "config-no-source",
            Self::Folder { .. } => "lake-folder",
            Self::Source(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoSource => Some(
                "write `[source] url = \"postgres://user@host/database\"`, or `\"dir:<folder>\"`, into `host.toml`; or set \
                 `HOST_SOURCE_URL`"
                    .to_owned(),
            ),
            Self::Folder { .. } => Some("may this user write there, and is there room?".to_owned()),
            Self::Source(error) => error.hint(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::NoSource => Exit::BadInput,
            Self::Folder { .. } => Exit::Environment,
            Self::Source(error) => error.exit(),
        }
    }
}

/// Opens the source. What its URL leaves open the variables of `environment` say.
///
/// # Errors
/// [`PartsError`].
pub async fn open_source(
    flow: &Flow,
    environment: &BTreeMap<String, String>,
    clients: &Clients,
) -> Result<Arc<dyn Source>, PartsError> {
    let url = flow.source_url.as_deref().ok_or(PartsError::NoSource)?;
    if let Some(folder) = url.strip_prefix("dir:") {
        return Ok(Arc::new(DirectorySource::new(folder.into(), flow.exclude.clone(), flow.tables.clone())));
    }
    let address = match url.strip_prefix("secret:") {
        Some(name) => secret_address(name, environment, clients).await?,
        None if url.starts_with("postgres://") || url.starts_with("postgresql://") => Address::parse(url, environment)?,
        None => return Err(SourceError::Url(format!("`{}` is none of the kinds there are", redacted(url))).into()),
    };
    let schema = flow.schema.clone().unwrap_or_else(|| "public".to_owned());
    Ok(Arc::new(PostgresSource::new(address, schema, flow.exclude.clone(), flow.tables.clone())))
}

async fn secret_address(
    name: &str,
    environment: &BTreeMap<String, String>,
    clients: &Clients,
) -> Result<Address, SourceError> {
    let secret = read_secret(&clients.secrets().await, name).await.map_err(SourceError::Secret)?;
    let host = environment.get("PGHOST").filter(|host| !host.is_empty());
    let url = secret.url(host.map(String::as_str)).ok_or_else(|| {
        let reason = "it has no `host`, and `PGHOST` is not set";
        SourceError::Secret(SecretError::Unusable { name: name.to_owned(), reason })
    })?;
    Address::parse(&url, environment)
}

/// What a URL begins with: the rest may hold a password, and so may a text that is none.
fn redacted(url: &str) -> String {
    let is_scheme =
        |scheme: &&str| scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter));
    match url.split_once("://").map(|(scheme, _)| scheme).filter(is_scheme) {
        Some(scheme) => crate::text::shown(&format!("{scheme}://..."), crate::text::NAME_CHARS_MAX),
        None => "...".to_owned(),
    }
}

/// Opens the raw lake, for the run `run`.
///
/// # Errors
/// [`PartsError::Folder`].
pub async fn open_lake(place: &ObjectPlace, run: &str, clients: &Clients) -> Result<Lake, PartsError> {
    Ok(Lake::new(open_store(place, run, clients).await?))
}

async fn open_store(place: &ObjectPlace, run: &str, clients: &Clients) -> Result<Arc<dyn Store>, PartsError> {
    Ok(match place {
        ObjectPlace::Folder(folder) => Arc::new(folder_error(folder, FolderStore::open(folder))?),
        ObjectPlace::Bucket { bucket, prefix } => {
            Arc::new(S3Store::new(clients.s3().await, bucket, prefix.as_str().into(), UploadTokens::new(run)))
        }
    })
}

/// Opens the published plugins, for the run `run`.
///
/// # Errors
/// [`PartsError::Folder`].
pub async fn open_plugins(place: &ObjectPlace, run: &str, clients: &Clients) -> Result<Registry, PartsError> {
    Ok(Registry::new(open_store(place, run, clients).await?, place.to_string()))
}

/// Opens the star tables, for the run `run`; `runtime`, of several threads, does the waiting.
///
/// # Errors
/// [`PartsError::Folder`].
pub async fn open_star(
    place: &ObjectPlace,
    run: &str,
    runtime: &Handle,
    clients: &Clients,
) -> Result<StarLake, PartsError> {
    Ok(StarLake::new(open_store(place, run, clients).await?, runtime.clone()))
}

/// Opens the checkpoints of the star tables, which lie beside those of the source tables.
///
/// # Errors
/// [`PartsError::Folder`].
pub async fn open_star_checkpoints(
    place: &DocumentPlace,
    clients: &Clients,
) -> Result<Arc<dyn CheckpointStore>, PartsError> {
    let place = match place {
        DocumentPlace::Folder(folder) => DocumentPlace::Folder(folder.join(STAR_CHECKPOINTS)),
        DocumentPlace::Parameters { prefix } => {
            DocumentPlace::Parameters { prefix: format!("{prefix}/{STAR_CHECKPOINTS}") }
        }
    };
    open_checkpoints(&place, clients).await
}

/// Where the checkpoints of star tables lie.
const STAR_CHECKPOINTS: &str = "star";

/// Opens the checkpoints.
///
/// # Errors
/// [`PartsError::Folder`].
pub async fn open_checkpoints(
    place: &DocumentPlace,
    clients: &Clients,
) -> Result<Arc<dyn CheckpointStore>, PartsError> {
    Ok(match place {
        DocumentPlace::Folder(folder) => Arc::new(folder_error(folder, FileCheckpoints::open(folder))?),
        DocumentPlace::Parameters { prefix } => Arc::new(SsmCheckpoints::new(clients.ssm().await, prefix)),
    })
}

fn folder_error<T>(path: &std::path::Path, opened: object_store::Result<T>) -> Result<T, PartsError> {
    opened.map_err(|source| PartsError::Folder { path: path.to_owned(), source })
}
