//! What a helper is given that no job has: its input, further descriptors, a umask of its own.

use super::*;
use crate::model::Words;
use crate::sys::child_spec::{Identity, Passed};
use std::io::Write;

#[test]
fn a_helper_gets_its_own_arguments_variables_input_descriptors_and_umask() {
    let mut bench = Bench::new();
    bench.spawner.environment = [c"A=ours", c"B=ours"].map(CString::from).into();
    // The shell shows what it was given; it reads its input first, and so waits for us.
    let script = "cat; echo $0 $A $B; umask; pwd; echo 3 >&3; echo 9 >&9; ls /proc/$$/fd";
    let (argv, env) = (Words::from(["helper", "-c", script]), Words::from(["A=own"]));
    let attributes = Attributes { umask: Some(0o027), ..Attributes::default() };
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
            input: Stdio::Pipe(input.as_fd()),
            out: Stdio::Pipe(out.as_fd()),
            err: Stdio::Pipe(out.as_fd()),
            passed: &passed,
            ..ChildSpec::new(c"/bin/sh", argv.texts(), &attributes)
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
    let (argv, plain) = (Words::from(["cat", "/dev/stdin"]), Attributes::default());
    let (input, mut to_input) = io::pipe().unwrap();
    let (from_out, out) = io::pipe().unwrap();
    let child = ChildSpec {
        input: Stdio::Pipe(input.as_fd()),
        out: Stdio::Pipe(out.as_fd()),
        identity: Identity { user: Some(c"daemon") },
        ..ChildSpec::new(c"/bin/cat", argv.texts(), &plain)
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
    let (argv, plain, stdin) = (Words::from(["true"]), Attributes::default(), io::stdin());
    for number in [0, 2, 10, 255] {
        let passed = [Passed { number, fd: stdin.as_fd() }];
        let child = ChildSpec { passed: &passed, ..ChildSpec::new(c"/bin/true", argv.texts(), &plain) };
        for way in both() {
            let error = bench.spawner.spawn(&child, way).unwrap_err();
            assert_eq!(error, SpawnError { stage: Stage::Prepare, errno: Errno(libc::EBADF) });
        }
    }
    assert_eq!(bench.spawner.slots_used(), 0);
}
