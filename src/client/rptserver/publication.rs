//! Keeps one page up to date in one file: makes and writes it in portions, while reports come in.

use super::file::{Draft, FileError, TargetFile};
use super::log::StderrLine;
use crate::fleet::pages::{Page, PageForm, Stamp};
use crate::fleet::{Fleet, HostKey};
use crate::model::{Clean, Level, MonoTime};
use crate::sys::clock;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

/// How often a page is made, even if nothing has changed: its first line shows that pmtr-rptserver is alive.
pub(super) const EVERY: Duration = Duration::from_secs(10);
/// How many hosts are added to a page in one turn.
const HOSTS: usize = 200;
/// How much is written in one turn.
const WRITE_BYTES: usize = 256 << 10;

/// A page and its file.
pub(super) struct Publication {
    target: TargetFile,
    form: PageForm,
    due: MonoTime,
    stage: PublicationStage,
    /// The last error has been reported, and nothing has succeeded since.
    failing: bool,
}

enum PublicationStage {
    /// Nothing to do until it is due.
    Idle,
    /// The hosts up to `last` are on the page.
    Making { page: Page, last: Option<HostKey> },
    /// `piece` is written up to `written`; `pieces` follow.
    Writing { draft: Draft, pieces: std::vec::IntoIter<Vec<u8>>, piece: Vec<u8>, written: usize },
}

impl Publication {
    /// An existing file stays as it is for a while: a receiver that has just started knows no hosts.
    pub(super) fn new(target: TargetFile, form: PageForm, now: MonoTime) -> Publication {
        let due = if target.exists() { now + EVERY } else { now };
        Publication { target, form, due, stage: PublicationStage::Idle, failing: false }
    }

    /// When there is something to do.
    pub(super) fn deadline(&self) -> MonoTime {
        match self.stage {
            PublicationStage::Idle => self.due,
            PublicationStage::Making { .. } | PublicationStage::Writing { .. } => MonoTime::ZERO,
        }
    }

    /// Makes the page due now. A page that is in progress is finished first.
    pub(super) fn hurry(&mut self, now: MonoTime) {
        self.due = self.due.min(now);
    }

    /// Does a portion of the work.
    pub(super) fn work(&mut self, now: MonoTime, fleet: &Fleet, lines: &mut Vec<StderrLine>) {
        match self.step(now, fleet) {
            Ok(PublicationStep::Going) => {}
            Ok(PublicationStep::Done) => {
                if std::mem::take(&mut self.failing) {
                    let file = Clean(self.target.path().as_os_str().as_bytes());
                    lines.push(StderrLine::new(Level::Info, format!("writing {file} again")));
                }
            }
            Err(why) => {
                self.stage = PublicationStage::Idle;
                if !std::mem::replace(&mut self.failing, true) {
                    let text = format!("{why}; the file is unchanged, trying again within 10 sec");
                    lines.push(StderrLine::new(Level::Error, text));
                }
            }
        }
    }

    /// Makes and writes the page, all in this call.
    pub(super) fn publish(&mut self, now: MonoTime, fleet: &Fleet) -> Result<(), FileError> {
        self.stage = PublicationStage::Idle;
        self.hurry(now);
        while let PublicationStep::Going = self.step(now, fleet)? {}
        Ok(())
    }

    fn step(&mut self, now: MonoTime, fleet: &Fleet) -> Result<PublicationStep, FileError> {
        match std::mem::replace(&mut self.stage, PublicationStage::Idle) {
            PublicationStage::Idle if now < self.due => return Ok(PublicationStep::Going),
            PublicationStage::Idle => {
                // At fixed times, but without making up for missed pages.
                let next = self.due + EVERY;
                self.due = if next <= now { now + EVERY } else { next };
                self.stage = self.add(now, fleet, Page::new(self.form), None)?;
            }
            PublicationStage::Making { page, last } => self.stage = self.add(now, fleet, page, last)?,
            PublicationStage::Writing { mut draft, mut pieces, mut piece, mut written } => {
                let mut room = WRITE_BYTES;
                while room > 0 {
                    let rest = piece.get(written..).unwrap_or_default();
                    if rest.is_empty() {
                        let Some(next) = pieces.next() else {
                            draft.publish()?;
                            return Ok(PublicationStep::Done);
                        };
                        (piece, written) = (next, 0);
                        continue;
                    }
                    let count = draft.write(rest.get(..room).unwrap_or(rest))?;
                    written = written.saturating_add(count);
                    room = room.saturating_sub(count);
                }
                self.stage = PublicationStage::Writing { draft, pieces, piece, written };
            }
        }
        Ok(PublicationStep::Going)
    }

    fn add(
        &self,
        now: MonoTime,
        fleet: &Fleet,
        mut page: Page,
        last: Option<HostKey>,
    ) -> Result<PublicationStage, FileError> {
        let mut at = last.as_ref();
        for _ in 0..HOSTS {
            let Some((key, host)) = fleet.next(at) else {
                let draft = Draft::new(&self.target)?;
                let pieces = finish(page).into_iter();
                return Ok(PublicationStage::Writing { draft, pieces, piece: Vec::new(), written: 0 });
            };
            page.add(now, key, host);
            at = Some(key);
        }
        Ok(PublicationStage::Making { page, last: at.cloned() })
    }
}

enum PublicationStep {
    /// There is more to do, now or when it is due.
    Going,
    /// The file is up to date.
    Done,
}

/// Makes a whole page in one call.
pub(super) fn page(form: PageForm, now: MonoTime, fleet: &Fleet) -> Vec<Vec<u8>> {
    let mut page = Page::new(form);
    let mut last = None;
    while let Some((key, host)) = fleet.next(last) {
        page.add(now, key, host);
        last = Some(key);
    }
    finish(page)
}

fn finish(page: Page) -> Vec<Vec<u8>> {
    let calendar = clock::calendar();
    page.finish(Stamp { text: &calendar.text, unix_seconds: calendar.unix_seconds })
}

#[cfg(test)]
#[path = "publication_tests.rs"]
mod tests;
