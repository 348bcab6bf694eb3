//! Reports and commands over real sockets, all of them on the loopback interface.

use crate::support::{Dir, PATIENCE, PMTR, Pmtr, Report, kill, output, probe, wait_until};
use crate::wrapped::{behind, tool_or_skip};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A socket of the test's own.
pub fn socket(address: impl Into<IpAddr>) -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((address.into(), 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// A loopback address that no other test has: whatever port is free there stays free.
pub fn own_ip() -> IpAddr {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let [_, high, low, _] = std::process::id().wrapping_mul(0x9e37_79b1).to_be_bytes();
    let [.., count] = COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    // Neither 127.0.0.1 nor the highest address of the network.
    [127, high | 1, low & 0x7f, count].into()
}

/// An address and port where nobody is yet.
pub fn own_address() -> SocketAddr {
    socket(own_ip()).1
}

fn receive(socket: &UdpSocket) -> String {
    let mut buffer = vec![0; 65_536];
    // With a time limit, whatever stops this process for a moment interrupts the call.
    let bytes = loop {
        match socket.recv(&mut buffer) {
            Err(why) if why.kind() == std::io::ErrorKind::Interrupted => {}
            Err(why) => panic!("nothing came: {why}"),
            Ok(bytes) => break bytes,
        }
    };
    buffer.truncate(bytes);
    String::from_utf8(buffer).unwrap()
}

/// Sends a command and returns the answer.
fn ask(to: SocketAddr, command: &str) -> String {
    let (asker, _) = socket(if to.is_ipv4() { own_ip() } else { to.ip() });
    asker.connect(to).unwrap();
    asker.send(command.as_bytes()).unwrap();
    receive(&asker)
}

fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim_end().to_owned()
}

fn job(name: &str) -> String {
    format!("job {{\n name {name}\n cmd /bin/sleep 1000\n}}\n")
}

/// The inode of the UDP socket with this address on our side or the other.
fn inode(address: SocketAddr) -> Option<String> {
    let SocketAddr::V4(v4) = address else { panic!("only IPv4") };
    let hex = format!("{:08X}:{:04X}", u32::from_ne_bytes(v4.ip().octets()), v4.port());
    let table = std::fs::read_to_string("/proc/net/udp").unwrap();
    let lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut found = lines.filter(|fields| fields[1] == hex || fields[2] == hex);
    found.next().map(|fields| fields[9].to_owned())
}

#[test]
fn a_report_tells_each_job_at_the_start_and_soon_after_a_command() {
    let (v4, v4_address) = socket(own_ip());
    let mut receivers = vec![(v4, format!("udp://{v4_address}"), String::new())];
    match UdpSocket::bind("[::1]:0") {
        Ok(v6) => {
            v6.set_read_timeout(Some(PATIENCE)).unwrap();
            let address = v6.local_addr().unwrap();
            receivers.push((v6, format!("udp://{address}@lo"), " ::1".into()));
        }
        Err(_) => eprintln!("skipped: a report to IPv6 needs it"),
    }
    let to: String = receivers.iter().map(|(_, url, _)| format!("report to {url}\n")).collect();
    let listener = own_address();
    let (a, b, off) = (job("a"), job("b"), job("off").replace("name", "disable\n name"));
    let once = "job {\n name once\n cmd /bin/true\n once\n}\n";
    let mut pmtr = Pmtr::start(&format!("{a}{b}{off}{to}listen on udp://{listener}\n"));
    let (a, b) = (pmtr.started("a"), pmtr.started("b"));
    let exact = |report: &str, interface: &str, rest: &str| {
        // How long a job has been running depends on the machine.
        let seconds = |line: usize| {
            let seconds = report.lines().nth(line).and_then(|line| line.split(' ').nth(2)).unwrap();
            assert!(seconds.parse::<u32>().is_ok_and(|seconds| seconds < 60), "{report}");
            seconds
        };
        let b_and_rest = rest.replace("SECONDS", seconds(2));
        let host = host();
        let a = format!("a e {} {a} /bin/sleep", seconds(1));
        assert_eq!(report, format!("report {host}{interface}\n{a}\n{b_and_rest}"));
    };
    for (socket, _, interface) in &receivers {
        let rest = format!("b e SECONDS {b} /bin/sleep\noff d 0 0 /bin/sleep\n");
        exact(&receive(socket), interface, &rest);
    }
    let asked = Instant::now();
    assert_eq!(ask(listener, "disable b"), "disabled b\n");
    pmtr.wait(&format!("job b {b} exited"));
    for (socket, _, interface) in &receivers {
        exact(&receive(socket), interface, "b d 0 0 /bin/sleep\noff d 0 0 /bin/sleep\n");
    }
    // Not the one that comes every ten seconds.
    assert!(asked.elapsed() < Duration::from_secs(6));
    // A finished job is not told of, and one that is new is, by a report when a destination is new.
    let (other, address) = socket(own_ip());
    pmtr.save(&format!("{}{once}report to udp://{address}\n", job("c")));
    let c = pmtr.started("c");
    pmtr.wait("job once ");
    let reports = std::iter::repeat_with(|| receive(&other));
    let last = reports.take(3).find(|report| !report.contains("\nonce ")).unwrap();
    assert!(last.lines().nth(1).unwrap().starts_with("c e ") && last.contains(&format!(" {c} /bin/sleep\n")));
}

#[test]
fn any_number_of_listeners_and_destinations_are_served() {
    let listeners: Vec<SocketAddr> = (0..20).map(|_| own_address()).collect();
    let receivers: Vec<(UdpSocket, SocketAddr)> = (0..20).map(|_| socket(own_ip())).collect();
    let lines = |verb: &str, address: &SocketAddr| format!("{verb} udp://{address}\n");
    let mut config: String = listeners.iter().map(|address| lines("listen on", address)).collect();
    config.extend(receivers.iter().map(|(_, address)| lines("report to", address)));
    config += &job("a");
    config += &format!("job {{\n name probe\n cmd {} DIR/report\n}}\n", probe().display());
    let mut pmtr = Pmtr::start(&config);
    pmtr.started("a");
    for (receiver, _) in &receivers {
        assert!(receive(receiver).starts_with(&format!("report {}\na e ", host())));
    }
    for listener in &listeners {
        assert_eq!(ask(*listener, "enable a"), "enabled a\n");
    }
    // None of them reaches a job.
    assert_eq!(Report::read(&pmtr.dir.join("report")).get("fds"), "[0, 1, 2]");
    assert_eq!(pmtr.stop().code(), Some(0));
    assert_eq!(inode(listeners[0]), None);
    // The first reads what the others can be asked about: whether they are taken.
    for listener in &listeners {
        UdpSocket::bind(listener).unwrap();
    }
}

#[test]
fn a_command_does_what_it_says_and_is_answered_in_its_own_words() {
    let listener = own_address();
    let config = format!("{}{}{}listen on udp://{listener}\n", job("a"), job("b"), job("c"));
    let mut pmtr = Pmtr::start(&config);
    let (a, b, c) = (pmtr.started("a"), pmtr.started("b"), pmtr.started("c"));
    assert_eq!(ask(listener, "enable a b disable c"), "enabled a b\ndisabled c\n");
    pmtr.wait("job c disabled by command");
    pmtr.wait(&format!("job c {c} exited"));
    for (command, answer) in [
        ("disable c", "disabled c\n"),
        ("\tenable\n a\r\n\n b  ", "enabled a b\n"),
        ("enable nosuch a", "enabled a\nunknown nosuch\n"),
        ("disable x enable y disable z z", "unknown x\nunknown y\nunknown z z\n"),
        ("enable b enable a", "enabled b a\n"),
    ] {
        assert_eq!(ask(listener, command), answer, "{command:?}");
    }
    pmtr.wait("no such job: nosuch");
    let (asker, address) = socket(own_ip());
    // Neither is answered: the first answer is that to the last message.
    for message in ["", "a b", "enabled a", "enable \0", "enable", "enable a"] {
        asker.send_to(message.as_bytes(), listener).unwrap();
    }
    assert_eq!(receive(&asker), "enabled a\n");
    // One line a second at most tells of what was of no use; the rest is counted.
    pmtr.wait(&format!(" no such job, the last from {address}"));
    // What the file says counts again as soon as it is saved.
    assert!(!pmtr.has("job c enabled by command"));
    pmtr.save(&format!("{config}# saved\n"));
    pmtr.started("c");
    pmtr.settle();
    assert!([a, b].into_iter().all(crate::support::alive));
}

#[test]
fn a_message_that_is_no_command_is_complained_of_and_not_answered() {
    let listener = own_address();
    let mut pmtr = Pmtr::start(&format!("{}listen on udp://{listener}\n", job("a")));
    pmtr.started("a");
    let (asker, address) = socket(own_ip());
    asker.send_to(b"a enable", listener).unwrap();
    pmtr.wait(&format!("invalid control msg from {address}"));
    asker.send_to(b"enable a", listener).unwrap();
    assert_eq!(receive(&asker), "enabled a\n");
}

#[test]
fn a_reload_keeps_the_sockets_of_what_is_unchanged_and_a_bad_file_keeps_all() {
    let (kept, gone, new) = (own_address(), own_address(), own_address());
    let (_receiver, reported) = socket(own_ip());
    let config = |listeners: [SocketAddr; 2], reported: SocketAddr| {
        let [one, two] = listeners;
        format!("{}listen on udp://{one}\nlisten on udp://{two}\nreport to udp://{reported}\n", job("a"))
    };
    // The test's own socket to which is reported has this address as well.
    let ours = inode(reported).unwrap();
    let sender_of = |reported: SocketAddr| {
        let SocketAddr::V4(v4) = reported else { panic!("only IPv4") };
        let hex = format!(" {:08X}:{:04X} 01 ", u32::from_ne_bytes(v4.ip().octets()), v4.port());
        let table = std::fs::read_to_string("/proc/net/udp").unwrap();
        let line = table.lines().find(|line| line.contains(&hex)).map(str::to_owned);
        line.map(|line| line.split_whitespace().nth(9).unwrap().to_owned())
    };
    let mut pmtr = Pmtr::start(&config([kept, gone], reported));
    pmtr.started("a");
    let before = (inode(kept).unwrap(), sender_of(reported).unwrap());
    assert_ne!(before.1, ours);
    let of_pmtr = |pmtr: &Pmtr| -> BTreeSet<String> {
        let fds = std::fs::read_dir(format!("/proc/{}/fd", pmtr.pid())).unwrap();
        let links = fds.filter_map(|fd| std::fs::read_link(fd.unwrap().path()).ok());
        links.map(|link| link.to_string_lossy().into_owned()).collect()
    };
    assert!(of_pmtr(&pmtr).contains(&format!("socket:[{}]", before.0)));
    pmtr.save(&config([new, kept], reported));
    pmtr.wait(&format!("listening on udp://{new}"));
    pmtr.settle();
    assert_eq!((inode(kept).unwrap(), sender_of(reported).unwrap()), before);
    assert_eq!(inode(gone), None);
    assert_eq!(pmtr.count(&format!("listening on udp://{kept}")), 1);
    let all = (inode(kept), inode(new), sender_of(reported));
    pmtr.save("job {\n nonsense\n");
    pmtr.wait("NOTE: using PREVIOUS job config");
    assert_eq!((inode(kept), inode(new), sender_of(reported)), all);
    assert_eq!([kept, new].map(|listener| ask(listener, "enable a")), ["enabled a\n"; 2]);
    pmtr.save(&job("b"));
    pmtr.started("b");
    pmtr.settle();
    assert_eq!((inode(kept), inode(new), sender_of(reported)), (None, None, None));
}

#[test]
fn a_port_that_is_taken_is_said_once_and_opened_when_it_is_free() {
    let (holder, taken) = socket(own_ip());
    let config = format!("{}listen on udp://{taken}\n", job("a"));
    // To look at a file opens nothing.
    let dir = Dir::new();
    let file = dir.write("pmtr.conf", &config);
    assert_eq!(output(Command::new(PMTR).arg("-tc").arg(file)).0, Some(0));
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    pmtr.wait(&format!("can't listen on udp://{taken}: Address already in use; trying again within 10 sec"));
    // No job waits for that, and a file that says the same brings nothing new to be said.
    let a = pmtr.started("a");
    pmtr.save(&format!("{config}# saved\n"));
    pmtr.wait("pmtr: managing 1 jobs");
    kill(a, "KILL");
    pmtr.wait(&format!("job a {a} exited"));
    drop(holder);
    pmtr.wait(&format!("listening on udp://{taken}"));
    assert_eq!(ask(taken, "disable a"), "disabled a\n");
    assert_eq!(pmtr.count("can't listen"), 1);
}

#[test]
fn a_destination_that_refuses_is_told_of_once_and_once_more_when_it_is_back() {
    let address = own_address();
    let mut pmtr = Pmtr::start(&format!("{}report to udp://{address}\n", job("a")));
    pmtr.wait(&format!("can't report to udp://{address}: Connection refused"));
    pmtr.rewind().started("a");
    let receiver = UdpSocket::bind(address).unwrap();
    receiver.set_read_timeout(Some(PATIENCE)).unwrap();
    for _ in 0..2 {
        assert!(receive(&receiver).starts_with("report "));
    }
    pmtr.wait(&format!("reporting to udp://{address} again"));
    assert_eq!(pmtr.count("can't report"), 1);
}

#[test]
fn what_others_can_reach_is_warned_of_and_an_interface_that_is_not_there_is_named() {
    let port = socket([0, 0, 0, 0]).1.port();
    let open = format!("listen on udp://0.0.0.0:{port}\nlisten on udp://{}\n", own_address());
    let group = "report to udp://239.255.7.7:9999@";
    let mut pmtr = Pmtr::start(&format!("{}{open}{group}nosuch0\n{group}lo\n", job("a")));
    pmtr.wait(&format!(
        "listen on udp://0.0.0.0:{port}: anyone who can reach it can enable and disable jobs"
    ));
    pmtr.wait("can't report to udp://239.255.7.7:9999@nosuch0: there is no interface nosuch0");
    let flags = std::fs::read_to_string("/sys/class/net/lo/flags").unwrap_or_default();
    let flags = u32::from_str_radix(flags.trim().trim_start_matches("0x"), 16);
    if flags.is_ok_and(|flags| flags & 0x1000 == 0) {
        pmtr.rewind().wait("can't report to udp://239.255.7.7:9999@lo: interface lo can't do multicast");
    }
    pmtr.rewind().started("a");
    pmtr.settle();
    assert_eq!(pmtr.count("anyone who can reach it"), 1);
    assert_eq!(pmtr.count("every local user can enable and disable jobs"), 1);
    // Whoever asks one of its addresses is answered from that one.
    // A connected socket takes nothing that comes from elsewhere.
    assert_eq!(ask(SocketAddr::new(own_ip(), port), "enable a"), "enabled a\n");
}

#[test]
fn no_number_of_sockets_keeps_a_job_from_starting_or_the_file_from_being_read() {
    if !tool_or_skip("prlimit", "few descriptors") {
        return;
    }
    let to: String = (0..60).map(|_| format!("report to udp://{}\n", own_address())).collect();
    let jobs: String =
        (0..4).map(|i| job(&format!("j{i}")).replace(" cmd", " out syslog\n err syslog\n cmd")).collect();
    let mut pmtr =
        behind(Dir::new(), &format!("{to}{jobs}"), &["prlimit", "--nofile=40:40"], "exec PMTR -Fc CONF");
    for i in 0..4 {
        pmtr.rewind().started(&format!("j{i}"));
    }
    pmtr.rewind().wait(": Too many open files; trying again within 10 sec");
    pmtr.save(&format!("{jobs}{}", job("new")));
    pmtr.started("new");
    pmtr.settle();
    assert!(!pmtr.has("can't start job") && !pmtr.has("can't read"));
}

#[test]
fn thousands_of_jobs_are_reported_in_parts() {
    let (receiver, address) = socket(own_ip());
    // As much as may come while the test is not running; without the privilege, less.
    pmtr::sys::udp::receive_buffer(&receiver, 8 << 20);
    let count =
        if crate::support::root_or_skip("the whole report of ten thousand jobs") { 10_000 } else { 1_000 };
    let jobs: String =
        (0..count).map(|i| format!("job {{\n name j{i}\n cmd /bin/sleep 1000\n disable\n}}\n")).collect();
    let mut pmtr = Pmtr::start(&format!("{jobs}report to udp://{address}\n"));
    let (mut body, mut index, mut of) = (String::new(), 0, 1);
    while index < of {
        let datagram = receive(&receiver);
        assert!(datagram.len() <= 1_400);
        let (head, lines) = datagram.split_once('\n').unwrap();
        let words: Vec<&str> = head.split(' ').collect();
        let ["report", _, "part", part, _] = words[..] else { panic!("{head}") };
        let (i, n) = part.split_once('/').unwrap();
        assert_eq!(i.parse(), Ok(index + 1));
        (index, of) = (index + 1, n.parse().unwrap());
        body += lines;
    }
    let expected: String = (0..count).map(|i| format!("j{i} d 0 0 /bin/sleep\n")).collect();
    assert!(body == expected);
    pmtr.settle();
    assert!(!pmtr.has("can't report"));
}

#[test]
fn a_report_waits_for_a_machine_without_room_and_goes_on() {
    if !tool_or_skip("strace", "a report without room") {
        return;
    }
    for (error, when) in [("ENOBUFS", "3..6"), ("EAGAIN", "4")] {
        let (receiver, address) = socket(own_ip());
        let jobs: String =
            (0..200).map(|i| job(&format!("j{i}")).replace("name", "disable\n name")).collect();
        let inject = format!("inject=sendto:error={error}:when={when}");
        let dir = Dir::new();
        let trace = dir.join("trace");
        let strace =
            ["strace", "-qq", "-f", "-o", trace.to_str().unwrap(), "-e", "trace=sendto", "-e", &inject];
        let config = format!("{jobs}report to udp://{address}\n");
        let mut pmtr = behind(dir, &config, &strace, "exec PMTR -Fc CONF");
        let begun = Instant::now();
        let (mut index, mut of) = (0, 1);
        while index < of {
            let datagram = receive(&receiver);
            let part = datagram.split(' ').nth(3).unwrap().to_owned();
            let (i, n) = part.split_once('/').unwrap();
            assert_eq!(i.parse(), Ok(index + 1), "{error}");
            (index, of) = (index + 1, n.parse().unwrap());
        }
        // Else it would have been the next report.
        assert!(of > 3 && begun.elapsed() < Duration::from_secs(9), "{error}");
        wait_until("the daemon has begun", || pmtr.has("pmtr: starting"));
        assert!(!pmtr.has("can't report"));
        let trace = std::fs::read_to_string(trace).unwrap();
        assert!(trace.lines().any(|line| line.contains("\"report ") && line.contains("INJECTED")), "{trace}");
        kill(crate::wrapped::inner(&pmtr), "TERM");
        assert_eq!(pmtr.ends().code(), Some(0));
    }
}
