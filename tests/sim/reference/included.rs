//! What becomes of included files: when it is believed, and when the log says so.

use super::{Life, Reference, TWO};
use crate::def::Def;
use pmtr::model::{FilesLost, Loss, Losses, MonoTime};
use pmtr::supervisor::Reading;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What has become of included files.
#[derive(Clone, Debug, Default)]
pub(super) struct IncludedFiles {
    /// Those that have vanished with their jobs, and since when.
    pub(super) vanished: BTreeMap<Rc<[u8]>, MonoTime>,
    /// Those that are empty and keep what they held.
    emptied: Vec<Rc<[u8]>>,
    /// The log is to say so in this turn.
    vanished_due: bool,
    emptied_due: bool,
}

impl IncludedFiles {
    /// What is applied has these files with what they held.
    pub(super) fn emptied(&mut self, files: &[Rc<[u8]>]) {
        self.emptied_due = files.iter().any(|file| !self.emptied.contains(file));
        self.emptied = files.to_vec();
    }
}

impl Reference {
    /// When it is believed that jobs have gone with included files: two seconds after the last of them has vanished.
    pub(super) fn vanished(
        &mut self,
        now: MonoTime,
        reading: Reading,
        defs: &[Def],
        losses: &Losses,
    ) -> Option<MonoTime> {
        let there = |life: &Life| life.def.is_none() || defs.iter().any(|def| def.name == life.name);
        if losses.vanished.is_empty() || reading == Reading::Always || self.lives.iter().all(there) {
            if !std::mem::take(&mut self.reload.included.vanished).is_empty() {
                self.reload.empty_due = None;
            }
            return None;
        }
        let before = std::mem::take(&mut self.reload.included.vanished);
        for file in &losses.vanished {
            let since = before.get(file).copied();
            self.reload.included.vanished_due |= since.is_none();
            self.reload.included.vanished.insert(file.clone(), since.unwrap_or(now));
        }
        let due = self.reload.included.vanished.values().max().map(|since| *since + TWO);
        self.reload.empty_due = due;
        due
    }

    /// The log says so.
    pub(super) fn lost(&mut self, lost: &FilesLost) {
        let due = match lost.loss {
            Loss::Vanished => &mut self.reload.included.vanished_due,
            Loss::Emptied => &mut self.reload.included.emptied_due,
        };
        if !std::mem::take(due) {
            self.broken("that included files have vanished or are empty is said once", lost);
        }
    }

    pub(super) fn losses_are_said(&mut self) {
        if std::mem::take(&mut self.reload.included.vanished_due)
            || std::mem::take(&mut self.reload.included.emptied_due)
        {
            self.broken("that included files have vanished or are empty is said", &self.reload.clone());
        }
    }
}
