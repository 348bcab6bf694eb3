//! Real sockets on the loopback interface and a real poll; the test is everybody else.

use super::*;
use crate::model::{Endpoint, Errno, Pid, ReportedProcess, Verb};
use mio::{Events, Poll};
use std::fs::File;
use std::net::{SocketAddr, UdpSocket as Other};
use std::os::fd::OwnedFd;

const PATIENCE: Duration = Duration::from_secs(30);

struct NetBench {
    poll: Poll,
    sockets: Sockets,
    now: MonoTime,
}

fn endpoint(address: impl ToString, interface: Option<&str>) -> Endpoint {
    Endpoint { address: address.to_string().parse().unwrap(), interface: interface.map(Box::from) }
}

fn other() -> (Other, SocketAddr) {
    let socket = Other::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// An address where nobody listens, kept from others for as long as its owner lives.
fn nobody() -> (Other, SocketAddr) {
    let (socket, address) = other();
    // It takes datagrams from itself alone: all others are refused.
    socket.connect(address).unwrap();
    (socket, address)
}

fn received(socket: &Other) -> Vec<u8> {
    let mut buffer = vec![0; 65_536];
    let bytes = socket.recv(&mut buffer).unwrap();
    buffer.truncate(bytes);
    buffer
}

fn lines(count: u64) -> impl Iterator<Item = JobLine<'static>> {
    (0..count).map(|seconds| JobLine {
        name: b"job",
        enabled: true,
        seconds,
        process: ReportedProcess::Pid(Pid::new(7).unwrap()),
        path: b"/bin/job",
    })
}

impl NetBench {
    fn new() -> NetBench {
        NetBench { poll: Poll::new().unwrap(), sockets: Sockets::new(41), now: MonoTime::ZERO }
    }

    fn open(&mut self, id: u32, role: Role, endpoint: Endpoint) -> Result<(), NetError> {
        self.sockets.open(self.poll.registry(), SocketId(id), &Station { role, endpoint })
    }

    fn listen(&mut self, id: u32, address: &str) -> SocketAddr {
        self.open(id, Role::Listen, endpoint(address, None)).unwrap();
        self.sockets.listeners[&SocketId(id)].socket.local_addr().unwrap()
    }

    fn report(&mut self, count: u64) {
        self.sockets.report(self.poll.registry(), &mut lines(count));
    }

    /// One wake-up, and what came of it.
    fn wake(&mut self) -> Vec<Event> {
        let mut events = Events::with_capacity(64);
        self.poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
        for event in &events {
            let Some(Descriptor::Socket(id)) = Descriptor::of(event.token()) else { panic!("{event:?}") };
            self.sockets.ready(id, event);
        }
        self.sockets.work(self.now);
        std::iter::from_fn(|| self.sockets.hear(self.now)).collect()
    }

    /// Wakes up until there is nothing to do, and so much has come.
    fn settle(&mut self, events: usize) -> Vec<Event> {
        let (mut all, end) = (Vec::new(), std::time::Instant::now() + PATIENCE);
        while all.len() < events || self.sockets.more() {
            all.append(&mut self.wake());
            assert!(std::time::Instant::now() < end, "only these came: {all:?}");
        }
        all.append(&mut self.wake());
        all
    }
}

fn failed(events: &[Event]) -> Vec<(u32, NetError)> {
    let of = |event: &Event| {
        let Event::SocketFails(id, error) = event else { panic!("{event:?}") };
        (id.0, *error)
    };
    events.iter().map(of).collect()
}

const REFUSED: NetError = NetError::Failed(Errno(111));

#[test]
fn a_report_in_several_datagrams_arrives_whole_at_each_destination() {
    let mut bench = NetBench::new();
    let (receivers, addresses): (Vec<Other>, Vec<SocketAddr>) = [other(), other()].into_iter().unzip();
    for (id, address) in (0..).zip(&addresses) {
        bench.open(id, Role::Report, endpoint(address, None)).unwrap();
    }
    for serial in [42, 43] {
        bench.report(1_000);
        assert!(bench.settle(0).is_empty());
        for receiver in &receivers {
            let (mut seconds, mut of, mut index) = (Vec::new(), 1, 0);
            while index < of {
                let bytes = received(receiver);
                assert!(bytes.len() <= report::MAX_REPORT_BYTES);
                let datagram = report::decode(&bytes).unwrap();
                let part = datagram.head.part.unwrap();
                assert_eq!((part.index, part.serial), (index + 1, serial));
                (index, of) = (part.index, part.of);
                seconds.extend(datagram.jobs().map(|job| job.seconds));
            }
            assert!(of > 10);
            assert_eq!(seconds, (0..1_000).collect::<Vec<u64>>());
        }
    }
    assert!(!bench.sockets.more() && bench.sockets.deadline().is_none());
}

