//! What a configuration may ask for is bounded, and so are the time and the memory that reading it takes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "shared/config.rs"]
mod outcome;

use pmtr::config::{self, SourceFile, Sources};
use std::rc::Rc;
use std::time::{Duration, Instant};

#[test]
fn a_text_of_the_greatest_size_takes_no_more_than_its_length_in_time() {
    const SIZE: usize = config::MAX_BYTES;
    let fill = |piece: &str| piece.repeat(SIZE / piece.len());
    let block =
        |inside: &str| format!("job {{\nname a\ncmd /a\n{}\n}}\n", inside.repeat((SIZE - 40) / inside.len()));
    let named = |name: fn(usize) -> String| {
        (0..SIZE / 28).map(|n| format!("job {{\nname {}\ncmd /a\n}}\n", name(n))).collect()
    };
    let chain = |piece: fn(usize) -> String, then: &str| -> String {
        let pieces: String = (0..SIZE / 60).map(piece).collect();
        pieces + then
    };
    let texts: [(&str, String); 38] = [
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
        ("unknown templates", block("no env\n").replacen("no env", "like a", 1)),
        (
            "a chain of templates",
            chain(
                |n| format!("template {} {{\nlike {n}\n}}\n", n + 1),
                "template 0 {\ncmd /a\n}\njob {\nname a\nlike 9\n}\n",
            ),
        ),
        (
            "jobs that are like a long chain",
            (0..SIZE / 80).map(|n| format!("template {} {{\nlike {n}\n}}\n", n + 1)).collect::<String>()
                + "template 0 {\ncmd /a\n}\n"
                + &(0..SIZE / 80).map(|n| format!("job {{\nname {n}\nlike 90000\n}}\n")).collect::<String>(),
        ),
        ("a circle of templates", chain(|n| format!("template {n} {{\nlike {}\n}}\n", n + 1), "")),
        (
            "templates that are like all",
            chain(|n| format!("template {n} {{\nlike 1 2 3 4 5 6 7 8\n}}\n"), ""),
        ),
        (
            "many defaults and jobs",
            chain(|n| format!("defaults {{\nenv A=1\n}}\njob {{\nname {n}\ncmd /a\n}}\n"), ""),
        ),
        ("things to expand", block("env a=%{b\n")),
        ("open things to expand", format!("variable A a\n{}", block("env a=%{%{%{%{%{%{%{%{\n"))),
        (
            "a long variable",
            format!("variable A {}\n{}", "x".repeat(1 << 20), block("env a=%{A}\n").split_off(2 << 20)),
        ),
        ("a variable in a line", format!("variable A {}\nx {}\n", "x".repeat(9000), "%{A}".repeat(400_000))),
        (
            "copies of much",
            format!("job {{\nname a\ncmd /a {}\ninstances 10000\n}}\n", "b%{n} ".repeat(9000)),
        ),
        (
            "words of each",
            format!(
                "job {{\nname a\ncmd /a\neach {}\n}}\n",
                (0..99_999).map(|n| format!("{n} ")).collect::<String>()
            ),
        ),
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
fn all_jobs_are_counted_after_expansion() {
    let job = |name: &str, copies: usize| format!("job {{\nname {name}\ncmd /\ninstances {copies}\n}}\n");
    let six: String = ["a", "b", "c", "d", "e", "f"].iter().map(|name| job(name, 10_000)).collect();
    assert_eq!(told(&format!("{six}{}", job("g", 5536))), []);
    let what = "a file can have at most 65536 jobs, and this is one more: run a second pmtr with its own \
                file";
    assert_eq!(told(&format!("{six}{}{}", job("g", 5537), job("h", 5))), [(31, what.into())]);
}

#[test]
fn the_texts_of_all_jobs_are_bounded_after_expansion() {
    let what = "with this, the configuration has more than 64 MiB of text after all expansion";
    let copies =
        |bytes: usize| format!("job {{\nname a\ncmd /{} %{{n}}\ninstances 1000\n}}\n", "x".repeat(bytes));
    assert_eq!(told(&copies(60_000)), []);
    assert_eq!(told(&copies(70_000)), [(1, what.into())]);
    let template = |jobs: usize| {
        let jobs: String = (0..jobs).map(|n| format!("job {{\nname {n}\nlike t\n}}\n")).collect();
        format!("template t {{\ncmd /{}\n}}\n{jobs}", "x".repeat(1 << 20))
    };
    assert_eq!(told(&template(60)), []);
    assert_eq!(told(&template(70)), [(4 + 4 * 63, what.into())]);
    let variable = |lines: usize| {
        let lines: String = (0..lines).map(|n| format!("env A{n}=%{{X}}\n")).collect();
        format!("variable X {}\njob {{\nname a\ncmd /a\n{lines}}}\n", "x".repeat(1 << 20))
    };
    assert_eq!(told(&variable(60)), []);
    assert_eq!(told(&variable(70)), [(2, what.into())]);
    let file = format!("variable X {}\n{}", "x".repeat(1 << 20), "report to udp://%{X}\n".repeat(70));
    let mistakes = told(&file);
    assert_eq!(mistakes.last(), Some(&(65, what.into())), "{}", mistakes.len());
}

#[test]
fn a_line_is_bounded_after_expansion() {
    let line = |times: usize| {
        let value = "%{X}".repeat(times);
        format!("variable X {}\njob {{\nname a\ncmd /a\nenv A={value}\n}}\n", "x".repeat(1 << 20))
    };
    assert_eq!(told(&line(1)), []);
    assert_eq!(told(&line(3)), [(5, "after expansion, this line is longer than 2 MiB".into())]);
}

#[test]
fn included_files_are_bounded_one_by_one_and_in_their_number() {
    let file = |name: &str, text: Vec<u8>| SourceFile::new(name.as_bytes(), text);
    let read = |files: Vec<SourceFile>| {
        let included = vec![config::Included { files: Ok(files) }];
        let sources = Sources { main: file("main", b"include x\n".to_vec()), included, ..Sources::default() };
        let mistakes = config::parse(sources).err().unwrap_or_default();
        mistakes.iter().map(|mistake| mistake.headline().to_string()).collect::<Vec<_>>()
    };
    let long = vec![b'\n'; config::MAX_BYTES + 1];
    let other = file("b", b"uesr\n".to_vec());
    assert_eq!(
        read(vec![file("a", long), other]),
        ["a: error: larger than 10 MiB", "b:1:1: error: unknown option `uesr`: did you mean `user`?"]
    );
    let empty: Rc<Vec<u8>> = Rc::default();
    let files = |count: usize| (0..count).map(|_| SourceFile::new(*b"c", Rc::clone(&empty))).collect();
    assert_eq!(read(files(65_535)), [""; 0]);
    assert_eq!(read(files(65_536)), ["main: error: too many files are included: at most 65535"]);
}
