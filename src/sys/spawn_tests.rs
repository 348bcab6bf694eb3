use super::super::child_spec::{Identity, Passed};
use super::super::reap::{Waited, wait_for};
use super::super::record::RecordPlace;
use super::super::testing::{Dir, as_root, ended, in_own_process, one_at_a_time};
use super::*;
use crate::model::{Attributes, CpuSet, Exit, JobDraft, JobSpec, Limit, Resource, Signal, Words};
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::sync::{LazyLock, MutexGuard};

/// Every mount that there is. The list leaves out that of the root where a chroot has none of its own.
static MOUNTS: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let list = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let listed = list.lines().map(|line| line.split(' ').next().unwrap().parse().unwrap());
    let root = calls::look(std::fs::File::open("/").unwrap().as_raw_fd()).ok().map(|found| found.mount);
    listed.chain(root).collect()
});

fn shared() -> Way<'static> {
    Way::Shared(&MOUNTS)
}

fn both() -> [Way<'static>; 2] {
    [shared(), Way::Copy]
}

/// A spawner with a directory for the files of its jobs.
struct Bench {
    spawner: Spawner,
    dir: Dir,
    _alone: MutexGuard<'static, ()>,
}

impl Bench {
    fn new() -> Bench {
        let _alone = one_at_a_time();
        Bench { spawner: Spawner::new(Shelf::new().unwrap()).unwrap(), dir: Dir::new(), _alone }
    }

    /// A job that works in the directory and writes to a new file `out` there.
    fn job(&self, cmd: &[&str]) -> JobDraft {
        let _ = std::fs::remove_file(self.dir.path().join("out"));
        JobDraft {
            name: b"job".to_vec(),
            cmd: cmd.iter().map(|word| word.as_bytes().to_vec()).collect(),
            dir: Some(self.dir.path().as_os_str().as_encoded_bytes().to_vec()),
            out: Some(b"out".to_vec()),
            err: Some(b"out".to_vec()),
            ..JobDraft::default()
        }
    }

    fn sh(&self, script: &str) -> JobDraft {
        self.job(&["/bin/sh", "-c", script])
    }

    /// Runs it to its end.
    fn run(&mut self, draft: JobDraft, way: Way) -> Result<Exit, SpawnError> {
        let pid = self.spawn(draft, way)?.pid();
        self.outcome(pid)
    }

    fn spawn(&mut self, draft: JobDraft, way: Way) -> Result<Made, SpawnError> {
        self.spawner.spawn(&ChildSpec::of_job(&JobSpec::from(draft), [None, None], None), way)
    }

    fn outcome(&mut self, pid: Pid) -> Result<Exit, SpawnError> {
        let exit = ended(pid);
        match self.spawner.reaped(pid) {
            Some(error) => {
                assert_eq!(exit, Exit::Code(127));
                Err(error)
            }
            None => Ok(exit),
        }
    }

    /// What a job that ends well has written.
    fn output(&mut self, draft: JobDraft, way: Way) -> String {
        assert_eq!(self.run(draft, way), Ok(Exit::Code(0)), "{}", self.dir.read("out"));
        self.dir.read("out")
    }

    fn fails(&mut self, draft: JobDraft, stage: Stage, errno: i32) {
        for way in both() {
            let error = SpawnError { stage, errno: Errno(errno) };
            assert_eq!(self.run(draft.clone(), way), Err(error), "{way:?}");
        }
    }
}

fn line<'a>(text: &'a str, key: &str) -> &'a str {
    text.lines()
        .find_map(|line| line.strip_prefix(key))
        .unwrap_or_else(|| panic!("no {key} in {text}"))
        .trim()
}

fn limited(limits: Vec<Limit>) -> Attributes {
    Attributes { limits, ..Attributes::default() }
}

fn limit(resource: Resource, value: u64) -> Limit {
    Limit { resource, value: Ok(value) }
}

