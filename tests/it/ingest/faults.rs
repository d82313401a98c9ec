//! What fails around an ingest, what a person reads of it, and that the next run loses and doubles nothing.

use super::command::{STAFF, Scene, is_told};
use crate::store::options;
use async_trait::async_trait;
use futures_util::StreamExt;
use host::aws::{AwsOptions, s3_client, ssm_client};
use host::checkpoint::{Checkpoint, CheckpointError, SsmCheckpoints, write_checkpoint};
use host::error::{Exit, Explain, with_causes};
use host::ingest::IngestOptions;
use host::packet::CursorPosition;
use host::source::{Plan, Request, RowBatch, Snapshot, Source, SourceError, SourceTable};
use host::store::{S3Store, UploadTokens};
use object_store::{ObjectStore, ObjectStoreExt};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tests::flow::{TestLake, connect, database, directory, postgres};
use tests::moto::Moto;
use tests::proxy::{Fault, FaultProxy, Rule};
use totesys::server::{Options, Server};

const TABLES: &str = "\
    CREATE TABLE department (department_id int PRIMARY KEY, name text NOT NULL); \
    CREATE TABLE staff (staff_id int PRIMARY KEY, name text NOT NULL, department_id int REFERENCES department); \
    INSERT INTO department VALUES (1, 'Sales'), (2, 'Lager'); \
    INSERT INTO staff VALUES (1, 'Ann', 1), (2, 'Bob', 2), (3, 'Cem', NULL);";

/// A server that asks for a password, and can encrypt.
fn safe_server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let options = Options { password: Some("hunter2 ✓".to_owned()), tls: true, ..Options::default() };
        Server::start(options).unwrap()
    })
}

/// A database of the safe server with the two tables, its name and its URL.
fn safe_database() -> (String, String) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("safe_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let url = safe_server().create_database(&name).unwrap();
    safe_server().execute(&name, TABLES).unwrap();
    (name, url)
}

/// A scene on the safe server, with its port and the database's name masked.
fn safe_scene(name: &str) -> Scene {
    let port = safe_server().port().to_string();
    Scene::new().mask(&format!(":{port}"), ":<port>").mask(name, "<database>")
}

/// The tables' keys, sorted, once each.
async fn keys(lake: &TestLake, table: &str) -> Vec<String> {
    lake.state(table).await.into_keys().collect()
}

