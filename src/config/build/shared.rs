//! What jobs share: templates and defaults, and which of their lines a job has.

use super::lines::{LineArena, LineRange};
use crate::config::errors::{Mistakes, Shown};
use crate::config::options::{COUNT, Key};
use crate::config::suggest;
use crate::config::text::{Line, Spot, Word};
use crate::model::JobName;
use std::collections::HashMap;

/// A message shows no more of a circle of templates than this.
const SHOWN: usize = 8;
/// No more circles than this are reported.
const CIRCLES: usize = 16;

/// All templates, and the defaults that hold where the parser is.
#[derive(Default)]
pub(super) struct SharedBlocks {
    templates: Vec<Template>,
    names: HashMap<JobName, u32>,
    defaults: Vec<Defaults>,
    /// The last of the defaults that hold here.
    here: Option<u32>,
    /// How many searches there have been: each marks what it has seen with its own number.
    searches: u64,
}

struct Template {
    name: JobName,
    spot: Spot,
    lines: LineRange,
    like: Vec<u32>,
    /// The last search that has come here.
    seen: u64,
    /// Whether the search for circles is between here and those it is like.
    is_on_way: bool,
}

/// A block of defaults, and the one before it that also holds.
#[derive(Clone, Copy)]
struct Defaults {
    lines: LineRange,
    before: Option<u32>,
    /// Whether there is something to expand in them or in those before them.
    expands: bool,
}

/// A block whose lines a job has.
#[derive(Clone, Debug)]
pub(super) struct JobPart {
    pub(super) lines: LineRange,
    pub(super) from: PartKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PartKind {
    Defaults,
    Template(JobName),
    Job,
}

/// A line of a job: its number, and that of the part that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PartLine {
    pub(super) line: u32,
    pub(super) part: u32,
}

/// A word of `like`, as it is after expansion.
pub(super) struct Like {
    pub(super) name: Vec<u8>,
    pub(super) line: Line,
    pub(super) word: Word,
}

impl SharedBlocks {
    /// Notes the name of a template, which no other has; where the other is.
    pub(super) fn name(&mut self, name: &JobName, spot: Spot) -> Result<(), Spot> {
        if let Some(first) = self.names.get(name).and_then(|index| self.templates.get(*index as usize)) {
            return Err(first.spot);
        }
        self.names.insert(name.clone(), u32::try_from(self.templates.len()).unwrap_or(u32::MAX));
        let lines = LineRange::default();
        self.templates.push(Template {
            name: name.clone(),
            spot,
            lines,
            like: Vec::new(),
            seen: 0,
            is_on_way: false,
        });
        Ok(())
    }

    /// The lines of a template whose block ends.
    pub(super) fn add_template(&mut self, name: &JobName, lines: LineRange) {
        let index = self.names.get(name).copied();
        let template = index.and_then(|index| self.templates.get_mut(index as usize));
        template.into_iter().for_each(|template| template.lines = lines);
    }

    /// The lines of defaults, which hold from here on.
    pub(super) fn add_defaults(&mut self, lines: LineRange, expands: bool) {
        if lines.is_empty() {
            return;
        }
        let index = u32::try_from(self.defaults.len()).ok();
        let expands = expands || self.expands();
        self.defaults.push(Defaults { lines, before: self.here, expands });
        self.here = index;
    }

    /// Whether there is something to expand in the defaults that hold here.
    pub(super) fn expands(&self) -> bool {
        let here = self.here.and_then(|here| self.defaults.get(here as usize));
        here.is_some_and(|here| here.expands)
    }

    /// The defaults that hold here.
    pub(super) fn here(&self) -> Option<u32> {
        self.here
    }

    /// Goes on with these defaults.
    pub(super) fn set_here(&mut self, here: Option<u32>) {
        self.here = here;
    }

    /// The lines of all templates and defaults.
    pub(super) fn all(&self) -> impl Iterator<Item = LineRange> {
        let defaults = self.defaults.iter().map(|defaults| defaults.lines);
        self.templates.iter().map(|template| template.lines).chain(defaults)
    }

    /// How many templates there are.
    pub(super) fn templates(&self) -> u32 {
        u32::try_from(self.templates.len()).unwrap_or(u32::MAX)
    }

    /// The lines of one template.
    pub(super) fn lines_of(&self, template: u32) -> LineRange {
        self.templates.get(template as usize).map(|template| template.lines).unwrap_or_default()
    }

    /// Notes which templates one is like.
    pub(super) fn set_like(&mut self, template: u32, like: Vec<u32>) {
        if let Some(template) = self.templates.get_mut(template as usize) {
            template.like = like;
        }
    }

    /// The templates with these names; reports those that do not exist.
    pub(super) fn find(&self, like: &[Like], mistakes: &mut Mistakes) -> Vec<u32> {
        let known = |like: &Like| {
            let found = self.names.get(&JobName::new(&like.name)).copied();
            if found.is_none() {
                mistakes.add_with(like.line, like.word.span, || self.unknown(&like.name));
            }
            found
        };
        like.iter().filter_map(known).collect()
    }