#[test]
fn a_job_leads_its_own_session_and_group_with_fresh_signals_and_umask() {
    let mut bench = Bench::new();
    for way in both() {
        // The fields behind the state: parent, group, session.
        let text = bench.output(bench.job(&["/bin/cat", "/proc/self/stat", "/proc/self/status"]), way);
        let pid = text.split(' ').next().unwrap();
        let fields: Vec<&str> = text.split(") ").nth(1).unwrap().split(' ').collect();
        assert_eq!((fields[2], fields[3]), (pid, pid), "{way:?}");
        for set in ["SigBlk:", "SigIgn:", "SigCgt:", "SigPnd:", "ShdPnd:"] {
            assert_eq!(line(&text, set), "0000000000000000", "{set} {way:?}");
        }
        assert_eq!(line(&text, "Umask:"), "0022", "{way:?}");
    }
}

#[test]
fn a_job_has_three_descriptors_however_many_are_open_here() {
    // Others could open nothing meanwhile.
    in_own_process("sys::spawn::tests::a_job_has_three_descriptors_however_many_are_open_here", || {
        let mut bench = Bench::new();
        let low = std::fs::File::open("/").unwrap();
        let inherited: Vec<OwnedFd> = (0..900)
            .map(|_| {
                // SAFETY: takes numbers; without close-on-exec, as a careless caller leaves them.
                let fd = unsafe { libc::dup(low.as_raw_fd()) };
                // SAFETY: just made.
                unsafe { OwnedFd::from_raw_fd(fd) }
            })
            .collect();
        let lists = |bench: &mut Bench, way: Way| {
            let text = bench.output(bench.job(&["/bin/ls", "/proc/self/fd"]), way);
            // The fourth is the directory that is being listed.
            assert_eq!(text, "0\n1\n2\n3\n", "{way:?}");
        };
        lists(&mut bench, shared());
        lists(&mut bench, Way::Copy);
        bench.spawner.cut = Cut::Walk;
        lists(&mut bench, Way::Copy);
        drop(inherited);
    });
}

#[test]
fn options_reach_the_process() {
    let mut bench = Bench::new();
    for way in both() {
        let mut cpus = CpuSet::default();
        cpus.add(0);
        cpus.add(1000);
        let draft = JobDraft {
            // Allowed to everybody, whatever priority the tests run with.
            attributes: Attributes {
                nice: Some(19),
                cpus: Some(cpus),
                limits: vec![limit(Resource::OpenFiles, 77), limit(Resource::Core, 0)],
            },
            ..bench
                .sh("nice; pwd; ulimit -n; ulimit -c; ulimit -Hn; grep Cpus_allowed_list /proc/self/status")
        };
        let at = bench.dir.path().canonicalize().unwrap();
        let expected = format!("19\n{}\n77\n0\n77\nCpus_allowed_list:\t0\n", at.display());
        assert_eq!(bench.output(draft, way), expected, "{way:?}");
    }
}

#[test]
fn three_descriptors_are_enough_for_a_start() {
    let mut bench = Bench::new();
    for way in both() {
        let limits = vec![limit(Resource::OpenFiles, 3)];
        // The shell is linked before the limit is felt only when it is static, so only the step is looked at.
        let draft = JobDraft { attributes: limited(limits), ..bench.job(&["/bin/true"]) };
        assert!(bench.run(draft, way).is_ok(), "{way:?}");
        let draft = JobDraft {
            attributes: limited(vec![limit(Resource::OpenFiles, 4)]),
            ..bench.sh("ulimit -n; ulimit -Hn")
        };
        assert_eq!(bench.output(draft, way), "4\n4\n", "{way:?}");
    }
}

#[test]
fn jobs_get_the_limit_of_descriptors_that_we_had() {
    in_own_process("sys::spawn::tests::jobs_get_the_limit_of_descriptors_that_we_had", || {
        let hard = calls::limit(FILES).unwrap().hard;
        calls::set_limit(FILES, &Bounds { soft: 200, hard }).unwrap();
        let mut bench = Bench::new();
        bench.spawner.raise_own_files();
        assert_eq!(calls::limit(FILES).unwrap().soft, hard);
        for way in both() {
            let text = bench.output(bench.sh("ulimit -Sn; ulimit -Hn"), way);
            assert_eq!(text, format!("200\n{hard}\n"), "{way:?}");
            let limits = vec![limit(Resource::OpenFiles, 300)];
            let draft = JobDraft { attributes: limited(limits), ..bench.sh("ulimit -Sn") };
            assert_eq!(bench.output(draft, way), "300\n", "{way:?}");
        }
    });
}

