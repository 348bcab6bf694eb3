//! The real receiver of reports, on addresses of the loopback network that nobody else has.

mod held_up;

use crate::inherited::careless_or_skip;
use crate::network::{own_address, own_ip, socket};
use crate::support::{Dir, PATIENCE, Pmtr, kill, output, read_when_there, root_or_skip, wait_until};
use crate::wrapped::tool_or_skip;
use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

const RPTSERVER: &str = env!("CARGO_BIN_EXE_pmtr-rptserver");

/// A running receiver with its log.
struct Receiver {
    process: Pmtr,
    address: SocketAddr,
}

impl Receiver {
    /// Starts one with these options, in which `DIR` stands for its directory.
    fn start(options: &[&str]) -> Receiver {
        Receiver::start_in(Dir::new(), own_address(), options)
    }

    fn start_in(dir: Dir, address: SocketAddr, options: &[&str]) -> Receiver {
        let mut receiver = Receiver::behind(dir, address, &[RPTSERVER], options);
        receiver.wait("receiving on udp://");
        receiver
    }

    fn behind(dir: Dir, address: SocketAddr, wrapper: &[&str], options: &[&str]) -> Receiver {
        let path = dir.path().to_str().unwrap().to_owned();
        let mut command = Command::new(wrapper[0]);
        command.args(&wrapper[1..]).args(["-v", "-p", &address.port().to_string()]);
        if !address.ip().is_unspecified() {
            command.args(["-a", &address.ip().to_string()]);
        }
        command.args(options.iter().map(|word| word.replace("DIR", &path)));
        let out = fs::File::create(dir.join("stdout")).unwrap();
        let process = Pmtr::run(dir, PathBuf::new(), command, |command| {
            command.stdout(out);
        });
        Receiver { process, address }
    }

    fn wait(&mut self, text: &str) -> String {
        self.process.wait(text)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.process.dir.join(name)).unwrap_or_default()
    }

    /// What a file shows as soon as that is as it should be; SIGHUP spares us to wait for ten seconds.
    fn shown(&self, name: &str, right: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let page = self.read(name);
            if right(&page) {
                return page;
            }
            assert!(Instant::now() < end, "{name} never became right:\n{page}");
            self.process.signal("HUP");
        }
    }

    fn sender(&self) -> Sender {
        Sender {
            socket: socket(if self.address.is_ipv4() { own_ip() } else { self.address.ip() }).0,
            to: self.address,
        }
    }

    /// Ends it as an operator does; nothing may be left beside its files.
    fn stops(mut self) {
        assert_eq!(self.process.stop().code(), Some(0));
        let names = fs::read_dir(self.process.dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(names.into_iter().all(|name| !name.to_str().unwrap().starts_with('.')));
    }
}

struct Sender {
    socket: UdpSocket,
    to: SocketAddr,
}

impl Sender {
    fn send(&self, datagram: &str) {
        assert_eq!(self.socket.send_to(datagram.as_bytes(), self.to).unwrap(), datagram.len());
    }

    fn ip(&self) -> String {
        self.socket.local_addr().unwrap().ip().to_string()
    }
}

/// What stands below the line with the time.
fn body(page: &str) -> &str {
    let (first, rest) = page.split_once('\n').unwrap_or((page, ""));
    let time = first.strip_prefix("update at ").unwrap_or_else(|| panic!("{first}"));
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    let shape = shape.replace("  9 ", " 99 ");
    let (names, numbers) = shape.split_at(8);
    assert!(names.chars().filter(|c| *c != ' ').all(char::is_alphabetic) && names.len() == 8, "{first}");
    assert_eq!(numbers, "99 99:99:99 9999", "{first}");
    rest
}

fn line(name: &str, state: &str, time: &str) -> String {
    format!("\t{name:<40} {state:<10}  {time:>20}\n")
}

#[test]
fn signals_that_the_parent_blocked_are_obeyed() {
    let Some([env, block, ignore]) = careless_or_skip("a parent that blocks signals") else { return };
    let mut receiver =
        Receiver::behind(Dir::new(), own_address(), &[env, block, ignore, RPTSERVER], &["-f", "DIR/page"]);
    receiver.wait("receiving on udp://");
    let sender = receiver.sender();
    sender.send("report 192.0.2.7\nhost here\n");
    receiver.shown("page", |page| page.starts_with("update at "));
    receiver.process.signal("TERM");
    receiver.wait("exiting on signal 15");
    assert_eq!(receiver.process.ends().code(), Some(0));
}

