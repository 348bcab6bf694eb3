//! Takes the lines of a job one by one, after expansion where there is something to expand.

use super::Builder;
use super::expand::{Expanded, Meaning};
use super::given::Given;
use super::lines::OptionLine;
use super::shared::PartKind;
use crate::config::Aim;
use crate::config::errors::{LineView, Mistakes, Whom};
use crate::config::options::Key;
use crate::config::places::OfWord;
use crate::config::text::{Line, Word};
use crate::model::JobName;
use std::rc::Rc;

/// For whom a line is taken.
#[derive(Clone, Copy, Default)]
pub(super) struct Taking<'a> {
    pub(super) from: Option<&'a PartKind>,
    pub(super) meaning: Meaning<'a>,
    /// The copy, or the job.
    pub(super) name: Option<&'a JobName>,
    /// Whether it was taken before.
    pub(super) again: bool,
}

impl Builder {
    /// Takes one line, after expansion if there is something to expand.
    pub(super) fn take_line(&mut self, index: u32, taking: &Taking<'_>, mistakes: &mut Mistakes) {
        if self.assembly.is_over {
            return;
        }
        let lines = std::mem::take(&mut self.lines);
        let told = match lines.get(index) {
            Some((option, words)) if !(option.told && option.expands) => {
                self.take_words(option, words, taking, mistakes)
            }
            Some(_) | None => false,
        };
        self.lines = lines;
        if told {
            self.lines.tell(index);
        }
    }

    fn take_words(
        &mut self,
        option: &OptionLine,
        words: &[Word],
        taking: &Taking<'_>,
        mistakes: &mut Mistakes,
    ) -> bool {
        let OptionLine { row, line, told, .. } = *option;
        let text = self.text(line, mistakes);
        let from =
            taking.from.filter(|from| **from != PartKind::Job || option.expands && taking.meaning.strict);
        let whom = from.zip(taking.name).map(|(from, job)| {
            let like = if let PartKind::Template(name) = from { Some(name.clone()) } else { None };
            Whom { job: job.clone(), like }
        });
        let view = LineView { told, warned: taking.again, whom, words: Vec::new() };
        if !option.expands || !taking.meaning.strict && self.variables.is_empty() {
            mistakes.begin(line, view);
            self.take_as_written(option, words, &text, mistakes);
            return mistakes.end(line);
        }
        let mut expanded = Expanded::default();
        let fault = self.variables.line(&text, words, &taking.meaning, &mut expanded).err();
        let Expanded { text, words: new_words, places } = expanded;
        self.assembly.spend(text.len() + 1);
        mistakes.begin(line, LineView { words: places, ..view });
        self.place(row.key, words, line);
        match fault {
            Some(fault) => mistakes.add(line, fault),
            None => self.apply(row, &mut Given::new(&text, &new_words, line, mistakes)),
        }
        mistakes.end(line)
    }

    /// Takes a line that means what is written there.
    pub(super) fn take_as_written(
        &mut self,
        option: &OptionLine,
        words: &[Word],
        text: &[u8],
        mistakes: &mut Mistakes,
    ) {
        self.assembly.spend(length(words));
        self.place(option.row.key, words, option.line);
        self.apply(option.row, &mut Given::new(text, words, option.line, mistakes));
    }

    /// The text in which this line is.
    pub(super) fn text(&mut self, line: Line, mistakes: &Mistakes) -> Rc<Vec<u8>> {
        match &self.assembly.source {
            Some((file, text)) if *file == line.file => Rc::clone(text),
            Some(_) | None => {
                let text = mistakes.source_of(line).text;
                self.assembly.source = Some((line.file, Rc::clone(&text)));
                text
            }
        }
    }

    /// Notes where these words of an option are; those of the first copy are those of all.
    fn place(&mut self, key: Key, words: &[Word], line: Line) {
        if self.aim == Aim::Check && self.assembly.next == 0 {
            self.job.places.extend(words.iter().map(|word| OfWord { key, line, word: *word }));
        }
    }

    /// The same for a line that is taken elsewhere.
    pub(super) fn note_place(&mut self, index: u32) {
        if let Some((option, words)) = self.lines.get(index).filter(|_| self.assembly.next == 0) {
            let (key, line) = (option.row.key, option.line);
            let places = words.iter().map(|word| OfWord { key, line, word: *word });
            self.job.places.extend(places.filter(|_| self.aim == Aim::Check));
        }
    }
}

/// What these words take, at least one byte.
fn length(words: &[Word]) -> usize {
    let ends = words.first().zip(words.last());
    ends.map_or(0, |(first, last)| last.span.end.saturating_sub(first.span.start) as usize) + 1
}