#[test]
fn the_environment_is_ours_with_the_jobs_variables_over_it() {
    let mut bench = Bench::new();
    bench.spawner.environment = [c"A=ours", c"B=ours", c"AA=x"].map(CString::from).into();
    for way in both() {
        let draft = JobDraft { env: ["A=job's own"].into(), ..bench.job(&["/usr/bin/env"]) };
        assert_eq!(bench.output(draft, way), "A=job's own\nB=ours\nAA=x\n", "{way:?}");
    }
}

#[test]
fn output_is_appended_and_one_file_for_both_is_opened_once() {
    let mut bench = Bench::new();
    for way in both() {
        let draft = bench.sh("echo one; echo two >&2; head -c 100 | wc -c");
        std::fs::write(bench.dir.path().join("out"), "zero\n").unwrap();
        assert_eq!(bench.output(draft.clone(), way), "zero\none\ntwo\n0\n", "{way:?}");
        // One description has one position.
        let same = "exec 3>&1; grep pos: /proc/self/fdinfo/1 >&2; grep pos: /proc/self/fdinfo/2 >&2";
        let text = bench.output(bench.sh(same), way);
        assert_eq!(text, "pos:\t0\npos:\t7\n", "{way:?}");
        let draft = JobDraft { err: None, input: Some(b"out".to_vec()), ..bench.sh("cat; echo x >&2") };
        std::fs::write(bench.dir.path().join("out"), "").unwrap();
        assert_eq!(bench.output(draft, way), "", "{way:?}");
    }
}

#[test]
fn pipes_take_the_place_of_files_and_end_with_the_job() {
    let mut bench = Bench::new();
    for way in both() {
        let (mut out_end, out) = io::pipe().unwrap();
        let (mut err_end, err) = io::pipe().unwrap();
        let spec = JobSpec::from(bench.sh("echo one; echo two >&2"));
        let child = ChildSpec::of_job(&spec, [Some(out.as_fd()), Some(err.as_fd())], None);
        let pid = bench.spawner.spawn(&child, way).unwrap().pid();
        drop((out, err));
        let (mut one, mut two) = (String::new(), String::new());
        out_end.read_to_string(&mut one).unwrap();
        err_end.read_to_string(&mut two).unwrap();
        assert_eq!((one.as_str(), two.as_str()), ("one\n", "two\n"), "{way:?}");
        assert_eq!((ended(pid), bench.spawner.reaped(pid)), (Exit::Code(0), None));
    }
}

#[test]
fn every_step_that_fails_is_told_with_its_reason() {
    let mut bench = Bench::new();
    let text = |text: &str| Some(text.as_bytes().to_vec());
    let good = bench.job(&["/bin/true"]);
    bench.fails(JobDraft { dir: text("/no/such"), ..good.clone() }, Stage::Dir, libc::ENOENT);
    bench.fails(JobDraft { dir: text("/dev/null"), ..good.clone() }, Stage::Dir, libc::ENOTDIR);
    let cpus = Some(CpuSet::default());
    bench.fails(
        JobDraft { attributes: Attributes { cpus, ..Attributes::default() }, ..good.clone() },
        Stage::Cpu,
        libc::EINVAL,
    );
    bench.fails(JobDraft { input: text("missing"), ..good.clone() }, Stage::In, libc::ENOENT);
    bench.fails(JobDraft { out: text("no/such"), ..good.clone() }, Stage::Out, libc::ENOENT);
    bench.fails(JobDraft { err: text("."), ..good.clone() }, Stage::Err, libc::EISDIR);
    bench.fails(bench.job(&["/no/such"]), Stage::Exec, libc::ENOENT);
    bench.fails(bench.job(&["/dev/null"]), Stage::Exec, libc::EACCES);
    let long = "x".repeat(200_000);
    bench.fails(bench.job(&["/bin/true", &long]), Stage::Exec, libc::E2BIG);
    for user in ["no-such-user", "-1", "4294967295", "0day"] {
        bench.fails(JobDraft { user: text(user), ..good.clone() }, Stage::User, 0);
    }
    // More than the kernel allows to anybody.
    let limits = vec![limit(Resource::Core, 0), limit(Resource::OpenFiles, u64::MAX >> 1)];
    bench.fails(JobDraft { attributes: limited(limits), ..good }, Stage::Limit(1), libc::EPERM);
    assert_eq!(bench.spawner.slots_used(), 0);
}

