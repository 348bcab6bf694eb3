//! A test as the service manager: what it is told, when, and that nothing it does holds pmtr up.

use crate::support::{
    Dir, PATIENCE, PMTR, Pmtr, Report, alive, kill, output, probe, read_when_there, wait_until,
};
use crate::wrapped::{behind, inner, tool_or_skip};
use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// A socket that takes messages.
struct Manager(UnixDatagram);

impl Manager {
    fn at(path: &Path) -> Manager {
        let _ = std::fs::remove_file(path);
        Manager(UnixDatagram::bind(path).unwrap())
    }

    /// The next message, if one comes in this time.
    fn hear(&self, patience: Duration) -> Option<String> {
        self.0.set_read_timeout(Some(patience)).unwrap();
        let mut buffer = [0; 4096];
        loop {
            match self.0.recv(&mut buffer) {
                Ok(length) => return Some(String::from_utf8(buffer[..length].to_vec()).unwrap()),
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) if why.kind() == ErrorKind::WouldBlock => return None,
                Err(why) => panic!("{why}"),
            }
        }
    }

    fn next(&self) -> String {
        self.hear(PATIENCE).expect("the manager is told nothing more")
    }

    /// Waits for a message with this line.
    fn wait(&self, line: &str) -> String {
        loop {
            let message = self.next();
            if has(&message, line) {
                return message;
            }
        }
    }

    /// Takes what has come so far.
    fn catch_up(&self) {
        while self.hear(Duration::from_millis(1)).is_some() {}
    }
}

fn has(message: &str, line: &str) -> bool {
    message.lines().any(|other| other == line)
}

fn sleeper(name: &str) -> String {
    format!("job {{\n name {name}\n cmd /bin/sleep 1000\n}}\n")
}

/// pmtr with a manager at `notify` in its directory.
fn managed(config: &str, change: impl FnOnce(&mut Command)) -> (Manager, Pmtr) {
    let dir = Dir::new();
    let path = dir.join("notify");
    let manager = Manager::at(&path);
    let pmtr = Pmtr::start_in(dir, config, |command| {
        command.env("NOTIFY_SOCKET", path);
        change(command);
    });
    (manager, pmtr)
}

#[test]
fn a_manager_hears_of_the_start_of_each_change_and_of_the_end() {
    let (abc, slow) =
        (["a", "b", "c"].map(sleeper).concat(), "trap 'sleep 0.1; exit' TERM; sleep 1000 & wait");
    let (manager, mut pmtr) = managed(&abc, |_| {});
    assert_eq!(manager.next(), "READY=1\nSTATUS=3 jobs, 3 running\n");
    // It was not told before they ran.
    for name in ["a", "b", "c"] {
        let pid = pmtr.started(name);
        assert!(alive(pid));
        if name == "c" {
            kill(pid, "KILL");
        }
    }
    assert_eq!(manager.next(), "STATUS=3 jobs, 2 running\n");
    pmtr.dir.script("slow", slow);
    pmtr.save(&format!("{abc}job {{\n name d\n cmd DIR/slow\n}}\n"));
    let reload = manager.next();
    let micros: u64 = reload.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().trim().parse().unwrap();
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
    let uptime: f64 = uptime.split_whitespace().next().unwrap().parse().unwrap();
    // The machine may have slept, which only the second clock counts.
    assert!(micros > 0 && micros as f64 / 1e6 < uptime + 1.0, "{micros} {uptime}");
    assert_eq!(manager.next(), "READY=1\nSTATUS=4 jobs, 3 running\n");
    pmtr.signal("TERM");
    let end = manager.next();
    assert!(end.starts_with("STOPPING=1\nSTATUS=exiting, "), "{end}");
    assert_eq!(pmtr.ends().code(), Some(0));
}

