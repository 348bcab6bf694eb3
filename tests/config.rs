//! The parser against pairs of files: `tests/config/NAME.conf` is what an operator wrote, `NAME.expected`
//! what pmtr makes of it. `UPDATE_EXPECTED=1` writes the second anew: read the difference before you keep it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "shared/config.rs"]
mod outcome;
#[path = "shared/rng.rs"]
#[allow(dead_code, unreachable_pub, reason = "other tests share it")]
mod rng;

use pmtr::config::{self, Parsed, options};
use pmtr::model::Mistake;
use rng::{Rng, rounds};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config")
}

fn cases() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory()).unwrap();
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "conf"));
    cases.sort();
    cases
}

/// Everything that a configuration says, as canonical text, with the line on which each job begins.
fn dump(parsed: &Parsed) -> String {
    let text = String::from_utf8_lossy(&config::print(&parsed.config)).into_owned();
    let mut jobs = 0..;
    let line = |line: &str| match line {
        "job {\n" => format!("job {{ # line {}\n", parsed.places.line(jobs.next().unwrap_or_default())),
        line => line.to_owned(),
    };
    match text.is_empty() {
        true => "nothing\n".into(),
        false => text.split_inclusive('\n').map(line).collect(),
    }
}

fn outcome(name: &str, text: &[u8]) -> String {
    match config::check(config::SourceFile::new(name.as_bytes(), text.to_vec())) {
        Ok(parsed) => format!("{}{}", config::render(&parsed.warnings), dump(&parsed)),
        Err(mistakes) => config::render(&mistakes).to_string(),
    }
}

#[test]
fn each_file_means_what_is_written_beside_it() {
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut differences = String::new();
    for path in cases() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let got = outcome(&name, &std::fs::read(&path).unwrap());
        let beside = path.with_extension("expected");
        if update {
            std::fs::write(&beside, &got).unwrap();
        }
        let expected = std::fs::read_to_string(&beside).unwrap_or_default();
        if got != expected {
            write!(differences, "--- {name}: expected\n{expected}--- {name}: got\n{got}\n").unwrap();
        }
    }
    assert!(differences.is_empty(), "\n{differences}");
    assert!(cases().len() >= 150, "only {} cases", cases().len());
}

#[test]
fn each_option_is_in_a_file_that_is_right() {
    let good = cases().into_iter().filter(|path| config::parse(&std::fs::read(path).unwrap()).is_ok());
    let texts: Vec<String> =
        good.map(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()).collect();
    for row in &options::TABLE {
        let begins = |line: &str| line.trim_start().starts_with(&row.keyword());
        assert!(texts.iter().any(|text| text.lines().any(begins)), "no good file has `{}`", row.keyword());
    }
}

#[test]
fn carriage_returns_and_a_missing_last_newline_change_nothing_of_a_good_file() {
    for path in cases() {
        let Ok(text) = String::from_utf8(std::fs::read(&path).unwrap()) else { continue };
        let Ok(parsed) = config::check(text.as_bytes()) else { continue };
        if text.contains('\r') {
            continue;
        }
        for other in [text.replace('\n', "\r\n"), text.trim_end_matches('\n').to_owned()] {
            let other = config::check(other.as_bytes()).unwrap();
            assert_eq!(dump(&other), dump(&parsed), "{}", path.display());
        }
    }
}

#[test]
fn any_text_is_taken_whole_or_with_a_place_for_each_mistake() {
    const PIECES: [&[u8]; 45] = [
        b"job",
        b"{",
        b"}",
        b"\n",
        b"\n",
        b"\n",
        b" ",
        b" ",
        b"\t",
        b"\r\n",
        b"\\\n",
        b"\\",
        b"\"",
        b"#",
        b"name a",
        b"cmd /a",
        b"depends {",
        b"ulimit {",
        b"-n 30",
        b"bounce every 5s",
        b"bounce",
        b"listen on",
        b"udp://1.2.3.4:5",
        b"report to",
        b"\xff\xfe",
        b"\xc3\xa9",
        b"\x1b[2J",
        b"cpu 0x",
        b"order -",
        b"env A=b",
        b"user 0",
        b"once",
        b"restart on none",
        b"restart delay 1 times 2",
        b"up to 9",
        b"stop",
        b"end within 5",
        b"wait",
        b"uesr x",
        b"jbo {",
        b"job {",
        b"job {\nname b\ncmd /b\n}",
        b"}}",
        b"{ }",
        b"\"a b\"",
    ];
    let mut rng = Rng::new(1);
    let seeds: Vec<Vec<u8>> = cases().iter().map(|path| std::fs::read(path).unwrap()).collect();
    for _ in 0..rounds(100_000) {
        let pieces = (0..rng.below(30)).flat_map(|_| rng.pick(&PIECES).iter().copied());
        outcome::run(&pieces.collect::<Vec<u8>>(), |text| config::parse(text));
        let bytes: Vec<u8> = (0..rng.below(40)).map(|_| rng.byte() | 1).collect();
        outcome::run(&bytes, |text| config::parse(text));
        let mut mutated = seeds[rng.below(seeds.len())].clone();
        for _ in 0..=rng.below(3) {
            let at = rng.below(mutated.len() + 1);
            let (cut, piece) = (rng.below(6).min(mutated.len() - at), rng.pick(&PIECES));
            mutated.splice(at..at + cut, piece.iter().copied());
        }
        if mutated.len() < 2000 {
            outcome::run(&mutated, |text| config::parse(text));
        }
    }
}