#[test]
fn the_head_names_the_host_and_the_interface() {
    let host = String::from_utf8(host::name()).unwrap();
    let mut bench = NetBench::new();
    let (receiver, address) = other();
    bench.open(0, Role::Report, endpoint(address, None)).unwrap();
    bench.report(0);
    bench.settle(0);
    assert_eq!(received(&receiver), format!("report {host}\n").as_bytes());
    bench.open(0, Role::Report, endpoint(address, Some("lo"))).unwrap();
    bench.report(1);
    bench.settle(0);
    assert_eq!(received(&receiver), format!("report {host} 127.0.0.1\njob e 0 7 /bin/job\n").as_bytes());
    let Ok(receiver) = Other::bind("[::1]:0") else {
        return eprintln!("skipped: a report to IPv6 needs it");
    };
    bench.open(1, Role::Report, endpoint(receiver.local_addr().unwrap(), Some("lo"))).unwrap();
    bench.report(0);
    bench.settle(0);
    receiver.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(received(&receiver), format!("report {host} ::1\n").as_bytes());
}

#[test]
fn a_newer_report_takes_the_place_of_what_is_left_of_an_older_one() {
    let mut bench = NetBench::new();
    let (receiver, address) = other();
    receiver.set_nonblocking(true).unwrap();
    bench.open(0, Role::Report, endpoint(address, None)).unwrap();
    bench.report(50_000);
    bench.wake();
    assert!(bench.sockets.more());
    let mut buffer = [0; 2_000];
    while receiver.recv(&mut buffer).is_ok() {}
    bench.report(1);
    bench.settle(0);
    receiver.set_nonblocking(false).unwrap();
    assert!(received(&receiver).ends_with(b"\njob e 0 7 /bin/job\n"));
    receiver.set_nonblocking(true).unwrap();
    assert!(receiver.recv(&mut buffer).is_err());
}

#[test]
fn a_destination_that_refuses_is_told_of_once_a_report_and_the_others_get_theirs() {
    let mut bench = NetBench::new();
    let (_held, refusing) = nobody();
    let (receiver, address) = other();
    bench.open(3, Role::Report, endpoint(refusing, None)).unwrap();
    bench.open(4, Role::Report, endpoint(address, None)).unwrap();
    for _ in 0..3 {
        bench.report(200);
        assert_eq!(failed(&bench.settle(1)), [(3, REFUSED)]);
        while report::decode(&received(&receiver)).unwrap().head.part.is_some_and(|part| part.index < part.of)
        {
        }
    }
    // A datagram alone is refused only after it is sent: then the poll tells.
    bench.report(1);
    assert_eq!(failed(&bench.settle(1)), [(3, REFUSED)]);
}

#[test]
fn a_flood_is_worked_off_in_portions_and_keeps_nobody_else_waiting() {
    let mut bench = NetBench::new();
    let (one, two) = (bench.listen(0, "127.0.0.1:0"), bench.listen(1, "127.0.0.1:0"));
    let (sender, from) = other();
    let mut heard = 0;
    while heard < 1_000 {
        for _ in 0..150 {
            sender.send_to(b"enable web", one).unwrap();
        }
        sender.send_to(b"disable web", two).unwrap();
        let first = bench.wake();
        // One look found the other listener empty.
        assert_eq!(first.len(), READ_AT_ONCE - 1);
        let of_two = |event: &Event| matches!(event, Event::Command(origin, _) if origin.socket.0 == 1);
        assert_eq!(first[..2].iter().filter(|event| of_two(event)).count(), 1);
        // The others have their turn before the next portion, and some rest.
        assert!(!bench.sockets.more() && bench.wake().is_empty());
        let mut rest = 0;
        while let Some(at) = bench.sockets.deadline() {
            bench.now = at;
            let events = bench.wake();
            assert!(events.len() <= READ_AT_ONCE);
            rest += events.len();
        }
        assert_eq!(first.len() + rest, 151);
        bench.now = bench.now + REST;
        heard += 151;
        for event in first {
            let Event::Command(origin, commands) = event else { panic!("{event:?}") };
            assert_eq!((origin.address, origin.local), (from, Some(one.ip())));
            assert_eq!(commands[0].verb, if origin.socket.0 == 0 { Verb::Enable } else { Verb::Disable });
        }
    }
    // Long commands mean more work each.
    let long = [b"enable".as_slice(), &b" a".repeat((control::MAX_COMMAND_BYTES - 6) / 2)].concat();
    for _ in 0..10 {
        sender.send_to(&long, one).unwrap();
    }
    assert_eq!(bench.wake().len(), READ_BYTES / control::MAX_COMMAND_BYTES);
}

