//! The parser against pairs of files: `tests/config/NAME.conf` is what an operator wrote, `NAME.expected`
//! what pmtr makes of it. `UPDATE_EXPECTED=1` writes the second anew: read the difference before you keep it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "shared/cases.rs"]
mod all;
#[path = "shared/config.rs"]
mod outcome;
#[path = "shared/rng.rs"]
#[allow(dead_code, unreachable_pub, reason = "other tests share it")]
mod rng;

use all::{cases, sources};
use pmtr::config::{self, Parsed, SourceFile, options};
use pmtr::model::Mistake;
use rng::{Rng, rounds};
use std::fmt::Write;

/// Everything that a configuration says, as canonical text, with the line on which each job begins.
fn dump(name: &str, parsed: &Parsed) -> String {
    let text = String::from_utf8_lossy(&config::print(&parsed.config)).into_owned();
    let mut jobs = 0..;
    let place = |job: usize| {
        let (file, line) = (parsed.places.file(job), parsed.places.line(job));
        match &*file == name.as_bytes() {
            true => format!("job {{ # line {line}\n"),
            false => format!("job {{ # line {line} of {}\n", String::from_utf8_lossy(&file)),
        }
    };
    let line = |line: &str| match line {
        "job {\n" => place(jobs.next().unwrap_or_default()),
        line => line.to_owned(),
    };
    match text.is_empty() {
        true => "nothing\n".into(),
        false => text.split_inclusive('\n').map(line).collect(),
    }
}

fn outcome(name: &str, text: &[u8]) -> String {
    match config::check(sources(name, text)) {
        Ok(parsed) => format!("{}{}", config::render(&parsed.warnings), dump(name, &parsed)),
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
            assert_eq!(dump("", &other), dump("", &parsed), "{}", path.display());
        }
    }
}

#[test]
fn any_text_is_taken_whole_or_with_a_place_for_each_mistake() {
    const PIECES: [&[u8]; 67] = [
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
        b"defaults {",
        b"template t {",
        b"template u {",
        b"like t",
        b"like t u",
        b"no env",
        b"no",
        b"instances 3",
        b"each a b",
        b"tag x y",
        b"about z",
        b"variable V v",
        b"variable W",
        b"include x",
        b"%{V}",
        b"%%{V}",
        b"%{name}",
        b"%{n}",
        b"%{each}",
        b"%{",
        b"env N=%{name}",
        b"defaults {\nenv A=%{name}\n}",
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
fn what_is_no_text_or_too_long_is_refused_with_one_mistake() {
    let long = vec![b'\n'; config::MAX_BYTES + 1];
    let long = config::parse(SourceFile::new(*b"f", long)).unwrap_err();
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

/// The bytes of all files of a case.
fn all_bytes(name: &str, text: &[u8]) -> usize {
    let included = sources(name, text).included.len();
    text.len() + included * 1000
}

#[test]
fn a_text_that_is_read_in_portions_means_the_same_and_no_portion_is_longer_than_asked_for() {
    for path in cases() {
        let text = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy();
        for bytes in [1, 7, 100] {
            let mut parsing = config::Parsing::new(sources(&name, &text));
            let mut portions = 0;
            let answer = loop {
                portions += 1;
                match parsing.go_on(bytes) {
                    config::Portion::More(more) => parsing = more,
                    config::Portion::Done(answer) => break answer,
                }
            };
            let whole = config::parse(sources(&name, &text));
            let built = whole.as_ref().map_or(0, |parsed| config::print(&parsed.config).len());
            let limit = (all_bytes(&name, &text) + built) / bytes + 10;
            assert!(portions <= limit, "{}: {portions} > {limit}", path.display());
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
