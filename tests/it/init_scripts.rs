//! What the init scripts take for a running pmtr. Their functions are run alone, by each shell that is here.

use crate::support::{Dir, Pmtr, kill, output, root_or_skip, wait_until};
use crate::wrapped::tool_or_skip;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const STRANGER: [&str; 4] = ["setpriv", "--reuid=4242", "--regid=4242", "--clear-groups"];
const SHELLS: [&[&str]; 3] = [&["dash"], &["bash", "--posix"], &["busybox", "sh"]];

/// These functions of a script, as far as it has them.
fn functions(script: &str, names: &[&str]) -> String {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(script)).unwrap();
    let function = |name: &&str| {
        let Some((_, from)) = text.split_once(&format!("\n{name}() {{\n")) else { return String::new() };
        let (body, rest) = from.split_once("\n}").unwrap();
        format!("{name}() {{\n{body}\n}}{}\n", rest.lines().next().unwrap())
    };
    names.iter().map(function).collect()
}

/// What each shell says to this text.
fn said(text: &str) -> Vec<String> {
    let here =
        |shell: &&&[&str]| output(Command::new("sh").args(["-c", "command -v $0", shell[0]])).0 == Some(0);
    let run = |shell: &&[&str]| {
        let (status, out, err) = output(Command::new(shell[0]).args(&shell[1..]).args(["-c", text]));
        assert!(err.is_empty(), "{shell:?}: {err}");
        format!("{} {}", status.unwrap(), out.trim()).trim().to_owned()
    };
    let said: Vec<String> = SHELLS.iter().filter(here).map(run).collect();
    assert!(!said.is_empty());
    said
}

/// A process that says when it has done what makes it look like pmtr.
struct Fake(Child);

impl Fake {
    fn new(command: &[&str]) -> Fake {
        Fake::named("pmtr", command)
    }

    fn named(name: &str, command: &[&str]) -> Fake {
        let mut child = Command::new(command[0])
            .args(&command[1..])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        let fake = Fake(child);
        assert_eq!(fs::read_to_string(format!("/proc/{}/comm", fake.pid())).unwrap(), format!("{name}\n"));
        fake
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).unwrap()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        kill(-self.pid(), "KILL");
        let _ = self.0.wait();
    }
}

#[test]
fn only_a_pmtr_of_root_that_has_the_pid_file_open_for_writing_is_the_running_one() {
    if !root_or_skip("the pid file of the init scripts") {
        return;
    }
    let dir = Dir::new();
    crate::support::open_to_all(dir.path());
    let (path, other) = (dir.join("pid"), dir.join("other.pid"));
    let mut pmtr = Pmtr::start_in(dir, "", |command| {
        command.arg("-p").arg(&path);
    });
    pmtr.wait("pmtr: managing 0 jobs");
    let ask = |file: &Path| {
        ["initscripts/pmtr.init", "initscripts/pmtr.openrc"].map(|script| {
            let functions = functions(script, &["may_write", "find_pmtr"]);
            let file = file.display();
            said(&format!("PIDFILE={file} pidfile={file}\n{functions}\nfind_pmtr || exit; echo \"$pid\"\n"))
        })
    };
    let all = |file: &Path, expected: &str| {
        let said = ask(file);
        assert!(said.iter().flatten().all(|said| said == expected), "{said:?} is not {expected}");
    };
    all(&path, &format!("0 {}", pmtr.pid()));
    // The number of a pmtr that has another file.
    fs::copy(&path, &other).unwrap();
    all(&other, "1");
    let script = format!("exec 9<{0}; printf pmtr >/proc/$$/comm; echo ready; read -r _", other.display());
    let fakes = [[&STRANGER[..], &["bash", "-c", &script]].concat(), vec!["bash", "-c", &script]];
    for fake in fakes {
        let fake = Fake::new(&fake);
        fs::write(&other, format!("{}\n", fake.pid())).unwrap();
        all(&other, "1");
    }
    // What a program of root does that another user has started: the file is open for reading only.
    assert_eq!(pmtr.stop().code(), Some(0));
    fs::write(&other, format!("{}\n", pmtr.pid())).unwrap();
    all(&other, "1");
}

#[test]
fn a_process_of_another_user_is_no_pmtr_that_was_started_by_hand() {
    if !root_or_skip("a process of another user") || !tool_or_skip("python3", "a process that hides its user")
    {
        return;
    }
    let dir = Dir::new();
    crate::support::open_to_all(dir.path());
    let conf = dir.write("pmtr.conf", "");
    let name = conf.to_str().unwrap();
    let ask = |script: &str, command: &str| {
        let functions = functions(script, &["named_pmtr", "conf_of", command]);
        said(&format!("CONF={name}\n{functions}\n{command} || true\n").replace("/etc/pmtr.conf", name))
    };
    let asked = || [ask("initscripts/service.sh", "running_pmtr"), ask("packaging/deb/common.sh", "running")];
    // Its files in /proc are root's, as those of every process that has changed its user.
    let python = "import os; open('/proc/self/comm', 'w').write('pmtr'); os.setuid(4242); print('ready', flush=True); input()";
    let fake = Fake::new(&["python3", "-c", python, "-c", name]);
    let owner = fs::metadata(format!("/proc/{}/stat", fake.pid())).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&owner), 0);
    let said = asked();
    assert!(said.iter().flatten().all(|said| said == "0"), "{said:?}");
    drop(fake);
    // As the script is called that asks while a package is put in.
    let python = "open('/proc/self/comm', 'w').write('pmtr.postinst'); print('ready', flush=True); input()";
    let fake = Fake::named("pmtr.postinst", &["python3", "-c", python, "-c", name]);
    let said = asked();
    assert!(said.iter().flatten().all(|said| said == "0"), "{said:?}");
    drop(fake);
    let mut pmtr = Pmtr::start_in(dir, "", |_| {});
    pmtr.wait("pmtr: managing 0 jobs");
    let said = asked();
    let expected = format!("0 {}", pmtr.pid());
    assert!(said.iter().flatten().all(|said| *said == expected), "{said:?}");
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn a_process_that_has_just_ended_names_no_file() {
    let mut child = Command::new("sh").args(["-c", "exit 0"]).spawn().unwrap();
    let process = format!("/proc/{}", child.id());
    wait_until("it is a zombie", || fs::read(format!("{process}/cmdline")).unwrap().is_empty());
    for script in ["initscripts/service.sh", "packaging/deb/common.sh"] {
        let functions = functions(script, &["conf_of"]);
        let said = said(&format!("{functions}\nconf_of {process}\n"));
        assert!(said.iter().all(|said| said == "0"), "{script}: {said:?}");
    }
    child.wait().unwrap();
}
