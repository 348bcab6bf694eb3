//! Two hosts: network namespaces that a veth pair joins. What loopback alone can't show: multicast over an
//! interface, a firewall, an interface or an address that comes later, an answer from the address that was asked.

mod catcher;

use catcher::CATCH;
pub use catcher::Catcher;

use crate::support::{Dir, PMTR, Pmtr, kill, output, root_or_skip, wait_until};
use crate::wrapped::tool_or_skip;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

pub const CTL: &str = env!("CARGO_BIN_EXE_pmtr-ctl");
pub const RPTSERVER: &str = env!("CARGO_BIN_EXE_pmtr-rptserver");

/// Holds ports open, so that nothing is refused there, until its input ends.
const SINK: &str = "
import socket, sys
sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in sys.argv[1:]]
for s, port in zip(sockets, sys.argv[1:]):
    s.bind(('', int(port)))
print('ready', flush=True)
sys.stdin.read()
";

/// Two hosts, which go away with their owner.
pub struct Hosts {
    pub a: String,
    b: String,
}

impl Hosts {
    /// Host a is 10.77.0.1 and fd77::1 at its interface va, host b is 10.77.0.2 and fd77::2 at vb.
    pub fn new() -> Hosts {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("pmtr-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let hosts = Hosts { a: format!("{name}-a"), b: format!("{name}-b") };
        for host in [&hosts.a, &hosts.b] {
            ip(&format!("netns add {host}"));
            ip(&format!("-n {host} link set lo up"));
        }
        hosts.join("va", "vb", 0);
        hosts
    }

    /// Another cable, whose network has this number.
    fn join(&self, va: &str, vb: &str, network: u8) {
        let Hosts { a, b } = self;
        ip(&format!("link add {va} netns {a} type veth peer name {vb} netns {b}"));
        for (host, end, number) in [(a, va, 1), (b, vb, 2)] {
            ip(&format!("-n {host} addr add 10.77.{network}.{number}/24 dev {end}"));
            ip(&format!("-n {host} addr add fd77:{network}::{number}/64 dev {end} nodad"));
            ip(&format!("-n {host} link set {end} up"));
        }
    }

    pub fn on(host: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", host, program]);
        command
    }

    /// The daemon on host a.
    pub fn pmtr(&self, config: &str) -> Pmtr {
        let dir = Dir::new();
        let config = dir.write("pmtr.conf", &config.replace("DIR", dir.path().to_str().unwrap()));
        let mut command = Hosts::on(&self.a, PMTR);
        command.arg("--state").arg(dir.join("state")).arg("-F").arg("-c").arg(&config);
        Pmtr::run(dir, config, command, |_| {})
    }

    /// A receiver on host b that waits for one report and shows it.
    fn receiver(&self, arguments: &[&str]) -> Child {
        let mut command = Hosts::on(&self.b, RPTSERVER);
        command.args(["-p", "9999", "--once", "1"]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Waits for one datagram to this address on host b; the group is joined on the interface.
    fn catcher(&self, address: &str, interface: &str) -> Catcher {
        self.python(CATCH, &[address, "9999", interface])
    }

    /// Takes whatever comes to these ports of host b.
    fn sink(&self, ports: &[&str]) -> Catcher {
        self.python(SINK, ports)
    }

    fn python(&self, script: &str, arguments: &[&str]) -> Catcher {
        use std::io::BufRead;
        let mut command = Hosts::on(&self.b, "python3");
        command.args(["-c", script]).args(arguments);
        let mut catcher = Catcher::of(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
        let mut line = String::new();
        catcher.stdout.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        catcher
    }

    /// pmtr-ctl on host b.
    fn ctl(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        output(Hosts::on(&self.b, CTL).args(arguments))
    }

    /// Rules of a firewall on one host.
    fn firewall(host: &str, rules: &str) {
        let (status, _, error) = output(Hosts::on(host, "nft").arg(rules));
        assert_eq!(status, Some(0), "{error}");
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for host in [&self.a, &self.b] {
            let _ = output(Command::new("ip").args(["netns", "del", host]));
        }
    }
}

pub fn ip(arguments: &str) {
    let (status, _, error) = output(Command::new("ip").args(arguments.split(' ')));
    assert_eq!(status, Some(0), "ip {arguments}: {error}");
}

pub fn hosts_or_skip(test: &str) -> bool {
    if !root_or_skip(test) || !tool_or_skip("ip", test) || !tool_or_skip("python3", test) {
        return false;
    }
    let probe = format!("pmtr-probe-{}-{}", std::process::id(), test.len());
    let works = output(Command::new("ip").args(["netns", "add", &probe])).0 == Some(0)
        && output(Command::new("ip").args(["-n", &probe, "link", "add", "x", "type", "veth"])).0 == Some(0);
    let _ = output(Command::new("ip").args(["netns", "del", &probe]));
    if !works {
        eprintln!("skipped: {test} needs network namespaces and veth");
    }
    works
}

/// What a receiver that waits for one report has printed.
fn shown(receiver: Child) -> String {
    let output = receiver.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{error}");
    String::from_utf8(output.stdout).unwrap()
}

pub const JOB: &str = "job {\n name web\n cmd /bin/sleep 1000\n}\n";

fn host_name() -> String {
    output(Command::new("uname").arg("-n")).1.trim().to_owned()
}

#[test]
fn reports_reach_another_host_over_ipv4_and_ipv6() {
    if !hosts_or_skip("reports to another host") {
        return;
    }
    for (to, from) in [("10.77.0.2", "10.77.0.1"), ("[fd77:0::2]", "fd77::1")] {
        let hosts = Hosts::new();
        let receiver = hosts.receiver(&[]);
        let mut pmtr = hosts.pmtr(&format!("report to udp://{to}:9999\n{JOB}"));
        pmtr.started("web");
        let page = shown(receiver);
        assert!(page.contains(&format!("\n{} ({from}):\n\tweb ", host_name())), "{page}");
        assert!(page.contains(" enabled "), "{page}");
    }
}

#[test]
fn multicast_goes_over_the_interface_that_was_chosen_and_tells_its_address() {
    if !hosts_or_skip("multicast") {
        return;
    }
    for (group, word, from) in [
        ("239.77.0.1", "239.77.0.1", "10.77.1.1"),
        ("ff15::77", "[ff15::77]", "fd77:1::1"),
        ("ff02::77", "[ff02::77]", ""),
    ] {
        let hosts = Hosts::new();
        // The first cable is where the routes would lead; the second one is chosen.
        hosts.join("second", "secondb", 1);
        let catcher = hosts.catcher(group, "secondb");
        let mut pmtr = hosts.pmtr(&format!("report to udp://{word}:9999@second\n{JOB}"));
        let pid = pmtr.started("web");
        let (sender, datagram) = catcher.caught();
        let (head, lines) = datagram.split_once('\n').unwrap();
        let words: Vec<&str> = head.split(' ').collect();
        assert_eq!(words.len(), 3, "{head}");
        assert_eq!(words[..2], ["report", &host_name()]);
        // The first report can be lost where an interface has only just come up.
        let lines = lines.trim_end_matches('\n');
        assert!(lines.starts_with("web e ") && lines.ends_with(&format!(" {pid} /bin/sleep")), "{lines}");
        if !from.is_empty() {
            assert_eq!((sender.as_str(), words[2]), (from, from), "{group}");
        }
        let receiver = hosts.receiver(&["-a", &format!("{group}@secondb")]);
        let page = shown(receiver);
        assert!(page.contains(&format!("\n{} (", host_name())), "{page}");
    }
}

#[test]
fn an_interface_that_is_missing_or_can_do_no_multicast_is_named_and_used_when_it_is_there() {
    if !hosts_or_skip("an interface that comes later") {
        return;
    }
    let hosts = Hosts::new();
    ip(&format!("-n {} link set va multicast off", hosts.a));
    let receiver = hosts.receiver(&["-a", "239.77.0.1@vb"]);
    let lines = "report to udp://239.77.0.1:9999@later\nreport to udp://239.77.0.1:9999@va\n";
    let mut pmtr = hosts.pmtr(&format!("{lines}{JOB}"));
    pmtr.started("web");
    pmtr.rewind().wait(
        "can't report to udp://239.77.0.1:9999@later: there is no interface later; trying again within 10 sec",
    );
    pmtr.rewind().wait("can't report to udp://239.77.0.1:9999@va: interface va can't do multicast");
    hosts.join("later", "laterb", 1);
    ip(&format!("-n {} link set va multicast on", hosts.a));
    assert!(shown(receiver).contains("\tweb "));
    pmtr.rewind().wait("reporting to udp://239.77.0.1:9999@later again");
    pmtr.rewind().wait("reporting to udp://239.77.0.1:9999@va again");
    assert_eq!(pmtr.count("can't report"), 2);
}

#[test]
fn a_network_that_is_down_and_a_firewall_are_told_when_they_begin_and_when_they_end() {
    if !hosts_or_skip("a network that is down") || !tool_or_skip("nft", "a firewall") {
        return;
    }
    let hosts = Hosts::new();
    // Whoever drops what comes in says nothing, and nothing is to be told of it.
    Hosts::firewall(
        &hosts.b,
        "table inet t { chain c { type filter hook input priority 0; udp dport 9997 drop; udp dport 9998 reject; }; }",
    );
    Hosts::firewall(
        &hosts.a,
        "table inet t { chain c { type filter hook output priority 0; udp dport 9996 drop; }; }",
    );
    let ports = ["9996", "9997", "9998", "9999"];
    let _sink = hosts.sink(&ports);
    let ports = ports.map(|port| format!("report to udp://10.77.0.2:{port}\n")).concat();
    let mut pmtr = hosts.pmtr(&format!("{ports}report to udp://10.99.0.1:9999\n{JOB}"));
    pmtr.started("web");
    for trouble in [
        "can't report to udp://10.77.0.2:9996: Operation not permitted; trying again within 10 sec",
        "can't report to udp://10.77.0.2:9998: Connection refused; trying again within 10 sec",
        "can't report to udp://10.99.0.1:9999: Network is unreachable; trying again within 10 sec",
    ] {
        pmtr.rewind().wait(trouble);
    }
    Hosts::firewall(&hosts.b, "flush ruleset");
    Hosts::firewall(&hosts.a, "flush ruleset");
    ip(&format!("-n {} addr add 10.99.0.1/32 dev lo", hosts.b));
    ip(&format!("-n {} route add 10.99.0.1 via 10.77.0.2", hosts.a));
    for address in ["10.77.0.2:9996", "10.77.0.2:9998", "10.99.0.1:9999"] {
        pmtr.rewind().wait(&format!("reporting to udp://{address} again"));
    }
    assert_eq!(pmtr.count("10.77.0.2:9997"), 0);
    // Each once, however often it was tried meanwhile.
    assert_eq!(pmtr.count("can't report to udp://10.77.0.2:9996"), 1);
    assert_eq!(pmtr.count("can't report to udp://10.77.0.2:9998"), 1);
    assert_eq!(pmtr.count("can't report to udp://10.99.0.1:9999"), 1);
    ip(&format!("-n {} link set va down", hosts.a));
    pmtr.wait("can't report to udp://10.77.0.2:9999: Network is unreachable");
    pmtr.settle();
    assert!(pmtr.has("job web: running ["));
}

#[test]
fn a_command_is_answered_from_the_address_that_was_asked_also_when_it_came_later() {
    if !hosts_or_skip("commands from another host") {
        return;
    }
    let hosts = Hosts::new();
    let config = format!(
        "listen on udp://0.0.0.0:10000\nlisten on udp://10.77.0.9:10001\nlisten on udp://[::]:10000\n{JOB}"
    );
    let mut pmtr = hosts.pmtr(&config);
    let pid = pmtr.started("web");
    pmtr.rewind().wait("listen on udp://0.0.0.0:10000: anyone who can reach it can enable and disable jobs");
    pmtr.wait("can't listen on udp://10.77.0.9:10001: Cannot assign requested address");
    ip(&format!("-n {} addr add 10.77.0.9/24 dev va", hosts.a));
    pmtr.wait("listening on udp://10.77.0.9:10001");
    // Each from its own address: pmtr-ctl takes no other's answer.
    for (address, port) in
        [("10.77.0.1", "10000"), ("10.77.0.9", "10000"), ("10.77.0.9", "10001"), ("fd77::1", "10000")]
    {
        let answer = hosts.ctl(&["-s", address, "-p", port, "enable", "web"]);
        assert_eq!(answer, (Some(0), "enabled web\n".into(), String::new()), "{address} {port}");
    }
    let answer = hosts.ctl(&["-s", "10.77.0.1", "disable", "web", "enable", "nobody"]);
    assert_eq!((answer.0, answer.1.as_str()), (Some(4), "disabled web\nunknown nobody\n"));
    pmtr.wait(&format!("job web {pid} exited"));
    let (status, _, error) = hosts.ctl(&["-s", "10.77.0.1", "-p", "4", "enable", "web"]);
    assert_eq!(status, Some(1));
    assert!(error.contains("nobody listens on udp://10.77.0.1:4"), "{error}");
    // A firewall that drops: nobody answers.
    if tool_or_skip("nft", "a firewall before the listener") {
        Hosts::firewall(
            &hosts.a,
            "table inet t { chain c { type filter hook input priority 0; udp dport 10000 drop; }; }",
        );
        assert_eq!(hosts.ctl(&["-s", "10.77.0.1", "enable", "web"]).0, Some(6));
    }
}

#[test]
fn a_third_of_all_datagrams_lost_is_told_and_the_jobs_are_shown_whole_from_the_first_whole_report_on() {
    if !hosts_or_skip("losses") || !tool_or_skip("nft", "losses") {
        return;
    }
    let hosts = Hosts::new();
    Hosts::firewall(
        &hosts.b,
        "table inet t { chain c { type filter hook input priority 0; udp dport 9999 numgen random mod 100 < 30 drop; }; }",
    );
    let page = Dir::new();
    let file = page.join("status");
    let mut command = Hosts::on(&hosts.b, RPTSERVER);
    command.args(["-p", "9999", "-f"]).arg(&file).stdin(Stdio::null()).stderr(Stdio::null());
    let receiver = Catcher::of(command.stdout(Stdio::piped()));
    // Reports of three parts.
    let names: Vec<String> = (0..60).map(|i| format!("job-with-a-rather-long-name-{i:02}")).collect();
    let jobs = names.iter().map(|name| format!("job {{\n name {name}\n cmd /bin/sleep 1000\n}}\n"));
    let jobs: String = jobs.collect();
    let mut pmtr =
        hosts.pmtr(&format!("report to udp://10.77.0.2:9999\nlisten on udp://0.0.0.0:10000\n{jobs}"));
    pmtr.started(&names[59]);
    let shown = |text: &str| -> Vec<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix("\tjob-"));
        lines.map(|line| format!("job-{}", line.split(' ').next().unwrap())).collect()
    };
    let (mut whole, mut lost_before, mut lost_behind) = (false, false, false);
    wait_until("a whole report has come, and some that were not", || {
        // A command brings a report within a second, a HUP a new page.
        assert_eq!(hosts.ctl(&["-s", "10.77.0.1", "enable", &names[0]]).0, Some(0));
        kill(i32::try_from(receiver.child.id()).unwrap(), "HUP");
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let found = shown(&text);
        if found == names {
            whole = true;
            lost_behind |= text.contains(" parts of later reports are lost");
        } else {
            assert!(!whole, "shown whole before, and now:\n{text}");
            let told = text.contains(" parts of this report are lost");
            assert!(found.is_empty() || told, "{text}");
            assert!(found.iter().all(|name| names.contains(name)), "{text}");
            lost_before |= told;
        }
        // Whether the first report is a whole one is up to chance.
        whole && (lost_before || lost_behind)
    });
}
