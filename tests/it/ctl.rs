//! pmtr-ctl, with a socket of the test in the place of pmtr.

use crate::support::{Dir, PATIENCE, kill, output, root_or_skip};
use crate::wrapped::{behind, tool_or_skip};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

const CTL: &str = env!("CARGO_BIN_EXE_pmtr-ctl");

fn ctl(arguments: &[&str]) -> (Option<i32>, String, String) {
    output(Command::new(CTL).args(arguments))
}

/// What a pmtr does, as far as somebody who asks can tell.
struct Pmtr {
    port: String,
    heard: JoinHandle<Vec<String>>,
}

impl Pmtr {
    /// For each message that is to come, the datagrams that are its answer.
    fn at(address: &str, answers: &[&[&[u8]]]) -> Pmtr {
        let socket = UdpSocket::bind((address, 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let port = socket.local_addr().unwrap().port().to_string();
        let answers: Vec<Vec<Vec<u8>>> =
            answers.iter().map(|datagrams| datagrams.iter().map(|d| d.to_vec()).collect()).collect();
        let heard = spawn(move || {
            let mut heard = Vec::new();
            for datagrams in answers {
                let (message, from) = receive(&socket);
                heard.push(message);
                datagrams.iter().for_each(|datagram| assert!(socket.send_to(datagram, from).is_ok()));
            }
            heard
        });
        Pmtr { port, heard }
    }

    fn new(answers: &[&[&[u8]]]) -> Pmtr {
        Pmtr::at("127.0.0.1", answers)
    }

    /// What has come, when all has come.
    fn heard(self) -> Vec<String> {
        self.heard.join().unwrap()
    }
}

fn receive(socket: &UdpSocket) -> (String, SocketAddr) {
    let mut buffer = [0; 65_536];
    let (length, from) = socket.recv_from(&mut buffer).unwrap();
    (String::from_utf8_lossy(&buffer[..length]).into_owned(), from)
}

/// A port at which nobody listens: that of a socket which is connected elsewhere, so that nobody else gets it.
fn refusing() -> (UdpSocket, String) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(other.local_addr().unwrap()).unwrap();
    let port = socket.local_addr().unwrap().port().to_string();
    (socket, port)
}

#[test]
fn what_is_done_is_shown_and_ends_with_zero() {
    let pmtr = Pmtr::new(&[&[b"enabled a b\n"]]);
    let (status, out, err) = ctl(&["enable", "a", "-p", &pmtr.port, "b"]);
    assert_eq!((status, out.as_str(), err.as_str()), (Some(0), "enabled a b\n", ""));
    assert_eq!(pmtr.heard(), ["enable a b"]);
}

#[test]
fn both_verbs_go_in_one_message() {
    let pmtr = Pmtr::new(&[&[b"enabled a\ndisabled b c\n"]]);
    let (status, out, _) = ctl(&["-p", &pmtr.port, "enable", "a", "disable", "b", "c"]);
    assert_eq!((status, out.as_str()), (Some(0), "enabled a\ndisabled b c\n"));
    assert_eq!(pmtr.heard(), ["enable a disable b c"]);
}

#[test]
fn a_name_that_pmtr_does_not_know_ends_with_four() {
    let pmtr = Pmtr::new(&[&[b"disabled a\nunknown b\n"]]);
    let (status, out, err) = ctl(&["-p", &pmtr.port, "disable", "a", "b"]);
    assert_eq!((status, out.as_str(), err.as_str()), (Some(4), "disabled a\nunknown b\n", ""));
}

#[test]
fn where_nobody_listens_it_says_what_to_look_at() {
    let (_socket, port) = refusing();
    let (status, out, err) = ctl(&["-p", &port, "enable", "a"]);
    let place = format!("udp://127.0.0.1:{port}");
    let text = format!(
        "pmtr-ctl: nobody listens on {place}: is pmtr running, and does its file have the line \"listen on {place}\"?\n"
    );
    assert_eq!((status, out, err), (Some(1), String::new(), text));
}

#[test]
fn silence_ends_with_six_after_two_seconds() {
    let pmtr = Pmtr::new(&[&[]]);
    let begin = Instant::now();
    let (status, out, err) = ctl(&["-p", &pmtr.port, "enable", "a"]);
    let first = format!("pmtr-ctl: no answer from udp://127.0.0.1:{} within 2 seconds", pmtr.port);
    assert_eq!((status, out.as_str(), err.lines().next()), (Some(6), "", Some(first.as_str())));
    assert!(begin.elapsed() >= Duration::from_secs(2));
    assert!(err.contains("never answers") && err.contains("firewall"), "{err}");
}

#[test]
fn what_is_no_answer_to_the_question_is_waited_over() {
    let wrong: &[&[u8]] = &[
        &[b'x'; 9_000],
        b"",
        b"\n",
        b"\xff\xfe\x00",
        b"enable a",
        b"enabled a",
        b"enabled b\n",
        b"disabled a\n",
        b"enabled a b\n",
        b"enabled a\nand more\n",
        b"unknown a\nenabled a\n",
        b"enabled a a\n",
    ];
    let pmtr = Pmtr::new(&[&[wrong, &[b"enabled a\n"]].concat()]);
    let (status, out, err) = ctl(&["-vp", &pmtr.port, "enable", "a"]);
    assert_eq!((status, out.as_str()), (Some(0), "enabled a\n"));
    let ignored: Vec<&str> = err.lines().filter(|line| line.contains("ignored")).collect();
    assert_eq!(ignored.len(), 6, "{err}");
    assert_eq!(
        ignored[0],
        format!("pmtr-ctl: ignored a datagram that is not the answer: {}...", "x".repeat(200))
    );
    assert_eq!(
        ignored[5],
        format!("pmtr-ctl: ignored {} more datagrams that are not the answer", wrong.len() - 5)
    );
    assert!(!err.contains('\0'), "{err:?}");
}

#[test]
fn garbage_without_end_makes_it_neither_wait_longer_nor_say_more() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let port = socket.local_addr().unwrap().port().to_string();
    let over = Arc::new(AtomicBool::new(false));
    let ends = over.clone();
    let flood = spawn(move || {
        let (_, from) = receive(&socket);
        socket.connect(from).unwrap();
        while !ends.load(Ordering::Relaxed) {
            // Refused as soon as pmtr-ctl has gone.
            let _ = socket.send(b"nonsense\n");
        }
    });
    let (status, out, err) = ctl(&["-vp", &port, "enable", "a"]);
    over.store(true, Ordering::Relaxed);
    flood.join().unwrap();
    assert_eq!((status, out.as_str()), (Some(6), ""));
    let shown = err.lines().filter(|line| line.ends_with("no answer to that: nonsense?")).count();
    assert!(shown <= 5 && err.len() < 2_000, "{err}");
}

