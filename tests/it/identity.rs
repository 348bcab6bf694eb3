//! Who a job runs as: exactly the user that the file names, or nobody.

use crate::support::{
    Dir, PMTR, Pmtr, Report, copy_of, daemon, open_to_all, output, probe, read_when_there, root_or_skip,
    wait_until,
};
use crate::wrapped::{behind, namespaces_or_skip};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

/// What is no user, though a careless look-up finds one in it, most of the time root.
const NOBODY: [&[u8]; 46] = [
    b"no-such-user-here",
    b"0day",
    b"0x0",
    b"0x",
    b"-1",
    b"-0",
    b"-2",
    b"+0",
    b"+1",
    b"00",
    b"000",
    b"01",
    b"0000000000000000000000",
    b"4294967295",
    b"4294967294",
    b"4294967296",
    b"4294967297",
    b"65535",
    b"65536",
    b"4242424",
    b"18446744073709551615",
    b"18446744073709551616",
    b"99999999999999999999999999",
    b"0.0",
    b"1e0",
    b"0,0",
    b"0:0",
    b"root:",
    b"root:0",
    b"root:x:0:0",
    b"Root",
    b"ROOT",
    b"roo",
    b"roott",
    b"root@localhost",
    b"root\\",
    b"/root",
    b"*",
    b"?",
    b"+",
    b"-",
    b"%0",
    b"$USER",
    b"~root",
    b"r\xf6\xf6t",
    b"\xef\xbc\x90",
];

/// The same in quotes, since they hold blanks.
const QUOTED: [&[u8]; 7] = [b" root", b"root ", b" 0", b"0 ", b" ", b"root 0", b"\xc2\xa0root"];

