//! The real receiver of reports, on addresses of the loopback network that nobody else has.

mod addresses;
mod files;
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
    // One line, whether the receiver woke for the first of them or for all.
    let told = ["1 datagram that is not a report", "datagrams that are not reports"];
    assert_eq!(told.map(|text| receiver.process.count(text)).iter().sum::<usize>(), 1);
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
