//! The text of a configuration: it is taken whole, or every mistake has its place in the text.

use pmtr::config::{self, Parsed};
use pmtr::model::{JobSpec, Mistake};
use pmtr::plan::{Change, plan};
use std::ffi::CStr;

/// One text. `parse` is the parser, perhaps with somebody who looks after it.
pub fn run(text: &[u8], parse: impl Fn(&[u8]) -> Result<Parsed, Vec<Mistake>>) {
    match parse(text) {
        Ok(parsed) => good(text, &parsed),
        Err(mistakes) => bad(text, &mistakes),
    }
}

fn good(text: &[u8], parsed: &Parsed) {
    let Parsed { config, warnings, .. } = parsed;
    messages(text, warnings);
    let checked = config::check(text).unwrap_or_else(|m| panic!("{}", config::render(&m)));
    assert!(checked.config == *config);
    messages(text, &checked.warnings);
    let lines: Vec<u32> = (0..config.jobs.len()).map(|job| checked.places.line(job)).collect();
    let last = text.iter().filter(|byte| **byte == b'\n').count() + 1;
    // Copies of a job begin where it begins.
    assert!(lines.windows(2).all(|pair| pair[0] <= pair[1]), "{lines:?}");
    assert!(lines.iter().all(|line| (1..=last).contains(&(*line as usize))), "{lines:?}");
    config.jobs.iter().for_each(job);
    for list in [&config.listen, &config.report] {
        let mut list: Vec<_> = list.iter().collect();
        list.sort();
        assert!(list.windows(2).all(|pair| pair[0] != pair[1]), "an address twice");
    }
    readable(&config::show(config).to_string());

    let old: Vec<&JobSpec> = config.jobs.iter().collect();
    let mut names: Vec<_> = old.iter().map(|job| &job.name).collect();
    names.sort();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "a name twice");
    for (at, change) in plan(&old, &config.jobs).into_iter().enumerate() {
        assert_eq!(change, Change::Same { old: at, new: at });
    }

    let printed = config::print(config);
    match config::parse(&printed) {
        Ok(again) => {
            assert!(again.config == *config, "{}", String::from_utf8_lossy(&printed));
            assert_eq!(config::print(&again.config), printed);
        }
        Err(mistakes) => panic!("{}", config::render(&mistakes)),
    }
}

fn job(job: &JobSpec) {
    let name = job.name.as_bytes();
    assert!((1..=255).contains(&name.len()) && !name.iter().any(u8::is_ascii_whitespace), "{name:?}");
    assert!(!job.launch.path().is_empty() && job.launch.dir().to_bytes().starts_with(b"/"));
    let variable =
        |env: &CStr| env.to_bytes().split(|byte| *byte == b'=').next().unwrap_or_default().to_vec();
    let mut variables: Vec<Vec<u8>> = job.launch.env().map(variable).collect();
    variables.sort();
    assert!(variables.windows(2).all(|pair| pair[0] != pair[1]), "a variable twice");
    assert!(variables.iter().all(|name| !name.is_empty()));
    let mut tags: Vec<&[u8]> = job.policy.labels.tags.iter().collect();
    tags.sort();
    assert!(tags.windows(2).all(|pair| pair[0] != pair[1]), "a tag twice");
}

fn bad(text: &[u8], mistakes: &[Mistake]) {
    let errors = Mistake::count(mistakes).errors;
    assert!(errors > 0);
    messages(text, mistakes);
    // Who looks closer sees no other errors.
    let Err(checked) = config::check(text) else { panic!("no error") };
    assert_eq!(Mistake::count(&checked).errors, errors);
}

/// Each has its place in the text.
fn messages(text: &[u8], mistakes: &[Mistake]) {
    assert!(mistakes.len() <= 2002, "{} mistakes", mistakes.len());
    let mut lines = text.split(|byte| *byte == b'\n').enumerate();
    let mut current = (0, &b""[..]);
    let mut last = (0, 0);
    for mistake in mistakes {
        let Mistake { line, column, width, text: shown, what, more, .. } = mistake;
        assert!(!what.is_empty() && shown.len() <= 161, "{mistake:?}");
        if *line == 0 {
            // The file as a whole comes last, and so does what is only counted.
            assert!(
                *column == 0 && shown.is_empty() && mistakes.iter().rev().take(2).any(|last| last == mistake)
            );
            continue;
        }
        assert!(last <= (*line, *column) && *width >= 1 && *more == 0, "{mistake:?} behind {last:?}");
        last = (*line, *column);
        while current.0 < *line {
            let (number, bytes) = lines.next().unwrap_or_else(|| panic!("no line {line}: {mistake:?}"));
            current = (u32::try_from(number).unwrap_or(u32::MAX) + 1, bytes);
        }
        let here = current.1;
        assert!((1..=here.len() + 1).contains(&(*column as usize)), "{mistake:?}: {here:?}");
        assert!(shown.is_empty() || here.windows(shown.len()).any(|part| part == &shown[..]), "{mistake:?}");
    }
    readable(&config::render(mistakes).to_string());
}

/// Nothing in it would be obeyed by a terminal.
fn readable(text: &str) {
    assert!(text.chars().all(|char| char == '\n' || !char.is_control()), "{text:?}");
}
