//! Redis: at SIGTERM it saves what it holds, and that takes as long as it takes.

use super::{own_place, server_or_skip, stops_without_force};
use crate::support::{Dir, PATIENCE, Pmtr, kill, wait_until};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

const JOB: &str = "job {\n name cache\n cmd REDIS DIR/own/redis.conf\n dir DIR/own\nUSER out log\n err log\n \
    stop signal TERM\n stop timeout 30s\n restart delay 200ms\n}\n";

/// Starts it with these settings, and returns the daemon, the process and the configuration.
fn start_or_skip(settings: &str) -> Option<(Pmtr, i32, String)> {
    let redis = server_or_skip("redis-server")?;
    let (dir, user) = own_place();
    let own = dir.join("own").display().to_string();
    dir.write(
        "own/redis.conf",
        &format!("port 0\nunixsocket {own}/socket\ndir {own}\ndaemonize no\n{settings}\n"),
    );
    let config = JOB.replace("REDIS", redis.to_str().unwrap()).replace("USER", user);
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    let pid = pmtr.started("cache");
    answers(&pmtr.dir);
    Some((pmtr, pid, config))
}

struct Client(BufReader<UnixStream>);

impl Client {
    fn connect(dir: &Dir) -> Option<Client> {
        let stream = UnixStream::connect(dir.join("own/socket")).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Some(Client(BufReader::new(stream)))
    }

    /// Sends a command and returns the last line of a short answer.
    fn ask(&mut self, command: &str) -> Option<String> {
        self.0.get_mut().write_all(format!("{command}\r\n").as_bytes()).ok()?;
        let mut line = String::new();
        self.0.read_line(&mut line).ok()?;
        // A text comes after its length.
        if line.starts_with('$') && line.trim() != "$-1" {
            line.clear();
            self.0.read_line(&mut line).ok()?;
        }
        Some(line.trim().to_owned())
    }
}

fn ask(dir: &Dir, command: &str) -> String {
    Client::connect(dir).unwrap().ask(command).unwrap()
}

/// Waits until it serves, which it does not while it loads what it has saved.
fn answers(dir: &Dir) {
    wait_until("redis answers", || {
        Client::connect(dir).and_then(|mut client| client.ask("PING")).is_some_and(|answer| answer == "+PONG")
    });
}

#[test]
fn what_redis_holds_in_memory_survives_a_stop_and_a_start() {
    let Some((mut pmtr, pid, config)) = start_or_skip("save 3600 1\nappendonly no") else { return };
    assert_eq!(ask(&pmtr.dir, "SET answer 42"), "+OK");
    pmtr.save(&config.replace("job {", "job {\n disable"));
    pmtr.wait(&format!("sending SIGTERM to job cache [{pid}]"));
    pmtr.wait(&format!("job cache {pid} exited after"));
    assert!(pmtr.dir.join("own/dump.rdb").exists());
    pmtr.save(&config);
    assert_ne!(pmtr.started("cache"), pid);
    answers(&pmtr.dir);
    assert_eq!(ask(&pmtr.dir, "GET answer"), "42");
    stops_without_force(&mut pmtr);
}

#[test]
fn what_redis_has_in_its_append_only_file_survives_a_kill() {
    let Some((mut pmtr, pid, _)) = start_or_skip("appendonly yes\nappendfsync always") else { return };
    assert_eq!(ask(&pmtr.dir, "SET answer 42"), "+OK");
    kill(pid, "KILL");
    pmtr.wait(&format!("job cache {pid} exited after"));
    pmtr.started("cache");
    answers(&pmtr.dir);
    assert_eq!(ask(&pmtr.dir, "GET answer"), "42");
    stops_without_force(&mut pmtr);
}

#[test]
fn other_rules_for_redis_neither_restart_it_nor_disconnect_its_clients() {
    let Some((mut pmtr, pid, config)) = start_or_skip("save 3600 1") else { return };
    let mut client = Client::connect(&pmtr.dir).unwrap();
    assert_eq!(client.ask("SET answer 42").unwrap(), "+OK");
    pmtr.save(&config.replace("stop timeout 30s", "stop timeout 2m\n give up after 5 in 10m"));
    pmtr.wait("rescanning job configuration");
    pmtr.settle();
    assert!(pmtr.has(&format!("job cache: running [{pid}]")));
    assert_eq!(client.ask("GET answer").unwrap(), "42");
    stops_without_force(&mut pmtr);
}
