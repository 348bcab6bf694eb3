use super::*;
use crate::model::Exit;
use crate::sys::process::own_pid;
use crate::sys::reap;
use crate::sys::testing::{as_root, ended, in_own_process, orphaned_session, reap_any, start, with_python};
use std::io::{BufRead, Read, Write};
use std::process::Stdio;

fn rests() -> Rests {
    Rests::new(Numbers::new().unwrap(), own_pid().unwrap())
}

/// Works until that has ended, and returns whom it found gone.
fn swept(rests: &mut Rests) -> Vec<Pid> {
    let mut gone = Vec::new();
    while rests.deadline().is_some() || rests.more() {
        gone.extend(rests.work(None));
    }
    gone
}

fn is_there(survivors: &Survivors) -> bool {
    matches!(survivors, Survivors::Some(_))
}

#[test]
fn who_has_the_session_in_another_group_is_kept_named_signalled_and_seen_to_end() {
    in_own_process(
        "daemon::rests::tests::who_has_the_session_in_another_group_is_kept_named_signalled_and_seen_to_end",
        || {
            let (leader, other, mut output) = orphaned_session();
            let (mut rests, group, before) = (rests(), Group::of(leader), clock::since_start());
            ended(leader);
            assert!(is_there(&rests.keep(JobId(0), leader, group, before, None)));
            let Survivors::Some(named) = rests.look(leader, Detail::Names, None) else { panic!() };
            assert!(named.iter().any(|(pid, _)| *pid == other), "{named:?}");
            rests.signal(leader, Signal::TERM);
            // Not before it was found.
            assert!(session::member(other, leader).lives());
            assert_eq!(swept(&mut rests), []);
            output.read_to_end(&mut Vec::new()).unwrap();
            ended(other);
            while is_there(&rests.look(leader, Detail::Whether, None)) {
                reap_any();
            }
            rests.release(leader);
            assert_eq!((rests.deadline(), rests.wanting.len()), (None, 0));
        },
    );
}

#[test]
fn a_session_that_began_after_the_last_proof_is_anothers_and_gets_no_signal() {
    in_own_process(
        "daemon::rests::tests::a_session_that_began_after_the_last_proof_is_anothers_and_gets_no_signal",
        || {
            let long_ago = clock::since_start();
            while clock::ticks(clock::since_start()) == clock::ticks(long_ago) {
                std::thread::yield_now();
            }
            let (leader, other, _output) = orphaned_session();
            let mut rests = rests();
            // As if another had reaped ours long ago, and the number had come round.
            let group = Group::of(other);
            ended(leader);
            rests.keep(JobId(0), leader, group, long_ago, None);
            rests.rests.get_mut(&leader).unwrap().group = None;
            for signal in [Signal::TERM, Signal::KILL] {
                rests.signal_others(leader, signal);
                assert_eq!(swept(&mut rests), [leader]);
                assert!(session::member(other, leader).lives());
            }
            // Neither is one whose number is a process's again.
            rests.release(leader);
            let new = own_pid().unwrap();
            assert_eq!(
                rests.keep(JobId(0), new, Group::of(new), clock::since_start(), None),
                Survivors::None
            );
            session::member(other, leader).signal(&[Signal::TERM]);
        },
    );
}

