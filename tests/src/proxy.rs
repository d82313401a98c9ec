//! A proxy between a client of AWS and its stand-in, for what a network does.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What happens to a request.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// It isn't passed on, and answered as S3 answers: status and code.
    S3(u16, &'static str),
    /// It isn't passed on, and answered as the services that speak JSON do: status and code.
    Json(u16, &'static str),
    /// It isn't passed on, and never answered.
    Hang,
    /// It is passed on and carried out, and the connection ends without an answer.
    LoseReply,
    /// It is passed on, and the connection ends after so many bytes of the answer's body.
    CutBody(usize),
}

/// Which requests a fault happens to.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The method.
    pub method: &'static str,
    /// What the path, the query or the header `x-amz-target` contains.
    pub part: String,
    /// How many times it happens; then the requests pass.
    pub times: usize,
    /// What happens.
    pub fault: Fault,
}

impl Rule {
    /// A fault that happens so many times to the requests with this method and `part`.
    #[must_use]
    pub fn new(method: &'static str, part: &str, times: usize, fault: Fault) -> Self {
        Self { method, part: part.to_owned(), times, fault }
    }
}

/// A proxy that passes all requests on but those that a rule is for. It ends when it is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    upstream: SocketAddr,
    rules: Mutex<Vec<Rule>>,
    requests: Mutex<Vec<String>>,
    actions: Mutex<Vec<(String, String)>>,
}

impl FaultProxy {
    /// Starts a proxy before the server at `upstream`. The first rule that fits a request holds.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start(upstream: SocketAddr, rules: impl Into<Vec<Rule>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("there is a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let rules = Mutex::new(rules.into());
        let state = Arc::new(State { upstream, rules, requests: Mutex::default(), actions: Mutex::default() });
        let shared = state.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = shared.clone();
                // A connection that breaks is what the tests are about.
                tokio::spawn(async move { state.serve(client).await.ok() });
            }
        });
        Self { address, state, accepting }
    }

    /// The endpoint for clients.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Another fault from now on.
    pub fn add(&self, rule: Rule) {
        self.state.rules.lock().unwrap_or_else(PoisonError::into_inner).push(rule);
    }

    /// No more faults from now on.
    pub fn clear(&self) {
        self.state.rules.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The bodies of the requests that came so far and name an action in `x-amz-target`, with that action.
    #[must_use]
    pub fn actions(&self) -> Vec<(String, String)> {
        self.state.actions.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The requests that came so far: method, path and query, and the header `x-amz-target`.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.state.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl State {
    /// Serves one request; a connection has no second one.
    async fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        let Some(request) = Request::read(&mut client).await? else { return Ok(()) };
        match self.fault(&request) {
            Some(Fault::S3(status, code)) => {
                let body = format!("<Error><Code>{code}</Code><Message>made up</Message></Error>");
                // S3 names the region of a bucket whenever it was asked in another.
                let headers = "content-type: application/xml\r\nx-amz-bucket-region: eu-central-1";
                answer(&mut client, status, headers, &body).await
            }
            Some(Fault::Json(status, code)) => {
                let headers = format!("content-type: application/x-amz-json-1.1\r\nx-amzn-errortype: {code}");
                answer(&mut client, status, &headers, &format!(r#"{{"__type":"{code}","message":"made up"}}"#)).await
            }
            Some(Fault::Hang) => {
                // Until the client gives up.
                client.read_to_end(&mut Vec::new()).await.map(|_| ())
            }
            Some(Fault::LoseReply) => self.ask(&request).await.map(|_| ()),
            Some(Fault::CutBody(bytes)) => {
                let reply = self.ask(&request).await?;
                let head = find(&reply, b"\r\n\r\n").map_or(reply.len(), |end| end + 4);
                client.write_all(&reply[..reply.len().min(head + bytes)]).await
            }
            None => {
                let reply = self.ask(&request).await?;
                client.write_all(&reply).await
            }
        }
    }

    /// The fault that happens to a request.
    fn fault(&self, request: &Request) -> Option<Fault> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request.name.clone());
        self.actions.lock().unwrap_or_else(PoisonError::into_inner).extend(request.action.clone());
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |rule: &&mut Rule| {
            rule.times > 0
                && request.name.split_once(' ').is_some_and(|(m, rest)| m == rule.method && rest.contains(&rule.part))
        };
        let rule = rules.iter_mut().find(fits)?;
        rule.times -= 1;
        Some(rule.fault)
    }

    /// The server's whole answer. The request has said that its connection ends then.
    async fn ask(&self, request: &Request) -> io::Result<Vec<u8>> {
        let mut server = TcpStream::connect(self.upstream).await?;
        server.write_all(&request.bytes).await?;
        let mut reply = Vec::new();
        server.read_to_end(&mut reply).await?;
        Ok(reply)
    }
}

async fn answer(client: &mut TcpStream, status: u16, headers: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} Made up\r\n{headers}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    client.write_all(format!("{head}{body}").as_bytes()).await
}

/// A request, as it is passed on.
struct Request {
    /// Method, path and query, and the header `x-amz-target`.
    name: String,
    /// The header `x-amz-target`, and the body.
    action: Option<(String, String)>,
    bytes: Vec<u8>,
}

impl Request {
    /// Reads a whole request, `None` if the client ends the connection instead.
    async fn read(client: &mut TcpStream) -> io::Result<Option<Self>> {
        let mut read = Vec::new();
        let end = loop {
            if let Some(end) = find(&read, b"\r\n\r\n") {
                break end;
            }
            if client.read_buf(&mut read).await? == 0 {
                return Ok(None);
            }
        };
        let mut body = read.split_off(end + 4);
        read.truncate(end);
        let head = String::from_utf8(read).map_err(io::Error::other)?;
        let header = |name: &str| {
            let mut headers = head.lines().skip(1).filter_map(|line| line.split_once(':'));
            headers.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
        };
        if header("expect").is_some() {
            client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let chunked = header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
        let length: usize = header("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
        while if chunked { !body.ends_with(b"0\r\n\r\n") } else { body.len() < length } {
            if client.read_buf(&mut body).await? == 0 {
                return Ok(None);
            }
        }
        let line = head.lines().next().unwrap_or_default();
        let name = format!("{} {}", line.trim_end_matches(" HTTP/1.1"), header("x-amz-target").unwrap_or_default());
        let action = header("x-amz-target").map(|target| (target, String::from_utf8_lossy(&body).into_owned()));
        let kept = |line: &&str| {
            let name = line.split(':').next().unwrap_or_default();
            !name.eq_ignore_ascii_case("connection") && !name.eq_ignore_ascii_case("expect")
        };
        let mut bytes = head.lines().filter(kept).collect::<Vec<_>>().join("\r\n").into_bytes();
        bytes.extend_from_slice(b"\r\nconnection: close\r\n\r\n");
        bytes.extend_from_slice(&body);
        Ok(Some(Self { name: name.trim_end().to_owned(), action, bytes }))
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}
