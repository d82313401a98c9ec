//! What the tests run: the host's own program, the plugins, Python with DuckDB, and made-up data.

use crate::target_folder;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use totesys::{Generator, Options, Size, Style, Table};

/// The eleven plugins.
pub const PLUGINS: [&str; 11] = [
    "dim_counterparty",
    "dim_currency",
    "dim_date",
    "dim_design",
    "dim_location",
    "dim_payment_type",
    "dim_staff",
    "dim_transaction",
    "fact_payment",
    "fact_purchase_order",
    "fact_sales_order",
];

/// How many times as long as usual to test.
///
/// # Panics
/// If `SOAK` is no number.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "how long to test is said from outside")]
pub fn soak() -> usize {
    std::env::var("SOAK").map_or(1, |soak| soak.parse().expect("SOAK is a whole number"))
}

/// The top of the project.
#[must_use]
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Builds with cargo, into the folder that the tests were built in.
///
/// # Panics
/// If the build fails.
#[expect(clippy::disallowed_methods, reason = "what cargo tells a test of itself is in the environment")]
pub fn build(arguments: &[&str]) {
    let mut cargo = Command::new(env!("CARGO"));
    // What cargo tells a test of the test's own package, some packages would take for a change, and be built anew each time.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            cargo.env_remove(name);
        }
    }
    cargo.args(["build", "--quiet"]).args(arguments).current_dir(workspace()).arg("--target-dir").arg(target_folder());
    assert!(cargo.status().is_ok_and(|status| status.success()), "can't build {arguments:?}");
}

/// Runs cargo in a workspace that is not the project's, one such run after the other; what it builds it leaves in `scaffold`
/// in the folder that the tests were built in, so that a next run finds it.
///
/// # Panics
/// If cargo can't be started or fails, with what it said.
pub fn run_cargo(folder: &Path, arguments: &[&str]) {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(arguments).current_dir(folder).env("CARGO_TARGET_DIR", scaffold_target_folder());
    // Nobody debugs what is built here, nor changes it.
    cargo.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_INCREMENTAL", "0");
    let output = cargo.output().expect("cargo starts");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "cargo {arguments:?} fails:\n{}", String::from_utf8_lossy(&said));
}

/// Where [`run_cargo`] leaves what it builds.
#[must_use]
pub fn scaffold_target_folder() -> PathBuf {
    target_folder().join("scaffold")
}

/// That a program ended well.
///
/// # Panics
/// If it did not, with all that it said.
pub fn assert_done(output: &Output) {
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

/// The plugin `name`, as it ships.
///
/// # Panics
/// If the plugins can't be built.
#[must_use]
pub fn plugin(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let packages = PLUGINS.iter().flat_map(|name| ["--package", name]);
        build(&["--profile", "plugin", "--target", "wasm32-wasip2"].into_iter().chain(packages).collect::<Vec<_>>());
    });
    target_folder().join("wasm32-wasip2/plugin").join(format!("{name}.wasm"))
}

/// The plugin `name` in another language, whose folder in `plugins` has a recipe that sets up what it needs.
///
/// # Panics
/// If it can't be built.
#[must_use]
pub fn plugin_in(language: &str, name: &str) -> PathBuf {
    let tools = target_folder().join(format!("{language}-plugin"));
    let out = tools.join("dist");
    let mut make = Command::new("make");
    make.args(["--silent", "--directory"]).arg(workspace().join("plugins").join(language));
    make.arg(format!("TOOLS={}", tools.display())).arg(format!("OUT={}", out.display()));
    let output = make.output().expect("there is `make`");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "can't build the plugins in {language}; `make languages` does the same\n{said}");
    out.join(format!("{name}.wasm"))
}

/// The compiled plugins that the tests keep between runs.
#[must_use]
pub fn cache_folder() -> PathBuf {
    target_folder().join("tests-cache")
}

/// The host's program. It is built as a part of the whole workspace with its tests: alone it would have other features of
/// its dependencies, and each of them would be built once more.
#[must_use]
pub fn host() -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| build(&["--workspace", "--bins", "--tests"]));
    target_folder().join("debug/host")
}

/// Runs the host with `arguments`, in `folder`, with nothing of this machine's settings.
///
/// # Panics
/// If it can't be started.
pub fn run_host(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(host());
    command.args(arguments).current_dir(folder).env_clear().env("HOST_PLUGINS_CACHE", cache_folder());
    command.output().expect("the host starts")
}

/// Runs the host as [`run_host`] does, with what cargo needs to build a plugin.
///
/// # Panics
/// If it can't be started.
pub fn run_host_with_cargo(folder: &Path, target: &Path, arguments: &[&str]) -> Output {
    host_with_cargo(folder, target, arguments).output().expect("the host starts")
}

/// The host with `arguments` in `folder`, and what cargo needs to build a plugin into the folder `target`.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "cargo finds itself by the environment")]
pub fn host_with_cargo(folder: &Path, target: &Path, arguments: &[&str]) -> Command {
    let kept = ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];
    let kept = kept.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    let mut command = Command::new(host());
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(kept)
        .env("CARGO_TARGET_DIR", target)
        .env("HOST_PLUGINS_CACHE", target_folder().join("tests-cache"));
    command
}

/// The folder that the tests were built in, where the project's own plugins are built too.
#[must_use]
pub fn plugins_target_folder() -> PathBuf {
    target_folder()
}

