//! The completions of the shells, held against the tables of options.

use super::{must_agree, read};
use pmtr::cli::{self, Opt};
use std::collections::BTreeSet;

/// An option that a completion knows: its name with the dashes, whether it takes an argument, what it is for.
type Known = BTreeSet<(String, bool, String)>;

fn table<I>(options: &[Opt<I>]) -> Known {
    let mut known = Known::new();
    for option in options {
        let letter = option.letter.map(|letter| format!("-{letter}"));
        let long = option.long.map(|long| format!("--{long}"));
        for name in letter.into_iter().chain(long) {
            known.insert((name, option.argument.is_some(), option.help.to_owned()));
        }
    }
    known
}

fn tables() -> [(&'static str, Known); 3] {
    [
        ("pmtr", table(cli::OPTIONS)),
        ("pmtr-ctl", table(cli::ctl::OPTIONS)),
        ("pmtr-rptserver", table(cli::rptserver::OPTIONS)),
    ]
}

/// What a shell script has for a program in its `case`.
fn branch(file: &str, program: &str) -> String {
    let text = read(file);
    let branch = text.split(&format!("\n    {program})\n")).nth(1);
    let branch = branch.unwrap_or_else(|| panic!("{file} has nothing for {program}"));
    branch.split("\n      ;;").next().unwrap().to_owned()
}

#[test]
fn bash_completes_each_option_and_no_other() {
    for (program, known) in tables() {
        let branch = branch("completions/pmtr.bash", program);
        let words = branch.split('\'').nth(1).unwrap().split_whitespace();
        let has: BTreeSet<(String, bool)> =
            words.map(|word| (word.split(':').next().unwrap().to_owned(), word.contains(':'))).collect();
        let known = known.into_iter().map(|(name, argument, _)| (name, argument)).collect();
        must_agree(&format!("bash for {program}"), &has, &known);
    }
}

#[test]
fn zsh_completes_each_option_in_the_words_of_help_and_no_other() {
    for (program, known) in tables() {
        let branch = branch("completions/_pmtr", program);
        let lines = branch.lines().filter_map(|line| line.trim_start().strip_prefix('\''));
        let has: Known = lines.filter_map(in_zsh).collect();
        must_agree(&format!("zsh for {program}"), &has, &known);
    }
}

/// `(- *)-h[show this text]` and the like; nothing for what is no option.
fn in_zsh(line: &str) -> Option<(String, bool, String)> {
    let line = line.strip_prefix("(- *)").or(line.strip_prefix('*')).unwrap_or(line);
    let (name, rest) = line.split_once('[').filter(|(name, _)| name.starts_with('-'))?;
    let bare = name.trim_end_matches(['+', '=']);
    // A bracket or a colon that is meant has a backslash before it.
    let help = rest.replace("\\]", "\u{1}");
    let help = help.split(']').next()?.replace('\u{1}', "]").replace('\\', "");
    Some((bare.to_owned(), bare != name, help))
}

#[test]
fn fish_completes_each_option_in_the_words_of_help_and_no_other() {
    for (program, known) in tables() {
        let begins = format!("complete -c {program} -n $more ");
        let text = read(&format!("completions/{program}.fish"));
        let has: Known =
            text.lines().filter_map(|line| line.strip_prefix(&begins)).flat_map(in_fish).collect();
        must_agree(&format!("fish for {program}"), &has, &known);
    }
}

/// The options of one `complete`, a letter and a long one at most.
fn in_fish(line: &str) -> Vec<(String, bool, String)> {
    let Some((head, help)) = line.rsplit_once(" -d '") else { return Vec::new() };
    let words: Vec<&str> = head.split(' ').collect();
    let argument = words.contains(&"-r") || words.contains(&"-x");
    let pairs = words.windows(2).filter_map(|pair| match pair {
        ["-s", letter] => Some(format!("-{letter}")),
        ["-l", long] => Some(format!("--{long}")),
        _ => None,
    });
    pairs.map(|name| (name, argument, help.trim_end_matches('\'').to_owned())).collect()
}