#[test]
fn the_status_file_shows_each_host_by_name_and_address() {
    let receiver = Receiver::start(&["-f", "DIR/page"]);
    let (first, second) = (receiver.sender(), receiver.sender());
    second.send("report app2\n");
    first.send("report app1\napp-server e 93784 4711 /opt/app\nimport d 0 0 /opt/import\n");
    // One address may have several names, and one name several addresses.
    first.send("report app0 10.0.0.5\nweb e 59 12 /bin/web\n");
    let page = receiver.shown("page", |page| page.contains("\n3 systems reporting\n"));
    let expected = format!(
        "3 systems reporting\n\napp0 ({0}):\n{1}\napp1 ({0}):\n{2}{3}\napp2 ({4}):\n",
        first.ip(),
        line("web", "enabled", "59s"),
        "\tapp-server                               enabled              1d 2h 3m 4s\n",
        "\timport                                   disabled                       -\n",
        second.ip(),
    );
    assert_eq!(body(&page), expected);
    receiver.stops();
}

#[test]
fn the_parts_of_a_report_are_joined_and_what_is_lost_is_shown() {
    let receiver = Receiver::start(&["-f", "DIR/page"]);
    let (whole, lossy, old) = (receiver.sender(), receiver.sender(), receiver.sender());
    whole.send("report whole part 2/2 7\nb e 2 22 /b\n");
    whole.send("report whole part 1/2 7\na e 1 11 /a\n");
    lossy.send("report lossy part 1/3 7\na e 1 11 /a\n");
    lossy.send("report lossy part 3/3 7\nc e 3 33 /c\n");
    // The first generation: no name, no pid, no path.
    old.send("report\nweb e 61\ndb d 0\n");
    let page = receiver.shown("page", |page| page.contains("\n3 systems") && page.contains("\tdb "));
    assert!(page.contains(&format!(
        "\nwhole ({}):\n{}{}",
        whole.ip(),
        line("a", "enabled", "1s"),
        line("b", "enabled", "2s")
    )));
    assert!(page.contains(&format!(
        "\n? ({0}):\n{1}{2}",
        old.ip(),
        line("web", "enabled", "1m 1s"),
        line("db", "disabled", "-")
    )));
    let lost = format!("{}{}", line("a", "enabled", "1s"), line("c", "enabled", "3s"));
    assert!(
        page.contains(&format!(
            "\nlossy ({}):\n{lost}\t[1 of 3 parts of this report are lost]\n",
            lossy.ip()
        )),
        "{page}"
    );
    // A late one completes it.
    lossy.send("report lossy part 2/3 7\nb e 2 22 /b\n");
    let page = receiver.shown("page", |page| !page.contains("lost"));
    assert!(page.contains(&line("b", "enabled", "2s")), "{page}");
    receiver.stops();
}

#[test]
fn the_other_files_are_for_programs() {
    let receiver = Receiver::start(&["--json", "DIR/json", "--metrics", "DIR/metrics"]);
    let sender = receiver.sender();
    sender.send("report a\"b\\c\nweb\u{e9} e 5 17 /bin/web\ndb d 0 0 /bin/db\n");
    let json = receiver.shown("json", |page| page.contains("web"));
    let metrics = receiver.shown("metrics", |page| page.contains("web"));
    for family in ["up", "enabled", "seconds"] {
        let begin = format!("\npmtr_job_{family}{{host=\"a\\\"b");
        assert!(metrics.contains(&begin), "{metrics}");
        assert!(metrics.contains(&format!("# TYPE pmtr_job_{family} gauge\n")), "{metrics}");
    }
    assert!(metrics.contains("\npmtr_host_report_age_seconds{host=\"a\\\"b"), "{metrics}");
    assert!(metrics.ends_with("\npmtr_hosts 1\n"), "{metrics}");
    if tool_or_skip("python3", "JSON") {
        let script = "import json, sys
page = json.load(open(sys.argv[1]))
system, = page['systems']
assert page['updated'] > 1700000000
print(system['host'], system['address'], system['complete'])
for job in system['jobs']: print(job['name'], job['enabled'], job['running'], job['seconds'], job['pid'])";
        let mut python = Command::new("python3");
        python.args(["-X", "utf8", "-c", script]).arg(receiver.process.dir.join("json"));
        let (status, out, err) = output(&mut python);
        assert_eq!(status, Some(0), "{err}\n{json}");
        let expected =
            format!("a\"b\\c {} True\nweb\u{e9} True True 5 17\ndb False False 0 None\n", sender.ip());
        assert_eq!(out, expected);
    }
    receiver.stops();
}

