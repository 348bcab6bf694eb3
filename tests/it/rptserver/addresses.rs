//! Where the receiver listens, and what it refuses.

use super::*;

/// Runs one that can't start, and returns what it says.
fn refused(address: SocketAddr, options: &[&str]) -> String {
    let mut command = Command::new(RPTSERVER);
    command.args(["-a", &address.ip().to_string(), "-p", &address.port().to_string()]).args(options);
    let (status, out, err) = output(&mut command);
    assert_eq!((status, out.as_str()), (Some(1), ""), "{err}");
    err
}

#[test]
fn what_would_not_work_is_refused_at_the_start() {
    let dir = Dir::new();
    let (_taken, address) = socket(own_ip());
    let page = dir.join("page").display().to_string();
    let text = format!("pmtr-rptserver: can't receive on udp://{address}: Address already in use\n");
    assert_eq!(refused(address, &["-f", &page]), text);
    let free = own_address();
    let path = dir.path().display().to_string();
    let text = format!("pmtr-rptserver: can't write {path}: not a regular file\n");
    assert_eq!(refused(free, &["-f", &path]), text);
    let missing = format!("{path}/none/page");
    let text =
        format!("pmtr-rptserver: can't write {missing}: directory {path}/none: No such file or directory\n");
    assert_eq!(refused(free, &["--json", &missing]), text);
    std::os::unix::fs::symlink("page", dir.join("link")).unwrap();
    let text = format!("pmtr-rptserver: {page} and {path}/link are the same file\n");
    assert_eq!(refused(free, &["-f", &page, "--metrics", &format!("{path}/link")]), text);
    assert!(fs::read_dir(dir.path()).unwrap().count() == 1, "nothing was made");
}

/// One on all addresses, wherever a port is free.
fn on_all_addresses(options: &[&str]) -> Option<(Receiver, UdpSocket)> {
    loop {
        let Ok(probe) = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)) else {
            eprintln!("skipped: IPv6");
            return None;
        };
        let address = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), probe.local_addr().unwrap().port());
        drop(probe);
        let mut receiver = Receiver::behind(Dir::new(), address, &[RPTSERVER], options);
        // Somebody else may have taken it meanwhile.
        if receiver.wait("udp://[::]").contains("receiving") {
            return Some((receiver, socket(Ipv6Addr::LOCALHOST).0));
        }
    }
}

#[test]
fn without_an_address_both_families_are_received() {
    let Some((receiver, v6)) = on_all_addresses(&["-f", "DIR/page"]) else { return };
    let (v4, _) = socket(own_ip());
    let port = receiver.address.port();
    v6.send_to(b"report app6\n", (Ipv6Addr::LOCALHOST, port)).unwrap();
    v4.send_to(b"report app4\n", (own_ip(), port)).unwrap();
    let page = receiver.shown("page", |page| page.contains("\n2 systems"));
    let v4 = v4.local_addr().unwrap().ip();
    assert_eq!(body(&page), format!("2 systems reporting\n\napp4 ({v4}):\n\napp6 (::1):\n"));
    receiver.stops();
}

#[test]
fn a_group_is_joined_on_the_interface_that_is_named() {
    let page = Dir::new();
    let file = page.join("page").display().to_string();
    let run = |group: &str| output(Command::new(RPTSERVER).args(["-a", group, "-p", "9999", "-f", &file]));
    let (status, _, err) = run("239.1.2.3@nosuch0");
    let text =
        "pmtr-rptserver: can't receive on udp://239.1.2.3:9999@nosuch0: there is no interface nosuch0\n";
    assert_eq!((status, err.as_str()), (Some(1), text));
    if !root_or_skip("a multicast group") || !tool_or_skip("ip", "a multicast group") {
        return;
    }
    let script = "ip link set lo up; ip link set lo multicast on; ip route add 239.0.0.0/8 dev lo; ip -6 route add ff01::/16 dev lo; exec \"$@\"";
    if output(Command::new("unshare").args(["--net", "/bin/sh", "-ec", script, "sh", "/bin/true"])).0
        != Some(0)
    {
        eprintln!("skipped: a multicast group needs a network namespace");
        return;
    }
    let unspecified = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 9_999);
    for (group, to) in [("239.1.2.3@lo", "239.1.2.3"), ("[ff01::7]@lo", "ff01::7%lo")] {
        let wrapper = ["unshare", "--net", "/bin/sh", "-ec", script, "sh", RPTSERVER];
        let options = ["-a", group, "-f", "DIR/page"];
        let mut receiver = Receiver::behind(Dir::new(), unspecified, &wrapper, &options);
        receiver.wait("receiving on udp://");
        let pid = receiver.process.pid().to_string();
        let send = format!("printf 'report app1\\n' >/dev/udp/{to}/9999");
        let mut sender = Command::new("nsenter");
        sender.args(["--target", &pid, "--net", "/bin/bash", "-ec", &send]);
        let (status, _, err) = output(&mut sender);
        assert_eq!(status, Some(0), "{err}");
        receiver.shown("page", |page| page.contains("\napp1 ("));
        receiver.stops();
    }
}