#[test]
fn a_job_runs_as_its_user_with_its_groups_and_variables() {
    if !as_root("another user") {
        return;
    }
    let mut bench = Bench::new();
    let user = Some(b"daemon".to_vec());
    bench.spawner.environment = [c"HOME=/root", c"X=1", c"USER=root"].map(CString::from).into();
    let draft =
        |bench: &Bench, cmd: &[&str]| JobDraft { user: user.clone(), out: None, err: None, ..bench.job(cmd) };
    for way in both() {
        let (mut end, out) = io::pipe().unwrap();
        let script = "grep -E '^(Uid|Gid|Groups)' /proc/self/status; echo to-err > /dev/stderr; env";
        let spec = JobDraft { env: ["USER=mine"].into(), ..draft(&bench, &["/bin/sh", "-c", script]) };
        let spec = JobSpec::from(spec);
        let child = ChildSpec::of_job(&spec, [Some(out.as_fd()); 2], None);
        let pid = bench.spawner.spawn(&child, way).unwrap().pid();
        drop(out);
        let mut text = String::new();
        end.read_to_string(&mut text).unwrap();
        assert_eq!((ended(pid), bench.spawner.reaped(pid)), (Exit::Code(0), None), "{text}");
        assert_eq!(line(&text, "Uid:"), "1\t1\t1\t1");
        assert_eq!(line(&text, "Gid:"), "1\t1\t1\t1");
        assert_eq!(line(&text, "Groups:"), "1");
        for variable in ["USER=mine", "LOGNAME=daemon", "HOME=/usr/sbin", "X=1", "to-err"] {
            assert!(text.lines().any(|line| line == variable), "{variable} in {text}");
        }
    }
}