#[test]
fn once_prints_the_page_as_soon_as_enough_hosts_have_reported() {
    let mut receiver = Receiver::start(&["--once", "2", "--json", "DIR/json"]);
    let (first, second) = (receiver.sender(), receiver.sender());
    first.send("report app1\nweb e 5 17 /bin/web\n");
    // Half a report is none.
    second.send("report app2 part 1/2 1\na e 5 17 /a\n");
    receiver.wait("app2");
    assert_eq!(receiver.read("stdout") + &receiver.read("json"), "");
    second.send("report app2 part 2/2 1\nb e 5 17 /b\n");
    assert_eq!(receiver.process.ends().code(), Some(0));
    let page = receiver.read("stdout");
    assert!(body(&page).starts_with("2 systems reporting\n") && page.contains("\tb  "), "{page}");
    assert!(receiver.read("json").contains("\"app2\""));
    assert!(!receiver.process.has("exiting"));
}

#[test]
fn once_fails_when_it_is_ended_before() {
    for signal in ["INT", "TERM"] {
        let mut receiver = Receiver::start(&["--once", "1"]);
        receiver.process.signal(signal);
        assert_eq!(receiver.process.ends().code(), Some(1));
        assert_eq!(receiver.read("stdout"), "");
    }
}

#[test]
fn once_says_when_the_page_cannot_be_printed() {
    let receiver = own_address();
    let dir = Dir::new();
    let shell = format!("exec {RPTSERVER} \"$@\" >/dev/full");
    let mut receiver = Receiver::behind(dir, receiver, &["/bin/sh", "-c", &shell, "sh"], &["--once", "1"]);
    receiver.wait("receiving");
    receiver.sender().send("report app1\n");
    receiver.wait("can't write to stdout: No space left on device");
    assert_eq!(receiver.process.ends().code(), Some(1));
}

#[test]
fn what_is_no_report_is_told_once_and_never_answered() {
    let mut receiver = Receiver::start(&["-f", "DIR/page"]);
    let sender = receiver.sender();
    for garbage in [
        "",
        "x",
        "enable web",
        "report a b c\n",
        "report\nweb",
        "report\nweb e -1\n",
        "report\n\x1b[2J e 1\n",
    ] {
        sender.send(garbage);
    }
    sender.send(&"x".repeat(65_507));
    sender.send("report app1\n");
    receiver.wait("app1");
    receiver.shown("page", |page| page.contains("\n1 systems") && page.contains("app1"));
    assert_eq!(receiver.process.count("that are not reports"), 1);
    sender.socket.set_nonblocking(true).unwrap();
    assert_eq!(sender.socket.recv(&mut [0; 9]).unwrap_err().kind(), ErrorKind::WouldBlock);
    receiver.stops();
}

#[test]
fn the_command_hears_of_a_host_that_falls_silent_and_is_back() {
    let dir = Dir::new();
    let log = dir.join("log").display().to_string();
    let command = dir.script("tell", &format!("echo \"$1 $PMTR_HOST $PMTR_ADDRESS $PMTR_EVENT\" >>{log}"));
    let on_stale = format!("{} \"two words\"", command.display());
    let options = ["-f", "DIR/page", "--stale-after", "1s", "--on-stale", &on_stale];
    let mut receiver = Receiver::start_in(dir, own_address(), &options);
    let sender = receiver.sender();
    sender.send("report app1\nweb e 5 17 /bin/web\n");
    receiver.wait(&format!("app1 ({}) has been silent for 1 sec", sender.ip()));
    receiver.shown("page", |page| page.contains("\n0 systems reporting\n"));
    let told = |event: &str| format!("two words app1 {} {event}\n", sender.ip());
    wait_until("silence is told", || receiver.read("log") == told("silent"));
    sender.send("report app1\nweb e 5 17 /bin/web\n");
    receiver.wait("is heard again");
    wait_until("the end of it is told", || {
        receiver.read("log").starts_with(&(told("silent") + &told("back")))
    });
    receiver.stops();
}