#[test]
fn a_text_of_the_greatest_size_takes_no_more_than_its_length_in_time() {
    const SIZE: usize = config::MAX_BYTES;
    let fill = |piece: &str| piece.repeat(SIZE / piece.len());
    let block =
        |inside: &str| format!("job {{\nname a\ncmd /a\n{}\n}}\n", inside.repeat((SIZE - 40) / inside.len()));
    let named = |name: fn(usize) -> String| {
        (0..SIZE / 28).map(|n| format!("job {{\nname {}\ncmd /a\n}}\n", name(n))).collect()
    };
    let texts: [(&str, String); 26] = [
        ("braces", fill("{")),
        ("open braces", fill("{\n")),
        ("closing braces", fill("}")),
        ("closing braces, a line each", fill("}\n")),
        ("closing braces on one line", fill("} ")),
        ("pairs of braces", fill("{ } ")),
        ("unknown blocks", fill("x {\n")),
        ("jobs in jobs", fill("job {\n")),
        ("misspelt jobs", fill("jbo {\n")),
        ("blocks on one line", fill("ulimit { ")),
        ("quotes", fill("\"")),
        ("quotes apart", fill("\" ")),
        ("backslashes", fill("\\")),
        ("quoted backslashes", format!("\"{}", "\\".repeat(SIZE - 1))),
        ("joined lines", fill("\\\n")),
        ("a joined quote", format!("\"{}", "\\\n".repeat(SIZE / 2 - 1))),
        ("one word", fill("x")),
        ("unknown options", fill("uesr\n")),
        ("comments", fill("#\n")),
        ("newlines", fill("\n")),
        ("arguments", format!("job {{\nname a\ncmd /a {}\n}}\n", "b ".repeat(SIZE / 2 - 20))),
        ("variables", block("env a=\n")),
        ("files", block("depends { a }\n")),
        ("limits", block("ulimit { -n 1 -n 1 }\n")),
        ("jobs with one name", named(|_| "a".into())),
        ("jobs with many names", named(|n| format!("{n:x}"))),
    ];
    let timed = |text: &str| {
        let begin = Instant::now();
        outcome::run(text.as_bytes(), |text| config::parse(text));
        begin.elapsed()
    };
    for (name, text) in &texts {
        assert!(text.len() <= SIZE, "{name}: {}", text.len());
        // Not a measure of speed: quadratic time would be hours.
        assert!(timed(text) < Duration::from_secs(60), "{name}");
    }
}

#[test]
fn what_is_no_text_or_too_long_is_refused_with_one_mistake() {
    let long = vec![b'\n'; config::MAX_BYTES + 1];
    let long = config::parse(config::SourceFile::new(*b"f", long)).unwrap_err();
    assert_eq!(config::render(&long).to_string(), "f: error: larger than 10 MiB\n");
    assert!(config::parse(&vec![b'\n'; config::MAX_BYTES]).is_ok());
    let nul = config::parse(b"x\njob {\n name a\0b\n\0").unwrap_err();
    assert_eq!((nul.len(), nul[0].line, nul[0].column), (1, 3, 8));
}

#[test]
fn past_a_thousand_mistakes_are_only_counted() {
    let mistakes = config::parse("uesr\n".repeat(1234).as_bytes()).unwrap_err();
    assert_eq!(mistakes.len(), 1001);
    assert_eq!(mistakes[999].line, 1000);
    assert_eq!((mistakes[1000].line, &*mistakes[1000].what), (0, "234 more errors"));
    assert_eq!(Mistake::count(&mistakes).errors, 1234);
}

#[test]
fn a_configuration_is_printed_as_a_file_that_says_the_same() {
    let text = "listen on udp://127.0.0.1:3
report to udp://239.0.0.1:4@eth7
end when done
end within 1500ms
job {
  name full
  cmd /bin/x \"a b\" \"\" \"c\\\"d\" \"#e\" \"{\"
  dir /srv
  in /in
  out /out
  err syslog
  user www
  env A=b
  env \"C=d e\"
  disable
  wait
  once
  order -2
  nice 5
  cpu 0x30
  ulimit -n 30
  ulimit -c infinity
  bounce every 2m
  restart on failure 3 SEGV
  stay down on none
  success on 0 7-9
  restart delay 250ms plus 1s up to 1m jitter 5%
  steady after never
  give up after 5 in 90s
  essential
  stop signal INT TERM
  stop timeout 1d
  stop with bin/stop \"a b\"
  stop main only
  reload with /bin/reload
  reload signal HUP
  depends {
    /etc/app
    \"r l\"
  }
}
job {
  name bare
  cmd /bin/y
}
";
    let config = config::parse(text.as_bytes()).unwrap().config;
    assert_eq!(String::from_utf8_lossy(&config::print(&config)), text);
    assert_eq!(config::show(&config).to_string(), text);
}

