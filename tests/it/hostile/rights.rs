//! What a job may not get by way of pmtr.

use super::*;

/// A process in namespaces of its own, which goes with the test.
struct Elsewhere(Child);

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_directory_is_entered_by_none_but_who_may_enter_it() {
    const TEST: &str = "a directory that is closed to a job's user";
    if !namespaces_or_skip(TEST) {
        return;
    }
    let dir = Dir::new();
    open_to_all(dir.path());
    fs::create_dir_all(dir.join("closed/inner")).unwrap();
    fs::create_dir(dir.join("other")).unwrap();
    dir.write("closed/inner/secret", "secret\n");
    for (name, mode) in [("closed", 0o700), ("closed/inner", 0o755), ("other", 0o755)] {
        fs::set_permissions(dir.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    symlink("closed/inner", dir.join("planted")).unwrap();
    // A process with another file system there, which it alone sees.
    let path = dir.path().to_str().unwrap().to_string();
    let script = format!(
        "mount --make-rprivate /; mount -t tmpfs none {path}/other; mkdir {path}/other/inner; \
         : >{path}/ready; exec sleep 1000"
    );
    let process =
        Elsewhere(Command::new("unshare").args(["--mount", "/bin/sh", "-ec", &script]).spawn().unwrap());
    read_when_there(&dir.join("ready"));
    let through = format!("/proc/{}/root{path}/other/inner", process.0.id());
    assert!(Path::new(&through).is_dir());
    symlink(&through, dir.join("through")).unwrap();
    let cat = |name: &str, options: &str| {
        format!(
            "job {{\n name {name}\n cmd /bin/sh -c \"cat secret; pwd\"\n once\n out DIR/out-{name}\n{options}}}\n"
        )
    };
    let config = [
        cat("planted", " user nobody\n dir DIR/planted\n"),
        cat("through", " user nobody\n dir DIR/through\n"),
        cat("in", " user nobody\n dir DIR/planted\n in secret\n"),
        cat("root", " dir DIR/planted\n"),
        cat("open", " user nobody\n dir DIR/other\n"),
    ];
    let mut pmtr = Pmtr::start_in(dir, &config.concat(), |_| {});
    for (name, link) in [("planted", "planted"), ("through", "through"), ("in", "planted")] {
        let line = pmtr.rewind().wait(&format!("can't start job {name}: "));
        assert!(line.ends_with(&format!(": dir {path}/{link}: Permission denied")), "{line}");
        assert!(!pmtr.dir.join(&format!("out-{name}")).exists());
    }
    for (name, text) in [("root", "secret\n"), ("open", "/other\n")] {
        pmtr.rewind().wait(&format!("job {name} "));
        wait_until("it has run", || {
            fs::read_to_string(pmtr.dir.join(&format!("out-{name}"))).is_ok_and(|said| said.contains(text))
        });
    }
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn what_needs_the_rights_of_root_is_done_before_they_are_given_up() {
    if !root_or_skip("the rights of root") {
        return;
    }
    let dir = Dir::new();
    open_to_all(dir.path());
    dir.script("tell", "nice; ulimit -Hc; pwd");
    fs::create_dir(dir.join("own")).unwrap();
    fs::set_permissions(dir.join("own"), fs::Permissions::from_mode(0o700)).unwrap();
    let (_, uid, _) = output(Command::new("id").args(["-u", "nobody"]));
    chown(dir.join("own"), Some(uid.trim().parse().unwrap()), None).unwrap();
    let config = "job {\n name a\n cmd DIR/tell\n user nobody\n dir DIR/own\n nice -3\n ulimit -c infinity\n out told\n once\n}\n";
    let mut pmtr = Pmtr::start_in(dir, config, |_| {});
    let pid = pmtr.started("a");
    pmtr.wait(&format!("job a {pid} exited after"));
    let told = fs::read_to_string(pmtr.dir.join("own/told")).unwrap();
    assert_eq!(told, format!("-3\nunlimited\n{}/own\n", pmtr.dir.path().display()));
}

/// Prints the number of its session keyring, or "none" where there are no keyrings.
const KEYRING: &str = "
import ctypes, os, sys
number = {'x86_64': 250, 'aarch64': 219}.get(os.uname().machine)
found = ctypes.CDLL(None).syscall(number, 0, -3, 0) if number else -1
said = str(found) if found > 0 else 'none'
if len(sys.argv) < 2: print(said)
else:
    with open(sys.argv[1] + '.part', 'w') as file: file.write(said)
    os.rename(sys.argv[1] + '.part', sys.argv[1])
    sys.exit(33)
";

#[test]
fn jobs_of_different_users_share_no_keyring_with_each_other_pmtr_or_its_caller() {
    if !tool_or_skip("python3", "keyrings") {
        return;
    }
    let dir = Dir::new();
    open_to_all(dir.path());
    let program = dir.write("keyring.py", KEYRING);
    let callers = output(Command::new("python3").arg(program)).1.trim().to_string();
    if callers == "none" {
        return eprintln!("skipped: there are no keyrings here");
    }
    let users: &[&str] =
        if root_or_skip("keyrings of other users") { &["nobody", "nobody", "daemon"] } else { &[] };
    let job = |name: &str, user: &str| {
        format!("job {{\n name {name}\n cmd /usr/bin/env python3 DIR/keyring.py DIR/told-{name}\n{user}}}\n")
    };
    let mut config = job("own", "") + &job("same", "");
    for (number, user) in users.iter().enumerate() {
        config += &job(&format!("u{number}"), &format!(" user {user}\n"));
    }
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    let told = |name: &str| read_when_there(&pmtr.dir.join(&format!("told-{name}")));
    assert_eq!(told("own"), told("same"));
    let mut all = vec![callers, told("own")];
    all.extend((0..users.len()).map(|number| told(&format!("u{number}"))));
    let mut different = all.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), users.len() + 2, "{all:?}");
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn a_terminal_as_own_output_is_for_writing_only() {
    if !tool_or_skip("script", "a terminal") {
        return;
    }
    let dir = Dir::new();
    open_to_all(dir.path());
    let users: &[&str] =
        if root_or_skip("a terminal for another user") { &["", " user nobody\n"] } else { &[""] };
    dir.script(
        "tell",
        "exec 3>&1; sed -n 's/^flags:.//p' /proc/self/fdinfo/3 >$1.part; mv $1.part $1; echo said-$2; exec sleep 1000",
    );
    let mut config = String::new();
    for (number, user) in users.iter().enumerate() {
        config += &format!(
            "job {{\n name t{number}\n cmd DIR/tell DIR/flags{number} {number}\n out /dev/stdout\n err /dev/stdout\n{user}}}\n"
        );
    }
    let script = "exec script -fqec 'exec PMTR -Fc CONF 2>DIR/log' DIR/typescript </dev/null";
    let mut pmtr = behind(dir, &config, &["/usr/bin/env"], script);
    for number in 0..users.len() {
        let flags = read_when_there(&pmtr.dir.join(&format!("flags{number}")));
        let flags = u32::from_str_radix(flags.trim(), 8).unwrap();
        // O_ACCMODE and O_NONBLOCK: for writing, and a writer waits as for any terminal.
        assert_eq!(flags & 0o4003, 1, "{flags:o}");
        wait_until("the terminal shows it", || {
            fs::read_to_string(pmtr.dir.join("typescript"))
                .is_ok_and(|text| text.contains(&format!("said-{number}")))
        });
    }
    kill(inner(&pmtr), "TERM");
    pmtr.ends();
}
