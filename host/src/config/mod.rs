//! `host.toml`, and the environment variables that stand for its keys.
//!
//! | key | variable | what |
//! |---|---|---|
//! | `source.url` | `HOST_SOURCE_URL` | where rows come from: `postgres://user@host/database`, `secret:<name>` or `dir:<folder>` |
//! | `source.schema` | `HOST_SOURCE_SCHEMA` | the schema of the database; `public` if left out |
//! | `source.exclude` | `HOST_SOURCE_EXCLUDE` | tables that are not read; in the variable with commas |
//! | `lake.raw` | `HOST_LAKE_RAW` | the raw lake: `file:<folder>` or `s3://<bucket>/<prefix>`; `file:./lake/raw` if left out |
//! | `lake.star` | `HOST_LAKE_STAR` | the star tables, likewise |
//! | `checkpoints.url` | `HOST_CHECKPOINTS_URL` | the checkpoints: `file:<folder>` or `ssm:/<prefix>`; `file:./lake/checkpoints` if left out |
//! | `tables.<table>.key` | | the columns that tell rows apart, if not those of the primary key |
//! | `tables.<table>.cursor` | | how changes are found: `snapshot`, `last_updated` or `full` |
//! | `tables.<table>.last_updated` | | the columns of that cursor; `["last_updated"]` if left out |
//! | `tables.<table>.lag_seconds` | | how many of the last seconds that cursor looks at again; 3 if left out |
//! | `calendar.years` | `HOST_CALENDAR_YEARS` | years that the calendar has in any case: `2022..2027`; those of the facts are added |
//! | `calendar.limit` | `HOST_CALENDAR_LIMIT` | years beyond which no day of a fact may lie; `1990..2100` if left out |
//! | `plugins.cache` | `HOST_PLUGINS_CACHE` | the folder for compiled plugins; `wasm-plugin-host` in `$XDG_CACHE_HOME` or `~/.cache` if left out |
//! | `plugins.path` | `HOST_PLUGINS_PATH` | where the published plugins and their `plugins.lock` are, a folder or `s3://<bucket>/<prefix>`; `plugins/dist` if left out |
//! | `limits.<limit>` | `HOST_LIMITS_<LIMIT>` | a limit of [`Limits`], for all plugins |
//! | `limits.<plugin>.<limit>` | | a limit for one plugin |
//! | | `HOST_METRICS` | the namespace of the metrics that a function writes into its log; none if left out |
//! | | `HOST_CONFIG` | the text of the file, where there is none to name: a function has it from its deployment |
//! | | `HOST_LOG` | what is logged to the standard error: `info`, `host=debug`, ...; warnings if left out, and of an ingest nothing that its screen tells |
//!
//! A variable goes before the file, and a key that is not known is an error.

mod source;

pub use source::{DocumentPlace, Flow, ObjectPlace};

use crate::error::{Exit, Explain};
use crate::input::CalendarYears;
use crate::process::CalendarOptions;
use crate::sandbox::Limits;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The name of the file that is read when no other is named.
pub const DEFAULT_FILE: &str = "host.toml";

/// The variable that names the namespace of metrics.
pub const METRICS_VARIABLE: &str = "HOST_METRICS";

/// The variable with the text of the file.
const TEXT_VARIABLE: &str = "HOST_CONFIG";

/// The configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// Where rows come from and go to.
    pub flow: Flow,
    /// The days of the calendar.
    pub calendar: CalendarOptions,
    /// The folder for compiled plugins. `None`: each run compiles anew.
    pub plugins_cache: Option<PathBuf>,
    plugins: Option<ObjectPlace>,
    limits: Limits,
    /// The limits of single plugins, before the general ones fill the gaps.
    plugin_limits: BTreeMap<String, Table>,
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("can't read the configuration `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no TOML.
    #[error("`{}` is no TOML: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What the parser said, with line and column.
        reason: String,
    },
    /// A key that does not exist.
    #[error("{place}: there is no key `{key}`; known are {known}")]
    UnknownKey {
        /// The file or the variables.
        place: String,
        /// The key.
        key: String,
        /// The keys that exist there.
        known: String,
    },
    /// A value of the wrong type.
    #[error("{place}: `{key}` is `{value}`, expected {expected}")]
    BadValue {
        /// The file or the variable.
        place: String,
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
}

