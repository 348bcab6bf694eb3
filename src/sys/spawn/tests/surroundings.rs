//! Groups, env files, directories to make, rights, and commands that are searched.

mod dirs;
mod env_files;
mod rights;

use super::*;
use crate::model::{Capabilities, Capability, EnvFile, FilePlace, MakeDir};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};

/// A file and what becomes of it: its variable `A`, or why the start fails.
type EnvCase<'a> = (&'a str, Result<&'a str, (u32, i32)>);

fn chmod(path: &std::path::Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The user and the group that another user than root has in these tests.
const NOBODY: u32 = 65_534;

fn give(path: &std::path::Path, id: u32) {
    std::os::unix::fs::chown(path, Some(id), Some(id)).unwrap();
}

impl Bench {
    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    /// The name of a file in the directory of the bench, as an absolute path.
    fn text(&self, name: &str) -> Vec<u8> {
        self.path(name).as_os_str().as_encoded_bytes().to_vec()
    }

    /// Prints the variables, whatever its user may write.
    fn prints(&self, attributes: Attributes, user: Option<&str>) -> JobDraft {
        let user = user.map(|user| user.as_bytes().to_vec());
        JobDraft { user, attributes, ..self.job(&["/usr/bin/env"]) }
    }

    /// Runs it with its output in a pipe.
    fn piped(&mut self, draft: JobDraft) -> Result<String, SpawnError> {
        let (mut end, out) = io::pipe().unwrap();
        let spec = JobSpec::from(JobDraft { out: None, err: None, ..draft });
        let child = ChildSpec::of_job(&spec, [Some(out.as_fd()), None], None);
        let made = self.spawner.spawn(&child, shared());
        drop(out);
        let mut text = String::new();
        let pid = made?.pid();
        end.read_to_string(&mut text).unwrap();
        self.outcome(pid).map(|_| text)
    }
}

fn files(files: &[(&[u8], bool)]) -> Attributes {
    let env_files = files.iter().map(|(path, optional)| EnvFile::new(path, *optional)).collect();
    Attributes { env_files, ..Attributes::default() }
}

fn dirs(dirs: &[(&[u8], Option<u32>)]) -> Attributes {
    let make_dirs = dirs.iter().map(|(path, mode)| MakeDir::new(path, *mode)).collect();
    Attributes { make_dirs, ..Attributes::default() }
}

fn error(stage: Stage, errno: i32) -> SpawnError {
    SpawnError { stage, errno: Errno(errno) }
}

#[test]
fn env_clear_leaves_a_path_in_both_ways() {
    let mut bench = Bench::new();
    bench.spawner.environment = [c"A=ours", c"PATH=/ours"].map(CString::from).into();
    for way in both() {
        let attributes = Attributes { env_clear: true, ..Attributes::default() };
        let draft = JobDraft { attributes, env: ["B=c"].into(), ..bench.job(&["/usr/bin/env"]) };
        let path = SYSTEM_PATH.to_str().unwrap();
        assert_eq!(bench.output(draft.clone(), way), format!("B=c\n{path}\n"), "{way:?}");
        let draft = JobDraft { env: ["PATH=/job"].into(), out: Some(b"other".to_vec()), ..draft };
        assert_eq!(bench.run(draft, way), Ok(Exit::Code(0)));
        assert_eq!(fs::read_to_string(bench.path("other")).unwrap(), "PATH=/job\n", "{way:?}");
        fs::remove_file(bench.path("other")).unwrap();
    }
}

#[test]
fn a_command_without_a_slash_is_searched_as_execvp_does_but_not_in_the_current_directory() {
    let mut bench = Bench::new();
    for (name, mode) in [("one/cmd", 0o644), ("two/cmd", 0o755), ("three/cmd", 0o755), ("cmd", 0o755)] {
        let path = bench.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "#!/bin/sh\necho $0 $1\n").unwrap();
        chmod(&path, mode);
    }
    fs::write(bench.path("env"), "PATH=/none\n").unwrap();
    let here = bench.dir.path().to_str().unwrap().to_owned();
    let here = here.as_str();
    let exec = |errno| Err(error(Stage::Exec, errno));
    for (path, env_file, expected) in [
        ("PATH=HERE/none:HERE/two:HERE/three", false, Ok("HERE/two/cmd x\n")),
        ("PATH=HERE/env:HERE/one:HERE/three", false, Ok("HERE/three/cmd x\n")),
        ("PATH=two", false, Ok("two/cmd x\n")),
        ("PATH=.", false, Ok("./cmd x\n")),
        ("PATH=HERE/one:HERE/none", false, exec(libc::EACCES)),
        ("PATH=:HERE/none:", false, exec(libc::ENOENT)),
        ("PATH=", false, exec(libc::ENOENT)),
        ("PATH=HERE/none", true, exec(libc::ENOENT)),
        ("X=HERE/two", true, exec(0)),
    ] {
        let attributes = if env_file { files(&[(b"env", false)]) } else { Attributes::default() };
        let env = [path.replace("HERE", here)].into();
        let draft = JobDraft { env, attributes, ..bench.job(&["cmd", "x"]) };
        assert_eq!(bench.piped(draft), expected.map(|text| text.replace("HERE", here)), "{path}");
    }
    // Without a PATH, in that of the system.
    bench.spawner.environment = [c"A=b"].map(CString::from).into();
    assert_eq!(bench.piped(bench.job(&["echo", "x"])).as_deref(), Ok("x\n"));
}

#[test]
fn a_command_with_a_slash_is_relative_to_the_directory() {
    let mut bench = Bench::new();
    fs::create_dir(bench.path("bin")).unwrap();
    symlink("/bin/echo", bench.path("bin/say")).unwrap();
    for cmd in ["bin/say", "./bin/say"] {
        assert_eq!(bench.piped(bench.job(&[cmd, "x"])).as_deref(), Ok("x\n"));
    }
    assert_eq!(bench.piped(bench.job(&["bin/none"])), Err(error(Stage::Exec, libc::ENOENT)));
}
