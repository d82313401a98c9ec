//! Where PostgreSQL's programs are and as whom they run.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::ServerError;

/// Where Debian puts each version, in a folder of its number.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The programs of one version.
#[derive(Debug)]
pub(super) struct Programs {
    /// The folder they are in; without one, `PATH` knows.
    folder: Option<PathBuf>,
    /// As whom they run: the user and the group, if not as who we are.
    user: Option<(u32, u32)>,
}

impl Programs {
    /// Finds the newest version, and the user `postgres` if we are root.
    pub(super) fn find() -> Result<Self, ServerError> {
        let folder = newest(Path::new(VERSIONS));
        if folder.is_none() && Command::new("postgres").arg("--version").output().is_err() {
            return Err(ServerError::Missing { what: "PostgreSQL's server (Debian package `postgresql`)" });
        }
        let user = if rustix::process::geteuid().is_root() { Some(postgres_user()?) } else { None };
        Ok(Self { folder, user })
    }

    /// A program that works on the server's files.
    ///
    /// It gets a process group of its own: a terminal's interrupt is for whoever started the server, who then stops it.
    pub(super) fn server(&self, program: &str) -> Command {
        let mut command = self.client(program);
        // Not all users can enter the folder that we are in.
        command.current_dir("/").process_group(0);
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    /// A program that connects to the server.
    pub(super) fn client(&self, program: &str) -> Command {
        match &self.folder {
            Some(folder) => Command::new(folder.join(program)),
            None => Command::new(program),
        }
    }

    /// Makes a file or folder the server's own, for nobody else to write and, if it is a file, to read.
    pub(super) fn give(&self, path: &Path) -> Result<(), ServerError> {
        let give = || {
            let mode = if path.is_dir() { 0o755 } else { 0o600 };
            fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
            self.user.map_or(Ok(()), |(user, group)| chown(path, Some(user), Some(group)))
        };
        give().map_err(|source| ServerError::Files { path: path.to_owned(), source })
    }
}

/// Runs a program to its end and tells what it printed.
pub(super) fn run(mut command: Command) -> Result<String, ServerError> {
    let program = command.get_program();
    let program = Path::new(program).file_name().unwrap_or(program).to_string_lossy().into_owned();
    match command.output() {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(output) => {
            let said = [output.stdout, output.stderr].concat();
            Err(ServerError::Failed { program, output: String::from_utf8_lossy(&said).into_owned() })
        }
        Err(source) => Err(ServerError::Program { program, source }),
    }
}

/// The folder of programs with the highest version number in its path.
fn newest(versions: &Path) -> Option<PathBuf> {
    let version = |entry: fs::DirEntry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path()));
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(versions).ok()?.flatten().filter_map(version).collect();
    found.sort();
    let folders = found.into_iter().rev().map(|(_, path)| path.join("bin"));
    folders.into_iter().find(|folder| folder.join("postgres").is_file())
}

fn postgres_user() -> Result<(u32, u32), ServerError> {
    let id = |flag: &str| {
        let mut command = Command::new("id");
        command.args([flag, "postgres"]);
        run(command).ok()?.trim().parse().ok()
    };
    id("-u").zip(id("-g")).ok_or(ServerError::Missing { what: "the user `postgres` (Debian package `postgresql`)" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_wins_by_number_and_a_folder_without_server_does_not_count() {
        let folder = tempfile::tempdir().expect("a folder");
        for version in ["9", "13", "15", "17", "common"] {
            fs::create_dir_all(folder.path().join(version).join("bin")).expect("a folder");
        }
        for version in ["9", "13", "15"] {
            fs::write(folder.path().join(version).join("bin/postgres"), "").expect("a file");
        }
        assert_eq!(Some(folder.path().join("15/bin")), newest(folder.path()));
        assert_eq!(None, newest(Path::new("/nowhere")));
    }
}