#[test]
fn what_is_shown_to_a_person_does_not_control_a_terminal() {
    let config = config::parse(b"job {\n name a\n cmd /a \x1b[2J\n}\n").unwrap().config;
    assert_eq!(config::show(&config).to_string(), "job {\n  name a\n  cmd /a \"?[2J\"\n}\n");
}

/// The mistakes of a text, each as its line and what is wrong.
fn told(text: &str) -> Vec<(u32, String)> {
    let mistakes = config::parse(text.as_bytes()).err().unwrap_or_default();
    mistakes.iter().map(|mistake| (mistake.line, mistake.what.to_string())).collect()
}

#[test]
fn what_a_file_asks_for_is_bounded_and_the_first_that_is_too_many_is_told() {
    let jobs =
        |count: usize| -> String { (0..count).map(|n| format!("job {{\nname {n}\ncmd /\n}}\n")).collect() };
    assert_eq!(told(&jobs(65_536)), []);
    let what = "a file can have at most 65536 jobs, and this is one more: run a second pmtr with its own \
                file";
    assert_eq!(told(&jobs(65_540)), [(4 * 65_536 + 1, what.into())]);

    let job = |lines: &str| format!("job {{\nname a\ncmd /\n{lines}}}\n");
    let env = |count: usize| job(&(0..count).map(|n| format!("env A{n}=\n")).collect::<String>());
    assert_eq!(told(&env(65_536)), []);
    let what = "a job can have at most 65536 variables, and this is one more: put them into a file that the command reads";
    assert_eq!(told(&env(65_539)), [(4 + 65_536, what.into())]);

    for (option, what) in [("listen on", "to listen on"), ("report to", "to report to")] {
        let lines = |count| -> String {
            (1..=count).map(|port| format!("{option} udp://127.0.0.1:{port}\n")).collect()
        };
        assert_eq!(told(&lines(256)), []);
        let what = format!("a file can have at most 256 addresses {what}, and this is one more");
        assert_eq!(told(&lines(259)), [(257, what)]);
    }
}

#[test]
fn the_files_that_all_jobs_depend_on_are_bounded_together_in_number_and_in_bytes() {
    let jobs = |count: usize, dir: &str, files: &str| -> String {
        let job = |n| format!("job {{\nname {n}\ncmd /\n{dir}depends {{ {files} }}\n}}\n");
        (0..count).map(job).collect()
    };
    let short = "a ".repeat(64);
    assert_eq!(told(&jobs(1024, "", &short)), []);
    let what = "with this job, all `depends` blocks together name more than 65536 files or 16 MiB of paths: let \
                some jobs depend on one file that you touch";
    assert_eq!(told(&jobs(1026, "", &short)), [(5 * 1024 + 1, what.into())]);
    let dir = format!("dir /{}\n", "d".repeat(65_533));
    assert_eq!(told(&jobs(4, &dir, &short)), []);
    assert_eq!(told(&jobs(6, &dir, &short)), [(6 * 4 + 1, what.into())]);
}

#[test]
fn a_line_that_is_too_long_is_one_mistake_and_hides_no_other() {
    let long = "x ".repeat(1 << 20);
    assert_eq!(told(&format!("job {{\nname a\ncmd /{}\n}}\n", &long[8..])), []);
    for (line, number) in [(format!("{long}x"), 5), (format!("\\\n{long}\\\n{long}\\\r\n{long}"), 8)] {
        let mistakes = told(&format!("job {{\nname a\ncmd / {line}\n}}\nuesr\n"));
        let lines: Vec<u32> = mistakes.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [3, number], "{mistakes:?}");
        assert!(mistakes[0].1.contains("is longer than 2 MiB"), "{mistakes:?}");
    }
}

#[test]
fn a_text_that_is_read_in_portions_means_the_same_and_no_portion_is_longer_than_asked_for() {
    for path in cases() {
        let text = std::fs::read(&path).unwrap();
        for bytes in [1, 7, 100] {
            let mut parsing = config::Parsing::new(&text);
            let mut portions = 0;
            let answer = loop {
                portions += 1;
                match parsing.go_on(bytes) {
                    config::Portion::More(more) => parsing = more,
                    config::Portion::Done(answer) => break answer,
                }
            };
            assert!(portions <= text.len() / bytes + 2, "{}", path.display());
            let whole = config::parse(&text);
            assert_eq!(answer.as_ref().err(), whole.as_ref().err(), "{}", path.display());
            let jobs = [answer, whole].map(|parsed| parsed.map(|parsed| parsed.config).ok());
            assert_eq!(jobs[0], jobs[1], "{}", path.display());
        }
    }
    // A line is never cut, and others are served after each.
    let text = "env A=\n".repeat(100_000);
    let mut parsing = config::Parsing::new(&text);
    let mut portions = 1;
    while let config::Portion::More(more) = parsing.go_on(70_000) {
        (parsing, portions) = (more, portions + 1);
    }
    assert_eq!(portions, 11);
}