#[test]
fn what_does_not_resolve_exactly_is_not_started_least_of_all_as_root() {
    let dir = Dir::new();
    open_to_all(dir.path());
    let ran = dir.script("ran", &format!("id -u >>{0}/ran-as; echo $1 >>{0}/ran-as", dir.path().display()));
    let mut config = Vec::new();
    let mut jobs = 0;
    for (place, name) in NOBODY.iter().chain(&QUOTED).enumerate() {
        let mut job =
            format!("job {{\n name j{place}\n cmd {} j{place}\n user \"", ran.display()).into_bytes();
        job.extend(name.iter().flat_map(|byte| match byte {
            b'\\' => vec![b'\\', b'\\'],
            other => vec![*other],
        }));
        job.extend(b"\"\n}\n");
        // The parser may refuse it as well.
        std::fs::write(dir.join("one.conf"), &job).unwrap();
        let check = Command::new(PMTR).arg("--check").arg("-c").arg(dir.join("one.conf")).output().unwrap();
        let told = String::from_utf8_lossy(&check.stderr).into_owned();
        if check.status.code() == Some(0) {
            assert!(told.contains("does not exist"), "{}: {told}", name.escape_ascii());
            config.extend(job);
            jobs += 1;
        } else {
            assert!(told.contains("user"), "{told}");
        }
    }
    assert!(jobs > 20, "{jobs}");
    std::fs::write(dir.join("raw.conf"), config).unwrap();
    let config = dir.join("raw.conf");
    let mut command = daemon(dir.path());
    command.arg("-F").arg("-c").arg(&config);
    let mut pmtr = Pmtr::run(dir, config, command, |_| {});
    for _ in 0..jobs {
        let line = pmtr.wait("can't start job j");
        assert!(line.contains(": user ") && line.ends_with(": no such user"), "{line}");
    }
    pmtr.settle();
    assert!(!pmtr.dir.join("ran-as").exists() && !pmtr.has("exited after"));
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn ones_own_name_and_number_switch_nothing() {
    let own = output(Command::new("id").arg("-u")).1.trim().to_string();
    let (_, name, _) = output(Command::new("id").arg("-un"));
    let groups = |report: &Report| report.get("Groups").to_string();
    let mut seen = BTreeSet::new();
    for user in [String::new(), format!(" user {own}\n"), format!(" user {}\n", name.trim())] {
        if user.trim() == "user" {
            eprintln!("skipped: this user has no name");
            continue;
        }
        let config = format!("job {{\n name probe\n cmd {} DIR/report\n{user}}}\n", probe().display());
        let pmtr = Pmtr::start(&config);
        let report = Report::read(&pmtr.dir.join("report"));
        assert_eq!(report.get("Uid"), [own.as_str(); 4].join(" "));
        seen.insert(groups(&report));
    }
    assert_eq!(seen.len(), 1, "{seen:?}");
}

/// A data base of users of the test's own, by mounts over the files in a namespace of the daemon's own.
const OWN_USERS: &str = "mount --make-rprivate /; mount --bind DIR/passwd /etc/passwd; \
    mount --bind DIR/group /etc/group; exec PMTR -Fc CONF";

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n\
    ann:x:7001:7100:Ann,,,:/home/ann:/bin/annsh\nbob:x:7002:7100::/home/bob:\n\
    4242:x:0:0::/root:/bin/sh\n0day:x:7003:7003::/:/bin/sh\nnogid:x:7004:4294967295::/:/bin/sh\n\
    minus:x:4294967295:7005::/:/bin/sh\ntwin:x:7001:7200::/twin:/bin/sh\n";
const GROUP: &str =
    "root:x:0:\nstaff:x:7100:\ndisk:x:7201:ann\ndialout:x:7202:bob,ann\nwheel:x:7203:ann,twin\n";

fn with_own_users(config: &str) -> Option<Pmtr> {
    if !namespaces_or_skip("users of the test's own") {
        return None;
    }
    let dir = Dir::new();
    open_to_all(dir.path());
    dir.write("passwd", PASSWD);
    dir.write("group", GROUP);
    copy_of(&probe(), &dir, "probe");
    Some(behind(dir, config, &["unshare", "--mount"], OWN_USERS))
}

fn job(name: &str, user: &str) -> String {
    format!("job {{\n name {name}\n cmd DIR/probe DIR/{name}\n user {user}\n}}\n")
}

#[test]
fn a_job_has_all_ids_and_groups_of_its_user_and_nothing_else() {
    let config = [
        job("ann", "ann"),
        job("number", "7001"),
        job("bob", "bob"),
        job("twin", "twin"),
        job("day", "0day"),
    ];
    let config = config.concat()
        + &[job("numeric-name", "4242"), job("nogid", "nogid"), job("minus", "minus")].concat();
    let Some(mut pmtr) = with_own_users(&config) else { return };
    for (job, uid, gid, groups, name, home, shell) in [
        ("ann", "7001", "7100", "7100 7201 7202 7203", "ann", "/home/ann", "/bin/annsh"),
        // A number means its first entry.
        ("number", "7001", "7100", "7100 7201 7202 7203", "ann", "/home/ann", "/bin/annsh"),
        ("bob", "7002", "7100", "7100 7202", "bob", "/home/bob", ""),
        ("twin", "7001", "7200", "7200 7203", "twin", "/twin", "/bin/sh"),
        ("day", "7003", "7003", "7003", "0day", "/", "/bin/sh"),
    ] {
        let report = Report::read(&pmtr.dir.join(job));
        assert_eq!(report.get("Uid"), [uid; 4].join(" "), "{job}");
        assert_eq!(report.get("Gid"), [gid; 4].join(" "), "{job}");
        let mut has: Vec<&str> = report.get("Groups").split(' ').collect();
        has.sort_unstable();
        assert_eq!(has.join(" "), groups, "{job}");
        for (variable, value) in [("USER", name), ("LOGNAME", name), ("HOME", home), ("SHELL", shell)] {
            assert_eq!(report.get(&format!("env {variable}")), value, "{job}");
        }
        for capabilities in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
            assert_eq!(report.get(capabilities), "0000000000000000", "{job}");
        }
    }
    for job in ["numeric-name", "nogid", "minus"] {
        let line = pmtr.rewind().wait(&format!("can't start job {job}: "));
        assert!(line.ends_with(": no such user"), "{line}");
        assert!(!pmtr.dir.join(job).exists());
    }
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn a_user_that_is_removed_later_costs_its_own_job_the_next_start_and_no_other_job_anything() {
    let Some(mut pmtr) = with_own_users(&(job("ann", "ann") + &job("bob", "bob"))) else { return };
    let (ann, bob) = (pmtr.started("ann"), pmtr.rewind().started("bob"));
    Report::read(&pmtr.dir.join("ann"));
    Report::read(&pmtr.dir.join("bob"));
    // In place: the mount is of this file.
    std::fs::write(pmtr.dir.join("passwd"), PASSWD.replace("ann:x:7001", "eve:x:7001")).unwrap();
    let again = |user: &str| job(user, user).replace("\n}", "\n env AGAIN=1\n}");
    pmtr.save(&(again("ann") + &job("bob", "bob")));
    pmtr.wait(&format!("job ann {ann} exited"));
    let line = pmtr.wait("can't start job ann: ");
    assert!(line.ends_with("user ann: no such user"), "{line}");
    std::fs::remove_file(pmtr.dir.join("bob")).unwrap();
    pmtr.save(&(again("ann") + &again("bob")));
    pmtr.wait(&format!("job bob {bob} exited"));
    pmtr.started("bob");
    assert_eq!(Report::read(&pmtr.dir.join("bob")).get("Uid"), "7002 7002 7002 7002");
    // It is looked up anew at each start.
    std::fs::write(pmtr.dir.join("passwd"), PASSWD.replace("ann:x:7001", "ann:x:7009")).unwrap();
    std::fs::remove_file(pmtr.dir.join("ann")).unwrap();
    pmtr.save(&(again("ann").replace("AGAIN=1", "AGAIN=2") + &again("bob")));
    assert_eq!(Report::read(&pmtr.dir.join("ann")).get("Uid"), "7009 7009 7009 7009");
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn a_job_cannot_become_root_again() {
    if !root_or_skip("becoming root again") {
        return;
    }
    let dir = Dir::new();
    open_to_all(dir.path());
    let path = dir.path().to_str().unwrap().to_string();
    let mut tries = String::new();
    for (place, options) in
        ["--reuid=0", "--regid=0", "--ruid=0", "--euid=0", "--groups=0", "--init-groups --reuid=0"]
            .iter()
            .enumerate()
    {
        let _ = writeln!(tries, "setpriv {options} true 2>/dev/null && echo {place} regained");
    }
    dir.script(
        "try",
        &format!(
            "exec >{path}/said; {tries} id -u; id -ru; id -g; id -G; mv {path}/said {path}/result; exit 33"
        ),
    );
    let mut pmtr = Pmtr::start_in(dir, "job {\n name try\n cmd DIR/try\n user nobody\n}\n", |_| {});
    pmtr.wait("exit status 33");
    let result = std::fs::read_to_string(pmtr.dir.join("result")).unwrap();
    let ids: Vec<&str> = result.lines().collect();
    assert!(ids.len() == 4 && !ids.contains(&"0"), "{result}");
}

#[test]
fn the_fiftieth_start_looks_like_the_first_from_inside() {
    let users =
        if root_or_skip("the fiftieth start of another user") { &["", " user nobody\n"][..] } else { &[""] };
    for user in users {
        let dir = Dir::new();
        open_to_all(dir.path());
        copy_of(&probe(), &dir, "probe");
        let config = |round: u32| {
            format!(
                "job {{\n name probe\n cmd DIR/probe DIR/report\n nice 19\n ulimit -c 0\n env A=b\n out DIR/log\n err syslog\n{user} bounce every {round}h\n}}\n"
            )
        };
        let mut pmtr = Pmtr::start_in(dir, &config(1), |_| {});
        let mut pids = BTreeSet::new();
        let mut first: Option<String> = None;
        for round in 1..=50 {
            let pid = pmtr.started("probe");
            pids.insert(pid);
            let report = pmtr.dir.join("report");
            wait_until("the report is there", || report.exists());
            let text = comparable(&std::fs::read(&report).unwrap(), pid);
            assert_eq!(*first.get_or_insert_with(|| text.clone()), text, "start {round}");
            std::fs::remove_file(&report).unwrap();
            if round < 50 {
                pmtr.save(&config(round + 1));
            }
        }
        assert!(pids.len() > 1 && first.is_some_and(|text| text.lines().count() > 40));
        assert_eq!(pmtr.stop().code(), Some(0));
    }
}

/// A report without what differs between any two processes.
fn comparable(report: &[u8], pid: i32) -> String {
    let (text, own) = (std::ffi::OsStr::from_bytes(report).to_string_lossy(), pid.to_string());
    // As a whole word only: a short number stands within many a longer one.
    let general = |line: &str| {
        let words = line.split([' ', '\t', '=']).map(|word| if word == own { "PID" } else { word });
        words.collect::<Vec<_>>().join(" ")
    };
    let same = |line: &&str| {
        let key = line.split('=').next().unwrap_or("");
        let measured = key.starts_with("Vm") || key.starts_with("Rss") || key.contains("ctxt_switches");
        // The number of a pipe is as good as any other.
        !measured && !matches!(key, "fd2" | "Threads" | "SigQ" | "State" | "HugetlbPages" | "Mems_allowed")
    };
    text.lines().filter(same).map(general).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_the_caller_told_the_kernel_about_capabilities_gives_a_user_none() {
    if !root_or_skip("the bits that keep capabilities") {
        return;
    }
    let careless = ["setpriv", "--securebits=+no_setuid_fixup", "--inh-caps=+kill", "--ambient-caps=+kill"];
    if output(Command::new(careless[0]).args(&careless[1..]).arg("true")).0 != Some(0) {
        return eprintln!("skipped: a caller that keeps capabilities needs a setpriv that can");
    }
    let dir = Dir::new();
    open_to_all(dir.path());
    copy_of(&probe(), &dir, "probe");
    let config = "job {\n name a\n cmd DIR/probe DIR/report\n user nobody\n}\n";
    let mut pmtr = behind(dir, config, &careless, "exec PMTR -Fc CONF");
    pmtr.started("a");
    let report = read_when_there(&pmtr.dir.join("report"));
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert!(report.contains(&format!("\n{set}=0000000000000000\n")), "{set}: {report}");
    }
    assert_eq!(pmtr.stop().code(), Some(0));
}