#[test]
fn a_signal_that_interrupts_the_wait_does_not_end_it() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let port = socket.local_addr().unwrap().port().to_string();
    let mut child =
        Command::new(CTL).args(["-p", &port, "enable", "a"]).stdout(Stdio::null()).spawn().unwrap();
    let (_, from) = receive(&socket);
    let pid = i32::try_from(child.id()).unwrap();
    kill(pid, "STOP");
    kill(pid, "CONT");
    socket.send_to(b"enabled a\n", from).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// Thirty names that fill about five messages, and what they become.
fn many() -> Vec<String> {
    (0..30).map(|i| format!("{i:0200}")).collect()
}

#[test]
fn what_is_too_long_for_one_packet_goes_in_several_one_behind_the_other() {
    let names = many();
    let parts: Vec<String> = names.chunks(6).map(|chunk| chunk.join(" ")).collect();
    let answers: Vec<Vec<u8>> = parts.iter().map(|part| format!("enabled {part}\n").into_bytes()).collect();
    let datagrams: Vec<Vec<&[u8]>> = answers.iter().map(|answer| vec![&answer[..]]).collect();
    let pmtr = Pmtr::new(&datagrams.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let line: Vec<&str> =
        ["-p", &pmtr.port, "enable"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let (status, out, err) = ctl(&line);
    assert_eq!((status, out.lines().count(), err.as_str()), (Some(0), 5, ""));
    assert_eq!(out.as_bytes(), answers.concat());
    let expected: Vec<String> = parts.iter().map(|part| format!("enable {part}")).collect();
    assert_eq!(pmtr.heard(), expected);
}

#[test]
fn a_failure_midway_says_what_was_not_asked_for() {
    let names = many();
    let parts: Vec<String> = names.chunks(6).map(|chunk| chunk.join(" ")).collect();
    let answer = format!("enabled {}\n", parts[0]);
    // Silence to the second message: the other three are not sent.
    let pmtr = Pmtr::new(&[&[answer.as_bytes()], &[]]);
    let line: Vec<&str> =
        ["-p", &pmtr.port, "enable"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let (status, out, err) = ctl(&line);
    assert_eq!((status, out.as_str()), (Some(6), answer.as_str()));
    let expected = format!(
        "pmtr-ctl: not answered:\n    enable {}\n\
         pmtr-ctl: not sent because of that:\n    enable {}\n    enable {}\n    enable {}\n",
        parts[1], parts[2], parts[3], parts[4]
    );
    assert!(err.ends_with(&expected), "{err}");
    // Nobody there from the beginning: none of them was heard.
    let (_socket, port) = refusing();
    let line: Vec<&str> = ["-p", &port, "enable"].into_iter().chain(line[3..].iter().copied()).collect();
    let (status, _, err) = ctl(&line);
    assert_eq!(status, Some(1));
    assert!(!err.contains("not answered:"), "{err}");
    assert_eq!(err.lines().filter(|line| line.starts_with("    enable 0")).count(), 5, "{err}");
}

#[test]
fn a_name_is_looked_up_and_each_of_its_addresses_is_tried() {
    // Where localhost is ::1 first, nobody listens there.
    let pmtr = Pmtr::new(&[&[b"enabled a\n"]]);
    let (status, out, err) = ctl(&["-s", "localhost", "-p", &pmtr.port, "enable", "a"]);
    assert_eq!((status, out.as_str(), err.as_str()), (Some(0), "enabled a\n", ""));
    let (status, out, err) = ctl(&["-s", "no-such-host.invalid", "enable", "a"]);
    assert_eq!((status, out.as_str()), (Some(1), ""));
    assert!(err.starts_with("pmtr-ctl: can't find the address of no-such-host.invalid: "), "{err}");
}

#[test]
fn an_address_may_be_of_version_six_with_brackets_and_without() {
    if UdpSocket::bind("[::1]:0").is_err() {
        eprintln!("skipped: this machine has no IPv6");
        return;
    }
    for host in ["::1", "[::1]"] {
        let pmtr = Pmtr::at("::1", &[&[b"disabled a\n"]]);
        let (status, out, err) = ctl(&["-v", "-s", host, "-p", &pmtr.port, "disable", "a"]);
        assert_eq!((status, out.as_str()), (Some(0), "disabled a\n"));
        assert!(err.contains(&format!("sent to udp://[::1]:{} from udp://[::1]:", pmtr.port)), "{err}");
    }
}

#[test]
fn in_the_name_of_a_group_any_member_answers() {
    if !root_or_skip("a multicast group") || !tool_or_skip("ip", "a multicast group") {
        return;
    }
    let network = "ip link set lo up; ip link set lo multicast on; ip route add 239.0.0.0/8 dev lo";
    if output(Command::new("unshare").args(["--net", "/bin/sh", "-ec", network])).0 != Some(0) {
        eprintln!("skipped: a multicast group needs a network namespace");
        return;
    }
    let config = "listen on udp://239.0.0.8:10000\njob {\n name a\n cmd /bin/sleep 1000\n}\n";
    let script = format!("{network}; exec PMTR -F -c CONF");
    let mut pmtr = behind(Dir::new(), config, &["unshare", "--net"], &script);
    pmtr.wait("listening on udp://239.0.0.8:10000");
    let pid = pmtr.pid().to_string();
    let run = |arguments: &[&str]| {
        output(Command::new("nsenter").args(["--target", &pid, "--net", CTL]).args(arguments))
    };
    assert_eq!(run(&["-s", "239.0.0.8", "disable", "a"]), (Some(0), "disabled a\n".into(), String::new()));
    let (status, out, err) = run(&["-v", "-s", "239.0.0.8", "enable", "a", "b"]);
    assert_eq!((status, out.as_str()), (Some(4), "enabled a\nunknown b\n"));
    assert!(err.ends_with("pmtr-ctl: answered by udp://127.0.0.1:10000\n"), "{err}");
    let (status, out, err) = run(&["-s", "239.0.0.9", "enable", "a"]);
    assert_eq!((status, out.as_str()), (Some(6), ""));
    assert!(err.starts_with("pmtr-ctl: no answer from the group udp://239.0.0.9:10000 within"), "{err}");
}

#[test]
fn a_broadcast_address_is_said_not_to_be_supported() {
    for address in ["127.255.255.255", "255.255.255.255"] {
        let (status, out, err) = ctl(&["-s", address, "enable", "a"]);
        let begin = format!("pmtr-ctl: can't ask udp://{address}:10000: this is a broadcast address, which");
        assert_eq!((status, out.as_str()), (Some(1), ""));
        assert!(err.starts_with(&begin), "{err}");
    }
}

#[test]
fn verbose_tells_what_is_sent_from_where_and_to_where() {
    let pmtr = Pmtr::new(&[&[b"enabled a\n"]]);
    let (status, out, err) = ctl(&["-v", "-p", &pmtr.port, "enable", "a"]);
    assert_eq!((status, out.as_str(), err.lines().count()), (Some(0), "enabled a\n", 1));
    let begin = format!("pmtr-ctl: sent to udp://127.0.0.1:{} from udp://127.0.0.1:", pmtr.port);
    assert!(err.starts_with(&begin) && err.ends_with(": enable a\n"), "{err}");
}

#[test]
fn an_answer_cannot_command_the_terminal() {
    let pmtr = Pmtr::new(&[&[b"enabled a\xff\n", b"enabled a\n"]]);
    assert_eq!(ctl(&["-vp", &pmtr.port, "enable", "a"]).1, "enabled a\n");
    let name = "caf\u{e9}";
    let pmtr = Pmtr::new(&[&[format!("unknown {name}\n").as_bytes()]]);
    assert_eq!(ctl(&["-p", &pmtr.port, "enable", name]).1, format!("unknown {name}\n"));
}

#[test]
fn a_reader_that_has_gone_changes_nothing() {
    for (redirection, status) in [(">&-", 4), ("2>&-", 4), (">/dev/full 2>/dev/full", 4)] {
        let pmtr = Pmtr::new(&[&[b"unknown a\n"]]);
        let script = format!("exec '{CTL}' -v -p {} enable a {redirection}", pmtr.port);
        let ended = Command::new("/bin/sh").args(["-c", &script]).stdin(Stdio::null()).output().unwrap();
        assert_eq!(ended.status.code(), Some(status), "{redirection}");
    }
}

#[test]
fn wrong_usage_is_told_with_the_usage_and_status_two() {
    let usage = "usage: pmtr-ctl [-vh] [-s HOST] [-p PORT] [--version] enable|disable JOB...";
    for (arguments, text) in [
        (&["-p", "0", "enable", "a"][..], "option -p: 0 is not a port: expected a number from 1 to 65535"),
        (&["-v"], "missing command: expected enable or disable, then names of jobs"),
        (&["web"], "web is not a command: expected enable or disable, then names of jobs"),
        (&["enable"], "enable names no job: expected at least one after it"),
        (&["-x"], "unknown option -x"),
    ] {
        let (status, out, err) = ctl(arguments);
        assert_eq!((status, out.as_str()), (Some(2), ""), "{arguments:?}");
        assert_eq!(err, format!("pmtr-ctl: {text}\n{usage}\n"));
    }
}

#[test]
fn without_arguments_it_explains_itself() {
    let (status, out, err) = ctl(&[]);
    assert_eq!((status, err.as_str()), (Some(2), ""));
    for part in [
        "usage: pmtr-ctl",
        "listen on udp://127.0.0.1:10000",
        "Every user of this machine",
        "pmtr-ctl enable web",
        "Exit status:",
    ] {
        assert!(out.contains(part), "{out}");
    }
    assert_eq!(ctl(&["--help"]), (Some(0), out.clone(), String::new()));
    assert_eq!(ctl(&["enable", "a", "-h"]), (Some(0), out, String::new()));
    let version = format!("pmtr-ctl {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(ctl(&["--version"]), (Some(0), version, String::new()));
}