#[test]
fn one_command_runs_at_a_time_and_is_asked_to_end_at_the_end() {
    let dir = Dir::new();
    let path = dir.path().display().to_string();
    let script = "trap 'echo end $PMTR_HOST >>DIR/log; exit' TERM; echo $$ >DIR/pid.part; mv DIR/pid.part DIR/pid; echo begin $PMTR_HOST >>DIR/log; while :; do sleep 1; done";
    let command = dir.script("slow", &script.replace("DIR", &path)).display().to_string();
    let options = ["--stale-after", "1s", "--on-stale", &command];
    let mut receiver = Receiver::start_in(dir, own_address(), &options);
    let sender = receiver.sender();
    sender.send("report a\n");
    sender.send("report b\n");
    receiver.wait("has been silent");
    receiver.wait("has been silent");
    wait_until("it has begun", || receiver.read("log").starts_with("begin"));
    let first = receiver.read("pid").trim().parse().unwrap();
    let of = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let begun = of(&receiver.read("log"));
    // The second one begins when the first has ended, and not before.
    kill(first, "TERM");
    wait_until("the second has begun", || of(&receiver.read("log")).len() == 6);
    let both = of(&receiver.read("log"));
    assert_eq!((&both[..2], both[2].as_str(), &both[3]), (&begun[..2], "end", &begun[1]));
    assert_ne!(both[5], both[1]);
    assert_eq!(receiver.process.stop().code(), Some(0));
    wait_until("the second was asked to end", || of(&receiver.read("log")).len() == 8);
}

#[test]
fn a_command_that_fails_is_told_with_its_host() {
    let mut receiver = Receiver::start(&["--stale-after", "1s", "--on-stale", "/bin/false"]);
    let sender = receiver.sender();
    sender.send("report app1\n");
    receiver.wait(&format!("the command for app1 ({}) exited: exit status 1", sender.ip()));
    receiver.stops();
}

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

#[test]
fn who_asks_for_help_gets_it() {
    let run = |args: &[&str]| output(Command::new(RPTSERVER).args(args));
    let (status, out, err) = run(&["--help"]);
    assert_eq!((status, err.as_str()), (Some(0), ""));
    assert_eq!(run(&[]), (Some(2), out, String::new()));
    assert_eq!(run(&["--version"]).1, format!("pmtr-rptserver {}\n", env!("CARGO_PKG_VERSION")));
    let (status, out, err) = run(&["-f", "page"]);
    assert_eq!((status, out.as_str()), (Some(2), ""));
    assert!(err.starts_with("pmtr-rptserver: option -p"), "{err}");
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

#[test]
fn a_disk_that_takes_nothing_is_told_once_and_costs_no_report() {
    if !tool_or_skip("prlimit", "a full disk") {
        return;
    }
    let dir = Dir::new();
    dir.write("page", "old");
    let shell = "ulimit -S -f 0; exec \"$@\"";
    let wrapper = ["/bin/sh", "-c", shell, "sh", RPTSERVER];
    let mut receiver = Receiver::behind(dir, own_address(), &wrapper, &["-f", "DIR/page"]);
    receiver.wait("receiving");
    receiver.sender().send("report app1\n");
    receiver.process.signal("HUP");
    let begin = receiver.wait("can't write ");
    assert!(
        begin.ends_with("/page: File too large; the file is unchanged, trying again within 10 sec"),
        "{begin}"
    );
    receiver.process.signal("HUP");
    receiver.sender().send("report app2\n");
    receiver.wait("app2");
    assert_eq!((receiver.read("page").as_str(), receiver.process.count("can't write")), ("old", 1));
    let mut prlimit = Command::new("prlimit");
    prlimit.args(["--pid", &receiver.process.pid().to_string(), "--fsize=unlimited:"]);
    assert_eq!(output(&mut prlimit).0, Some(0));
    receiver.shown("page", |page| page.contains("\n2 systems reporting\n"));
    receiver.wait("/page again");
    receiver.stops();
}

#[test]
fn the_jobs_of_a_running_pmtr_are_shown() {
    let mut receiver = Receiver::start(&["--once", "1"]);
    let config =
        "job {\n name web\n cmd /bin/sleep 1000\n}\njob {\n name off\n cmd /bin/sleep 1\n disable\n}\n";
    let mut pmtr = Pmtr::start(&format!("{config}report to udp://{}\n", receiver.address));
    pmtr.started("web");
    assert_eq!(receiver.process.ends().code(), Some(0));
    let page = receiver.read("stdout");
    assert!(page.contains(&line("off", "disabled", "-")) && page.contains("\tweb "), "{page}");
}

#[test]
fn a_file_that_is_there_outlives_a_restart() {
    let dir = Dir::new();
    let page = dir.write("page", "what was shown before");
    let mut receiver = Receiver::start_in(dir, own_address(), &["-f", "DIR/page", "--json", "DIR/json"]);
    // The one that is missing is made at once.
    assert!(read_when_there(&receiver.process.dir.join("json")).starts_with('{'));
    assert_eq!(fs::read_to_string(page).unwrap(), "what was shown before");
    assert_eq!(receiver.process.stop().code(), Some(0));
    assert!(receiver.process.has("exiting on signal 15"));
    assert_eq!(receiver.read("page"), "what was shown before");
}
