//! What the documents say of options, messages and files, held against the program.

use super::{MARKDOWN, files, must_agree, read, root};
use pmtr::cli;
use pmtr::client::ctl;
use pmtr::config::{self, options};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// The texts of the log that people and programs rely on. The manual explains each.
const LOG_TEXTS: [&str; 14] = [
    "pmtr: starting",
    "pmtr: managing 2 jobs",
    "started job app-server [18478]",
    "job app-server 18478 exited after 0 sec: exit status 1",
    "job app-server 18478 exited after 75 sec: signal 11",
    "job restarting too fast, delaying restart",
    "rescanning job configuration",
    "sending SIGTERM to job app-server [18478]",
    "sending SIGKILL to job app-server [18478]",
    "pausing for job setup to finish",
    "can't start job app-server: exec /opt/app: No such file or directory",
    "FAILED to parse /etc/pmtr.conf",
    "NOTE: using PREVIOUS job config",
    "pmtr: exiting on signal 15",
];

/// A section of a manual page, from its heading to the next one.
fn section(page: &str, title: &str) -> String {
    let text = read(page);
    let begin = text.find(&format!("\n.Sh {title}\n")).unwrap_or_else(|| panic!("{page} has no {title}"));
    let rest = &text[begin + 1..];
    rest.split("\n.Sh ").next().unwrap().to_owned()
}

/// The heads of a section's list that begin with this macro, as a terminal shows them but without blanks.
fn heads(section: &str, macro_name: &str) -> BTreeSet<String> {
    let begins = format!(".It {macro_name} ");
    section.lines().filter(|line| line.starts_with(&begins)).map(shown).collect()
}

fn shown(line: &str) -> String {
    let mut text = String::new();
    let mut words = line.split(' ').skip(1);
    while let Some(word) = words.next() {
        match word {
            "Ic" | "Ar" | "Cm" | "Ns" | "No" | "Li" => {}
            "Fl" => text.push('-'),
            "Oo" => text.push('['),
            "Oc" => text.push(']'),
            // What is optional goes on to the end of the line.
            "Op" => {
                return format!("{text}[{}]", shown(&format!("It {}", words.collect::<Vec<_>>().join(" "))));
            }
            word => text.push_str(word),
        }
    }
    text
}

fn without_blanks(text: &str) -> String {
    text.replace(' ', "")
}

/// How an option is written: each form that it has, without blanks.
fn usages(scope: options::Scope) -> BTreeSet<String> {
    let mut usages = BTreeSet::new();
    for row in options::TABLE.iter().filter(|row| row.scope == scope) {
        // A choice in brackets is part of one form.
        let forms = match row.arguments.split_once(" | ") {
            Some((first, second)) if !first.contains('[') => vec![first, second],
            Some(_) | None => vec![row.arguments],
        };
        for arguments in forms {
            usages.insert(without_blanks(&format!("{}{arguments}", row.keyword())));
        }
    }
    usages
}

/// The text of a manual page as a terminal shows it, on one line.
fn flowed(text: &str) -> String {
    let mut flowed = String::new();
    for line in text.lines() {
        let macros = line.starts_with('.');
        for word in line.trim_start_matches('.').split_whitespace() {
            let ends = [",", ".", ";", ":", ")"].contains(&word);
            match word {
                "It" | "Ar" | "Pa" | "Ic" | "Cm" | "Dv" | "Ev" | "Nm" | "Ql" | "Li" if macros => {}
                "Fl" if macros => flowed.push_str(" -"),
                word if flowed.ends_with(" -") || (macros && ends) => flowed.push_str(word),
                word => flowed.extend([" ", word]),
            }
        }
    }
    flowed
}

#[test]
fn the_manual_of_the_file_has_each_option_as_the_table_writes_it_and_no_other() {
    for (title, scope) in [("FILE OPTIONS", options::Scope::File), ("JOB OPTIONS", options::Scope::Job)] {
        must_agree(
            &format!("{title} of man/pmtr.conf.5"),
            &heads(&section("man/pmtr.conf.5", title), "Ic"),
            &usages(scope),
        );
    }
}

/// The options that a job can change without a restart, as the manual lists them.
fn changes_without_restart() -> BTreeSet<String> {
    let text = section("man/pmtr.conf.5", "CHANGING THE FILE");
    let item =
        text.split("\n.It\n").find(|item| item.starts_with("A job in which only these options change"));
    let lines = item.expect("the list in the manual").lines().skip_while(|line| !line.starts_with(".Ic "));
    let listed = lines.map_while(|line| line.strip_prefix(".Ic "));
    listed.map(|line| line.trim_end_matches([' ', ',', '.']).to_owned()).collect()
}