impl Explain for ConfigError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "config-unreadable",
            Self::Syntax { .. } => "config-syntax",
            Self::UnknownKey { .. } => "config-unknown-key",
            Self::BadValue { .. } => "config-bad-value",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { .. } => Some("name a file with `--config`, or leave it out".to_owned()),
            _ => None,
        }
    }

    fn exit(&self) -> Exit {
        Exit::BadInput
    }
}

const LIMIT_KEYS: &str = "`fuel_base`, `fuel_per_byte`, `memory_bytes_max`, `output_bytes_max`, `log_bytes_max`";

impl Config {
    /// Reads the file `path`, or else the text in `HOST_CONFIG`, or `host.toml` where there is one; and the variables of `environment`.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(path: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let default = Path::new(DEFAULT_FILE);
        let environment: Vec<(String, String)> = environment.collect();
        let text = environment.iter().find(|(name, _)| name == TEXT_VARIABLE).map(|(_, text)| text);
        let mut config = Self::default();
        match (path, text) {
            (Some(path), _) => config.read_file(path)?,
            (None, Some(text)) => config.read_text(Path::new(TEXT_VARIABLE), text)?,
            (None, None) if default.exists() => config.read_file(default)?,
            (None, None) => {}
        }
        config.read_environment(environment.into_iter())?;
        Ok(config)
    }

    /// Where the published plugins are.
    #[must_use]
    pub fn plugins(&self) -> ObjectPlace {
        self.plugins.clone().unwrap_or_else(|| ObjectPlace::Folder("plugins/dist".into()))
    }

    /// The limits of a plugin.
    ///
    /// # Errors
    /// [`ConfigError::BadValue`] and [`ConfigError::UnknownKey`].
    pub fn limits(&self, plugin: &str) -> Result<Limits, ConfigError> {
        let mut limits = self.limits;
        let place = format!("`[limits.{plugin}]`");
        for (key, value) in self.plugin_limits.get(plugin).into_iter().flatten() {
            set_limit(&mut limits, &place, key, value)?;
        }
        Ok(limits)
    }

    fn read_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        /// No configuration is larger; a device has no end.
        const BYTES_MAX: u64 = 1024 * 1024;
        let mut text = String::new();
        let file = std::fs::File::open(path).and_then(|file| file.take(BYTES_MAX).read_to_string(&mut text));
        file.map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        self.read_text(path, &text)
    }

    fn read_text(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        let table: Table = text
            .parse()
            .map_err(|error| ConfigError::Syntax { path: path.to_owned(), reason: syntax_reason(text, &error) })?;
        let place = format!("`{}`", path.display());
        for (section, value) in table {
            match (section.as_str(), value) {
                ("plugins", Value::Table(plugins)) => self.read_plugins(&place, plugins)?,
                ("limits", Value::Table(limits)) => self.read_limits(&place, limits)?,
                ("source" | "lake" | "checkpoints", Value::Table(keys)) => {
                    for (key, value) in keys {
                        self.flow.set(&place, &section, &key, value)?;
                    }
                }
                ("calendar", Value::Table(keys)) => {
                    keys.into_iter().try_for_each(|(key, value)| self.set_calendar(&place, &key, &value))?
                }
                ("tables", Value::Table(tables)) => self.read_tables(&place, tables)?,
                (_, _) => {
                    return Err(ConfigError::UnknownKey {
                        place,
                        key: section,
                        known:
                            "the sections `[source]`, `[lake]`, `[checkpoints]`, `[tables]`, `[calendar]`, `[plugins]` and `[limits]`"
                                .to_owned(),
                    });
                }
            }
        }
        // So that a mistake in the limits of one plugin shows whichever plugin runs.
        self.plugin_limits.keys().try_for_each(|plugin| self.limits(plugin).map(|_| ()))
    }

    fn read_plugins(&mut self, place: &str, plugins: Table) -> Result<(), ConfigError> {
        for (key, value) in plugins {
            match (key.as_str(), value) {
                ("cache", Value::String(folder)) if !folder.is_empty() => self.plugins_cache = Some(folder.into()),
                ("cache", value) => return Err(bad_value(place, "plugins.cache", &value, "a folder")),
                ("path", value) => self.set_plugins(place, &value)?,
                _ => {
                    let known = "`plugins.cache`, `plugins.path`".to_owned();
                    return Err(ConfigError::UnknownKey {
                        place: place.to_owned(),
                        key: format!("plugins.{key}"),
                        known,
                    });
                }
            }
        }
        Ok(())
    }

    fn set_plugins(&mut self, place: &str, value: &Value) -> Result<(), ConfigError> {
        const EXPECTED: &str = "a folder, or `s3://<bucket>/<prefix>`";
        let plugins = value.as_str().and_then(|text| text.parse().ok());
        self.plugins = Some(plugins.ok_or_else(|| bad_value(place, "plugins.path", value, EXPECTED))?);
        Ok(())
    }

    fn set_calendar(&mut self, place: &str, key: &str, value: &Value) -> Result<(), ConfigError> {
        let years = || {
            let years = value.as_str().and_then(|text| text.parse::<CalendarYears>().ok());
            years.ok_or_else(|| bad_value(place, &format!("calendar.{key}"), value, "two years, as `2022..2027`"))
        };
        match key {
            "years" => self.calendar.years = Some(years()?),
            "limit" => self.calendar.limit = years()?,
            _ => {
                let known = "`calendar.years`, `calendar.limit`".to_owned();
                return Err(ConfigError::UnknownKey { place: place.to_owned(), key: format!("calendar.{key}"), known });
            }
        }
        Ok(())
    }

    fn read_tables(&mut self, place: &str, tables: Table) -> Result<(), ConfigError> {
        for (name, table) in tables {
            match table {
                Value::Table(table) => self.flow.read_table(place, name, table)?,
                value => return Err(bad_value(place, &format!("tables.{name}"), &value, "a section")),
            }
        }
        Ok(())
    }

    fn read_limits(&mut self, place: &str, limits: Table) -> Result<(), ConfigError> {
        for (key, value) in limits {
            match value {
                Value::Table(plugin_limits) => {
                    self.plugin_limits.insert(key, plugin_limits);
                }
                value => set_limit(&mut self.limits, place, &key, &value)?,
            }
        }
        Ok(())
    }

    fn read_environment(&mut self, environment: impl Iterator<Item = (String, String)>) -> Result<(), ConfigError> {
        let (mut cache, mut home) = (None, None);
        for (variable, value) in environment {
            match variable.as_str() {
                // By the XDG rules an empty variable is none.
                "XDG_CACHE_HOME" | "HOME" if value.is_empty() => {}
                "HOST_CALENDAR_YEARS" => self.set_calendar(&format!("`{variable}`"), "years", &Value::String(value))?,
                "HOST_CALENDAR_LIMIT" => self.set_calendar(&format!("`{variable}`"), "limit", &Value::String(value))?,
                "HOST_PLUGINS_PATH" => self.set_plugins(&format!("`{variable}`"), &Value::String(value))?,
                "HOST_SOURCE_URL"
                | "HOST_SOURCE_SCHEMA"
                | "HOST_SOURCE_EXCLUDE"
                | "HOST_LAKE_RAW"
                | "HOST_LAKE_STAR"
                | "HOST_CHECKPOINTS_URL" => {
                    let place = format!("the environment variable `{variable}`");
                    let (section, key) = variable["HOST_".len()..].split_once('_').unwrap_or_default();
                    let (section, key) = (section.to_lowercase(), key.to_lowercase());
                    self.flow.set(&place, &section, &key, Value::String(value))?;
                }
                "HOST_PLUGINS_CACHE" => self.plugins_cache = Some(value.into()),
                "XDG_CACHE_HOME" => cache = Some(PathBuf::from(value)),
                "HOME" => home = Some(Path::new(&value).join(".cache")),
                _ => self.read_limit_variable(&variable, value)?,
            }
        }
        if self.plugins_cache.is_none() {
            self.plugins_cache = cache.or(home).map(|folder| folder.join("wasm-plugin-host"));
        }
        Ok(())
    }

    fn read_limit_variable(&mut self, variable: &str, value: String) -> Result<(), ConfigError> {
        const SECTIONS: [&str; 4] = ["HOST_SOURCE_", "HOST_LAKE_", "HOST_CHECKPOINTS_", "HOST_PLUGINS_"];
        let Some(limit) = variable.strip_prefix("HOST_LIMITS_") else {
            if SECTIONS.iter().any(|section| variable.starts_with(section)) {
                let known = "`HOST_SOURCE_URL`, `HOST_SOURCE_SCHEMA`, `HOST_SOURCE_EXCLUDE`, `HOST_LAKE_RAW`, `HOST_LAKE_STAR`, \
                             `HOST_CHECKPOINTS_URL`, `HOST_PLUGINS_PATH`, `HOST_PLUGINS_CACHE`";
                let (place, key) = ("the environment".to_owned(), variable.to_owned());
                return Err(ConfigError::UnknownKey { place, key, known: known.to_owned() });
            }
            return Ok(());
        };
        let place = format!("the environment variable `{variable}`");
        let number = value.parse().map_or_else(|_| Value::String(value), Value::Integer);
        set_limit(&mut self.limits, &place, &limit.to_lowercase(), &number)
    }
}

