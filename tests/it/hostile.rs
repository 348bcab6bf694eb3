//! What a user without rights may try: to see through a job what is closed to him, and to hold up pmtr.

mod rights;

use crate::support::{Dir, Pmtr, kill, open_to_all, output, read_when_there, root_or_skip, wait_until};
use crate::wrapped::{behind, inner, namespaces_or_skip, tool_or_skip};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The user who attacks.
const MALLORY: u32 = 4242;

/// A Python program that runs as the attacker until the test is over.
struct Attack(Child);

impl Attack {
    /// Begins it; none when it says that it can't be done here. It creates DIR/begun, or DIR/skip.
    fn begin(dir: &Dir, program: &str) -> Option<Attack> {
        let program = format!(
            "import ctypes, fcntl, os, select, signal, sys\nd = sys.argv[1]\n\
             def tell(name): open(f'{{d}}/{{name}}', 'w').close()\n\
             def over(wait): return bool(select.select([0], [], [], wait)[0])\n\
             os.setgroups([]); os.setgid({MALLORY}); os.setuid({MALLORY})\n{program}"
        );
        let mut command = Command::new("python3");
        command.arg("-c").arg(program).arg(dir.path());
        // It ends when the test closes this pipe, or is gone.
        let attack = Attack(command.stdin(Stdio::piped()).spawn().unwrap());
        wait_until("the attack has begun", || dir.join("begun").exists() || dir.join("skip").exists());
        if dir.join("begun").exists() {
            return Some(attack);
        }
        eprintln!("skipped: this attack needs another kernel or file system");
        None
    }
}

