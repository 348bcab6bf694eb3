use super::super::testing::{in_own_process, start};
use super::*;

const USED: [Signal; 6] = [
    Signal(libc::SIGCHLD),
    Signal(libc::SIGTERM),
    Signal(libc::SIGINT),
    Signal(libc::SIGQUIT),
    Signal(libc::SIGHUP),
    Signal(libc::SIGUSR1),
];

fn send_to_self(signal: c_int) {
    let own = super::super::process::own_pid().unwrap();
    // SAFETY: takes numbers.
    unsafe { libc::kill(own.as_raw(), signal) };
}

/// Reads until `enough`; the pipe says when there is something.
fn read_until(pipe: &mut SignalPipe, enough: impl Fn(&[Caught]) -> bool) -> Vec<Caught> {
    let mut caught = Vec::new();
    while !enough(&caught) {
        let mut one = libc::pollfd { fd: pipe.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one pollfd, as told.
        unsafe { libc::poll(&mut one, 1, 10_000) };
        pipe.read(&mut caught);
    }
    caught
}

#[test]
fn a_signal_comes_through_the_pipe_and_a_child_with_its_pid() {
    in_own_process("sys::signals::tests::a_signal_comes_through_the_pipe_and_a_child_with_its_pid", || {
        let mut pipe = SignalPipe::install(&USED).unwrap();
        send_to_self(libc::SIGTERM);
        let term = Caught::Signal(Signal::TERM);
        assert_eq!(read_until(&mut pipe, |caught| caught.contains(&term)), [term]);
        let (pid, _) = start(&mut std::process::Command::new("/bin/true"));
        let ended = Caught::Child(pid);
        assert_eq!(read_until(&mut pipe, |caught| caught.contains(&ended)), [ended]);
    });
}

#[test]
fn no_signal_without_a_meaning_ends_the_process() {
    in_own_process("sys::signals::tests::no_signal_without_a_meaning_ends_the_process", || {
        let mut pipe = SignalPipe::install(&USED).unwrap();
        for signal in (1..=LAST).filter(|signal| is_a_nuisance(*signal)) {
            send_to_self(signal);
        }
        let hup = Caught::Signal(Signal(libc::SIGHUP));
        assert!(read_until(&mut pipe, |caught| caught.contains(&hup)).len() <= 2);
    });
}

#[test]
fn a_full_pipe_loses_no_signal_and_says_that_children_were_lost() {
    in_own_process(
        "sys::signals::tests::a_full_pipe_loses_no_signal_and_says_that_children_were_lost",
        || {
            let mut pipe = SignalPipe::install(&USED).unwrap();
            let fill = [0_u8; 65_536];
            // SAFETY: pointer and length belong to one array.
            let filled = unsafe { libc::write(PIPE.load(SeqCst), fill.as_ptr().cast(), fill.len()) };
            assert_eq!(filled, 65_536);
            let before = last_errno();
            // Handled before kill returns, as the signal is not blocked and there is one thread that would take it.
            send_to_self(libc::SIGTERM);
            send_to_self(libc::SIGCHLD);
            let both = [Caught::Signal(Signal::TERM), Caught::Overflow];
            let caught = read_until(&mut pipe, |caught| both.iter().all(|one| caught.contains(one)));
            assert_eq!((caught.as_slice(), last_errno()), (&both[..], before));
        },
    );
}

#[test]
fn one_read_takes_a_bounded_number_of_records() {
    in_own_process("sys::signals::tests::one_read_takes_a_bounded_number_of_records", || {
        let mut pipe = SignalPipe::install(&USED).unwrap();
        let fill = 7_i32.to_ne_bytes().repeat(BUDGET_BYTES / RECORD_BYTES);
        // SAFETY: pointer and length belong to one vector.
        unsafe { libc::write(PIPE.load(SeqCst), fill.as_ptr().cast(), fill.len()) };
        let mut caught = Vec::new();
        assert!(pipe.read(&mut caught));
        assert_eq!(caught.len(), BUDGET_BYTES / RECORD_BYTES);
        caught.clear();
        assert!(!pipe.read(&mut caught) && caught.is_empty());
    });
}