#[track_caller]
fn assert_no_password(said: &str) {
    assert!(!said.contains("hunter2"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_be_reached_is_named_and_the_next_run_brings_all() {
    let (name, url) = safe_database();
    let port = safe_server().port();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let scene = safe_scene(&name).mask(&format!(":{closed}"), ":<closed port>");
    let with = |scene: Scene, url: &str| {
        let scene = scene.set("HOST_SOURCE_URL", url);
        let said = scene.said(&["ingest"]);
        assert_no_password(&said);
        (scene, said)
    };
    let (scene, said) = with(scene, &url.replace(&port.to_string(), &closed.to_string()));
    is_told("no_server", said);
    let (scene, said) = with(scene, &url.replace("127.0.0.1", "no-such-host.invalid"));
    // The words for it are those of the C library.
    let words = ["Name or service not known", "Temporary failure in name resolution"];
    assert!(words.iter().any(|words| said.contains(words)), "{said}");
    is_told("no_host", words.iter().fold(said, |said, words| said.replace(words, "<not known>")));
    let (scene, said) = with(scene, &url.replace("hunter2", "hunter1"));
    is_told("wrong_password", said);
    let (scene, said) = with(scene, &format!("postgres://postgres@127.0.0.1:{port}/{name}"));
    is_told("no_password", said);
    let (scene, said) = with(scene, &url.replace(&name, "totesy"));
    is_told("no_database", said);
    let (scene, said) = with(scene, &url.replace("postgres:", "nobody:").replacen("nobody:", "postgres:", 1));
    is_told("no_user", said);
    let scene = scene.set("HOST_SOURCE_URL", &url);
    scene.ingest();
    assert_eq!(keys(&scene.lake(), "staff").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_the_right_to_read_it_fails_alone() {
    let (name, url) = safe_database();
    let reader = format!("reader_{name}");
    let grant = format!(
        "CREATE ROLE {reader} LOGIN PASSWORD 'x'; GRANT SELECT ON department TO {reader}; \
         CREATE TABLE part (part_id int PRIMARY KEY, secret text); GRANT SELECT (part_id) ON part TO {reader}"
    );
    safe_server().execute(&name, &grant).unwrap();
    let url = url.replace("postgres:hunter2%20%E2%9C%93@", &format!("{reader}:x@"));
    assert!(url.contains(&reader), "{url}");
    let scene = safe_scene(&name).set("HOST_SOURCE_URL", &url);
    is_told("no_right", scene.said(&["ingest"]));
    safe_server().execute(&name, &format!("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}")).unwrap();
    scene.ingest();
    assert_eq!(keys(&scene.lake(), "staff").await.len(), 3);
    assert_eq!(scene.lake().packets("department").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_fails_its_table_alone() {
    let url = database();
    let client = connect(&url).await;
    let slow = "CREATE VIEW slow AS SELECT i AS slow_id, pg_sleep(0.2)::text AS v FROM generate_series(1, 3) i";
    client.batch_execute(&format!("{TABLES} {slow}")).await.unwrap();
    let scene = Scene::new().set("HOST_SOURCE_URL", &format!("{url}?options=-c%20statement_timeout%3D150ms"));
    scene.write("host.toml", "[tables.slow]\nkey = [\"slow_id\"]\ncursor = \"full\"\n");
    is_told("statement_timeout", scene.said(&["ingest"]));
    let scene = scene.set("HOST_SOURCE_URL", &url);
    scene.ingest();
    assert_eq!(keys(&scene.lake(), "slow").await.len(), 3);
    assert_eq!(scene.lake().packets("staff").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_another_session_has_locked_fails_alone_and_comes_when_it_is_free() {
    let url = database();
    let client = connect(&url).await;
    client.batch_execute(TABLES).await.unwrap();
    client.batch_execute("BEGIN; LOCK TABLE department IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let scene = Scene::new().set("HOST_SOURCE_URL", &url).set("PGOPTIONS", "-c lock_timeout=150ms");
    is_told("locked", tokio::task::block_in_place(|| scene.said(&["ingest"])));
    client.batch_execute("ROLLBACK").await.unwrap();
    scene.ingest();
    assert_eq!(keys(&scene.lake(), "department").await.len(), 2);
    assert_eq!(scene.lake().packets("staff").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_as_safe_as_the_mode_says() {
    let (name, url) = safe_database();
    let certificate = safe_server().certificate().unwrap();
    let certificate = certificate.to_str().unwrap();
    // Who comes without encryption has another view of the session than who comes with it.
    let is_encrypted = "CREATE VIEW tls AS SELECT 1 AS id, ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    safe_server().execute(&name, is_encrypted).unwrap();
    let mut scene = safe_scene(&name);
    scene.write("host.toml", "[tables.tls]\nkey = [\"id\"]\ncursor = \"full\"\n");
    for (mode, expected) in [
        ("?sslmode=disable".to_owned(), "\"ssl\":false"),
        (String::new(), "\"ssl\":true"),
        ("?sslmode=disable".to_owned(), "\"ssl\":false"),
        ("?sslmode=require".to_owned(), "\"ssl\":true"),
        ("?sslmode=disable".to_owned(), "\"ssl\":false"),
        (format!("?sslmode=verify-full&sslrootcert={}", certificate.replace('/', "%2F")), "\"ssl\":true"),
    ] {
        scene = scene.set("HOST_SOURCE_URL", &format!("{url}{mode}"));
        scene.ingest();
        let line = scene.lake().packets("tls").await.pop().unwrap().lines.remove(0);
        assert!(line.contains(expected), "{mode}: {line}");
    }
    scene = scene.set("HOST_SOURCE_URL", &format!("{url}?sslmode=verify-full"));
    is_told("tls_unknown_issuer", scene.said(&["ingest"]));
    scene = scene.set("HOST_SOURCE_URL", &format!("{url}?sslmode=verify-full&sslrootcert=there.pem"));
    is_told("tls_no_certificate", scene.said(&["ingest"]));
    scene = scene.set("HOST_SOURCE_URL", &format!("{url}?sslmode=always"));
    is_told("tls_unknown_mode", scene.said(&["ingest"]));
    // The certificate is for `localhost` and 127.0.0.1 alone.
    let other = url.replace("127.0.0.1", "db.example");
    let parameters = format!("hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert={certificate}");
    scene = scene.set("HOST_SOURCE_URL", &format!("{other}?{parameters}"));
    is_told("tls_other_host", scene.said(&["ingest"]));
    let plain = database();
    let (_, name) = plain.rsplit_once('/').unwrap();
    let port = plain.rsplit_once(':').unwrap().1.split('/').next().unwrap();
    let scene = Scene::new().mask(&format!(":{port}/{name}"), ":<port>/<database>");
    is_told("tls_server_without", scene.set("HOST_SOURCE_URL", &format!("{plain}?sslmode=require")).said(&["ingest"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_usual_variables_say_what_the_url_leaves_open() {
    let (name, _) = safe_database();
    let port = safe_server().port().to_string();
    let scene = safe_scene(&name)
        .set("HOST_SOURCE_URL", "postgres://")
        .set("PGHOST", "127.0.0.1")
        .set("PGPORT", &port)
        .set("PGUSER", "postgres")
        .set("PGPASSWORD", "hunter2 ✓")
        .set("PGDATABASE", &name)
        .set("PGSSLMODE", "verify-full")
        .set("PGSSLROOTCERT", safe_server().certificate().unwrap().to_str().unwrap());
    scene.ingest();
    assert_eq!(keys(&scene.lake(), "staff").await.len(), 3);
    let scene = scene.set("PGPORT", "many");
    is_told("variable_port", scene.said(&["ingest"]));
    // What stands in the URL goes before.
    let scene = scene.set("PGDATABASE", "totesy").set("PGUSER", "nobody");
    let scene = scene.set("HOST_SOURCE_URL", &format!("postgres://postgres@localhost:{port}/{name}"));
    scene.ingest();
    let scene = Scene::new().set("HOST_SOURCE_URL", "postgres://127.0.0.1/totesys");
    is_told("no_user_named", scene.said(&["ingest"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_the_connection_and_never_answers_is_given_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let accepting = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((connection, _)) = silent.accept().await {
            held.push(connection);
        }
    });
    let scene = Scene::new().mask(&format!(":{port}"), ":<port>");
    for mode in ["disable", "prefer", "require"] {
        let url = format!("postgres://reader@127.0.0.1:{port}/totesys?connect_timeout=1&sslmode={mode}");
        let mut command = scene.command(&["ingest"]);
        command.env("HOST_SOURCE_URL", url);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut waits = 0..100;
        while child.try_wait().unwrap().is_none() {
            if waits.next().is_none() {
                child.kill().unwrap();
                panic!("it waits for ever with sslmode={mode}");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let said = scene.shown(&child.wait_with_output().unwrap());
        is_told("silent_server", said);
    }
    accepting.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_not_there_or_closed_is_said() {
    let (name, url) = safe_database();
    let reader = format!("closed_{name}");
    let grant = format!(
        "CREATE ROLE {reader} LOGIN PASSWORD 'x'; CREATE SCHEMA closed; CREATE TABLE closed.t (id int PRIMARY KEY); \
         INSERT INTO closed.t VALUES (1); GRANT SELECT ON closed.t TO {reader}"
    );
    safe_server().execute(&name, &grant).unwrap();
    let url = url.replace("postgres:hunter2%20%E2%9C%93@", &format!("{reader}:x@"));
    let scene = safe_scene(&name).set("HOST_SOURCE_URL", &url).set("HOST_SOURCE_SCHEMA", "nowhere");
    is_told("no_schema", scene.said(&["ingest"]));
    let scene = scene.set("HOST_SOURCE_SCHEMA", "closed");
    is_told("no_usage", scene.said(&["ingest"]));
    safe_server().execute(&name, &format!("GRANT USAGE ON SCHEMA closed TO {reader}")).unwrap();
    scene.ingest();
    assert_eq!(scene.lake().packets("t").await.len(), 1);
}

/// A scene whose AWS is at `url`, with pauses as short as they can be.
fn aws_scene(scene: Scene, url: &str) -> Scene {
    scene
        .set("AWS_ENDPOINT_URL", url)
        .set("AWS_REGION", "us-east-1")
        .set("AWS_ACCESS_KEY_ID", "test")
        .set("AWS_SECRET_ACCESS_KEY", "test")
        .set("AWS_EC2_METADATA_DISABLED", "true")
        .set("AWS_MAX_ATTEMPTS", "2")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_the_database_can_be_a_secret() {
    let (name, url) = safe_database();
    let (moto, port) = (Moto::shared(), safe_server().port());
    let secrets = [moto.name(), moto.name(), moto.name(), moto.name()];
    moto.put_secret(&secrets[0], &url);
    let rds = format!(
        r#"{{"engine":"postgres","username":"postgres","password":"hunter2 ✓","host":"127.0.0.1","port":{port},"dbname":"{name}"}}"#
    );
    moto.put_secret(&secrets[1], &rds);
    moto.put_secret(&secrets[2], "hunter2");
    let scene = aws_scene(safe_scene(&name), &moto.url()).mask(&secrets[2], "<secret>");
    let scene = scene.set("HOST_SOURCE_URL", &format!("secret:{}", secrets[0]));
    scene.ingest();
    let scene = scene.set("HOST_SOURCE_URL", &format!("secret:{}", secrets[1]));
    scene.ingest();
    assert_eq!(scene.lake().packets("staff").await.len(), 1);
    // A secret that RDS manages names no server.
    moto.put_secret(&secrets[3], r#"{"username":"postgres","password":"hunter2 ✓"}"#);
    let scene = scene.set("HOST_SOURCE_URL", &format!("secret:{}", secrets[3]));
    assert_eq!(scene.run(&["ingest"]).status.code(), Some(3));
    let scene = scene.set("PGHOST", "127.0.0.1").set("PGPORT", &port.to_string()).set("PGDATABASE", &name);
    scene.ingest();
    let scene = scene.set("HOST_SOURCE_URL", &format!("secret:{}", secrets[2]));
    let said = scene.said(&["ingest"]);
    assert_no_password(&said);
    is_told("secret_unusable", said);
    let scene = scene.set("HOST_SOURCE_URL", "secret:no-such-secret");
    is_told("secret_unknown", scene.said(&["ingest"]));
    let denied = Rule::new("POST", "GetSecretValue", 99, Fault::Json(400, "AccessDeniedException"));
    let proxy = FaultProxy::start(moto.address(), [denied]).await;
    let scene = scene.set("AWS_ENDPOINT_URL", &proxy.url());
    is_told("secret_denied", tokio::task::block_in_place(|| scene.said(&["ingest"])));
}

/// So many rows that they are under way for a while.
const LARGE: &str = "\
    CREATE TABLE a_large (id int PRIMARY KEY, v text); \
    INSERT INTO a_large SELECT i, repeat(md5(i::text), 12) FROM generate_series(1, 60000) i;";
const IS_COPIED: &str = "\
    SELECT pid FROM pg_stat_activity WHERE application_name = 'host ingest' AND state = 'active' AND query LIKE 'COPY%a_large%'";

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_ended_during_the_copy_commits_nothing_of_its_table() {
    let url = database();
    let client = connect(&url).await;
    client.batch_execute(&format!("{LARGE} {TABLES}")).await.unwrap();
    let scene = Scene::new().set("HOST_SOURCE_URL", &url);
    let mut command = scene.command(&["ingest"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid: i32 = loop {
        if let Some(row) = client.query_opt(IS_COPIED, &[]).await.unwrap() {
            break row.get(0);
        }
    };
    client.query("SELECT pg_terminate_backend($1)", &[&pid]).await.unwrap();
    let output = tokio::task::block_in_place(|| child.wait_with_output()).unwrap();
    // Whether the server's last words are heard depends on who is asked first.
    let words = "db error: FATAL: terminating connection due to administrator command";
    is_told("terminated", without_rows_read(&scene.shown(&output)).replace(words, "connection closed"));
    assert!(scene.lake().packets("a_large").await.is_empty());
    tokio::task::block_in_place(|| scene.ingest());
    assert_eq!(keys(&scene.lake(), "a_large").await.len(), 60_000);
    for table in ["a_large", "staff", "department"] {
        assert_eq!(scene.lake().packets(table).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_crashes_during_the_copy_commits_nothing_of_its_table() {
    let mut server = Server::start(Options::default()).unwrap();
    server.execute("postgres", &format!("{LARGE} {TABLES} CHECKPOINT")).unwrap();
    let scene = Scene::new().set("HOST_SOURCE_URL", &server.url("postgres"));
    let mut command = scene.command(&["ingest"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while server.execute("postgres", IS_COPIED).unwrap().is_empty() {}
    server.crash().unwrap();
    let output = child.wait_with_output().unwrap();
    let said = scene.shown(&output);
    assert!(said.contains("error[source-gone]: the database went away while `a_large` was read"), "{said}");
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(scene.lake().packets("a_large").await.is_empty());
    server.start_again().unwrap();
    scene.ingest();
    assert_eq!(keys(&scene.lake(), "a_large").await.len(), 60_000);
    assert_eq!(keys(&scene.lake(), "staff").await.len(), 3);
}

/// How many rows had come when the session ended is not foreseeable.
fn without_rows_read(said: &str) -> String {
    let line = |line: &str| match line.split('┆').collect::<Vec<_>>()[..] {
        [table, packet, rows, gone, bytes, _, seconds, note] if table.contains("a_large") => {
            [table, packet, rows, gone, bytes, "<n> ", seconds, note].join("┆")
        }
        _ if line.starts_with(['┌', '╞', '└']) || line.starts_with("│ table") => "...".to_owned(),
        _ => line.split('┆').map(str::trim).collect::<Vec<_>>().join(" ┆ "),
    };
    let text: Vec<String> = said.lines().map(line).collect();
    text.join("\n")
}

/// A source whose database ends the session after the rows of a table have been read.
#[derive(Debug)]
struct Ended {
    source: Arc<dyn Source>,
    url: String,
    after: &'static str,
}

#[derive(Debug)]
struct EndedSnapshot(Box<dyn Snapshot>, String, &'static str);

#[async_trait]
impl Source for Ended {
    async fn tables(&self) -> Result<Vec<Result<SourceTable, SourceError>>, SourceError> {
        self.source.tables().await
    }

    async fn snapshot(&self, tables: &[String]) -> Result<Box<dyn Snapshot>, SourceError> {
        Ok(Box::new(EndedSnapshot(self.source.snapshot(tables).await?, self.url.clone(), self.after)))
    }
}

#[async_trait]
impl Snapshot for EndedSnapshot {
    async fn plan(
        &mut self,
        table: &SourceTable,
        request: &Request,
        known: &CursorPosition,
        sorted: bool,
    ) -> Result<Plan, SourceError> {
        self.0.plan(table, request, known, sorted).await
    }

    async fn read(
        &mut self,
        table: &SourceTable,
        plan: &Plan,
        rows: tokio::sync::mpsc::Sender<RowBatch>,
    ) -> Result<(), SourceError> {
        let read = self.0.read(table, plan, rows).await;
        if table.name == self.2 {
            let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'host ingest' \
                AND datname = current_database()";
            connect(&self.1).await.query(end, &[]).await.unwrap();
        }
        read
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_after_the_copy_costs_only_what_was_not_read_yet() {
    let url = database();
    connect(&url).await.batch_execute(TABLES).await.unwrap();
    let ended: Arc<dyn Source> = Arc::new(Ended { source: postgres(&url), url: url.clone(), after: "department" });
    let lake = TestLake::new();
    let report = lake.ingest(&ended, &IngestOptions::default()).await;
    assert_eq!(report.committed().map(|(table, _)| table).collect::<Vec<_>>(), ["department"]);
    let failed = report.tables.iter().find_map(|table| table.result.as_ref().err()).unwrap();
    assert_eq!((failed.code(), failed.exit()), ("source-gone", Exit::Environment));
    lake.ingest_all(&postgres(&url)).await;
    assert_eq!((keys(&lake, "department").await.len(), keys(&lake, "staff").await.len()), (2, 3));
    assert_eq!(lake.packets("department").await.len(), 1);
}

/// A source folder with one table whose rows have so many bytes in all.
fn large_table(scene: &Scene, bytes: usize) -> usize {
    let row = |id: usize| format!("{{\"large_id\":{id},\"v\":\"{}\"}}\n", "x".repeat(1_000));
    let count = bytes / row(1).len();
    scene.write("tables/large.jsonl", (1..=count).map(row).collect::<String>());
    count
}

struct Mount(std::path::PathBuf);

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_and_leaves_room_for_the_next_run() {
    let scene = Scene::with_tables().set("HOST_LOG", "error");
    let rows = large_table(&scene, 6 << 20);
    std::fs::create_dir(scene.path("lake")).unwrap();
    let mount = |option: &str| {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", option, "tmpfs"]).arg(scene.path("lake")).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success())
    };
    if !mount("size=4m") {
        eprintln!("skipped: this user may not mount a small disk");
        return;
    }
    let _mount = Mount(scene.path("lake"));
    is_told("disk_full", without_rows_read(&scene.said(&["ingest"])));
    let free = free_bytes(&scene.path("lake"));
    assert!(free > 3 << 20, "{free} bytes are free");
    assert!(scene.lake().packets("large").await.is_empty());
    assert!(mount("remount,size=64m"));
    scene.ingest();
    assert_eq!(scene.lake().packets("large").await[0].lines.len(), rows);
    assert_eq!(scene.lake().packets("staff").await.len(), 1);
}

/// How many bytes are free where a path is, as `df` says.
fn free_bytes(path: &std::path::Path) -> u64 {
    let output = Command::new("df").args(["--output=avail", "-B1"]).arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().nth(1).unwrap().trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_may_not_grow_fail_the_table_whether_the_signal_is_heard_or_not() {
    let scene = Scene::with_tables().set("HOST_LOG", "error");
    let rows = large_table(&scene, 3 << 20);
    let run = |trap: &str| {
        let command = format!("{trap} ulimit -c 0; ulimit -f 1024; exec {} ingest", tests::tools::host().display());
        let mut shell = Command::new("/bin/bash");
        shell.args(["-c", &command]).current_dir(scene.path("")).env_clear();
        shell.env("HOST_SOURCE_URL", "dir:tables").env("HOST_LOG", "error").output().unwrap()
    };
    let killed = run("");
    assert_eq!(killed.status.code(), None, "{}", scene.shown(&killed));
    assert!(scene.lake().packets("large").await.is_empty());
    is_told("file_too_large", without_rows_read(&scene.shown(&run("trap '' XFSZ;"))));
    assert!(scene.lake().packets("large").await.is_empty());
    scene.ingest();
    assert_eq!(scene.lake().packets("large").await[0].lines.len(), rows);
    assert_eq!(scene.lake().packets("staff").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_that_may_not_be_written_to_says_so() {
    let scene = Scene::with_tables().set("HOST_LOG", "error").set("HOST_CHECKPOINTS_URL", "file:checkpoints");
    std::fs::create_dir(scene.path("lake")).unwrap();
    let allow = |name: &str, mode: u32| {
        std::fs::set_permissions(scene.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    allow("", 0o755);
    let run = || {
        let mut command = scene.command(&["ingest"]);
        if Command::new("id").arg("-u").output().unwrap().stdout == b"0\n" {
            // Root may write everywhere.
            command.uid(65_534).gid(65_534);
        }
        command.output()
    };
    allow("lake", 0o555);
    let output = match run() {
        Ok(output) if output.status.code().is_some_and(|code| code < 100) => output,
        _ => {
            eprintln!("skipped: the program can't be run by another user");
            return;
        }
    };
    is_told("read_only_lake", scene.shown(&output));
    std::fs::create_dir_all(scene.path("lake/raw")).unwrap();
    std::fs::create_dir_all(scene.path("checkpoints")).unwrap();
    allow("checkpoints", 0o777);
    allow("lake/raw", 0o555);
    is_told("read_only_tables", scene.shown(&run().unwrap()));
    allow("lake/raw", 0o777);
    allow("checkpoints", 0o555);
    is_told("read_only_checkpoints", scene.shown(&run().unwrap()));
    allow("checkpoints", 0o777);
    assert_eq!(run().unwrap().status.code(), Some(0));
    assert_eq!(keys(&scene.lake(), "staff").await.len(), 2);
    assert!(scene.path("checkpoints/staff.json").is_file());
}

/// One table, a lake in a bucket and checkpoints in the Parameter Store, behind a proxy.
struct Cloud {
    scene: Scene,
    proxy: FaultProxy,
    bucket: String,
}

impl Cloud {
    async fn new(rules: impl Into<Vec<Rule>>) -> Self {
        let moto = Moto::shared();
        let (bucket, prefix) = (moto.bucket(), moto.name());
        let proxy = FaultProxy::start(moto.address(), rules).await;
        let scene = Scene::new().set("HOST_SOURCE_URL", "dir:tables").set("HOST_LOG", "error");
        std::fs::create_dir(scene.path("tables")).unwrap();
        scene.write("tables/staff.jsonl", STAFF);
        let scene = aws_scene(scene, &proxy.url())
            .set("HOST_LAKE_RAW", &format!("s3://{bucket}/raw"))
            .set("HOST_CHECKPOINTS_URL", &format!("ssm:/{prefix}"))
            .mask(&proxy.url(), "<aws>")
            .mask(&bucket, "<bucket>")
            .mask(&prefix, "<prefix>");
        Self { scene, proxy, bucket }
    }

    fn said(&self, arguments: &[&str]) -> String {
        tokio::task::block_in_place(|| self.scene.said(arguments))
    }

    /// Without faults.
    fn direct(self) -> Self {
        let scene = self.scene.set("AWS_ENDPOINT_URL", &Moto::shared().url());
        Self { scene, ..self }
    }

    fn ingest(&self) {
        tokio::task::block_in_place(|| self.scene.ingest());
    }

    async fn store(&self, options: AwsOptions) -> S3Store {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let tokens = UploadTokens::new(&format!("faults-{}", RUNS.fetch_add(1, Ordering::Relaxed)));
        S3Store::new(s3_client(&host::aws::config(options).await), &self.bucket, "raw".into(), tokens)
    }

    async fn lake(&self) -> TestLake {
        TestLake::over(Arc::new(self.store(options(Moto::shared().url())).await))
    }

    /// Both rows are there, in one packet, and the checkpoint knows.
    async fn is_whole(&self) {
        let packets = self.lake().await.packets("staff").await;
        assert_eq!(packets.len(), 1);
        assert_eq!(packets[0].lines.join("\n") + "\n", STAFF);
        let status = tokio::task::block_in_place(|| self.scene.json(&["status"], 0));
        assert_eq!(status["tables"][0]["checkpoint"], 1, "{status}");
    }
}

const SLOW_DOWN: Fault = Fault::S3(503, "SlowDown");

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_that_asks_for_patience_gets_it() {
    for rule in [
        Rule::new("PUT", ".jsonl", 1, SLOW_DOWN),
        Rule::new("PUT", "packet.json", 1, SLOW_DOWN),
        Rule::new("GET", "list-type", 1, SLOW_DOWN),
        Rule::new("POST", "PutParameter", 1, Fault::Json(400, "ThrottlingException")),
        Rule::new("POST", "GetParameter", 1, Fault::Json(400, "ThrottlingException")),
    ] {
        let cloud = Cloud::new([rule]).await;
        cloud.ingest();
        cloud.is_whole().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_that_never_answers_well_is_named_and_the_next_run_brings_all() {
    for (name, rules) in [
        ("s3_slow_list", vec![Rule::new("GET", "", 999, SLOW_DOWN)]),
        ("s3_slow_data", vec![Rule::new("PUT", ".jsonl", 999, SLOW_DOWN)]),
        ("s3_slow_manifest", vec![Rule::new("PUT", "packet.json", 999, SLOW_DOWN)]),
        ("s3_error", vec![Rule::new("PUT", "", 999, Fault::S3(500, "InternalError"))]),
        ("s3_denied_list", vec![Rule::new("GET", "", 999, Fault::S3(403, "AccessDenied"))]),
        ("s3_denied_put", vec![Rule::new("PUT", "", 999, Fault::S3(403, "AccessDenied"))]),
        ("s3_region", vec![Rule::new("GET", "", 999, Fault::S3(301, "PermanentRedirect"))]),
        ("s3_credentials", vec![Rule::new("GET", "", 999, Fault::S3(403, "InvalidAccessKeyId"))]),
    ] {
        let cloud = Cloud::new(rules).await;
        is_told(name, cloud.said(&["ingest"]));
        let cloud = cloud.direct();
        cloud.ingest();
        cloud.is_whole().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_does_not_exist_is_named_with_how_to_make_it() {
    let mut cloud = Cloud::new([]).await;
    cloud.scene = cloud.scene.set("HOST_LAKE_RAW", "s3://no-such-bucket/raw");
    is_told("s3_no_bucket", cloud.said(&["ingest"]));
    is_told("s3_no_bucket_status", cloud.said(&["status"]));
    is_told("s3_no_bucket_gc", cloud.said(&["gc"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_that_are_lost_double_nothing() {
    for rule in [
        Rule::new("PUT", "packet.json", 1, Fault::LoseReply),
        Rule::new("PUT", "packet.json", 99, Fault::LoseReply),
        Rule::new("PUT", ".jsonl", 1, Fault::LoseReply),
        Rule::new("PUT", ".parquet", 1, Fault::LoseReply),
        Rule::new("POST", "PutParameter", 1, Fault::LoseReply),
    ] {
        let part = rule.part.clone();
        let cloud = Cloud::new([rule]).await;
        cloud.ingest();
        cloud.is_whole().await;
        assert!(cloud.proxy.requests().iter().filter(|request| request.contains(&part)).count() >= 2, "{part}");
        let cloud = cloud.direct();
        cloud.ingest();
        cloud.is_whole().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_upload_whose_completion_is_answered_by_nobody_is_done() {
    let cloud = Cloud::new([Rule::new("POST", "uploadId=", 1, Fault::LoseReply)]).await;
    let rows = large_table(&cloud.scene, 9 << 20);
    cloud.ingest();
    assert!(
        cloud
            .proxy
            .requests()
            .iter()
            .filter(|request| request.contains("uploadId=") && request.starts_with("POST"))
            .count()
            >= 1
    );
    let packets = cloud.lake().await.packets("large").await;
    assert_eq!((packets.len(), packets[0].lines.len(), packets[0].manifest.data.len()), (1, rows, 1));
    let cloud = cloud.direct();
    cloud.ingest();
    assert_eq!(cloud.lake().await.packets("large").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_is_refused_as_another_writers_is_tried_with_a_new_snapshot() {
    let cloud = Cloud::new([Rule::new("PUT", "packet.json", 1, Fault::S3(412, "PreconditionFailed"))]).await;
    cloud.ingest();
    cloud.is_whole().await;
    // What the first round wrote belongs to no packet.
    let store = cloud.store(options(Moto::shared().url())).await;
    let listed: Vec<_> = store.list(None).map(|object| object.unwrap().location.to_string()).collect().await;
    assert_eq!(listed.iter().filter(|key| key.ends_with(".jsonl")).count(), 2, "{listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_that_hangs_times_out_and_says_so() {
    let cloud = Cloud::new([Rule::new("PUT", "", 999, Fault::Hang)]).await;
    let hurry = AwsOptions { attempts_max: 2, read_timeout: Duration::from_millis(200), ..options(cloud.proxy.url()) };
    let lake = TestLake::over(Arc::new(cloud.store(hurry).await));
    let source = directory(&cloud.scene.path("tables"));
    let report = lake.ingest(&source, &IngestOptions::default()).await;
    let error = report.tables[0].result.as_ref().unwrap_err();
    assert_eq!((error.code(), error.exit()), ("timed-out", Exit::Environment));
    let message = with_causes(error);
    assert!(message.contains("`PutObject` on `s3://") && message.contains("timed out"), "{message}");
    assert_eq!(error.hint().as_deref(), Some("check the network, the region and `AWS_ENDPOINT_URL`, and try again"));
    cloud.lake().await.ingest_all(&source).await;
    assert_eq!(cloud.lake().await.packets("staff").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_cannot_be_written_is_behind_until_the_next_run() {
    for (name, fault) in [
        ("ssm_throttled", Fault::Json(400, "ThrottlingException")),
        ("ssm_denied", Fault::Json(400, "AccessDeniedException")),
    ] {
        let cloud = Cloud::new([Rule::new("POST", "PutParameter", 999, fault)]).await;
        is_told(name, cloud.said(&["ingest"]));
        // The packet is there all the same.
        assert_eq!(cloud.lake().await.packets("staff").await.len(), 1);
        let cloud = cloud.direct();
        let status = tokio::task::block_in_place(|| cloud.scene.json(&["status"], 0));
        assert_eq!(status["tables"][0]["checkpoint"], serde_json::Value::Null);
        cloud.ingest();
        cloud.is_whole().await;
    }
    let cloud = Cloud::new([Rule::new("POST", "GetParameter", 999, Fault::Json(400, "ThrottlingException"))]).await;
    is_told("ssm_unread", cloud.said(&["ingest"]));
    assert!(cloud.lake().await.packets("staff").await.is_empty());
    is_told("ssm_unread_status", cloud.said(&["status"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_that_were_changed_are_noticed_and_named() {
    let cloud = Cloud::new([]).await;
    cloud.ingest();
    let lake = cloud.lake().await;
    let manifest = lake.packets("staff").await.remove(0).manifest;
    let (data, state) = (&manifest.data[0].key, &manifest.state[0].key);
    let store = cloud.store(options(Moto::shared().url())).await;
    // Without its state the packet is read.
    for (name, text) in
        [("damaged_digest", STAFF.replace("Ann", "Eve")), ("damaged_size", STAFF.replace("Ann", "Anna"))]
    {
        let _ = store.delete(&state.as_str().into()).await;
        store.put(&data.as_str().into(), text.into()).await.unwrap();
        is_told(name, cloud.said(&["ingest"]));
    }
    store.delete(&data.as_str().into()).await.unwrap();
    is_told("damaged_missing", cloud.said(&["ingest"]));
    store.put(&data.as_str().into(), STAFF.into()).await.unwrap();
    cloud.ingest();
    cloud.is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_is_too_large_is_not_sent() {
    let proxy = FaultProxy::start(Moto::shared().address(), []).await;
    let store = SsmCheckpoints::new(ssm_client(&host::aws::config(options(proxy.url())).await), "lake");
    let checkpoint = Checkpoint {
        table: "staff".to_owned(),
        sequence: 1,
        packet: "x".repeat(4_096),
        records: 1,
        newest_last_updated: None,
        committed_at: "2024-11-14T00:00:00Z".parse().unwrap(),
    };
    let error = write_checkpoint(&store, &checkpoint, 0).await.unwrap_err();
    assert!(matches!(error, CheckpointError::TooLarge { .. }), "{error:?}");
    assert_eq!((error.code(), error.exit()), ("checkpoint-too-large", Exit::BadInput));
    assert_eq!(proxy.requests(), [""; 0]);
}
