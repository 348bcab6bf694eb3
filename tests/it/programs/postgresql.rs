//! PostgreSQL: SIGINT ends it although clients are connected, SIGTERM would wait for them.

use super::{children, own_place, server_or_skip, stops_without_force};
use crate::support::{Dir, Pmtr, alive, daemon, kill, output, wait_until};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A database, made by a first job as an operator would, and what reaches it.
struct Database {
    pmtr: Pmtr,
    pid: i32,
    bin: PathBuf,
}

fn job(bin: &Path, user: &str) -> String {
    format!(
        "job {{\n name db\n cmd {}/postgres -D DIR/own/data -k DIR/own -c listen_addresses=\n{user} \
         err DIR/own/log\n stop signal INT\n stop timeout 60s\n reload signal HUP\n restart delay 200ms\n}}\n",
        bin.display()
    )
}

impl Database {
    fn start_or_skip() -> Option<Database> {
        // Its other programs are beside it, and not beside a link to it.
        let bin = server_or_skip("postgres")?.canonicalize().unwrap().parent().unwrap().to_path_buf();
        let (dir, user) = own_place();
        let make = format!(
            "job {{\n name make\n cmd {}/initdb -D DIR/own/data -A trust -U admin --locale=C\n{user} once\n wait\n}}\n",
            bin.display()
        );
        let mut pmtr = Pmtr::start_in(dir, &(make + &job(&bin, user)), |_| {});
        pmtr.wait(": exit status 0");
        let pid = pmtr.started("db");
        let database = Database { pmtr, pid, bin };
        database.answers();
        Some(database)
    }

    fn psql(&self) -> Command {
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args(["-qAtX", "-U", "admin", "-d", "postgres", "-h"]).arg(self.pmtr.dir.join("own"));
        psql
    }

    fn ask(&self, sql: &str) -> String {
        let (status, answer, errors) = output(self.psql().args(["-c", sql]));
        assert_eq!(status, Some(0), "{errors}");
        answer.trim().to_owned()
    }

    fn answers(&self) {
        wait_until("the database answers", || output(self.psql().args(["-c", "select 1"])).0 == Some(0));
    }

    fn log(&self) -> String {
        fs::read_to_string(self.pmtr.dir.join("own/log")).unwrap()
    }

    fn session(&self) -> Session {
        let mut child =
            self.psql().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Session { child, input, output: BufReader::new(output) }
    }
}

/// A client that stays connected.
struct Session {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Session {
    fn ask(&mut self, sql: &str) -> String {
        writeln!(self.input, "{sql};").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_open_session_does_not_hold_up_a_stop_by_sigint() {
    let Some(mut database) = Database::start_or_skip() else { return };
    let mut session = database.session();
    assert_eq!(session.ask("begin; select 'in a transaction'"), "in a transaction");
    stops_without_force(&mut database.pmtr);
    assert!(database.pmtr.has(&format!("sending SIGINT to job db [{}]", database.pid)));
    assert!(database.pmtr.has(&format!("job db {} exited after", database.pid)));
    assert!(database.log().contains("database system is shut down"), "{}", database.log());
}

#[test]
fn what_was_written_is_there_after_a_restart_by_a_changed_command() {
    let Some(mut database) = Database::start_or_skip() else { return };
    database.ask("create table kept as select 42 as answer");
    let file = fs::read_to_string(&database.pmtr.config).unwrap();
    database.pmtr.save(&file.replace("listen_addresses=", "listen_addresses= -c work_mem=5MB"));
    let next = database.pmtr.started("db");
    assert_ne!(next, database.pid);
    database.answers();
    assert_eq!(database.ask("select answer from kept"), "42");
    assert_eq!(database.ask("show work_mem"), "5MB");
    assert!(!database.log().contains("not properly shut down"), "{}", database.log());
    stops_without_force(&mut database.pmtr);
}

#[test]
fn sighup_reloads_it_and_keeps_its_process_and_its_sessions() {
    let Some(mut database) = Database::start_or_skip() else { return };
    let mut session = database.session();
    assert_eq!(session.ask("show work_mem"), "4MB");
    database.ask("alter system set work_mem = '6MB'");
    kill(database.pid, "HUP");
    wait_until("the session has the new value", || session.ask("show work_mem") == "6MB");
    database.pmtr.settle();
    assert!(database.pmtr.has(&format!("job db: running [{}]", database.pid)));
    stops_without_force(&mut database.pmtr);
}

#[test]
fn after_a_kill_of_its_main_process_its_children_end_and_it_recovers() {
    let Some(mut database) = Database::start_or_skip() else { return };
    database.ask("create table kept as select 42 as answer");
    let mut session = database.session();
    assert_eq!(session.ask("select 'connected'"), "connected");
    let left = children(database.pid);
    assert!(left.len() > 3, "{left:?}");
    kill(database.pid, "KILL");
    database.pmtr.wait(&format!("job db {} exited after", database.pid));
    wait_until("its children have ended", || !left.iter().any(|pid| alive(*pid)));
    database.answers();
    assert_eq!(database.ask("select answer from kept"), "42");
    assert!(database.log().contains("automatic recovery in progress"), "{}", database.log());
    stops_without_force(&mut database.pmtr);
}

#[test]
fn one_that_a_killed_pmtr_has_left_is_ended_by_sigint_and_then_started() {
    let Some(mut database) = Database::start_or_skip() else { return };
    database.ask("create table kept as select 42 as answer");
    let mut session = database.session();
    assert_eq!(session.ask("select 'connected'"), "connected");
    database.pmtr.signal("KILL");
    database.pmtr.ends();
    let dir = std::mem::replace(&mut database.pmtr.dir, Dir::new());
    let config = database.pmtr.config.clone();
    let mut command = daemon(dir.path());
    command.arg("-Fc").arg(&config);
    database.pmtr = Pmtr::run(dir, config, command, |_| {});
    database
        .pmtr
        .wait(&format!("job db [{}] was left by a pmtr that was killed, sending SIGINT", database.pid));
    database.pmtr.started("db");
    database.answers();
    assert_eq!(database.ask("select answer from kept"), "42");
    assert!(!database.log().contains("not properly shut down"), "{}", database.log());
    stops_without_force(&mut database.pmtr);
}
