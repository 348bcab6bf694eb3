//! What the process of a job gets, in both ways to make it. The other tests of the spawner are in the files below.

mod helpers;
mod only_calls;
mod records;
mod surroundings;
mod ways;

use super::*;
use crate::model::{Attributes, CpuSet, Exit, JobDraft, JobSpec, Limit, Resource, Signal};
use crate::sys::testing::{Dir, as_root, ended, in_own_process, one_at_a_time};
use std::io::Read;
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
        Bench { spawner: Spawner::new(ChildFds::new().unwrap()).unwrap(), dir: Dir::new(), _alone }
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
        bench.spawner.closing = CloseMethod::Walk;
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
                ..Attributes::default()
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
        calls::set_limit(FILES, &Rlimit { soft: 200, hard }).unwrap();
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
    let user = Some(crate::sys::process::effective_uid().to_string().into_bytes());
    let draft = JobDraft { user, ..bench.job(&["/usr/bin/id", "-u"]) };
    let own = format!("{}\n", crate::sys::process::effective_uid());
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
