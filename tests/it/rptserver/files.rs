//! The files that the receiver writes.

use super::*;

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