/// The Python with other people's readers of Delta Lake.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn readers() -> PathBuf {
    let python = workspace().join(".venv-readers/bin/python");
    assert!(python.is_file(), "there is no Python with readers of Delta Lake: run `make tools`");
    python
}

/// A folder with the components of all plugins.
#[must_use]
pub fn plugins_folder() -> PathBuf {
    static COPIED: OnceLock<PathBuf> = OnceLock::new();
    COPIED
        .get_or_init(|| {
            let folder = target_folder().join("tests-plugins");
            std::fs::create_dir_all(&folder).expect("the folder can be made");
            for name in PLUGINS {
                let from = plugin(name);
                std::fs::copy(&from, folder.join(format!("{name}.wasm"))).expect("a component can be copied");
            }
            folder
        })
        .clone()
}

/// The Python that has DuckDB.
///
/// # Panics
/// Without `make tools`.
#[must_use]
pub fn python() -> PathBuf {
    let python = workspace().join(".venv/bin/python");
    assert!(python.is_file(), "there is no Python with DuckDB: run `make tools`");
    python
}

/// Writes all tables of a made-up ToteSys into `folder`, a file each.
///
/// # Panics
/// If the disk does not take them.
pub fn write_totesys(folder: &Path, sales_orders: u64, style: Style, hard: bool) {
    let options = Options { size: Size::SalesOrders(sales_orders), seed: 3, style, hard };
    let generator = Generator::new(options).expect("the size is possible");
    std::fs::create_dir_all(folder).expect("the folder can be made");
    for table in Table::ALL {
        let file = std::fs::File::create(folder.join(format!("{}.jsonl", table.name()))).expect("the file can be made");
        generator.write_table(table, std::io::BufWriter::new(file)).expect("the rows can be written");
    }
}

/// The table that a plugin reads, and those that it looks rows up in.
///
/// # Panics
/// If there is no such plugin.
#[must_use]
pub fn tables_of(plugin: &str) -> (&'static str, &'static [&'static str]) {
    match plugin {
        "dim_counterparty" => ("counterparty", &["address"]),
        "dim_currency" => ("currency", &[]),
        "dim_date" => ("_calendar", &[]),
        "dim_design" => ("design", &[]),
        "dim_location" => ("address", &[]),
        "dim_payment_type" => ("payment_type", &[]),
        "dim_staff" => ("staff", &["department"]),
        "dim_transaction" => ("transaction", &[]),
        "fact_payment" => ("payment", &[]),
        "fact_purchase_order" => ("purchase_order", &[]),
        "fact_sales_order" => ("sales_order", &[]),
        _ => panic!("there is no plugin `{plugin}`"),
    }
}

/// The arguments of `host run` that make the star table of `plugin` from the files in `raw`.
#[must_use]
pub fn run_arguments(plugin_name: &str, raw: &Path, out: &Path) -> Vec<String> {
    let (table, lookups) = tables_of(plugin_name);
    let file = |table: &str| raw.join(format!("{table}.jsonl")).display().to_string();
    let input = if table == "_calendar" { "calendar:2022..2027".to_owned() } else { file(table) };
    let mut arguments = ["run", "--plugin"].map(str::to_owned).to_vec();
    arguments.extend([plugin(plugin_name).display().to_string(), "--input".to_owned(), input]);
    arguments.extend(lookups.iter().flat_map(|table| ["--lookup".to_owned(), format!("{table}={}", file(table))]));
    arguments.extend(["--out".to_owned(), out.display().to_string()]);
    arguments
}

/// The package of the functions, unpacked: the program `bootstrap`, and the plugins with their code.
///
/// # Panics
/// If it can't be made.
#[must_use]
pub fn package() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = target_folder().join("tests-package");
        if folder.exists() {
            std::fs::remove_dir_all(&folder).expect("the old package can be removed");
        }
        let plugins = folder.join("plugins");
        std::fs::create_dir_all(&plugins).expect("the folder can be made");
        std::fs::hard_link(host(), folder.join("bootstrap")).expect("the program can be linked");
        let mut command = Command::new(host());
        command.args(["plugin", "package", "--out"]).arg(&plugins).args(PLUGINS.map(plugin)).env_clear();
        let output = command.output().expect("the host starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        folder
    })
    .clone()
}

/// What the Terraform configuration comes to, as `tests/terraform/evaluate.py` says it; or has said it, where there is no Terraform.
///
/// # Panics
/// If Terraform refuses it.
#[must_use]
pub fn deployment() -> &'static serde_json::Value {
    static EVALUATED: OnceLock<serde_json::Value> = OnceLock::new();
    EVALUATED.get_or_init(|| {
        if Command::new("terraform").arg("version").output().is_err() {
            let recorded = std::fs::read(workspace().join("tests/terraform/deployment.json"));
            return serde_json::from_slice(&recorded.expect("the file is there")).expect("a document of JSON");
        }
        let mut command = Command::new(terraform_python());
        let output = command.arg(workspace().join("tests/terraform/evaluate.py")).output().expect("Python starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("a document of JSON")
    })
}

/// The Python with what checks the Terraform configuration.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn terraform_python() -> PathBuf {
    let python = workspace().join(".venv-terraform/bin/python");
    assert!(python.is_file(), "there is no Python with the checks of Terraform: run `make tools`");
    python
}
