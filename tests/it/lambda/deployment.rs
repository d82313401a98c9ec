//! What the Terraform configuration says, built on stand-ins: buckets, the queue and its dead letters, parameters, the secret, and
//! the functions with just the environment that they have there.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use tempfile::TempDir;
use tests::function::{Function, FunctionOptions};
use tests::moto::Moto;
use tests::proxy::FaultProxy;
use tests::tools::{PLUGINS, assert_done, deployment, host, package, plugin};
use tokio::runtime::Runtime;

pub(super) const REGION: &str = "eu-west-2";

/// A deployment, without any packet yet.
pub(super) struct Deployment {
    pub(super) settings: &'static Value,
    pub(super) moto: Moto,
    pub(super) runtime: Runtime,
    database: String,
    folder: TempDir,
}

/// A function, and what stands between it and the services.
pub(super) struct Deployed {
    pub(super) function: Function,
    pub(super) proxy: FaultProxy,
    pub(super) log: PathBuf,
}

impl Deployment {
    /// Everything but the functions. The secret holds `url`, of a server that does not encrypt.
    pub(super) fn new(url: &str) -> Self {
        let settings = deployment();
        let moto = Moto::start();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let deployment = Self { settings, moto, runtime, database: url.to_owned(), folder };
        for bucket in settings["buckets"].as_object().unwrap().values() {
            let place = format!(
                "<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
            );
            deployment.moto.put(bucket.as_str().unwrap(), &place);
        }
        for name in ["packets_dead", "packets"] {
            deployment.create_queue(&settings["queues"][name]);
        }
        deployment.subscribe();
        deployment.call_secrets("CreateSecret", "Name", url);
        deployment
    }

    /// The same, with all plugins published.
    pub(super) fn with_plugins(url: &str) -> Self {
        let deployment = Self::new(url);
        for name in PLUGINS {
            assert_done(&deployment.host(&["plugin", "publish", plugin(name).to_str().unwrap()]));
        }
        deployment
    }

    fn create_queue(&self, queue: &Value) {
        let mut attributes = json!({ "VisibilityTimeout": queue["visibility_seconds"].to_string() });
        if let Some(dead) = queue["dead_letters"].as_str() {
            let target = &self.settings["queues"][dead]["arn"];
            let redrive = json!({ "deadLetterTargetArn": target, "maxReceiveCount": queue["receives_max"] });
            attributes["RedrivePolicy"] = redrive.to_string().into();
        }
        self.queue_action("CreateQueue", json!({ "QueueName": queue["name"], "Attributes": attributes }));
    }

    /// Has the events of packets sent into the queue.
    fn subscribe(&self) {
        for notification in self.settings["notifications"].as_array().unwrap() {
            let bucket = self.settings["buckets"][notification["bucket"].as_str().unwrap()].as_str().unwrap();
            let queue = self.settings["queues"][notification["queue"].as_str().unwrap()]["arn"].as_str().unwrap();
            let rule = |name: &str| {
                let value = notification[name].as_str().unwrap();
                format!("<FilterRule><Name>{name}</Name><Value>{value}</Value></FilterRule>")
            };
            self.moto.put(
                &format!("{bucket}?notification"),
                &format!(
                    "<NotificationConfiguration><QueueConfiguration><Id>packets</Id><Queue>{queue}</Queue>\
                     <Event>{}</Event><Filter><S3Key>{}{}</S3Key></Filter></QueueConfiguration></NotificationConfiguration>",
                    notification["events"][0].as_str().unwrap(),
                    rule("prefix"),
                    rule("suffix"),
                ),
            );
        }
    }

    /// An action on a queue.
    pub(super) fn queue_action(&self, action: &str, body: Value) -> Value {
        self.moto.call(REGION, "sqs", &format!("AmazonSQS.{action}"), &body)
    }

    /// The address of a queue.
    pub(super) fn queue_url(&self, name: &str) -> String {
        let queue = self.settings["queues"][name]["name"].as_str().unwrap();
        format!("{}/123456789012/{queue}", self.moto.url())
    }

    /// What the secret holds from now on.
    pub(super) fn put_secret(&self, url: &str) {
        self.call_secrets("PutSecretValue", "SecretId", url);
    }

    fn call_secrets(&self, action: &str, key: &str, url: &str) {
        let secret = self.environment("ingest")["HOST_SOURCE_URL"].strip_prefix("secret:").unwrap().to_owned();
        let body = json!({ key: secret, "SecretString": format!("{url}?sslmode=disable") });
        self.moto.call(REGION, "secretsmanager", &format!("secretsmanager.{action}"), &body);
    }

    /// The environment of a function, as Terraform says it.
    pub(super) fn environment(&self, function: &str) -> BTreeMap<String, String> {
        let variables = self.settings["functions"][function]["environment"].as_object().unwrap();
        variables.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
    }

    /// A function, as it is deployed; `log` names the file of its output.
    pub(super) fn function(&self, name: &str, log: &str) -> Deployed {
        let settings = &self.settings["functions"][name];
        let proxy = self.runtime.block_on(FaultProxy::start(self.moto.address(), []));
        let mut environment = self.environment(name);
        environment.extend(credentials(&proxy.url()));
        let log = self.folder.path().join(log);
        let function = Function::new(FunctionOptions {
            program: package().join("bootstrap"),
            handler: settings["handler"].as_str().unwrap().to_owned(),
            environment,
            timeout: Duration::from_secs(settings["timeout"].as_u64().unwrap()),
            log: log.clone(),
        });
        Deployed { function, proxy, log }
    }

    /// Runs the command line against the deployment, with what its outputs say.
    pub(super) fn host(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(host());
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.env("HOST_PLUGINS_CACHE", tests::tools::cache_folder());
        let kept = |name: &str| name != "HOST_METRICS" && name != "HOST_LOG";
        command.envs(self.environment("process").into_iter().filter(|(name, _)| kept(name)));
        command.envs(credentials(&self.moto.url()));
        command.output().unwrap()
    }

    /// The URL that the secret held at first.
    pub(super) fn database(&self) -> &str {
        &self.database
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// What every client of AWS needs.
fn credentials(url: &str) -> BTreeMap<String, String> {
    [
        ("AWS_ENDPOINT_URL", url),
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test-secret-access-key"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}
