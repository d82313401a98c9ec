//! Checkpoints in the Parameter Store.

use super::options;
use host::aws::ssm_client;
use host::checkpoint::{SsmCheckpoints, SsmError};
use host::error::Explain;
use std::net::TcpListener;
use std::time::Duration;
use tests::moto::Moto;
use tests::proxy::{Fault, FaultProxy, Rule};

async fn checkpoints(url: String, prefix: &str) -> SsmCheckpoints {
    SsmCheckpoints::new(ssm_client(&host::aws::config(options(url)).await), prefix)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_written_replaced_read_and_removed() {
    let moto = Moto::shared();
    let prefix = moto.name();
    let checkpoints = checkpoints(moto.url(), &format!("/{prefix}/")).await;
    assert_eq!(checkpoints.read("staff").await.unwrap(), None);
    checkpoints.write("staff", r#"{"sequence":1}"#).await.unwrap();
    checkpoints.write("staff", r#"{"sequence":2}"#).await.unwrap();
    assert_eq!(checkpoints.read("staff").await.unwrap().as_deref(), Some(r#"{"sequence":2}"#));
    checkpoints.delete("staff").await.unwrap();
    checkpoints.delete("staff").await.unwrap();
    assert_eq!(checkpoints.read("staff").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_tables_are_named_however_many_they_are() {
    let moto = Moto::shared();
    let checkpoints = checkpoints(moto.url(), &moto.name()).await;
    assert_eq!(checkpoints.tables().await.unwrap(), [""; 0]);
    let tables: Vec<String> = (0..23).map(|table| format!("table_{table:02}")).collect();
    for table in tables.iter().rev() {
        checkpoints.write(table, "{}").await.unwrap();
    }
    assert_eq!(checkpoints.tables().await.unwrap(), tables);
}

/// A parameter's name has letters and digits of ASCII, `_`, `-` and `.`; a table's any.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_any_name_has_a_parameter() {
    let moto = Moto::shared();
    let proxy = FaultProxy::start(moto.address(), []).await;
    let checkpoints = checkpoints(proxy.url(), &moto.name()).await;
    let tables = ["a b", "a+b%c", "a.b", "a/b", "plain_name-1", "tab\"q", "日本"];
    for table in tables {
        checkpoints.write(table, table).await.unwrap();
        assert_eq!(checkpoints.read(table).await.unwrap().as_deref(), Some(table));
    }
    assert_eq!(checkpoints.tables().await.unwrap(), tables);
    for (action, body) in proxy.actions() {
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let name = body["Name"].as_str().or(body["Path"].as_str()).unwrap();
        let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "_-./".contains(letter);
        assert!(name.chars().all(is_allowed) && name.matches('/').count() <= 2, "{action}: {name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_too_large_is_not_sent() {
    let moto = Moto::shared();
    let proxy = FaultProxy::start(moto.address(), []).await;
    let checkpoints = checkpoints(proxy.url(), "lake").await;
    let error = checkpoints.write("staff", &"x".repeat(4_097)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "table `staff`, parameter `/lake/staff`: the checkpoint has 4097 bytes, and a parameter holds at most 4096"
    );
    assert_eq!(proxy.requests(), [""; 0]);
    checkpoints.write("staff", &"x".repeat(4_096)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_little_throttling_is_ridden_out_and_much_is_an_error() {
    let moto = Moto::shared();
    let prefix = moto.name();
    let throttling = Fault::Json(400, "ThrottlingException");
    let proxy = FaultProxy::start(moto.address(), [Rule::new("POST", "PutParameter", 3, throttling)]).await;
    checkpoints(proxy.url(), &prefix).await.write("staff", "{}").await.unwrap();
    assert_eq!(proxy.requests().len(), 4);

    let proxy = FaultProxy::start(moto.address(), [Rule::new("POST", "GetParameter", 99, throttling)]).await;
    let error = checkpoints(proxy.url(), "lake").await.read("staff").await.unwrap_err();
    assert!(matches!(error, SsmError::Throttled { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "table `staff`, parameter `/lake/staff`: `GetParameter` was throttled in each attempt"
    );
    assert_eq!(proxy.requests().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_denied_and_what_is_out_of_reach_differ() {
    let moto = Moto::shared();
    let denied = Rule::new("POST", "GetParametersByPath", 9, Fault::Json(400, "AccessDeniedException"));
    let proxy = FaultProxy::start(moto.address(), [denied]).await;
    let error = checkpoints(proxy.url(), "lake").await.tables().await.unwrap_err();
    assert!(matches!(error, SsmError::Denied { .. }), "{error:?}");
    assert_eq!(error.to_string(), "parameters `/lake/*`: `GetParametersByPath` is not allowed");
    assert!(error.hint().unwrap().contains("ssm:GetParametersByPath"));

    let expired = Rule::new("POST", "GetParameter", 9, Fault::Json(400, "ExpiredTokenException"));
    let proxy = FaultProxy::start(moto.address(), [expired]).await;
    let error = checkpoints(proxy.url(), "lake").await.read("staff").await.unwrap_err();
    assert!(matches!(error, SsmError::Credentials { .. }), "{error:?}");

    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = checkpoints(format!("http://{closed}"), "lake").await.read("staff").await.unwrap_err();
    assert!(matches!(error, SsmError::Unreachable { .. }), "{error:?}");

    let proxy = FaultProxy::start(moto.address(), [Rule::new("POST", "", 9, Fault::Hang)]).await;
    let hurried =
        host::aws::AwsOptions { attempts_max: 2, read_timeout: Duration::from_millis(200), ..options(proxy.url()) };
    let hurried = SsmCheckpoints::new(ssm_client(&host::aws::config(hurried).await), "lake");
    let error = hurried.read("staff").await.unwrap_err();
    assert!(matches!(error, SsmError::Unreachable { .. }), "{error:?}");
}
