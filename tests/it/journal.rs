//! With a stderr that ends in the journal, as syslog does, each line is written once.

use crate::log_daemon::{LogDaemon, OWN_RUN, OWN_RUN_SCRIPT, text_of};
use crate::support::{Dir, Pmtr};
use crate::wrapped::{behind, namespaces_or_skip};

const CONFIG: &str = "job {\n name a\n cmd /bin/sleep 1000\n}\n";

/// What a journal says of the stream that it has given us for a stderr.
const ITS_OWN: &str = "JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2)";

fn with_journal(dir: Dir, config: &str, variable: &str) -> Pmtr {
    let _ = std::fs::create_dir(dir.join("run"));
    behind(dir, config, &OWN_RUN, &OWN_RUN_SCRIPT.replace("exec ", &format!("{variable} exec ")))
}

#[test]
fn lines_go_to_syslog_alone_when_stderr_is_the_journal() {
    if !namespaces_or_skip("the journal") {
        return;
    }
    let dir = Dir::new();
    let mut daemon = LogDaemon::at(&dir);
    let mut pmtr = with_journal(dir, CONFIG, ITS_OWN);
    daemon.wait("started job a [");
    assert_eq!(pmtr.stop().code(), Some(0));
    assert_eq!(pmtr.seen, Vec::<String>::new());
    daemon.wait("job a ");
    assert!(text_of(&daemon.lines[0]).ends_with("pmtr: starting"), "{:?}", daemon.lines);
}

#[test]
fn lines_go_to_both_when_the_variable_is_about_another_stderr() {
    if !namespaces_or_skip("another journal") {
        return;
    }
    let dir = Dir::new();
    let mut daemon = LogDaemon::at(&dir);
    let mut pmtr = with_journal(dir, CONFIG, "JOURNAL_STREAM=8:4711");
    pmtr.started("a");
    daemon.wait("started job a [");
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn stderr_is_used_when_there_is_no_log_daemon() {
    if !namespaces_or_skip("the journal without a log daemon") {
        return;
    }
    let mut pmtr = with_journal(Dir::new(), CONFIG, ITS_OWN);
    pmtr.started("a");
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn why_a_start_failed_is_said_on_stderr_all_the_same() {
    if !namespaces_or_skip("a failed start and the journal") {
        return;
    }
    let dir = Dir::new();
    let _daemon = LogDaemon::at(&dir);
    let mut pmtr = with_journal(dir, "nonsense\n", ITS_OWN);
    pmtr.wait("FAILED to parse");
    assert_eq!(pmtr.ends().code(), Some(1));
}
