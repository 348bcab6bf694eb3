//! The syntax file of vim, held against the options of the file.

use super::{must_agree, read};
use pmtr::config::options::{Scope, TABLE};
use pmtr::model::Resource;
use std::collections::BTreeSet;

const SYNTAX: &str = "vim/syntax/pmtr.vim";

/// The keywords of a group, as its matches write them.
fn keywords(group: &str) -> BTreeSet<String> {
    let text = read(SYNTAX);
    let begins = format!("syn match {group} /^\\s*\\zs");
    let patterns = text.lines().filter_map(|line| line.strip_prefix(&begins)?.split("\\S\\@!").next());
    patterns
        .flat_map(|pattern| {
            let list = pattern.strip_prefix("\\%(").and_then(|list| list.strip_suffix("\\)"));
            let words = list.unwrap_or(pattern).split("\\|");
            words.map(|word| word.replace("\\s\\+", " ")).collect::<Vec<_>>()
        })
        .collect()
}

fn options(scope: Scope) -> BTreeSet<String> {
    TABLE.iter().filter(|row| row.scope == scope).map(|row| row.keyword()).collect()
}

#[test]
fn vim_knows_each_option_in_its_place_and_no_other() {
    must_agree("pmtrFileOption of vim", &keywords("pmtrFileOption"), &options(Scope::File));
    must_agree("pmtrJobOption of vim", &keywords("pmtrJobOption"), &options(Scope::Job));
    let all: BTreeSet<String> = TABLE.iter().map(|row| row.keyword()).collect();
    must_agree("pmtrForeign of vim", &keywords("pmtrForeign"), &all);
}

#[test]
fn vim_knows_each_limit_and_no_other() {
    let text = read(SYNTAX);
    let lists =
        text.lines().filter(|line| line.starts_with("syn match pmtrFlag ")).collect::<Vec<_>>().join("\n");
    let letters = lists.split("-[").nth(1).unwrap().split(']').next().unwrap();
    let names =
        lists.split("RLIMIT_\\%(").skip(1).flat_map(|list| list.split("\\)").next().unwrap().split("\\|"));
    let flags: BTreeSet<String> = letters.chars().map(|letter| format!("-{letter}")).collect();
    let names: BTreeSet<String> = names.map(|name| format!("RLIMIT_{name}")).collect();
    must_agree("vim", &flags, &Resource::ALL.iter().map(|(_, flag, _)| flag.to_string()).collect());
    must_agree("vim", &names, &Resource::ALL.iter().map(|(.., name)| name.to_string()).collect());
}