#[test]
fn files_are_opened_with_the_rights_of_the_user() {
    if !as_root("another user") {
        return;
    }
    let mut bench = Bench::new();
    let user = Some(b"daemon".to_vec());
    let draft = JobDraft { user, ..bench.job(&["/bin/true"]) };
    bench.fails(draft.clone(), Stage::Out, libc::EACCES);
    let input = Some(b"/etc/shadow".to_vec());
    bench.fails(JobDraft { input, ..draft.clone() }, Stage::In, libc::EACCES);
    let own = bench.dir.path().join("own");
    std::fs::copy("/bin/true", &own).unwrap();
    std::fs::set_permissions(&own, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let cmd = [own.as_os_str().as_encoded_bytes()].into();
    bench.fails(JobDraft { cmd, out: None, err: None, ..draft }, Stage::Exec, libc::EACCES);
}

#[test]
fn ones_own_uid_needs_no_rights() {
    let mut bench = Bench::new();
    let user = Some(super::super::process::effective_uid().to_string().into_bytes());
    let draft = JobDraft { user, ..bench.job(&["/usr/bin/id", "-u"]) };
    let own = format!("{}\n", super::super::process::effective_uid());
    assert_eq!(bench.output(draft, shared()), own);
}

#[test]
fn slots_are_given_back() {
    let mut bench = Bench::new();
    let (good, bad) = (bench.job(&["/bin/true"]), bench.job(&["/no/such"]));
    for _ in 0..250 {
        for way in both() {
            assert_eq!(bench.run(good.clone(), way), Ok(Exit::Code(0)));
            assert!(bench.run(bad.clone(), way).is_err());
        }
        assert_eq!(bench.spawner.slots_used(), 0);
    }
}

#[test]
fn a_copy_that_is_held_up_says_where_and_can_be_told_to_end() {
    let mut bench = Bench::new();
    let fifo = bench.dir.path().join("fifo");
    let path = CString::new(fifo.as_os_str().as_encoded_bytes()).unwrap();
    // SAFETY: a C string that outlives the call.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    let draft = JobDraft { input: Some(b"fifo".to_vec()), ..bench.job(&["/bin/true"]) };
    let made = bench.spawn(draft, Way::Copy).unwrap();
    let Made::Copy(pid, Some(mut pipe)) = made else { panic!("{made:?}") };
    while bench.spawner.stage(pid) != Some(Stage::In) {
        std::thread::yield_now();
    }
    assert_eq!(wait_for(pid), Waited::Running);
    super::super::group::signal_job(pid, Signal::TERM);
    assert_eq!((pipe.read(&mut [0]).unwrap(), bench.spawner.has_executed(pid)), (0, false));
    assert_eq!((ended(pid), bench.spawner.reaped(pid)), (Exit::Signal(Signal::TERM), None));
    assert_eq!(bench.spawner.slots_used(), 0);
}

#[test]
fn the_end_of_a_copys_pipe_tells_that_it_runs_its_command_or_never_will() {
    let mut bench = Bench::new();
    for (command, runs) in [("/bin/sleep", true), ("/no/such/sleep", false)] {
        let draft = JobDraft { out: None, err: None, ..bench.job(&[command, "1000"]) };
        let made = bench.spawn(draft.clone(), Way::Copy).unwrap();
        let Made::Copy(pid, Some(mut pipe)) = made else { panic!("{made:?}") };
        assert_eq!(pipe.read(&mut [0]).unwrap(), 0);
        assert_eq!(bench.spawner.has_executed(pid), runs, "{command}");
        super::super::group::signal_job(pid, Signal::KILL);
        ended(pid);
        assert_eq!(bench.spawner.reaped(pid).is_some(), !runs, "{command}");
        let made = bench.spawn(draft, shared()).unwrap();
        assert_eq!(matches!(made, Made::Executed(_)), runs, "{made:?}");
        super::super::group::signal_job(made.pid(), Signal::KILL);
        ended(made.pid());
        assert_eq!(bench.spawner.reaped(made.pid()).is_some(), !runs, "{command}");
    }
}

#[test]
fn a_start_works_the_same_where_less_can_be_shared() {
    let mut bench = Bench::new();
    for (sharing, cut) in [
        (Sharing::Memory, Cut::Range),
        (Sharing::Memory, Cut::Walk),
        (Sharing::Nothing, Cut::Range),
        (Sharing::Nothing, Cut::Walk),
    ] {
        (bench.spawner.sharing, bench.spawner.cut) = (sharing, cut);
        for way in both() {
            assert_eq!(bench.output(bench.sh("echo x"), way), "x\n");
        }
        bench.fails(bench.job(&["/no/such"]), Stage::Exec, libc::ENOENT);
    }
}

#[test]
fn a_helper_gets_its_own_arguments_variables_input_descriptors_and_umask() {
    let mut bench = Bench::new();
    bench.spawner.environment = [c"A=ours", c"B=ours"].map(CString::from).into();
    // The shell shows what it was given; it reads its input first, and so waits for us.
    let script = "cat; echo $0 $A $B; umask; pwd; echo 3 >&3; echo 9 >&9; ls /proc/$$/fd";
    let (argv, env) = (Words::from(["helper", "-c", script]), Words::from(["A=own"]));
    for way in both() {
        let (input, mut to_input) = io::pipe().unwrap();
        let (mut from_out, out) = io::pipe().unwrap();
        let [(mut from_three, three), (mut from_nine, nine)] = [(); 2].map(|()| io::pipe().unwrap());
        // The other numbers are those of what a start itself needs.
        let more = (4..9).map(|number| Passed { number, fd: three.as_fd() });
        let passed = [(3, &three), (9, &nine)].map(|(number, pipe)| Passed { number, fd: pipe.as_fd() });
        let passed: Vec<Passed> = passed.into_iter().chain(more).collect();
        let child = ChildSpec {
            env: env.texts(),
            input: Stream::Pipe(input.as_fd()),
            out: Stream::Pipe(out.as_fd()),
            err: Stream::Pipe(out.as_fd()),
            passed: &passed,
            umask: 0o027,
            ..ChildSpec::new(c"/bin/sh", argv.texts())
        };
        let made = bench.spawner.spawn(&child, way).unwrap();
        drop((input, out, three, nine));
        let pid = made.pid();
        if let Made::Copy(_, pipe) = made {
            assert_eq!(pipe.unwrap().read(&mut [0]).unwrap(), 0);
            assert!(bench.spawner.has_executed(pid));
        }
        to_input.write_all(b"input\n").unwrap();
        drop(to_input);
        // Each comes to its end: nobody but the child has the other one.
        let read = |end: &mut io::PipeReader| io::read_to_string(end).unwrap();
        let out = read(&mut from_out);
        assert_eq!(out, "input\nhelper own ours\n0027\n/\n0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n", "{way:?}");
        assert_eq!([read(&mut from_three), read(&mut from_nine)], ["3\n", "9\n"], "{way:?}");
        assert_eq!(bench.outcome(pid), Ok(Exit::Code(0)), "{way:?}");
    }
}

#[test]
fn a_pipe_as_input_can_be_opened_again_by_the_user() {
    if !as_root("another user") {
        return;
    }
    let mut bench = Bench::new();
    let argv = Words::from(["cat", "/dev/stdin"]);
    let (input, mut to_input) = io::pipe().unwrap();
    let (from_out, out) = io::pipe().unwrap();
    let child = ChildSpec {
        input: Stream::Pipe(input.as_fd()),
        out: Stream::Pipe(out.as_fd()),
        identity: Identity { user: Some(c"daemon") },
        ..ChildSpec::new(c"/bin/cat", argv.texts())
    };
    let pid = bench.spawner.spawn(&child, Way::Copy).unwrap().pid();
    drop(out);
    to_input.write_all(b"input\n").unwrap();
    drop(to_input);
    assert_eq!(io::read_to_string(from_out).unwrap(), "input\n");
    assert_eq!(bench.outcome(pid), Ok(Exit::Code(0)));
}

#[test]
fn a_number_that_no_child_may_have_is_refused() {
    let mut bench = Bench::new();
    let (argv, stdin) = (Words::from(["true"]), io::stdin());
    for number in [0, 2, 10, 255] {
        let passed = [Passed { number, fd: stdin.as_fd() }];
        let child = ChildSpec { passed: &passed, ..ChildSpec::new(c"/bin/true", argv.texts()) };
        for way in both() {
            let error = bench.spawner.spawn(&child, way).unwrap_err();
            assert_eq!(error, SpawnError { stage: Stage::Prepare, errno: Errno(libc::EBADF) });
        }
    }
    assert_eq!(bench.spawner.slots_used(), 0);
}

/// What a shared child may call: none of these allocates, locks or knows of threads.
const SYSTEM_CALLS: [&str; 25] = [
    "syscall",
    "close",
    "setsid",
    "getpid",
    "getppid",
    "clock_gettime",
    "pwritev",
    "pwritev64",
    "umask",
    "chdir",
    "fchdir",
    "setpriority",
    "getresgid",
    "getresuid",
    "fchown",
    "open",
    "dup2",
    "execve",
    "_exit",
    "__errno_location",
    "open64",
    "memset",
    "memcpy",
    "sched_setaffinity",
    "fcntl",
];

#[test]
fn between_birth_and_command_there_are_only_system_calls() {
    if cfg!(debug_assertions) {
        // The compiler's own checks of pointers call what panics; they are in no release.
        return eprintln!("skipped: needs --config profile.test.debug-assertions=false");
    }
    let objdump = |options: &[&str]| {
        let program = std::env::current_exe().unwrap();
        let output = std::process::Command::new("objdump").args(options).arg(program).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (Some(code), Some(imports), true) =
        (objdump(&["-dC", "--no-show-raw-insn"]), objdump(&["-R"]), cfg!(target_arch = "x86_64"))
    else {
        return eprintln!("skipped: needs objdump and x86-64");
    };
    // Address of the table's entry, its kind, and the name of the function that it leads to.
    let import = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let (address, name) = (words.next()?, words.nth(1)?);
        Some((u64::from_str_radix(address, 16).ok()?, name.split('@').next()?.to_owned()))
    };
    let imports: std::collections::BTreeMap<u64, String> = imports.lines().filter_map(import).collect();
    let ours = |name: &str| {
        let known = [
            "child::",
            "calls::",
            "slots::Slot>::",
            "slots::Slot::",
            "slots::code",
            "prompt::",
            "record::Note",
            "record::Draft>::own",
            "record::mix",
            "spawn::live_shared",
        ];
        let known =
            known.iter().any(|part| name.contains(&format!("sys::{part}"))) || name.contains("last_errno");
        known && !name.contains("Pointers")
    };
    let (mut inside, mut seen, mut wrong) = (false, 0, Vec::new());
    for line in code.lines() {
        if let Some(name) = line.strip_suffix(">:") {
            // The entry itself only calls `live`; beside that it has a way out for a panic, which a test build keeps.
            inside = ours(name) && !name.contains("live_shared");
            continue;
        }
        // Address, then the instruction, then behind # the address that it reads, or in <> where it leads.
        let Some((_, instruction)) = line.split_once('\t').filter(|_| inside) else { continue };
        let allowed = if let Some((_, place)) = instruction.split_once("# ") {
            // Whatever reads an entry of the table may call it later, through a register.
            let place = place.split(' ').next().and_then(|place| u64::from_str_radix(place, 16).ok());
            match place.and_then(|place| imports.get(&place)) {
                Some(name) => SYSTEM_CALLS.contains(&name.as_str()),
                None => !instruction.starts_with("call"),
            }
        } else {
            let leads = instruction.starts_with("call") || instruction.starts_with("jmp");
            !leads || !instruction.contains('<') || ours(instruction)
        };
        seen += usize::from(instruction.starts_with("call"));
        if !allowed {
            wrong.push(line.to_owned());
        }
    }
    assert!(seen > 20, "the child was not found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_child_leaves_its_record_before_it_does_anything_else() {
    let mut bench = Bench::new();
    let path = bench.dir.join("state");
    let file = std::fs::File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    for (way, offset) in [(shared(), 0), (Way::Copy, 1000)] {
        // A directory that is not there: the record comes before.
        for missing in [false, true] {
            let mut draft = JobDraft { name: b"recorded".to_vec(), ..bench.job(&["/bin/true"]) };
            if missing {
                draft.dir = Some(b"/no/such/directory".to_vec());
            }
            let before = super::super::clock::since_start();
            let place = RecordPlace { file: file.as_fd(), offset };
            let spec = JobSpec::from(draft);
            let child = ChildSpec::of_job(&spec, [None, None], Some(place));
            let pid = bench.spawner.spawn(&child, way).unwrap().pid();
            ended(pid);
            assert_eq!(bench.spawner.reaped(pid).is_some(), missing);
            let mut bytes = [0; super::super::record::RECORD_BYTES];
            std::os::unix::fs::FileExt::read_exact_at(&file, &mut bytes, offset).unwrap();
            let record = super::super::record::decode(&bytes).unwrap();
            assert_eq!((record.pid, record.name.as_bytes()), (pid, &b"recorded"[..]));
            assert!(before <= record.before_nanos && record.before_nanos <= record.after_nanos);
            assert!(record.after_nanos <= super::super::clock::since_start());
        }
    }
}

#[test]
fn a_child_that_has_lost_its_parent_gives_up_and_one_that_cannot_write_starts() {
    let mut bench = Bench::new();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    for way in both() {
        let place = Some(RecordPlace { file: full.as_fd(), offset: 0 });
        let spec = JobSpec::from(bench.job(&["/bin/true"]));
        let child = ChildSpec::of_job(&spec, [None, None], place);
        let pid = bench.spawner.spawn(&child, way).unwrap().pid();
        assert_eq!((ended(pid), bench.spawner.reaped(pid)), (Exit::Code(0), None), "{way:?}");
        let ours = bench.spawner.own.replace(Pid::new(i32::MAX).unwrap());
        let pid = bench.spawner.spawn(&child, way).unwrap().pid();
        let error = SpawnError { stage: Stage::Session, errno: Errno(libc::ESRCH) };
        assert_eq!((ended(pid), bench.spawner.reaped(pid)), (Exit::Code(127), Some(error)), "{way:?}");
        bench.spawner.own = ours;
    }
}

/// Starts it, and tells whether that was done by a child that shares our memory.
fn shares(bench: &mut Bench, draft: &JobDraft, way: Way) -> bool {
    let pid = bench.spawn(draft.clone(), way).unwrap().pid();
    // A copy has its slot for life.
    let shared = bench.spawner.slots_used() == 0;
    super::super::group::signal_job(pid, Signal::KILL);
    ended(pid);
    bench.spawner.reaped(pid);
    shared
}

#[test]
fn what_could_be_waited_for_is_left_to_a_copy() {
    let mut bench = Bench::new();
    std::fs::create_dir(bench.dir.join("sub")).unwrap();
    std::fs::write(bench.dir.join("file"), "").unwrap();
    assert!(std::process::Command::new("mkfifo").arg(bench.dir.join("fifo")).status().unwrap().success());
    for (to, name) in [("file", "link"), ("fifo", "link-to-fifo"), ("/proc/self/fd/2", "link-of-proc")] {
        std::os::unix::fs::symlink(to, bench.dir.join(name)).unwrap();
    }
    let sleep = JobDraft { out: None, err: None, ..bench.job(&["/bin/sleep", "1000"]) };
    assert!(shares(&mut bench, &JobDraft { dir: Some(b"/".to_vec()), ..sleep.clone() }, shared()));
    for (name, can) in [
        ("file", true),
        ("./sub/../link", true),
        ("/dev/null", true),
        ("missing", false),
        ("fifo", false),
        ("link-to-fifo", false),
        ("link-of-proc", false),
        ("/dev/ptmx", false),
    ] {
        for option in ["in", "out", "err"] {
            let mut draft = sleep.clone();
            let place = match option {
                "in" => &mut draft.input,
                "out" => &mut draft.out,
                _ => &mut draft.err,
            };
            *place = Some(name.as_bytes().to_vec());
            let mut tries = 0;
            // What somebody else does to the mounts or the names of this machine can have it declined.
            while shares(&mut bench, &draft, shared()) != can {
                // One that was never followed has its time of access to be written, which declines it as well.
                std::fs::metadata(bench.dir.join(name)).unwrap();
                tries += 1;
                assert!(can && tries < 1_000, "{option} {name}");
            }
            // Not a mount that was named.
            assert!(!shares(&mut bench, &draft, Way::Shared(&[])), "{option} {name}");
            let _ = std::fs::remove_file(bench.dir.join("missing"));
        }
    }
    bench.spawner.prompt = Some(false);
    assert!(!shares(&mut bench, &sleep, shared()), "an old kernel");
    assert!(
        shares(&mut bench, &JobDraft { dir: Some(b"/".to_vec()), ..sleep }, shared())
            == bench.spawner.at_root
    );
}

#[test]
fn a_file_is_open_in_the_same_way_whoever_has_opened_it() {
    let mut bench = Bench::new();
    for way in both() {
        let draft = bench.sh("exec 3>&1 4<&0; grep flags: /proc/self/fdinfo/3 /proc/self/fdinfo/4 | sed 's/.*\\(....\\)$/\\1/'");
        let draft = JobDraft { input: Some(b"in".to_vec()), ..draft };
        std::fs::write(bench.dir.join("in"), "").unwrap();
        std::fs::write(bench.dir.join("out"), "").unwrap();
        // For writing at the end, and for reading; neither says that it does not wait.
        assert_eq!(bench.output(draft, way), "2001\n0000\n", "{way:?}");
    }
}