#[test]
fn the_manual_lists_the_options_whose_change_restarts_nothing() {
    let rules = options::Scope::Job.options().filter(|row| row.changes == options::Changes::Rules);
    let rules = rules.map(options::OptionRow::keyword).collect();
    must_agree("CHANGING THE FILE of man/pmtr.conf.5", &changes_without_restart(), &rules);
}

/// The example with everything that is commented out in it: `#` and no blank behind it.
fn uncommented(example: &str) -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.is_empty() && (!rest.starts_with(' ') || rest.starts_with("  ")) => {
            rest.to_owned()
        }
        _ => line.to_owned(),
    };
    example.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_shows_every_option_and_holds_with_all_of_them() {
    let text = uncommented(&read("pmtr.conf.example"));
    holds("pmtr.conf.example, uncommented", &text);
    for row in &options::TABLE {
        let begins = |line: &&str| {
            let words: Vec<&str> = line.split_whitespace().take(row.words.len()).collect();
            words == row.words
        };
        assert!(text.lines().any(|line| begins(&line)), "pmtr.conf.example lacks {}", row.keyword());
    }
}

fn holds(what: &str, text: &str) {
    if let Err(mistakes) = config::parse(config::SourceFile::new(what.as_bytes(), text.as_bytes().to_vec())) {
        panic!("{}", config::render(&mistakes));
    }
}

#[test]
fn every_configuration_that_is_shown_has_no_mistake() {
    holds("pmtr.conf.example", &read("pmtr.conf.example"));
    let is_ours = |path: &PathBuf| path.extension().is_some_and(|end| end == "conf");
    for path in files(&root().join("examples")).into_iter().filter(is_ours) {
        holds(path.to_str().unwrap(), &fs::read_to_string(&path).unwrap());
    }
    let mut blocks = 0;
    for name in MARKDOWN {
        let document = read(name);
        for block in document.split("\n```").skip(1).step_by(2) {
            // What has a language is none of ours.
            let text = block.strip_prefix('\n').map(shown_file).unwrap_or_default();
            if ["job {", "listen on ", "report to "].iter().any(|option| starts_a_line(text, option)) {
                holds(name, text);
                blocks += 1;
            }
        }
    }
    let pages =
        ["man/pmtr.8", "man/pmtr.conf.5", "man/pmtr-container.7", "man/pmtr-fleet.7", "man/pmtr-rptserver.8"];
    for page in pages {
        let is_configuration = |text: &&String| text.contains("job {") || text.starts_with("report to");
        for text in displays(page).iter().filter(is_configuration) {
            holds(page, text);
            blocks += 1;
        }
    }
    assert!(blocks >= 10, "only {blocks} were found");
}

/// A block of Markdown, or of a session in it the file that `cat` shows.
fn shown_file(block: &str) -> &str {
    let session = block.strip_prefix("$ cat ").and_then(|rest| rest.split_once('\n'));
    session.map_or(block, |(_, shown)| shown.split("\n\n$ ").next().unwrap_or(shown))
}

fn starts_a_line(text: &str, words: &str) -> bool {
    text.lines().any(|line| line.starts_with(words))
}

#[test]
fn the_face_of_the_project_is_read_in_one_go() {
    let lines = read("README.md").lines().count();
    assert!(lines < 250, "README.md has {lines} lines: details belong into docs");
}

/// The literal displays of a manual page, as a terminal shows them.
fn displays(page: &str) -> Vec<String> {
    let text = read(page);
    let blocks = text.split("\n.Bd -literal -offset indent\n").skip(1);
    let plain = |text: &str| text.replace("\\e", "\\").replace("\\(dq", "\"").replace("\\(ga", "`");
    blocks.map(|block| plain(block.split("\n.Ed").next().unwrap())).collect()
}

#[test]
fn the_mistake_in_the_manual_is_told_as_the_manual_says() {
    let text = b"job {\n  name app\n  cmd /bin/app\n  uesr nobody\n}\n";
    let file = config::SourceFile::new(*b"/etc/pmtr.conf", text.to_vec());
    let mistakes = config::parse(file).unwrap_err();
    let told = config::render(&mistakes).to_string();
    assert!(
        displays("man/pmtr.conf.5").iter().any(|display| display.trim_end() == told.trim_end()),
        "{told}"
    );
}

