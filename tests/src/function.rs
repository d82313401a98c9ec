//! A stand-in for the service that runs functions: its Runtime API, and the life of a function's process.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What a function is.
#[derive(Clone, Debug)]
pub struct FunctionOptions {
    /// The program, `bootstrap` in its package.
    pub program: PathBuf,
    /// Its handler.
    pub handler: String,
    /// Its environment, beside what the service says itself.
    pub environment: BTreeMap<String, String>,
    /// How long an event may take.
    pub timeout: Duration,
    /// Where its output goes, all processes' one after the other.
    pub log: PathBuf,
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It was handled.
    Answer(Value),
    /// It was not.
    Failed {
        /// The type of the error: what retries go by.
        error_type: String,
        /// The message.
        message: String,
    },
    /// The function took too long, and its process was ended.
    TimedOut,
    /// The process ended.
    Died,
}

impl Outcome {
    /// The answer.
    ///
    /// # Panics
    /// If there is none.
    pub fn answer(self) -> Value {
        match self {
            Self::Answer(answer) => answer,
            other => panic!("no answer: {other:?}"),
        }
    }
}

/// A function with one process, which is started with the first event, and again after it has ended.
#[derive(Debug)]
pub struct Function {
    options: FunctionOptions,
    process: Option<Process>,
    /// How many processes were started.
    pub cold_starts: u32,
}

#[derive(Debug)]
struct Process {
    child: Child,
    api: Arc<Api>,
}

impl Function {
    /// A function without a process.
    #[must_use]
    pub fn new(options: FunctionOptions) -> Self {
        Self { options, process: None, cold_starts: 0 }
    }

    /// Has an event handled.
    ///
    /// # Panics
    /// If the program can't be started.
    pub fn invoke(&mut self, event: &Value) -> Outcome {
        self.invoke_until(event, None)
    }

    /// Has an event handled, and ends the process after a while, as nobody should.
    ///
    /// # Panics
    /// If the program can't be started.
    pub fn invoke_and_kill(&mut self, event: &Value, after: Duration) -> Outcome {
        self.invoke_until(event, Some(after))
    }

    /// Has an event handled, and says that only so much time is left; it is not ended then.
    ///
    /// # Panics
    /// If the program can't be started.
    pub fn invoke_with(&mut self, event: &Value, left: Duration) -> Outcome {
        self.invoke_so(event, left, None)
    }

    fn invoke_until(&mut self, event: &Value, killed_after: Option<Duration>) -> Outcome {
        self.invoke_so(event, self.options.timeout, killed_after)
    }

    fn invoke_so(&mut self, event: &Value, left: Duration, killed_after: Option<Duration>) -> Outcome {
        static REQUESTS: AtomicU32 = AtomicU32::new(1);
        if self.process.is_none() {
            self.process = Some(Process::start(&self.options));
            self.cold_starts += 1;
        }
        let Some(process) = &mut self.process else { unreachable!("it was just started") };
        let id = format!("request-{}", REQUESTS.fetch_add(1, Ordering::Relaxed));
        let outcome = process.handle(&id, event, left, self.options.timeout, killed_after);
        if matches!(outcome, Outcome::TimedOut | Outcome::Died) {
            self.process = None;
        }
        outcome
    }

    /// Asks the process to end, and waits until it has; whether it ended well. `None`: there was none.
    ///
    /// # Panics
    /// If the process can't be asked.
    pub fn stop(&mut self) -> Option<bool> {
        let mut process = self.process.take()?;
        let asked = Command::new("kill").args(["-TERM", &process.child.id().to_string()]).status();
        assert!(asked.is_ok_and(|status| status.success()), "the process can be asked to end");
        Some(process.child.wait().is_ok_and(|status| status.success()))
    }

    /// The most memory that the process has had, in bytes.
    #[must_use]
    pub fn peak_bytes(&self) -> Option<u64> {
        let process = self.process.as_ref()?;
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kib * 1024)
    }
}