impl Drop for Attack {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

fn tools_or_skip(test: &str) -> bool {
    root_or_skip(test) && tool_or_skip("python3", test)
}

/// A directory in which everybody may write, with one of the attacker's own in it.
fn with_foreign_directory() -> Dir {
    let dir = Dir::new();
    open_to_all(dir.path());
    fs::create_dir(dir.join("m")).unwrap();
    chown(dir.join("m"), Some(MALLORY), Some(MALLORY)).unwrap();
    dir
}

fn job(name: &str, options: &str) -> String {
    format!("job {{\n name {name}\n cmd /bin/sleep 1000\n{options}}}\n")
}

/// Another job is restarted ten seconds after its early death, and questions are answered.
fn goes_on(pmtr: &mut Pmtr, free: i32) {
    kill(free, "KILL");
    pmtr.wait(&format!("job free {free} exited"));
    pmtr.settle();
    pmtr.started("free");
}

/// Takes a lease on each file in DIR/m, and pays no heed when it is asked to give it back.
const LEASE: &str = "
signal.signal(signal.SIGIO, signal.SIG_IGN)
try:
    for name in os.listdir(f'{d}/m'):
        fcntl.fcntl(os.open(f'{d}/m/{name}', os.O_RDWR), fcntl.F_SETLEASE, fcntl.F_WRLCK)
    tell('begun')
    over(None)
except OSError: tell('skip')
";

/// A file that is the attacker's.
fn foreign(dir: &Dir, name: &str, text: &str) {
    let file = dir.write(name, text);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    chown(&file, Some(MALLORY), Some(MALLORY)).unwrap();
}

#[test]
fn a_lease_on_a_jobs_file_holds_up_that_job_alone() {
    if !tools_or_skip("a lease") {
        return;
    }
    let dir = with_foreign_directory();
    let options = ["in", "out", "err"];
    let mut config = job("free", "");
    for option in options {
        foreign(&dir, &format!("m/{option}"), "");
        config += &job(&format!("held-{option}"), &format!(" {option} DIR/m/{option}\n"));
    }
    let Some(attack) = Attack::begin(&dir, LEASE) else { return };
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    let free = pmtr.started("free");
    wait_until("they are held up by the leases", || {
        pmtr.settle();
        options.iter().all(|option| pmtr.has(&format!("], at the step: open {option}")))
    });
    goes_on(&mut pmtr, free);
    drop(attack);
    wait_until("they run as well", || {
        pmtr.settle();
        options.iter().all(|option| pmtr.has(&format!("job held-{option}: running [")))
    });
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn a_lease_on_a_command_or_its_interpreter_holds_up_that_job_alone() {
    if !tools_or_skip("a lease") {
        return;
    }
    let dir = with_foreign_directory();
    foreign(&dir, "m/command", "#!/bin/sh\nexec sleep 1000\n");
    foreign(&dir, "m/interpreter", "x");
    let script = dir.script("script", "true");
    let text = format!("#!{}\n", dir.join("m/interpreter").display());
    let part = dir.write("part", &text);
    fs::set_permissions(&part, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(part, script).unwrap();
    let config =
        job("free", "") + "job {\n name a\n cmd DIR/m/command\n}\njob {\n name b\n cmd DIR/script\n}\n";
    let Some(_attack) = Attack::begin(&dir, LEASE) else { return };
    // Nobody else can write here: it is the command alone that is in other hands.
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    let began = Instant::now();
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    let free = pmtr.started("free");
    pmtr.begun(["a", "b"].into_iter());
    pmtr.settle();
    // The kernel takes a lease away after 45 seconds.
    assert!(began.elapsed() < Duration::from_secs(30), "pmtr was held up for {:?}", began.elapsed());
    goes_on(&mut pmtr, free);
    assert_eq!(pmtr.stop().code(), Some(0));
}

/// Swaps DIR/m/file for a FIFO, or for a link to one, and back, as fast as it can.
const EXCHANGE: &str = "
other = f'{d}/m/other'
os.mkfifo(f'{d}/m/fifo')
os.symlink('fifo', other) if 'link' in os.listdir(d) else os.rename(f'{d}/m/fifo', other)
libc, a, b = ctypes.CDLL(None), f'{d}/m/file'.encode(), other.encode()
def swap(): return libc.renameat2(-100, a, -100, b, 2)
tell('skip' if swap() else 'begun')
while not over(0):
    for _ in range(1000): swap()
";

#[test]
fn a_file_that_is_swapped_for_a_fifo_holds_up_no_other_job() {
    const JOBS: usize = 100;
    if !tools_or_skip("an exchange of files") {
        return;
    }
    for (option, link) in [("out", false), ("in", true)] {
        let dir = with_foreign_directory();
        dir.write("m/file", "");
        if link {
            dir.write("link", "");
        }
        let Some(attack) = Attack::begin(&dir, EXCHANGE) else { return };
        let many = |round: &str| -> String {
            let options = format!(" {option} DIR/m/file\n env ROUND={round}\n");
            (0..JOBS).map(|number| job(&format!("x{number}"), &options)).collect()
        };
        let names: Vec<String> = (0..JOBS).map(|number| format!("x{number}")).collect();
        let mut pmtr = Pmtr::start_in(dir, &(job("free", "") + &many("0")), |_| {});
        let free = pmtr.started("free");
        for round in ["1", "2", "3"] {
            pmtr.begun(names.iter().map(String::as_str));
            pmtr.save(&(job("free", "") + &many(round)));
            pmtr.wait("rescanning");
        }
        goes_on(&mut pmtr, free);
        drop(attack);
        // Each of the others has a process again, be it held up by the last exchange.
        assert_eq!(pmtr.begun(names.iter().map(String::as_str)).len(), JOBS);
        assert_eq!(pmtr.stop().code(), Some(0));
    }
}

/// Mounts a file system that never answers, for as long as its parent lives.
const SILENT: &str = "
import ctypes, os, sys, time
d, libc, parent = sys.argv[1], ctypes.CDLL(None, use_errno=True), os.getppid()
try: device = os.open('/dev/fuse', os.O_RDWR)
except OSError: device = -1
options = f'fd={device},rootmode=40000,user_id=0,group_id=0,allow_other'.encode()
failed = device < 0 or libc.mount(b'silent', f'{d}/silent'.encode(), b'fuse', 0, options)
open(f'{d}/skip' if failed else f'{d}/mounted', 'w').close()
while os.getppid() == parent and not failed: time.sleep(0.02)
";

#[test]
fn a_file_system_that_never_answers_holds_up_no_other_job() {
    const TEST: &str = "a file system that never answers";
    if !namespaces_or_skip(TEST) || !tool_or_skip("python3", TEST) {
        return;
    }
    let dir = Dir::new();
    fs::create_dir(dir.join("silent")).unwrap();
    dir.write("silent.py", SILENT);
    symlink("silent", dir.join("root")).unwrap();
    for name in ["file", "sub"] {
        symlink(format!("silent/{name}"), dir.join(name)).unwrap();
    }
    let mut config = job("free", "");
    let held = [
        "in DIR/silent/file",
        "in DIR/file",
        "out DIR/file",
        "err DIR/root/file",
        "dir DIR/silent",
        "dir DIR/root",
        "dir DIR/sub",
    ];
    for (number, option) in held.iter().enumerate() {
        config += &job(&format!("held{number}"), &format!(" {option}\n"));
    }
    for (number, command) in ["silent/file", "file", "root/file"].iter().enumerate() {
        config += &format!("job {{\n name run{number}\n cmd DIR/{command}\n}}\n");
    }
    let script = "mount --make-rprivate /; python3 DIR/silent.py DIR & \
        until [ -e DIR/mounted -o -e DIR/skip ]; do sleep 0.02; done; exec PMTR -Fc CONF";
    let mut pmtr = behind(dir, &config, &["unshare", "--mount"], script);
    let free = pmtr.started("free");
    if pmtr.dir.join("skip").exists() {
        return eprintln!("skipped: {TEST} needs FUSE");
    }
    let names: Vec<String> = (0..held.len()).map(|number| format!("held{number}")).collect();
    pmtr.begun(names.iter().map(String::as_str).chain(["run0", "run1", "run2"]));
    for (number, option) in held.iter().enumerate() {
        assert!(pmtr.has(&format!("job held{number}: starting [")), "{option}");
    }
    goes_on(&mut pmtr, free);
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn a_link_of_a_depends_file_to_a_file_system_that_never_answers_holds_nothing_up() {
    const TEST: &str = "a depends file on a file system that never answers";
    if !namespaces_or_skip(TEST) || !tool_or_skip("python3", TEST) {
        return;
    }
    let dir = Dir::new();
    fs::create_dir_all(dir.join("silent")).unwrap();
    fs::create_dir_all(dir.join("hidden/silent")).unwrap();
    dir.write("silent.py", SILENT);
    symlink("silent/file", dir.join("seen")).unwrap();
    lchown(dir.join("seen"), Some(MALLORY), Some(MALLORY)).unwrap();
    let mut config = job("free", "");
    for name in ["seen", "unseen", "unseen/sub"] {
        config += &job(&name.replace('/', "-"), &format!(" depends {{\n DIR/{name}\n }}\n"));
    }
    // One is mounted where pmtr sees it, the other only where the kernel leads who follows a link of /proc.
    let script = "mount --make-rprivate /; python3 DIR/silent.py DIR & \
        unshare --mount bash -c 'mount --make-rprivate /; exec python3 DIR/silent.py DIR/hidden' & \
        ln -s /proc/$!/rootDIR/hidden/silent DIR/unseen; chown -h 4242:4242 DIR/unseen; \
        for at in DIR DIR/hidden; do until [ -e $at/mounted -o -e $at/skip ]; do sleep 0.02; done; done; \
        exec PMTR -Fc CONF";
    let mut pmtr = behind(dir, &config, &["unshare", "--mount"], script);
    let free = pmtr.started("free");
    if pmtr.dir.join("skip").exists() || pmtr.dir.join("hidden/skip").exists() {
        return eprintln!("skipped: {TEST} needs FUSE");
    }
    goes_on(&mut pmtr, free);
    assert!(
        pmtr.has(
            "/seen, which jobs depend on, is on a file system that can delay pmtr, reached by a link of"
        )
    );
    assert_eq!(pmtr.stop().code(), Some(0));
}

/// Leaves a hundred orphans to pmtr that make it their tracer and stand still, again and again.
const TRACED: &str = "
import ctypes, os, signal, time
pmtr, ptrace = os.getppid(), ctypes.CDLL(None).ptrace
signal.signal(signal.SIGUSR1, lambda *_: None)
def orphan():
    while os.getppid() != pmtr: time.sleep(0.001)
    while True:
        ptrace(0, 0, 0, 0)
        os.kill(os.getpid(), signal.SIGUSR1)
for _ in range(100):
    child = os.fork()
    if child: os.waitpid(child, 0)
    elif os.fork(): os._exit(0)
    else: orphan()
open(os.environ['BEGUN'], 'w').close()
time.sleep(1000)
";

#[test]
fn orphans_that_make_pmtr_their_tracer_hide_no_death() {
    if !tool_or_skip("python3", "orphans that are traced") {
        return;
    }
    let dir = Dir::new();
    dir.write("traced.py", TRACED);
    let jobs: String = (0..40).map(|i| job(&format!("j{i}"), "")).collect();
    let holder =
        "job {\n name holder\n env BEGUN=DIR/begun\n cmd /bin/sh -c \"exec python3 DIR/traced.py\"\n}\n";
    let mut pmtr = Pmtr::start_in(dir, &(jobs + holder), |_| {});
    let pids: Vec<i32> = (0..40).map(|i| pmtr.rewind().started(&format!("j{i}"))).collect();
    wait_until("there are orphans", || pmtr.dir.join("begun").exists());
    // All at once: most of these signals are one to pmtr.
    let numbers = pids.iter().map(|pid| pid.to_string());
    assert!(Command::new("kill").arg("-KILL").args(numbers).status().unwrap().success());
    for (i, pid) in pids.iter().enumerate() {
        pmtr.rewind().wait(&format!("job j{i} {pid} exited"));
    }
    // Whether an orphan stops twice within one walk, and is killed for it, depends on the machine.
    pmtr.stop();
}