/// A program as the documents tell of it.
struct Program {
    /// Its options as they are written.
    options: BTreeSet<String>,
    help: String,
    /// What each option is for, in the words of help, but for those that only show a text.
    meanings: Vec<&'static str>,
    page: &'static str,
}

fn program<I>(options: &[cli::Opt<I>], help: String, page: &'static str) -> Program {
    let told = |option: &&cli::Opt<I>| !matches!(option.long, Some("help" | "version"));
    Program {
        options: options.iter().map(cli::Opt::written).collect(),
        help,
        meanings: options.iter().filter(told).map(|option| option.help).collect(),
        page,
    }
}

fn programs() -> [Program; 3] {
    [
        program(cli::OPTIONS, cli::help(), "man/pmtr.8"),
        program(cli::ctl::OPTIONS, cli::ctl::help(), "man/pmtr-ctl.1"),
        program(cli::rptserver::OPTIONS, cli::rptserver::help(), "man/pmtr-rptserver.8"),
    ]
}

#[test]
fn the_command_line_is_the_same_in_the_manual_and_in_help() {
    for Program { options, help, page, .. } in programs() {
        let manual = heads(&section(page, "DESCRIPTION"), "Fl");
        must_agree(page, &manual, &options.iter().map(|option| without_blanks(option)).collect());
        for option in &options {
            assert!(help.contains(&format!("\n  {option} ")), "--help lacks {option}");
        }
    }
}

#[test]
fn the_manual_explains_the_command_line_in_the_words_of_help() {
    for Program { meanings, page, .. } in programs() {
        let text = flowed(&section(page, "DESCRIPTION")).to_lowercase();
        for meaning in meanings {
            assert!(text.contains(&meaning.to_lowercase()), "{page} does not say: {meaning}");
        }
    }
}

#[test]
fn the_manual_of_pmtr_ctl_has_its_exit_statuses_and_its_synopsis() {
    let page = "man/pmtr-ctl.1";
    let statuses =
        [ctl::STATUS_DONE, ctl::STATUS_FAILED, cli::STATUS_USAGE, ctl::STATUS_UNKNOWN, ctl::STATUS_SILENT];
    let expected: Vec<String> = statuses.iter().map(|status| format!(".It {status}")).collect();
    let text = section(page, "EXIT STATUS");
    let shown: Vec<&str> = text.lines().filter(|line| line.starts_with(".It ")).collect();
    assert_eq!(shown, expected);
    for option in cli::ctl::OPTIONS.iter().filter(|option| option.argument.is_some()) {
        let head = format!("Fl {} Ar {}", option.letter.unwrap(), option.argument.unwrap());
        assert!(section(page, "SYNOPSIS").contains(&head), "{page} lacks {head}");
    }
}

#[test]
fn the_manual_explains_the_texts_of_the_log_and_no_other() {
    let program = read("src/model/notice/tests.rs");
    let manual: BTreeSet<String> = section("man/pmtr.8", "LOG")
        .lines()
        .filter_map(|line| line.strip_prefix(".It Li \"")?.strip_suffix('"'))
        .map(str::to_owned)
        .collect();
    for text in LOG_TEXTS {
        assert!(manual.contains(text), "man/pmtr.8 lacks: {text}");
    }
    // The test there holds each of them against what the program says.
    for text in manual {
        assert!(program.contains(&format!("\"{text}\"")), "no line of the log: {text}");
    }
}

#[test]
fn a_manual_page_refers_to_those_that_exist() {
    let ours: BTreeSet<String> = files(&root().join("man"))
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    for page in &ours {
        let text = read(&format!("man/{page}"));
        for reference in text.lines().filter_map(|line| line.strip_prefix(".Xr ")) {
            let words: Vec<&str> = reference.split(' ').collect();
            let name = format!("{}.{}", words[0], words[1]);
            assert!(!name.starts_with("pmtr") || ours.contains(&name), "{page} refers to {name}");
        }
    }
    for document in MARKDOWN.into_iter().chain(["pmtr.conf.example"]) {
        let text = read(document);
        for program in text.split("pmtr-").skip(1) {
            let name: String = program.chars().take_while(char::is_ascii_alphabetic).collect();
            let is_page = |page: &String| page.starts_with(&format!("pmtr-{name}."));
            let there = root().join(format!("src/bin/pmtr-{name}.rs")).exists();
            assert!(there || ours.iter().any(is_page), "{document} names pmtr-{name}, which does not exist");
        }
    }
}
