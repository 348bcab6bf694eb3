use super::*;
use std::time::{Duration, Instant};

/// So long a datagram on its way through this machine may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn receive_in_time(socket: &UdpSocket, buffer: &mut [u8]) -> Received {
    let end = Instant::now() + PATIENCE;
    loop {
        match receive(socket, buffer) {
            Ok(received) => return received,
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
        assert!(Instant::now() < end, "nothing came");
        std::thread::yield_now();
    }
}

fn has_v6(what: &str) -> bool {
    let there = listen(address("[::1]:0"), false).is_ok();
    if !there {
        eprintln!("skipped: {what} needs IPv6");
    }
    there
}

/// Asks `asked` from a socket on `from`, and returns the datagram and the address from which the answer came.
fn ask(listener: &UdpSocket, from: &str, asked: SocketAddr) -> (Received, SocketAddr) {
    let asker = listen(address(from), false).unwrap();
    asker.send_to(b"question", asked).unwrap();
    let mut buffer = [0; 64];
    let received = receive_in_time(listener, &mut buffer);
    assert_eq!(&buffer[..received.bytes], b"question");
    assert_eq!(received.from, asker.local_addr().unwrap());
    answer(listener, b"reply", received.from, received.local).unwrap();
    let reply = receive_in_time(&asker, &mut buffer);
    assert_eq!(&buffer[..reply.bytes], b"reply");
    (received, reply.from)
}

#[test]
fn an_answer_comes_from_the_address_that_was_asked() {
    let listener = listen(address("0.0.0.0:0"), false).unwrap();
    let port = listener.local_addr().unwrap().port();
    for asked in ["127.0.0.2", "127.0.0.1", "127.8.9.10"] {
        let to = SocketAddr::new(asked.parse().unwrap(), port);
        let (received, answered_from) = ask(&listener, "127.0.0.1:0", to);
        assert_eq!(received.local, Some(to.ip()));
        assert_eq!(answered_from, to);
    }
}

#[test]
fn the_same_with_ipv6() {
    if !has_v6("an answer") {
        return;
    }
    let listener = listen(address("[::]:0"), false).unwrap();
    let to = SocketAddr::new("::1".parse().unwrap(), listener.local_addr().unwrap().port());
    let (received, answered_from) = ask(&listener, "[::1]:0", to);
    assert_eq!(received.local, Some(to.ip()));
    assert_eq!(answered_from, to);
}

#[test]
fn one_socket_serves_both_families_only_if_it_is_to() {
    if !has_v6("both families") {
        return;
    }
    let both = listen(address("[::]:0"), true).unwrap();
    let to = SocketAddr::new("127.0.0.3".parse().unwrap(), both.local_addr().unwrap().port());
    let asker = listen(address("127.0.0.1:0"), false).unwrap();
    asker.send_to(b"x", to).unwrap();
    let received = receive_in_time(&both, &mut [0; 8]);
    assert_eq!(received.local.map(|local| local.to_canonical()), Some(to.ip()));
    answer(&both, b"y", received.from, received.local).unwrap();
    assert_eq!(receive_in_time(&asker, &mut [0; 8]).from, to);
    // One that is to serve IPv6 alone leaves the port to another one for IPv4.
    let six = listen(address("[::]:0"), false).unwrap();
    let port = six.local_addr().unwrap().port();
    listen(SocketAddr::new("0.0.0.0".parse().unwrap(), port), false).unwrap();
}

#[test]
fn an_address_from_which_nothing_can_be_sent_is_left_out_of_an_answer() {
    let listener = listen(address("127.0.0.1:0"), false).unwrap();
    let asker = listen(address("127.0.0.1:0"), false).unwrap();
    for local in ["0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.2.77", "::1", "ff02::1"] {
        answer(&listener, b"y", asker.local_addr().unwrap(), Some(local.parse().unwrap())).unwrap();
        assert_eq!(receive_in_time(&asker, &mut [0; 8]).from, listener.local_addr().unwrap(), "{local}");
    }
}

