//! Secrets of the database.

use super::options;
use host::aws::secrets_client;
use host::source::{DatabaseSecret, SecretError, read_secret};
use tests::moto::Moto;
use tests::proxy::{Fault, FaultProxy, Rule};

async fn read(name: &str) -> Result<DatabaseSecret, SecretError> {
    read_secret(&secrets_client(&host::aws::config(options(Moto::shared().url())).await), name).await
}

async fn read_text(text: &str) -> Result<DatabaseSecret, SecretError> {
    let name = Moto::shared().name();
    Moto::shared().put_secret(&name, text);
    read(&name).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_is_taken_as_it_is() {
    let url = "postgres://reader:pass%20word@db.example/totesys";
    let secret = read_text(url).await.unwrap();
    assert_eq!(secret.url(Some("other.example")).as_deref(), Some(url));
    assert_eq!(format!("{secret:?}"), "DatabaseSecret(..)");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_json_of_rds_becomes_a_url() {
    let secret = read_text(
        r#"{"engine":"postgres","username":"reader","password":"p@ss/w:rd%","host":"db.example","port":5433,
            "dbname":"totesys","dbInstanceIdentifier":"x"}"#,
    );
    let secret = secret.await.unwrap();
    let url = "postgres://reader:p%40ss%2Fw%3Ard%25@db.example:5433/totesys";
    assert_eq!(secret.url(Some("other.example")).as_deref(), Some(url));
    assert!(!format!("{secret:?}").contains("p@ss"));
    let secret = read_text(r#"{"username":"r","password":"p","host":"::1","port":"6000"}"#).await.unwrap();
    assert_eq!(secret.url(None).as_deref(), Some("postgres://r:p@[::1]:6000"));
    // As RDS makes it that keeps the password itself.
    let secret = read_text(r#"{"username":"r","password":"p"}"#).await.unwrap();
    assert_eq!(secret.url(None), None);
    assert_eq!(secret.url(Some("db.example")).as_deref(), Some("postgres://r:p@db.example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_name_the_secret_and_hold_none_of_it() {
    for text in [
        "hunter2",
        r#"{"username":"r"}"#,
        r#"{"engine":"mysql","username":"r","password":"hunter2","host":"h"}"#,
        r#"{"username":"r","host":"h","password":"hunter2","port":"hunter2"}"#,
        r#"{"username":"r","host":"h","password":{"hunter2":1}}"#,
        r#"["hunter2"]"#,
    ] {
        let error = read_text(text).await.unwrap_err();
        assert!(matches!(error, SecretError::Unusable { .. }), "{error:?}");
        let said = format!("{error:?} {}", host::error::with_causes(&error));
        assert!(!said.contains("hunter2"), "{said}");
        assert!(said.contains("the secret `test-"), "{said}");
    }
    let error = read("no-such-secret").await.unwrap_err();
    assert!(matches!(error, SecretError::Missing { .. }), "{error:?}");
    assert_eq!(error.to_string(), "there is no secret `no-such-secret`");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_may_not_be_read_or_comes_broken_says_so() {
    let name = Moto::shared().name();
    Moto::shared().put_secret(&name, "postgres://reader:hunter2@db.example/totesys");
    let denied = Rule::new("POST", "GetSecretValue", 1, Fault::Json(400, "AccessDeniedException"));
    let proxy = FaultProxy::start(Moto::shared().address(), [denied]).await;
    let client = secrets_client(&host::aws::config(options(proxy.url())).await);
    let error = read_secret(&client, &name).await.unwrap_err();
    assert!(matches!(error, SecretError::Denied { .. }), "{error:?}");

    // The answer ends in the middle of the secret, in each attempt.
    let cut = Rule::new("POST", "GetSecretValue", 99, Fault::CutBody(200));
    let proxy = FaultProxy::start(Moto::shared().address(), [cut]).await;
    let client = secrets_client(&host::aws::config(options(proxy.url())).await);
    let error = read_secret(&client, &name).await.unwrap_err();
    let said = format!("{error:?} {}", host::error::with_causes(&error));
    assert!(!said.contains("hunter2"), "{said}");
}
