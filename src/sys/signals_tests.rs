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
        for signal in (1..=LAST).filter(|signal| is_a_nuisance(*signal) && !is_real_time(*signal)) {
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
            assert_eq!(last_errno(), before);
            let both = [Caught::Signal(Signal::TERM), Caught::Overflow];
            let caught = read_until(&mut pipe, |caught| both.iter().all(|one| caught.contains(one)));
            assert_eq!(caught, both);
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

fn is_real_time(signal: c_int) -> bool {
    signal.cast_unsigned() >= REAL_TIME
}

/// A set of signals of this thread as /proc shows it.
fn shown(set: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(set)?.strip_prefix(':')).unwrap();
    u64::from_str_radix(line.trim(), 16).unwrap()
}

#[test]
fn what_is_blocked_for_good_stays_blocked_and_does_not_stay_queued() {
    const NAME: &str = "sys::signals::tests::what_is_blocked_for_good_stays_blocked_and_does_not_stay_queued";
    in_own_process(NAME, || {
        let real_time =
            (1..=LAST).filter(|signal| is_real_time(*signal)).fold(0, |set, signal| set | bit(signal));
        calls::set_mask(&Mask::FULL).unwrap();
        set_mask();
        // What would end a pmtr that has no handlers yet waits for them.
        let early = [libc::SIGHUP, libc::SIGUSR1, libc::SIGCHLD, libc::SIGTERM]
            .map(|signal| shown("SigBlk") & bit(signal) > 0);
        assert_eq!(early, [true, true, false, false]);
        let mut pipe = SignalPipe::install(&USED).unwrap();
        assert_eq!(shown("SigBlk"), real_time | bit(libc::SIGTTOU));
        // The mask comes back after the birth of a child, with the numbers that the C library reserves.
        drop(Blocked::new());
        assert_eq!(shown("SigBlk"), real_time | bit(libc::SIGTTOU));
        // SAFETY: takes nothing and cannot fail.
        let thread = unsafe { libc::gettid() };
        for signal in (1..=LAST).filter(|signal| is_real_time(*signal)) {
            // SAFETY: takes numbers.
            let sent = unsafe { libc::syscall(libc::SYS_tgkill, std::process::id(), thread, signal) };
            assert_eq!(sent, 0);
        }
        assert_eq!(shown("SigPnd"), real_time);
        let mut caught = Vec::new();
        assert!(!pipe.read(&mut caught) && caught.is_empty());
        assert_eq!(shown("SigPnd"), 0);
    });
}

#[test]
fn what_was_ignored_is_ignored_no_more() {
    in_own_process("sys::signals::tests::what_was_ignored_is_ignored_no_more", || {
        for signal in
            (1..REAL_TIME.cast_signed()).filter(|signal| ![libc::SIGKILL, libc::SIGSTOP].contains(signal))
        {
            // SAFETY: to ignore a signal runs no code.
            unsafe { libc::signal(signal, libc::SIG_IGN) };
        }
        let _pipe = SignalPipe::install(&USED).unwrap();
        assert_eq!(shown("SigIgn"), 0);
        assert_eq!(to_reset(), USED.iter().fold(0, |set, signal| set | bit(signal.0)));
    });
}

#[test]
fn a_child_signal_that_names_nobody_says_that_children_were_lost() {
    in_own_process(
        "sys::signals::tests::a_child_signal_that_names_nobody_says_that_children_were_lost",
        || {
            let mut pipe = SignalPipe::install(&USED).unwrap();
            // SAFETY: all zeroes are a valid siginfo: from nobody.
            let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
            (info.si_signo, info.si_code) = (libc::SIGCHLD, libc::SI_QUEUE);
            // SAFETY: the kernel reads one siginfo.
            let sent = unsafe {
                libc::syscall(libc::SYS_rt_sigqueueinfo, std::process::id(), libc::SIGCHLD, &raw const info)
            };
            assert_eq!(sent, 0);
            assert_eq!(read_until(&mut pipe, |caught| !caught.is_empty()), [Caught::Overflow]);
        },
    );
}
