//! After the last file: templates find those that they are like, and lines that nobody may use are looked at.

use super::Builder;
use super::expand::{Expanded, Meaning};
use super::lines::LineRange;
use super::shared::Like;
use crate::config::errors::{Fault, Mistakes};
use crate::config::options::Key;

/// In a template and in defaults: every job has a name, and some have the others.
const SHARED: Meaning<'static> =
    Meaning { strict: true, name: Some(b""), number: Some(b""), word: Some(b"") };

impl Builder {
    /// Finds what each template is like.
    pub(super) fn link(&mut self, mistakes: &mut Mistakes) {
        let mut likes = Vec::new();
        for template in 0..self.shared.templates() {
            let like = self.like(self.shared.lines_of(template), mistakes);
            let found = self.shared.find(&like, mistakes);
            self.shared.set_like(template, found);
            likes.push(like);
        }
        for (template, circle) in self.shared.circles() {
            if let Some(like) = likes.get(template as usize).and_then(|like| like.first()) {
                let what = format!("a template cannot be like itself: {circle}");
                mistakes.add(like.line, Fault::new(like.word.span, what));
            }
        }
        self.check_expansions(mistakes);
    }

    /// The words of `like` in a block.
    pub(super) fn like(&mut self, lines: LineRange, mistakes: &mut Mistakes) -> Vec<Like> {
        let mut likes = Vec::new();
        for index in lines.numbers() {
            let Some((option, words)) = self.lines.get(index) else { break };
            if option.row.key != Key::Like || option.told {
                continue;
            }
            let line = option.line;
            let source = mistakes.source_of(line);
            for word in words {
                let mut expanded = Expanded::default();
                let one = std::slice::from_ref(word);
                let fault = self.variables.line(&source.text, one, &Meaning::default(), &mut expanded).err();
                self.assembly.spend(expanded.text.len());
                expanded.text.pop();
                match fault {
                    Some(fault) => mistakes.add(line, fault),
                    None => likes.push(Like { name: expanded.text, line, word: *word }),
                }
            }
        }
        likes
    }

    /// Reports what means nothing in templates and defaults, and what `include` does not know.
    fn check_expansions(&mut self, mistakes: &mut Mistakes) {
        let mut wrong = Vec::new();
        for lines in self.shared.all() {
            for index in lines.numbers() {
                let Some((option, words)) = self.lines.get(index).filter(|(option, _)| option.expands) else {
                    continue;
                };
                let source = mistakes.source_of(option.line);
                if let Err(fault) = self.variables.check(&source.text, words, &SHARED) {
                    wrong.push((index, option.line, fault));
                }
            }
        }
        for (index, line, fault) in wrong {
            mistakes.add(line, fault);
            self.lines.tell(index);
        }
        for (option, words) in self.patterns.iter().filter_map(|index| self.lines.get(*index)) {
            let (source, mut expanded) = (mistakes.source_of(option.line), Expanded::default());
            let fault = self.variables.line(&source.text, words, &Meaning::default(), &mut expanded).err();
            let span = words.first().map(|word| word.span).unwrap_or_default();
            expanded.text.pop();
            let is_expanded = words.first().is_some_and(|word| *word.value(&source.text) != *expanded.text);
            if fault.is_some() || is_expanded {
                let what = "`include` takes no variable: files are looked for before they are read";
                mistakes.add(option.line, Fault::new(span, what));
            }
        }
    }
}
