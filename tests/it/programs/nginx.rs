//! nginx: SIGQUIT lets it answer what it has been asked, SIGHUP reloads it, and `nginx -t` looks at its file before.

use super::{server_or_skip, stops_without_force};
use crate::support::{Dir, PATIENCE, Pmtr, alive, kill, output, root_or_skip, wait_until};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;

const JOB: &str = "job {\n name web\n cmd DIR/serve\n err DIR/log\n reload with NGINX -t -q -c DIR/nginx.conf\n \
    reload signal HUP\n stop signal QUIT TERM\n stop timeout TIMEOUT\n stop main only\n restart delay 200ms\n}\n";

const HALF: &str = "GET / HTTP/1.0\r\n";

/// The file of nginx, which answers everything with this text.
fn site(dir: &Dir, text: &str) -> String {
    // Started by root it has workers of another user, otherwise it has no choice.
    let group = output(Command::new("id").args(["-gn", "nobody"])).1;
    let user = if root_or_skip("workers of another user") {
        format!("user nobody {};\n", group.trim())
    } else {
        String::new()
    };
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("  {kind}_temp_path DIR/{kind};\n"))
        .collect();
    let file = format!(
        "{user}daemon off;\nworker_processes 2;\npid DIR/pid;\nerror_log stderr notice;\nevents {{}}\nhttp {{\n\
         {temporary}  access_log off;\n  server {{\n    listen unix:DIR/socket;\n    location / {{ return 200 {text}; }}\n\
             location /status {{ stub_status; }}\n  }}\n}}\n"
    );
    file.replace("DIR", dir.path().to_str().unwrap())
}

fn start_or_skip(timeout: &str) -> Option<(Pmtr, i32)> {
    let nginx = server_or_skip("nginx")?.display().to_string();
    let dir = Dir::new();
    let path = dir.path().display().to_string();
    dir.write("nginx.conf", &site(&dir, "one"));
    // A socket that a killed nginx has left is in the way of the next one, as a port would not be.
    dir.script("serve", &format!("rm -f {path}/socket\nexec {nginx} -c {path}/nginx.conf"));
    let mut pmtr = Pmtr::start_in(dir, &JOB.replace("NGINX", &nginx).replace("TIMEOUT", timeout), |_| {});
    let pid = pmtr.started("web");
    answers(&pmtr.dir, "one");
    Some((pmtr, pid))
}

fn connect(dir: &Dir) -> Option<UnixStream> {
    let stream = UnixStream::connect(dir.join("socket")).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Some(stream)
}

/// Sends what is missing of a request and returns the whole answer.
fn finish(mut stream: UnixStream, rest: &str) -> String {
    let mut answer = String::new();
    let _ = stream.write_all(rest.as_bytes());
    let _ = stream.read_to_string(&mut answer);
    answer
}

fn get(dir: &Dir, path: &str) -> String {
    connect(dir).map(|stream| finish(stream, &format!("GET {path} HTTP/1.0\r\n\r\n"))).unwrap_or_default()
}

fn answers(dir: &Dir, text: &str) {
    wait_until("nginx answers", || get(dir, "/").ends_with(text));
}

/// A client that has sent half of a request, which nginx has read.
fn half_a_request(dir: &Dir) -> UnixStream {
    let mut stream = connect(dir).unwrap();
    stream.write_all(HALF.as_bytes()).unwrap();
    // The one that asks for the numbers is not reading any more.
    wait_until("nginx reads", || get(dir, "/status").contains("Reading: 1"));
    stream
}

/// What `reload with` and `reload signal` say, done by hand: the command, and the signal when it has succeeded.
fn reload(dir: &Dir, pid: i32) -> bool {
    let nginx = server_or_skip("nginx").unwrap();
    let sound = output(Command::new(nginx).args(["-t", "-q", "-c"]).arg(dir.join("nginx.conf"))).0 == Some(0);
    if sound {
        kill(pid, "HUP");
    }
    sound
}

#[test]
fn a_request_that_nginx_has_begun_to_read_is_answered_before_a_stop_by_sigquit_is_over() {
    let Some((mut pmtr, pid)) = start_or_skip("60s") else { return };
    let client = half_a_request(&pmtr.dir);
    pmtr.signal("TERM");
    pmtr.wait(&format!("sending SIGQUIT to job web [{pid}]"));
    wait_until("nobody listens any more", || connect(&pmtr.dir).is_none());
    assert!(finish(client, "\r\n").ends_with("one"));
    assert_eq!(pmtr.ends().code(), Some(0));
    assert!(!pmtr.has("SIGTERM") && !pmtr.has("SIGKILL"), "{:#?}", pmtr.seen);
}

#[test]
fn a_client_that_never_finishes_its_request_holds_up_nginx_until_sigterm() {
    let Some((mut pmtr, pid)) = start_or_skip("500ms") else { return };
    let client = half_a_request(&pmtr.dir);
    pmtr.signal("TERM");
    pmtr.wait(&format!("sending SIGQUIT to job web [{pid}]"));
    pmtr.wait(&format!("sending SIGTERM to job web [{pid}]"));
    assert_eq!(pmtr.ends().code(), Some(0));
    assert_eq!(finish(client, ""), "");
}

#[test]
fn sighup_reloads_nginx_in_its_process_after_its_file_has_passed_nginx_t() {
    let Some((mut pmtr, pid)) = start_or_skip("60s") else { return };
    pmtr.dir.write("nginx.conf", &site(&pmtr.dir, "two"));
    assert!(reload(&pmtr.dir, pid));
    answers(&pmtr.dir, "two");
    pmtr.dir.write("nginx.conf", "this is no file of nginx");
    assert!(!reload(&pmtr.dir, pid));
    // An old worker that ends may close a connection that has not asked for anything yet.
    answers(&pmtr.dir, "two");
    pmtr.settle();
    assert!(pmtr.has(&format!("job web: running [{pid}]")));
    stops_without_force(&mut pmtr);
}

#[test]
fn after_a_kill_of_its_main_process_the_workers_of_nginx_are_ended_before_the_next_one_starts() {
    let Some((mut pmtr, pid)) = start_or_skip("60s") else { return };
    wait_until("both workers are there", || super::children(pid).len() == 2);
    let workers = super::children(pid);
    kill(pid, "KILL");
    pmtr.wait(&format!("job web {pid} exited after"));
    pmtr.started("web");
    assert!(!workers.iter().any(|worker| alive(*worker)));
    answers(&pmtr.dir, "one");
    stops_without_force(&mut pmtr);
}