#[test]
fn a_datagram_may_be_empty_and_one_that_was_cut_is_recognised() {
    let listener = listen(address("127.0.0.1:0"), false).unwrap();
    let sender = send_to(listener.local_addr().unwrap(), None).unwrap();
    let mut buffer = [0; 100];
    for bytes in [0, 100, 101, 65_507] {
        sender.send(&vec![b'x'; bytes]).unwrap();
        assert_eq!(receive_in_time(&listener, &mut buffer).bytes, bytes);
    }
    assert_eq!(receive(&listener, &mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn sockets_are_close_on_exec_and_never_block() {
    let listener = listen(address("127.0.0.1:0"), false).unwrap();
    let sender = send_to(listener.local_addr().unwrap(), None).unwrap();
    for socket in [&listener, &sender] {
        // SAFETY: takes numbers.
        let on_exec = unsafe { libc::fcntl(socket.as_raw_fd(), libc::F_GETFD) };
        assert_eq!(on_exec, libc::FD_CLOEXEC);
        // SAFETY: takes numbers.
        let mode = unsafe { libc::fcntl(socket.as_raw_fd(), libc::F_GETFL) };
        assert_ne!(mode & libc::O_NONBLOCK, 0);
    }
}

#[test]
fn a_taken_port_and_a_foreign_address_are_errors() {
    let listener = listen(address("127.0.0.1:0"), false).unwrap();
    let taken = listen(listener.local_addr().unwrap(), false).unwrap_err();
    assert_eq!(taken.raw_os_error(), Some(libc::EADDRINUSE));
    let foreign = listen(address("192.0.2.77:0"), false).unwrap_err();
    assert_eq!(foreign.raw_os_error(), Some(libc::EADDRNOTAVAIL));
}

#[test]
fn the_room_for_what_waits_grows() {
    let listener = listen(address("127.0.0.1:0"), false).unwrap();
    let sender = send_to(listener.local_addr().unwrap(), None).unwrap();
    receive_buffer(&listener, 4 << 20);
    if super::super::process::effective_uid() != 0 {
        eprintln!("skipped: more room than the usual needs root");
        return;
    }
    // Far more than fit by default.
    for _ in 0..1_500 {
        sender.send(&[b'x'; 1_000]).unwrap();
    }
    for _ in 0..1_500 {
        receive_in_time(&listener, &mut [0; 8]);
    }
}

#[test]
fn an_interface_has_a_number_and_addresses_or_is_not_there() {
    let lo = interface("lo").unwrap().unwrap();
    assert_eq!(lo.v4, Some(Ipv4Addr::LOCALHOST));
    assert!(lo.index > 0);
    if has_v6("the address of an interface") {
        assert_eq!(lo.v6, Some(Ipv6Addr::LOCALHOST));
    }
    for name in ["no-such-one", "", "l", "lo\0", "a-name-that-is-longer-than-any-interface-has"] {
        assert_eq!(interface(name).unwrap(), None, "{name:?}");
    }
}

#[test]
fn what_is_sent_to_a_group_by_an_interface_comes_to_those_who_have_joined_there() {
    let lo = interface("lo").unwrap().unwrap();
    for (group, any) in [("239.255.77.1", "0.0.0.0:0"), ("ff02::7701", "[::]:0")] {
        let group: IpAddr = group.parse().unwrap();
        if group.is_ipv6() && !has_v6("a group") {
            continue;
        }
        let listener = listen(address(any), false).unwrap();
        if let Err(error) = join(&listener, group, Some(lo.index)) {
            eprintln!("skipped: no group {group} on lo: {error}");
            continue;
        }
        let to = SocketAddr::new(group, listener.local_addr().unwrap().port());
        let sent = send_to(to, Some(&lo)).and_then(|sender| sender.send(b"all"));
        if let Err(error) = sent {
            eprintln!("skipped: nothing can be sent to {group} on lo: {error}");
            continue;
        }
        let mut buffer = [0; 8];
        let received = receive_in_time(&listener, &mut buffer);
        assert_eq!(&buffer[..received.bytes], b"all");
        // From the group itself no answer can come, but it can come.
        answer(&listener, b"me", received.from, received.local).unwrap();
    }
}