    fn unknown(&self, name: &[u8]) -> String {
        let known = self.templates.iter().map(|template| template.name.as_bytes());
        let hint = match suggest::nearest(known, name) {
            _ if self.templates.is_empty() => ": define it with `template NAME { ... }`".to_owned(),
            Some(meant) => format!(": did you mean {}?", Shown(meant)),
            None => String::new(),
        };
        format!("there is no template {}{hint}", Shown(name))
    }

    /// The templates that are like themselves: for each the names on the way from it back to it.
    pub(super) fn circles(&mut self) -> Vec<(u32, String)> {
        let (search, mut circles) = (self.search(), Vec::new());
        for first in 0..self.templates() {
            if !self.see(first, search) {
                self.circles_from(first, search, &mut circles);
            }
        }
        circles
    }

    fn circles_from(&mut self, first: u32, search: u64, circles: &mut Vec<(u32, String)>) {
        // The way to where the search is: each template with the number of those it is like that were looked at.
        let mut way = vec![(first, 0)];
        while let Some((at, next)) = way.last_mut() {
            let Some(template) = self.templates.get_mut(*at as usize) else { return };
            template.is_on_way = true;
            let (at, like) = (*at, template.like.get(*next).copied());
            *next += 1;
            match like {
                None => {
                    template.is_on_way = false;
                    way.pop();
                }
                Some(like) if self.templates.get(like as usize).is_some_and(|like| like.is_on_way) => {
                    if circles.len() < CIRCLES {
                        circles.push((at, self.circle(&way, like)));
                    }
                }
                Some(like) if !self.see(like, search) => way.push((like, 0)),
                Some(_) => {}
            }
        }
    }

    /// The part of the way that begins with this template, and its name again.
    fn circle(&self, way: &[(u32, usize)], begin: u32) -> String {
        let circle: Vec<u32> = way.iter().map(|(at, _)| *at).skip_while(|at| *at != begin).collect();
        let name = |at: &u32| self.templates.get(*at as usize).map(|template| template.name.to_string());
        let mut names: Vec<String> = circle.iter().take(SHOWN).filter_map(name).collect();
        if circle.len() > SHOWN {
            names.push("...".to_owned());
        }
        names.extend(names.first().cloned());
        names.join(" -> ")
    }

    /// A number for a search.
    pub(super) fn search(&mut self) -> u64 {
        self.searches += 1;
        self.searches
    }

    /// Marks a template as seen; whether it was before.
    fn see(&mut self, template: u32, search: u64) -> bool {
        let template = self.templates.get_mut(template as usize);
        template.is_none_or(|template| std::mem::replace(&mut template.seen, search) == search)
    }

    /// The blocks whose lines a job has, in their order: defaults, templates, its own. How much was looked at for that.
    pub(super) fn parts(
        &mut self,
        defaults: Option<u32>,
        like: &[u32],
        own: LineRange,
        parts: &mut Vec<JobPart>,
    ) -> usize {
        parts.clear();
        let mut at = defaults;
        while let Some(here) = at.and_then(|index| self.defaults.get(index as usize)) {
            parts.push(JobPart { lines: here.lines, from: PartKind::Defaults });
            at = here.before;
        }
        parts.reverse();
        let mut looked_at = like.len();
        let search = if like.is_empty() { 0 } else { self.search() };
        let mut way: Vec<(u32, usize)> = Vec::new();
        for first in like {
            if !self.see(*first, search) {
                way.push((*first, 0));
            }
            while let Some((at, next)) = way.last_mut() {
                let Some(template) = self.templates.get(*at as usize) else { break };
                if let Some(like) = template.like.get(*next).copied() {
                    *next += 1;
                    looked_at += 1;
                    if !self.see(like, search) {
                        way.push((like, 0));
                    }
                } else {
                    let from = PartKind::Template(template.name.clone());
                    parts.push(JobPart { lines: template.lines, from });
                    way.pop();
                }
            }
        }
        parts.push(JobPart { lines: own, from: PartKind::Job });
        looked_at
    }
}

/// The lines that count: of a single-valued option the last block that gives it, and nothing that a later block takes
/// back.
pub(super) fn effective(parts: &[JobPart], lines: &LineArena, effective: &mut Vec<PartLine>) {
    effective.clear();
    let (mut given, mut taken_back) = ([false; COUNT], [false; COUNT]);
    let mark = |marks: &mut [bool; COUNT], key: Key| {
        marks.get_mut(key as usize).into_iter().for_each(|mark| *mark = true);
    };
    for (index, JobPart { lines: range, from }) in parts.iter().enumerate().rev() {
        let part = u32::try_from(index).unwrap_or(u32::MAX);
        let of_part = || range.numbers().zip(lines.of(*range));
        for (line, option) in of_part().rev() {
            let marked = |marks: &[bool; COUNT]| marks.get(option.row.key as usize) == Some(&true);
            if *from == PartKind::Job || !marked(&taken_back) && (option.row.repeatable || !marked(&given)) {
                effective.push(PartLine { line, part });
            }
        }
        for (_, option) in of_part().filter(|_| parts.len() > 1) {
            mark(&mut given, option.row.key);
            option.takes_back.into_iter().for_each(|key| mark(&mut taken_back, key));
        }
    }
    effective.reverse();
}
