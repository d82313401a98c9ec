//! What ends a server whose owner was killed.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::ServerError;

/// Waits for its standard input to close, which the system does for us when we die, then ends the server that runs in
/// the folder and removes the folder. The server's process id is the first line of `postmaster.pid`.
const SCRIPT: &str = r#"
read -r _
read -r server < "$1/data/postmaster.pid" && kill -QUIT "$server" && while kill -0 "$server"; do sleep 0.1; done
rm -rf "$1"
"#;

/// A process that outlives ours for a moment.
#[derive(Debug)]
pub(super) struct Guard(Child);

impl Guard {
    pub(super) fn over(folder: &Path) -> Result<Self, ServerError> {
        let guard = Command::new("sh")
            .args(["-c", SCRIPT, "guard"])
            .arg(folder)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        guard.map(Self).map_err(|source| ServerError::Program { program: "sh".to_owned(), source })
    }

    /// Ends the guard and does nothing else: the server is taken care of.
    pub(super) fn dismiss(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