#[test]
fn what_is_no_command_is_invalid_whatever_its_length() {
    let mut bench = NetBench::new();
    let address = bench.listen(9, "127.0.0.1:0");
    let (sender, from) = other();
    let long = [b"enable ".as_slice(), &b"a ".repeat(4_093)].concat();
    assert!(long.len() > control::MAX_COMMAND_BYTES && control::decode(&long[..8_192]).is_some());
    let huge = b"enable a ".repeat(65_507 / 9);
    for message in [b"".as_slice(), b" ", b"enabl", b"web enable", b"enable \0", &long, &huge] {
        sender.send_to(message, address).unwrap();
        match &bench.settle(1)[..] {
            [Event::Invalid(origin)] => assert_eq!(origin.address, from),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_listener_that_fails_again_and_again_is_told_of_and_left_alone() {
    let mut bench = NetBench::new();
    let (address, _) = (bench.listen(0, "127.0.0.1:0"), bench.listen(1, "127.0.0.1:0"));
    let no_socket = || UdpSocket::from_std(Other::from(OwnedFd::from(File::open("/dev/null").unwrap())));
    let replace = |bench: &mut NetBench, by| {
        std::mem::replace(&mut bench.sockets.listeners.get_mut(&SocketId(0)).unwrap().socket, by)
    };
    let fail = |bench: &mut NetBench, times: u8| {
        for _ in 0..times {
            assert!(bench.wake().is_empty() && !bench.sockets.more());
            bench.now = bench.sockets.deadline().unwrap();
        }
    };
    let good = replace(&mut bench, no_socket());
    bench.sockets.reading.add(SocketId(0));
    fail(&mut bench, FAILURES - 1);
    // What comes in between makes up for all of that.
    replace(&mut bench, good);
    other().0.send_to(b"enable a", address).unwrap();
    assert_eq!(bench.settle(1).len(), 1);
    replace(&mut bench, no_socket());
    bench.sockets.reading.add(SocketId(0));
    bench.now = bench.now + REST;
    fail(&mut bench, FAILURES - 1);
    assert_eq!(failed(&bench.wake()), [(0, NetError::Failed(Errno(numbers::ENOTSOCK)))]);
    assert!(!bench.sockets.more() && bench.sockets.paused.is_empty());
}

#[test]
fn an_answer_goes_to_who_asked_from_where_he_asked() {
    let mut bench = NetBench::new();
    let port = bench.listen(0, "0.0.0.0:0").port();
    let (sender, _) = other();
    let asked = SocketAddr::from(([127, 0, 0, 2], port));
    sender.send_to(b"enable\tweb \n mail", asked).unwrap();
    let Some(Event::Command(origin, commands)) = bench.settle(1).pop() else { panic!("no command") };
    let known = |command: Command| Verdict { known: &*command.name == b"web", command };
    let verdicts: Vec<Verdict> = commands.into_iter().map(known).collect();
    bench.sockets.answer(origin, &verdicts);
    let mut buffer = [0; 64];
    let (bytes, from) = sender.recv_from(&mut buffer).unwrap();
    assert_eq!((&buffer[..bytes], from), (b"enabled web\nunknown mail\n".as_slice(), asked));
    // Whoever is closed answers nothing.
    bench.sockets.close(bench.poll.registry(), SocketId(0));
    bench.sockets.answer(origin, &verdicts);
}

#[test]
fn a_socket_is_replaced_by_one_with_its_number_and_closed_without_a_trace() {
    let mut bench = NetBench::new();
    let first = bench.listen(5, "127.0.0.1:0");
    let again = bench.listen(5, &first.to_string());
    assert_eq!(first, again);
    other().0.send_to(b"enable web", again).unwrap();
    assert_eq!(bench.settle(1).len(), 1);
    let (_held, refusing) = nobody();
    let (receiver, address) = other();
    bench.open(6, Role::Report, endpoint(refusing, None)).unwrap();
    bench.report(1);
    bench.sockets.work(bench.now);
    // What the old socket has to say is of no interest any more.
    bench.open(6, Role::Report, endpoint(address, None)).unwrap();
    assert!(bench.settle(0).is_empty());
    bench.report(1);
    bench.settle(0);
    assert!(received(&receiver).starts_with(b"report "));
    for id in [5, 6, 7] {
        bench.sockets.close(bench.poll.registry(), SocketId(id));
    }
    assert!(bench.sockets.listeners.is_empty() && bench.sockets.senders.is_empty());
    assert!(bench.wake().is_empty() && !bench.sockets.more());
    Other::bind(first).unwrap();
}

#[test]
fn what_can_not_be_opened_says_why() {
    let mut bench = NetBench::new();
    let (_held, taken) = other();
    let opened = bench.open(0, Role::Listen, endpoint(taken, None));
    assert_eq!(opened, Err(NetError::Failed(Errno(98))));
    let opened = bench.open(0, Role::Report, endpoint("239.1.2.3:1", Some("no-such-one")));
    assert_eq!(opened, Err(NetError::NoInterface));
    if udp::interface("lo").unwrap().unwrap().multicast {
        return eprintln!("skipped: lo can do multicast here");
    }
    for group in ["239.1.2.3:1", "[ff05::1]:1"] {
        let opened = bench.open(0, Role::Report, endpoint(group, Some("lo")));
        assert_eq!(opened, Err(NetError::NoMulticast));
    }
    assert!(bench.sockets.senders.is_empty());
}