#[test]
fn a_reload_is_told_to_be_over_also_when_the_file_has_mistakes() {
    let (manager, mut pmtr) = managed(&sleeper("a"), |_| {});
    assert_eq!(manager.next(), "READY=1\nSTATUS=1 job, 1 running\n");
    pmtr.signal("HUP");
    assert!(has(&manager.next(), "RELOADING=1"));
    assert_eq!(manager.next(), "READY=1\nSTATUS=1 job, 1 running\n");
    pmtr.save("nonsense\n");
    manager.wait("STATUS=1 job, 1 running, the file has errors");
    pmtr.signal("HUP");
    assert!(has(&manager.next(), "RELOADING=1"));
    assert_eq!(manager.next(), "READY=1\nSTATUS=1 job, 1 running, the file has errors\n");
    pmtr.save(&sleeper("a"));
    manager.wait("STATUS=1 job, 1 running");
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn in_the_background_the_process_that_stays_is_named() {
    let dir = Dir::new();
    dir.write("pmtr.conf", &sleeper("a"));
    let manager = Manager::at(&dir.join("notify"));
    let mut command = Command::new(PMTR);
    command.args(["-c", "pmtr.conf", "-p", "pid"]).current_dir(dir.path());
    command.env("NOTIFY_SOCKET", dir.join("notify"));
    assert_eq!(output(&mut command).0, Some(0));
    let pid: i32 = std::fs::read_to_string(dir.join("pid")).unwrap().trim().parse().unwrap();
    let first = manager.next();
    kill(pid, "TERM");
    assert_eq!(first, format!("READY=1\nMAINPID={pid}\nSTATUS=1 job, 1 running\n"));
    manager.wait("STOPPING=1");
    wait_until("it has ended", || !alive(pid));
}

#[test]
fn the_watchdog_is_fed_in_time_and_only_while_the_loop_turns() {
    let (manager, mut pmtr) = managed(&sleeper("a"), |command| {
        command.env("WATCHDOG_USEC", "600000");
    });
    manager.wait("WATCHDOG=1");
    let begin = Instant::now();
    (0..5).for_each(|_| drop(manager.wait("WATCHDOG=1")));
    let took = begin.elapsed();
    // The first of them may have waited for us.
    assert!(took > Duration::from_millis(1_000) && took < Duration::from_secs(30), "{took:?}");
    pmtr.signal("STOP");
    let stat = format!("/proc/{}/stat", pmtr.pid());
    wait_until("it is stopped", || std::fs::read_to_string(&stat).unwrap().contains(") T "));
    manager.catch_up();
    assert_eq!(manager.hear(Duration::from_millis(1_200)), None);
    pmtr.signal("CONT");
    manager.wait("WATCHDOG=1");
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn the_watchdog_of_another_process_is_not_ours() {
    for (script, ours) in
        [("WATCHDOG_PID=$$ exec PMTR -Fc CONF", true), ("WATCHDOG_PID=1 exec PMTR -Fc CONF", false)]
    {
        let dir = Dir::new();
        let path = dir.join("notify");
        let manager = Manager::at(&path);
        let script = format!("export NOTIFY_SOCKET={} WATCHDOG_USEC=200000; {script}", path.display());
        let mut pmtr = behind(dir, &sleeper("a"), &["env"], &script);
        let first = manager.next();
        assert_eq!(has(&first, "WATCHDOG=1"), ours, "{first}");
        if ours {
            manager.wait("WATCHDOG=1");
        }
        assert_eq!(pmtr.stop().code(), Some(0));
    }
}

#[test]
fn a_manager_that_does_not_read_or_goes_away_holds_nothing_up_and_is_told_later() {
    let dir = Dir::new();
    let path = dir.join("notify");
    let manager = Manager::at(&path);
    let other = UnixDatagram::unbound().unwrap();
    other.set_nonblocking(true).unwrap();
    while other.send_to(b"X", &path).is_ok() {}
    let mut pmtr = Pmtr::start_in(dir, &sleeper("a"), |command| {
        command.env("NOTIFY_SOCKET", &path);
    });
    pmtr.started("a");
    pmtr.save(&["a", "b"].map(sleeper).concat());
    pmtr.started("b");
    pmtr.settle();
    manager.wait("STATUS=2 jobs, 2 running");
    manager.catch_up();
    drop(manager);
    std::fs::remove_file(&path).unwrap();
    pmtr.save(&sleeper("b"));
    pmtr.wait("job a ");
    pmtr.signal("HUP");
    pmtr.settle();
    let manager = Manager::at(&path);
    manager.wait("RELOADING=1");
    assert_eq!(manager.next(), "READY=1\nSTATUS=1 job, 1 running\n");
    drop(manager);
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn an_abstract_name_is_an_address_too() {
    use std::os::linux::net::SocketAddrExt;
    let name = format!("pmtr-it-notify-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let manager = Manager(UnixDatagram::bind_addr(&address).unwrap());
    let mut pmtr = Pmtr::start_in(Dir::new(), &sleeper("a"), |command| {
        command.env("NOTIFY_SOCKET", format!("@{name}"));
    });
    assert_eq!(manager.next(), "READY=1\nSTATUS=1 job, 1 running\n");
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn what_is_no_address_is_left_alone() {
    let long = format!("/{}", "x".repeat(500));
    for (address, told) in [
        ("", false),
        (long.as_str(), true),
        ("vsock-stream:2:1234", true),
        ("relative", true),
        ("/no/such/socket", false),
    ] {
        let mut pmtr = Pmtr::start_in(Dir::new(), &sleeper("a"), |command| {
            command.arg("-v").env("NOTIFY_SOCKET", address).env("WATCHDOG_USEC", "rubbish");
        });
        pmtr.started("a");
        pmtr.settle();
        assert_eq!(pmtr.has("NOTIFY_SOCKET="), told, "{address}");
        assert_eq!(pmtr.stop().code(), Some(0));
    }
}

#[test]
fn without_a_manager_nothing_is_said() {
    if !tool_or_skip("strace", "what is said without a manager") {
        return;
    }
    for (manager, said) in [("/no/such/socket", true), ("", false)] {
        let script = format!("NOTIFY_SOCKET={manager} WATCHDOG_USEC=10000 exec PMTR -Fc CONF");
        let dir = Dir::new();
        let trace = dir.join("trace");
        let strace = ["strace", "-qq", "-s", "200", "-o", trace.to_str().unwrap(), "-e", "trace=network"];
        let mut pmtr = behind(dir, &sleeper("a"), &strace, &script);
        pmtr.started("a");
        pmtr.inner = Some(inner(&pmtr));
        pmtr.settle();
        assert_eq!(pmtr.stop().code(), Some(0));
        let trace = std::fs::read_to_string(trace).unwrap();
        for word in ["READY=1", "STATUS=", "STOPPING=1", "WATCHDOG=1"] {
            assert_eq!(trace.contains(word), said, "{word} with {manager:?}:\n{trace}");
        }
    }
}

#[test]
fn what_belongs_to_pmtr_alone_never_reaches_a_job_but_what_its_env_says_does() {
    let dir = Dir::new();
    let path = dir.join("notify");
    let manager = Manager::at(&path);
    let probe = probe();
    let config = format!(
        "job {{\n name plain\n cmd {0} DIR/plain\n}}\njob {{\n name own\n cmd {0} DIR/own\n env NOTIFY_SOCKET=/mine\n env LISTEN_FDS=9\n}}\n",
        probe.display()
    );
    let ours = [
        "WATCHDOG_PID",
        "WATCHDOG_USEC",
        "LISTEN_PID",
        "LISTEN_PIDFDID",
        "LISTEN_FDS",
        "LISTEN_FDNAMES",
        "FDSTORE",
        "JOURNAL_STREAM",
        "NOTIFY_SOCKET",
    ];
    let exports: String = ours[..8].iter().map(|name| format!("export {name}=2; ")).collect();
    // Two sockets, as it were, in the places where they are handed over.
    let script = format!(
        "{exports} export NOTIFY_SOCKET={} INHERITED=yes; exec 3</dev/null 4<>/dev/null; exec PMTR -Fc CONF",
        path.display()
    );
    let mut pmtr = behind(dir, &config, &["env"], &script);
    assert!(has(&manager.next(), "READY=1"));
    let plain = Report::read(&pmtr.dir.join("plain"));
    assert_eq!((plain.get("fds"), plain.get("env INHERITED")), ("[0, 1, 2]", "yes"));
    for name in ours {
        assert!(!plain.has(&format!("env {name}")), "{name}");
    }
    read_when_there(&pmtr.dir.join("own"));
    let own = Report::read(&pmtr.dir.join("own"));
    assert_eq!((own.get("env NOTIFY_SOCKET"), own.get("env LISTEN_FDS")), ("/mine", "9"));
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn commands_are_obeyed_while_a_long_file_is_read_and_before_it_is_applied() {
    let (socket, address) = crate::network::socket([127, 0, 0, 1]);
    let (asker, _) = crate::network::socket([127, 0, 0, 1]);
    drop(socket);
    let head = format!("listen on udp://{address}\n{}", sleeper("a"));
    // Some thirty portions, and hardly any work when it is applied.
    let long = format!("{head}{}", "#\n".repeat(4 << 20));
    let (manager, mut pmtr) = managed(&long, |_| {});
    manager.wait("READY=1");
    asker.set_read_timeout(Some(PATIENCE)).unwrap();
    // The whole file may have been read before this process gets to its command, if others keep it from running.
    let obeyed = (0..50).any(|_| {
        pmtr.settle();
        let before = pmtr.seen.len();
        pmtr.signal("HUP");
        manager.wait("RELOADING=1");
        asker.send_to(b"disable a", address).unwrap();
        let mut answer = [0; 64];
        let length = asker.recv(&mut answer).unwrap();
        assert_eq!(&answer[..length], b"disabled a\n");
        manager.wait("READY=1");
        pmtr.wait("managing 1 jobs");
        pmtr.settle();
        let place = |text: &str| pmtr.seen[before..].iter().position(|line| line.contains(text));
        place("job a disabled by command") < place("managing 1 jobs")
    });
    assert!(obeyed, "{}", pmtr.seen.join("\n"));
    assert_eq!(pmtr.stop().code(), Some(0));
}
