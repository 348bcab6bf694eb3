//! The builder of the rules of a job: when it is restarted, and how it is stopped.

use super::given::{Given, Taken, ValueError};
use super::job::JobBlock;
use crate::config::errors::{Fault, Shown};
use crate::config::options::Key;
use crate::config::text::{Line, Span, Word};
use crate::config::values::{self, Value};
use crate::model::{Codes, Delay, GiveUp, Growth, Words};

/// A stop sends no more signals than this before KILL.
const MAX_SIGNALS: usize = 8;

impl JobBlock {
    /// `restart on`.
    pub(in crate::config) fn restart_on(&mut self, given: &Given<'_>) -> Taken {
        self.restart_on = Some(given.place());
        ends(given, &mut self.draft.policy.restart.on)
    }

    /// `restart delay`.
    pub(in crate::config) fn delay(&mut self, given: &mut Given<'_>) -> Taken {
        let first = values::duration(&given.value())?;
        let mut clauses = Clauses::new(given, Key::RestartDelay);
        let mut growth = Growth::None;
        if let Some((by, _)) = clauses.take("plus", values::duration)? {
            growth = Growth::Plus(by);
        } else if let Some((by, _)) = clauses.take("times", |word| values::number_in(word, 2..=1000))? {
            growth = Growth::Times(by);
        }
        let up_to = clauses.take("up to", values::duration)?;
        let jitter = clauses.take("jitter", values::percent)?.map_or(0, |(percent, _)| percent);
        clauses.end()?;
        match up_to {
            Some((most, span)) if most < first => {
                return Err(Fault::new(span, "`up to` cannot be shorter than the first delay").into());
            }
            Some((_, span)) if growth == Growth::None => given.mistakes.warn(given.line, span, || {
                "`up to` has no effect: without `plus` or `times` the delay does not grow".to_owned()
            }),
            Some(_) | None => {}
        }
        let up_to = up_to.map(|(most, _)| most);
        self.draft.policy.restart.delay = Some(Delay { first, growth, up_to, jitter });
        Ok(())
    }

    /// `give up after`.
    pub(in crate::config) fn give_up(&mut self, given: &Given<'_>) -> Taken {
        let after = values::number_in(&given.value(), 1..=1000)?;
        let mut clauses = Clauses::new(given, Key::GiveUpAfter);
        let within = clauses.take("in", values::duration)?;
        clauses.end()?;
        match within {
            Some((within, span)) if within.is_zero() => {
                Err(Fault::new(span, "the time cannot be 0: nothing ends within it").into())
            }
            Some(_) | None => {
                let within = within.map(|(within, _)| within);
                self.draft.policy.restart.give_up = Some(GiveUp { after, within });
                Ok(())
            }
        }
    }

    /// `stop signal`.
    pub(in crate::config) fn stop_signals(&mut self, given: &Given<'_>) -> Taken {
        let signals = &mut self.draft.policy.stop.signals;
        signals.clear();
        given.each(|word| {
            if signals.len() == MAX_SIGNALS {
                return Err(format!("a stop sends at most {MAX_SIGNALS} signals, and this is one more"));
            }
            signals.push(values::signal(word)?);
            Ok(())
        })
    }

    /// Why these rules cannot hold together, and where to say so.
    pub(super) fn contradiction(&self) -> Option<(Line, Span, &'static str)> {
        let policy = &self.draft.policy;
        let (line, span) = self.restart_on.filter(|_| policy.restart.on == Some(Codes::NONE))?;
        policy.fixed.once.then_some((
            line,
            span,
            "`restart on none` contradicts `once`: keep `once` for a task that is meant to end, `restart on none` \
             for a service that is not to be restarted",
        ))
    }
}

/// A set of ends.
pub(in crate::config) fn ends(given: &Given<'_>, field: &mut Option<Codes>) -> Taken {
    let mut codes = Codes::NONE;
    let alone = given.words.len() == 1;
    given.each(|word| match word {
        b"none" if !alone => Err("`none` means no end at all: no other word goes with it".into()),
        _ => values::add_end(&mut codes, word),
    })?;
    *field = Some(codes);
    Ok(())
}

/// `success on`.
pub(in crate::config) fn successes(given: &Given<'_>, field: &mut Option<Codes>) -> Taken {
    let mut codes = Codes::NONE;
    given.each(|word| values::add_plain_end(&mut codes, word))?;
    *field = Some(codes);
    Ok(())
}

/// A command other than `cmd`.
pub(in crate::config) fn command(given: &Given<'_>, field: &mut Words) -> Taken {
    values::program(&given.value())?;
    *field = given.words.iter().map(|word| word.value(given.text)).collect();
    Ok(())
}

/// What follows the first argument: keywords, each with a value.
struct Clauses<'a> {
    text: &'a [u8],
    words: &'a [Word],
    key: Key,
}

impl<'a> Clauses<'a> {
    fn new(given: &Given<'a>, key: Key) -> Clauses<'a> {
        Clauses { text: given.text, words: given.words.get(1..).unwrap_or_default(), key }
    }

    /// The value of this clause and its place, if the clause comes next.
    fn take<T>(
        &mut self,
        keyword: &str,
        read: impl FnOnce(&[u8]) -> Value<T>,
    ) -> Result<Option<(T, Span)>, ValueError> {
        let count = keyword.split(' ').count();
        let Some((head, rest)) = self.words.split_at_checked(count) else { return Ok(None) };
        if !head.iter().zip(keyword.split(' ')).all(|(word, known)| word.is(self.text, known)) {
            return Ok(None);
        }
        let Some((value, rest)) = rest.split_first() else {
            let place = head.iter().map(|word| word.span).reduce(|first, last| first.to(last));
            let what = format!("`{keyword}` needs a value: {}", self.key.usage());
            return Err(Fault::new(place.unwrap_or(Span::new(0, 0)), what).into());
        };
        self.words = rest;
        match read(&value.value(self.text)) {
            Ok(read) => Ok(Some((read, value.span))),
            Err(what) => Err(Fault::new(value.span, what).into()),
        }
    }

    /// Nothing may be left.
    fn end(self) -> Taken {
        let Some(word) = self.words.first() else { return Ok(()) };
        let written = Shown(word.span.of(self.text));
        Err(Fault::new(word.span, format!("{written} is not expected here: {}", self.key.usage())).into())
    }
}