/// Runs a script of Python as a leader of a session that ends at once and leaves one process. Returns both, and the
/// input of the one that is left. Only for a test in a process of its own.
fn left_by(script: &str) -> (Pid, Pid, std::process::ChildStdin) {
    crate::sys::process::become_subreaper().unwrap();
    let script = format!(
        "import os, signal, sys, time\nif os.fork(): os._exit(0)\n{script}\nprint(os.getpid(), flush=True)\n\
         sys.stdin.readline()\n"
    );
    let mut command = std::process::Command::new("setsid");
    command.args(["python3", "-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let (leader, mut child) = start(&mut command);
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    while !reap::has_ended(leader) {
        std::thread::yield_now();
    }
    (leader, Pid::new(line.trim().parse().unwrap()).unwrap(), child.stdin.take().unwrap())
}

/// Leaves a zombie of its own in the group of the leader.
const ZOMBIE: &str =
    "zombie = os.fork() or os._exit(0)\nos.waitid(os.P_PID, zombie, os.WEXITED | os.WNOWAIT)\n";

#[test]
fn a_zombie_in_the_group_whose_parent_has_gone_elsewhere_holds_nothing_up() {
    if !with_python("a zombie whose parent has left its group") {
        return;
    }
    in_own_process(
        "daemon::rests::tests::a_zombie_in_the_group_whose_parent_has_gone_elsewhere_holds_nothing_up",
        || {
            let (leader, other, input) = left_by(&format!("{ZOMBIE}os.setsid()"));
            let (mut rests, group, before) = (rests(), Group::of(leader), clock::since_start());
            ended(leader);
            assert!(is_there(&rests.keep(JobId(0), leader, group, before, None)));
            rests.signal(leader, Signal::TERM);
            assert_eq!(swept(&mut rests), [leader]);
            assert!(session::member(other, other).lives());
            drop(input);
            ended(other);
        },
    );
}

#[test]
fn who_comes_into_the_group_when_that_has_been_killed_is_killed_too() {
    if !with_python("a process that comes into a group") {
        return;
    }
    in_own_process(
        "daemon::rests::tests::who_comes_into_the_group_when_that_has_been_killed_is_killed_too",
        || {
            let moves = "group = os.getpgid(0)\nos.setpgid(0, 0)\nprint(os.getpid(), flush=True)\n\
                         sys.stdin.readline()\nos.setpgid(0, group)\nsignal.pause()";
            let (leader, other, mut input) = left_by(&format!("{ZOMBIE}{moves}"));
            let (mut rests, group, before) = (rests(), Group::of(leader), clock::since_start());
            ended(leader);
            assert!(is_there(&rests.keep(JobId(0), leader, group, before, None)));
            rests.signal(leader, Signal::KILL);
            writeln!(input).unwrap();
            while session::member(other, leader).stat.is_none_or(|stat| stat.group != leader.as_raw()) {
                std::thread::yield_now();
            }
            while session::member(other, leader).lives() {
                rests.work(None);
            }
            assert_eq!(ended(other), Exit::Signal(Signal::KILL));
        },
    );
}

#[test]
fn a_zombie_in_another_group_holds_nothing_up() {
    in_own_process("daemon::rests::tests::a_zombie_in_another_group_holds_nothing_up", || {
        let (leader, other, mut output) = orphaned_session();
        let (mut rests, group, before) = (rests(), Group::of(leader), clock::since_start());
        ended(leader);
        assert!(is_there(&rests.keep(JobId(0), leader, group, before, None)));
        rests.signal(leader, Signal::TERM);
        assert_eq!(swept(&mut rests), []);
        output.read_to_end(&mut Vec::new()).unwrap();
        // Nobody reaps them; but who has closed his files is no zombie yet.
        while !session::names(leader).is_empty() {
            std::thread::yield_now();
        }
        assert!(is_there(&rests.look(leader, Detail::Whether, None)), "not seen yet");
        assert_eq!(swept(&mut rests), [leader]);
        assert!(!is_there(&rests.look(leader, Detail::Whether, None)));
        assert!(session::member(other, leader).stat.unwrap().zombie);
    });
}

#[test]
fn sigkill_is_repeated_as_long_as_scans_find_others_than_before() {
    in_own_process(
        "daemon::rests::tests::sigkill_is_repeated_as_long_as_scans_find_others_than_before",
        || {
            let (leader, other, mut output) = orphaned_session();
            let (mut rests, group, before) = (rests(), Group::of(leader), clock::since_start());
            ended(leader);
            rests.keep(JobId(0), leader, group, before, None);
            rests.signal(leader, Signal::KILL);
            let killed = |rests: &Rests| rests.rests[&leader].killed.clone();
            while killed(&rests).is_empty() || rests.more() {
                assert_eq!(rests.work(None), []);
            }
            assert!(killed(&rests).contains(&other));
            // What it had started meanwhile would be found by this one, which comes by itself.
            let again = rests.deadline().unwrap();
            assert!(rests.wanting.contains(&leader) && again >= rests.rested);
            assert_eq!(rests.begin(clock::now()).unwrap().asked[&leader], [Signal::KILL]);
            output.read_to_end(&mut Vec::new()).unwrap();
        },
    );
}

#[test]
fn all_that_was_asked_before_a_scan_is_answered_by_it_and_the_next_one_has_to_wait() {
    in_own_process(
        "daemon::rests::tests::all_that_was_asked_before_a_scan_is_answered_by_it_and_the_next_one_has_to_wait",
        || {
            let left: Vec<_> = (0..3).map(|_| orphaned_session()).collect();
            let mut rests = rests();
            for (leader, _, _) in &left {
                let (group, before) = (Group::of(*leader), clock::since_start());
                ended(*leader);
                rests.keep(JobId(0), *leader, group, before, None);
                rests.signal(*leader, Signal::TERM);
            }
            assert_eq!(rests.wanting.len(), 3);
            while rests.scan.is_none() && rests.wanted.is_some() {
                rests.work(None);
            }
            swept(&mut rests);
            assert_eq!((rests.wanting.len(), rests.deadline()), (0, None));
            for (leader, _, mut output) in left {
                output.read_to_end(&mut Vec::new()).unwrap();
                rests.look(leader, Detail::Whether, None);
            }
            let next = rests.deadline().unwrap();
            assert!(next == rests.rested || next <= clock::now());
        },
    );
}

#[test]
fn only_who_was_born_before_the_session_was_last_known_proves_it() {
    let (leader, own) = (Pid::new(40).unwrap(), Pid::new(7).unwrap());
    let second = 1_000_000_000;
    let rest = |leader_born| Rest {
        job: JobId(0),
        group: None,
        leader_born,
        ours: leader_born.is_none(),
        known_nanos: 5 * second,
        orders: Vec::new(),
        killing: false,
        killed: Vec::new(),
        left: None,
    };
    let ticks = clock::ticks(5 * second);
    let proves = |rest: &Rest, pid, born_ticks, parent| {
        let mut member = session::member(Pid::new(pid).unwrap(), leader);
        let (name, group, session) = (Vec::new(), 41, 40);
        member.stat = Some(Stat { name, zombie: false, parent, group, session, born_ticks });
        rest.proves(leader, &member, own)
    };
    let reaped = rest(None);
    assert!(proves(&reaped, 41, ticks - 1, 1) && !proves(&reaped, 41, ticks + 1, 7));
    // In the tick itself only an orphan that came to us does.
    assert!(proves(&reaped, 41, ticks, 7) && !proves(&reaped, 41, ticks, 1));
    assert!(!proves(&reaped, 40, ticks - 1, 7), "the number is a process's again");
    let foreign = rest(Some(99));
    assert!(proves(&foreign, 41, ticks - 1, 1) && !proves(&foreign, 41, ticks, 7));
    assert!(proves(&foreign, 40, 99, 1) && !proves(&foreign, 40, 98, 1));
}

#[test]
fn who_has_come_into_our_namespace_from_without_has_his_number_though_no_session_there() {
    if !as_root("a pid namespace") {
        return;
    }
    // The first process of the namespace, which has the session of the test outside.
    let test =
        "daemon::rests::tests::a_session_that_began_after_the_last_proof_is_anothers_and_gets_no_signal";
    let output = std::process::Command::new("unshare")
        .args(["--pid", "--fork", "--kill-child", "--mount-proc"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}
