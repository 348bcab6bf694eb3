//! The two ways to make a child: which one it is, and that they give the same.

use super::*;
use crate::sys::reap::{Waited, wait_for};

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
    crate::sys::group::signal_job(pid, Signal::TERM);
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
        crate::sys::group::signal_job(pid, Signal::KILL);
        ended(pid);
        assert_eq!(bench.spawner.reaped(pid).is_some(), !runs, "{command}");
        let made = bench.spawn(draft, shared()).unwrap();
        assert_eq!(matches!(made, Made::Executed(_)), runs, "{made:?}");
        crate::sys::group::signal_job(made.pid(), Signal::KILL);
        ended(made.pid());
        assert_eq!(bench.spawner.reaped(made.pid()).is_some(), !runs, "{command}");
    }
}

#[test]
fn a_start_works_the_same_where_less_can_be_shared() {
    let mut bench = Bench::new();
    for (sharing, closing) in [
        (Sharing::Memory, CloseMethod::Range),
        (Sharing::Memory, CloseMethod::Walk),
        (Sharing::Nothing, CloseMethod::Range),
        (Sharing::Nothing, CloseMethod::Walk),
    ] {
        (bench.spawner.sharing, bench.spawner.closing) = (sharing, closing);
        for way in both() {
            assert_eq!(bench.output(bench.sh("echo x"), way), "x\n");
        }
        bench.fails(bench.job(&["/no/such"]), Stage::Exec, libc::ENOENT);
    }
}

/// Starts it, and tells whether that was done by a child that shares our memory.
fn shares(bench: &mut Bench, draft: &JobDraft, way: Way) -> bool {
    let pid = bench.spawn(draft.clone(), way).unwrap().pid();
    // A copy has its slot for life.
    let shared = bench.spawner.slots_used() == 0;
    crate::sys::group::signal_job(pid, Signal::KILL);
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
