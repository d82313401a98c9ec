//! A stand-in for AWS on this machine: moto, as a process of its own.

use crate::tools;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Serves until its input ends: so it also ends with a test that is killed. One request at a time: the real services look and
/// write in one step, and moto does not, so that of two writers at once both could win.
const SERVE: &str = "
import os, sys, threading
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.server import main
lock, answer = threading.Lock(), DomainDispatcherApplication.__call__
def answer_alone(self, environ, start):
    with lock:
        return list(answer(self, environ, start))
DomainDispatcherApplication.__call__ = answer_alone
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
main(['-H', '127.0.0.1', '-p', sys.argv[1]])
";

/// How long it may take to answer for the first time.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A running server, which knows S3, the Parameter Store, Secrets Manager and SQS. It ends when it is dropped, or with this process.
#[derive(Debug)]
pub struct Moto {
    server: Child,
    address: SocketAddr,
    buckets: AtomicU32,
}

impl Moto {
    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    /// Without `make tools`, and if the server doesn't answer.
    #[must_use]
    pub fn start() -> Self {
        // A free port: another process could take it before the server does, and then the server doesn't answer.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
        let address = listener.local_addr().expect("a listener has an address");
        drop(listener);
        let mut command = Command::new(tools::python());
        command.args(["-c", SERVE, &address.port().to_string()]);
        let server = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut moto = Self { server: server.expect("Python starts"), address, buckets: AtomicU32::new(0) };
        moto.wait();
        moto
    }

    /// The server that all tests of this process share. Each has buckets and names of its own.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Moto> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Where the server listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The endpoint for clients.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A name that no other test of this server has.
    pub fn name(&self) -> String {
        format!("test-{}", self.buckets.fetch_add(1, Ordering::Relaxed))
    }

    /// A new, empty bucket.
    ///
    /// # Panics
    /// If the server fails.
    pub fn bucket(&self) -> String {
        let name = self.name();
        let answer = self.ask(&format!("PUT /{name}"), "").expect("the server answers");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        name
    }

    /// Makes a secret.
    ///
    /// # Panics
    /// If the server fails.
    pub fn put_secret(&self, name: &str, text: &str) {
        let body = json!({ "Name": name, "SecretString": text, "ClientRequestToken": format!("{name:0>32}") });
        self.call("us-east-1", "secretsmanager", "secretsmanager.CreateSecret", &body);
    }

    /// Calls an action of a service that speaks JSON.
    ///
    /// # Panics
    /// If the server fails.
    pub fn call(&self, region: &str, service: &str, action: &str, body: &Value) -> Value {
        // Which service is meant, stand-ins see by the scope of the signature alone.
        let head = format!(
            "POST /\r\nX-Amz-Target: {action}\r\nContent-Type: application/x-amz-json-1.1\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=test/20200101/{region}/{service}/aws4_request, \
             SignedHeaders=host, Signature=test"
        );
        let answer = self.ask(&head, &body.to_string()).expect("the server answers");
        assert!(answer.starts_with("HTTP/1.1 200"), "{action}: {answer}");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        serde_json::from_str(body).unwrap_or_default()
    }

    /// Sends a request to S3: method and path, and a document.
    ///
    /// # Panics
    /// If the server fails.
    pub fn put(&self, path: &str, document: &str) {
        let head = format!(
            "PUT /{path}\r\nAuthorization: AWS4-HMAC-SHA256 Credential=test/20200101/eu-west-2/s3/aws4_request, \
             SignedHeaders=host, Signature=test"
        );
        let answer = self.ask(&head, document).expect("the server answers");
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }

    /// One request: method and path, then headers, if any; the answer with its head.
    fn ask(&self, head: &str, body: &str) -> std::io::Result<String> {
        let (line, headers) = head.split_once("\r\n").map_or((head, String::new()), |(l, h)| (l, format!("{h}\r\n")));
        let mut stream = TcpStream::connect(self.address)?;
        write!(
            stream,
            "{line} HTTP/1.1\r\nHost: {}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    fn wait(&mut self) {
        let started = Instant::now();
        while !self.ask("GET /moto-api/", "").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            let ended = self.server.try_wait().expect("a child can be asked for");
            assert!(ended.is_none(), "moto ended at once; is `moto[server]` installed (`make tools`)?");
            assert!(started.elapsed() < START_TIMEOUT, "moto does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