impl Process {
    fn start(options: &FunctionOptions) -> Self {
        let api = Api::start();
        let append = |path: &Path| File::options().create(true).append(true).open(path).expect("a log can be written");
        let mut command = Command::new(&options.program);
        command.env_clear().envs(&options.environment);
        command.env("AWS_LAMBDA_RUNTIME_API", api.address.to_string()).env("_HANDLER", &options.handler);
        command.env("AWS_LAMBDA_FUNCTION_NAME", &options.handler).env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
        command.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256").env("TMPDIR", std::env::temp_dir());
        command.stdout(append(&options.log)).stderr(append(&options.log));
        let child = command.spawn().expect("the program starts");
        Self { child, api }
    }

    fn handle(
        &mut self,
        id: &str,
        event: &Value,
        left: Duration,
        timeout: Duration,
        killed_after: Option<Duration>,
    ) -> Outcome {
        let began = Instant::now();
        self.api.offer(id, event, left);
        loop {
            if let Some(outcome) = self.api.outcome(id, Duration::from_millis(5)) {
                return outcome;
            }
            let elapsed = began.elapsed();
            if self.child.try_wait().is_ok_and(|status| status.is_some())
                || killed_after.is_some_and(|end| elapsed > end)
            {
                return Outcome::Died;
            }
            if elapsed > timeout {
                return Outcome::TimedOut;
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The Runtime API, for one process.
#[derive(Debug)]
struct Api {
    address: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    event: Option<Event>,
    outcome: Option<(String, Outcome)>,
}

#[derive(Debug)]
struct Event {
    id: String,
    body: String,
    deadline_millis: u128,
}

impl Api {
    fn start() -> Arc<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let api = Arc::new(Self { address, state: Mutex::default(), changed: Condvar::new() });
        // Threads wait for connections of a process that is gone until the test ends.
        let serving = Arc::downgrade(&api);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(api) = serving.upgrade() else { return };
                std::thread::spawn(move || api.serve(stream));
            }
        });
        api
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[expect(clippy::disallowed_methods, reason = "an event has a deadline in the time of the clock")]
    fn offer(&self, id: &str, event: &Value, left: Duration) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let deadline_millis = (now + left).as_millis();
        *self.state() =
            State { event: Some(Event { id: id.to_owned(), body: event.to_string(), deadline_millis }), outcome: None };
        self.changed.notify_all();
    }

    fn outcome(&self, id: &str, wait: Duration) -> Option<Outcome> {
        let mut state = self.state();
        if state.outcome.is_none() {
            state = self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.outcome.take_if(|(of, _)| of == id).map(|(_, outcome)| outcome)
    }

    fn next(&self) -> Event {
        let mut state = self.state();
        loop {
            if let Some(event) = state.event.take() {
                return event;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Answers the requests of a connection.
    fn serve(&self, stream: TcpStream) -> Option<()> {
        stream.set_nodelay(true).ok()?;
        let mut writer = stream.try_clone().ok()?;
        let mut reader = BufReader::new(stream);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
            let (mut length, mut header) = (0, String::new());
            while reader.read_line(&mut header).ok()? > 2 {
                if let Some((name, value)) = header.split_once(':')
                    && name.eq_ignore_ascii_case("content-length")
                {
                    length = value.trim().parse().ok()?;
                }
                header.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).ok()?;
            let path = line.split(' ').nth(1)?.strip_prefix("/2018-06-01/runtime/")?;
            let answer = match path.split('/').collect::<Vec<_>>()[..] {
                ["invocation", "next"] => {
                    let Event { id, body, deadline_millis } = self.next();
                    format!(
                        "200 OK\r\nlambda-runtime-aws-request-id: {id}\r\nlambda-runtime-deadline-ms: {deadline_millis}\r\n\
                         lambda-runtime-invoked-function-arn: arn:aws:lambda:eu-west-2:123456789012:function:test\r\n\
                         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                        body.len()
                    )
                }
                ["invocation", id, end] => {
                    let said: Value = serde_json::from_slice(&body).ok()?;
                    let member = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
                    let outcome = match end {
                        "response" => Outcome::Answer(said),
                        _ => Outcome::Failed { error_type: member("errorType"), message: member("errorMessage") },
                    };
                    self.state().outcome = Some((id.to_owned(), outcome));
                    self.changed.notify_all();
                    "202 Accepted\r\ncontent-length: 0\r\n\r\n".to_owned()
                }
                _ => "404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned(),
            };
            writer.write_all(format!("HTTP/1.1 {answer}").as_bytes()).ok()?;
        }
    }
}