fn set_limit(limits: &mut Limits, place: &str, key: &str, value: &Value) -> Result<(), ConfigError> {
    let limit = match key {
        "fuel_base" => &mut limits.fuel_base,
        "fuel_per_byte" => &mut limits.fuel_per_byte,
        "memory_bytes_max" => &mut limits.memory_bytes_max,
        "output_bytes_max" => &mut limits.output_bytes_max,
        "log_bytes_max" => &mut limits.log_bytes_max,
        _ => {
            let known = format!("{LIMIT_KEYS}, and tables with the names of plugins");
            return Err(ConfigError::UnknownKey { place: place.to_owned(), key: format!("limits.{key}"), known });
        }
    };
    // Without any of these nothing runs; without fuel for the bytes, or a log, something does.
    let min = i64::from(matches!(key, "fuel_base" | "memory_bytes_max" | "output_bytes_max"));
    let number = value.as_integer().filter(|number| *number >= min).and_then(|number| u64::try_from(number).ok());
    let expected = if min == 0 { "a whole number from 0 to 2^63 - 1" } else { "a whole number from 1 to 2^63 - 1" };
    *limit = number.ok_or_else(|| bad_value(place, &format!("limits.{key}"), value, expected))?;
    Ok(())
}

fn bad_value(place: &str, key: &str, value: &Value, expected: &'static str) -> ConfigError {
    // A URL may hold a password, and text that should be one, too.
    let value = if key == "source.url" { "...".to_owned() } else { value.to_string() };
    ConfigError::BadValue { place: place.to_owned(), key: key.to_owned(), value, expected }
}

/// What the parser says, with the line that it is about, unless that has a URL: it may hold a password.
fn syntax_reason(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let (number, column) =
        (before.matches('\n').count(), before.chars().rev().take_while(|letter| *letter != '\n').count());
    let line = text.lines().nth(number).unwrap_or_default();
    let at = format!("line {}, column {}: {}", number + 1, column + 1, error.message());
    if line.contains(':') { at } else { error.to_string().trim_end().to_owned() }
}
