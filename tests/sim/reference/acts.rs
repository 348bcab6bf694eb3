//! What the supervisor does: whether it may, and what it means.

use super::{FirstRun, Found, Life, QUIET, Reference, Run, SECOND, TEN, TWO, Writer};
use crate::def::{BLANK, Def, FILES};
use crate::processes::ProcessTable;
use pmtr::model::{Fingerprint, JobSpec, Losses, MonoTime, Notice, Pid};
use pmtr::supervisor::Reading;
use std::time::Duration;

impl Reference {
    /// The file is about to be read.
    pub fn loading(&mut self, now: MonoTime, reading: Reading) {
        if let Reading::IfChanged(than) | Reading::IfUnwritten(than, _) = reading {
            let settled = |(first, last): (MonoTime, MonoTime)| now >= last + QUIET || now >= first + TWO;
            let due = |at: Option<MonoTime>| at.is_some_and(|at| at <= now);
            let reload = &self.reload;
            if !(reload.touched.is_some_and(settled)
                || due(reload.retry.map(|since| since + SECOND))
                || due(reload.empty_due))
            {
                let reload = self.reload.clone();
                self.broken("the file is read only after a quiet time", &(now, reload));
            }
            if than != self.reload.applied {
                self.broken("the content is compared with the one in force", &than);
            }
            let rests = |writer: &&Writer| writer.resting + TEN <= now && writer.state.bytes > 0;
            let wanted = self.reload.writer.as_ref().filter(rests).map(|writer| writer.state);
            let asked = if let Reading::IfUnwritten(_, state) = reading { Some(state) } else { None };
            if asked != wanted {
                self.broken("a file that a writer has let rest for ten seconds is read", &(asked, wanted));
            }
        }
        if self.ending {
            self.broken("files are ignored while ending", &now);
        }
        let first = self.reload.touched.take().map(|(first, _)| first);
        self.reload.begun = first.or(self.reload.retry.take());
    }

    /// It could not be read; `again`: it is tried again without being touched.
    pub fn not_loaded(&mut self, now: MonoTime, again: bool) {
        self.reload.retry = again.then_some(now);
        self.reload.empty_due = None;
        self.reload.included.vanished.clear();
        self.reload.writer = None;
        self.reload.blank = false;
    }

    /// Somebody is writing it.
    pub fn busy(&mut self, now: MonoTime, state: Fingerprint) {
        self.reload.retry = Some(now);
        let since = self.reload.begun.unwrap_or(now);
        let writer = self.reload.writer.get_or_insert(Writer { since, state, resting: now, told: false });
        if writer.state != state {
            (writer.state, writer.resting) = (state, now);
        }
        if !writer.told && writer.since + TWO <= now {
            writer.told = true;
            self.reload.line_due = true;
        }
    }

    /// It was read to its end: the log says so after each save, when the operator asked, and when it is news.
    pub fn rescanned(&mut self, reading: Reading, found: Found) {
        let reload = &mut self.reload;
        let saved = std::mem::take(&mut reload.saved);
        let news = reload.found.replace(found) != Some(found);
        let first = reload.applied.is_none();
        reload.rescan_due = !first && (saved || news || reading == Reading::Always);
    }

    /// It holds this.
    pub fn loaded(
        &mut self,
        now: MonoTime,
        reading: Reading,
        defs: &[Def],
        (content, losses): (Fingerprint, &Losses),
    ) {
        self.reload.writer = None;
        self.rescanned(reading, Found::Content(content));
        if content.bytes == 0 && self.reload.applied.is_some() && reading != Reading::Always {
            // It says no more than no file.
            self.reload.empty_due = None;
            self.reload.included.vanished.clear();
            self.reload.blank_due = !std::mem::replace(&mut self.reload.blank, true);
            return;
        }
        self.reload.blank = false;
        let had_jobs = self.lives.iter().any(|life| life.def.is_some());
        let emptied = defs.is_empty() && had_jobs && reading != Reading::Always;
        let due = match self.vanished(now, reading, defs, losses) {
            Some(due) => due,
            None if emptied => *self.reload.empty_due.get_or_insert(now + TWO),
            None => now,
        };
        if due <= now {
            self.reload.empty_due = None;
            self.reload.included.vanished.clear();
            self.reload.included.emptied(&losses.emptied);
        }
        if due <= now {
            self.rules_for_left_behind(defs);
        }
        self.reload.offered = Some((defs.to_vec(), content, due <= now));
    }

    /// What another pmtr has left is ended by the rules of this file.
    fn rules_for_left_behind(&mut self, defs: &[Def]) {
        for life in self.lives.iter_mut().filter(|life| life.generation == 0) {
            let rules = defs.iter().find(|def| def.name == life.name).map(|def| def.ended);
            if let (Some(rules), Some(run)) = (rules, life.run.as_mut().filter(|run| run.asked.is_none())) {
                run.def.ended = rules;
            }
        }
    }

    /// The supervisor applies what it was offered.
    fn applies(&mut self, now: MonoTime) {
        match self.reload.offered.take() {
            Some((defs, content, true)) => {
                self.reload.applied = Some(content);
                self.reload.trim_due = true;
                self.reload.keep_due = (!self.reload.begins_recovered).then_some(content);
                self.reload.recovered = std::mem::take(&mut self.reload.begins_recovered);
                self.end = self.offered_end;
                self.applied(now, &defs);
                self.stations_applied();
            }
            offered => self.broken("a file that lost its jobs is applied after two seconds", &offered),
        }
    }

    /// A pmtr whose file is of no use starts with this.
    pub fn recovers(&mut self, defs: &[Def], content: Fingerprint) {
        self.reload.begins_recovered = true;
        self.rules_for_left_behind(defs);
        self.reload.blank = self.reload.found == Some(Found::Content(BLANK));
        self.reload.offered = Some((defs.to_vec(), content, true));
    }

    /// The text of this content is kept.
    pub fn keeps(&mut self, content: Fingerprint) {
        if self.reload.keep_due.take() != Some(content) {
            self.broken("what is in force is kept, once and nothing else", &content);
        }
    }

    /// Memory is given back to the kernel.
    pub fn trims(&mut self) {
        if !std::mem::take(&mut self.reload.trim_due) {
            self.broken("memory is given back once for each applied file", &self.reload.applied.clone());
        }
    }

    pub fn turn_is_over(&mut self) {
        if self.reload.trim_due {
            self.broken("what an applied file has freed is given back", &self.reload.applied.clone());
        }
        if let Some(content) = self.reload.keep_due.take() {
            self.broken("what is applied is kept", &content);
        }
        self.network_turn_is_over();
        if let Some(life) = self.lives.iter().find(|life| life.switched_back.is_some()).cloned() {
            self.broken("that the file has ended a remote command is said", &life);
        }
        if let Some(life) = self.lives.iter().find(|life| life.unsaid.is_some()).cloned() {
            self.broken("that a restart is put off is said at once", &life);
        }
        self.lives.iter_mut().for_each(|life| life.freed = false);
        self.lives.iter_mut().filter_map(|life| life.run.as_mut()).for_each(|run| run.retuned = false);
        if let Some((defs, _, true)) = self.reload.offered.take() {
            self.broken("a good file is applied", &defs);
        }
        if std::mem::take(&mut self.reload.rescan_due) {
            self.broken("that the file was read is said after each save", &self.reload.found.clone());
        }
        if std::mem::take(&mut self.reload.blank_due) {
            self.broken("that the file is empty is said", &self.reload.clone());
        }
        self.losses_are_said();
        if std::mem::take(&mut self.reload.line_due) {
            self.broken("after two seconds the log tells of the writer", &self.reload.writer.clone());
        }
        if let Some(pid) = self.started_due.pop() {
            self.broken("a job is said to be started when its command is executed", &pid);
        }
        if let Some(target) = self.cont_due.take() {
            self.broken("SIGCONT follows a signal that asks for the end", &target);
        }
        if let Some(others) = self.others_due.take() {
            self.broken("what has not heard what the main process was told hears it", &others);
        }
        if let Some(reload) = self.reload_due.take() {
            self.broken("a job reloads by its signal", &reload);
        }
        if let Some(main) = self.helper_due.take() {
            self.broken("a job reloads by its command", &main);
        }
    }

    pub fn spawns(&mut self, now: MonoTime, spec: &JobSpec, processes: &ProcessTable) -> Option<Def> {
        let name = spec.name.to_string();
        let Some(life) = self.life(&name).cloned() else {
            self.broken("only what is in the file starts", &name);
            return None;
        };
        let Some((def, _)) = life.def else {
            self.broken("a removed job does not start", &life);
            return None;
        };
        if spec.launch.cmd().nth(1).is_none_or(|word| word.to_bytes() != def.version.to_string().as_bytes()) {
            self.broken("the definition in force is started", &(spec, def));
        }
        if self.ending {
            self.broken("nothing starts while ending", &life);
        }
        if let Some(run) = &life.run {
            let old = processes.members(run.serial).count();
            self.broken("one run at a time", &(&life, old));
        }
        if !life.enabled || life.finished() {
            self.broken("what is disabled or finished does not start", &life);
        }
        if now < life.times()[0] {
            self.broken("no start before its time", &(now, &life));
        }
        if self.helped(life.name) {
            self.broken("no start beside a helper of the job", &life);
        }
        if !self.needs_met(def) {
            self.broken("a job waits for the files that it depends on", &life);
        }
        if self.held(&life) {
            self.broken("the gate holds first starts", &life);
        }
        if let Some(before) = self.lives.iter().find(|other| self.starts_before(other, &life, now)).cloned() {
            self.broken("jobs start in their order", &(&life, before));
        }
        Some(def)
    }

    /// Whether `other` is as ready for its first start as `life` and comes before it.
    fn starts_before(&self, other: &Life, life: &Life, now: MonoTime) -> bool {
        let rank = |life: &Life| life.def.map(|(def, place)| (def.order, place));
        life.first_run == FirstRun::Pending
            && other.first_run == FirstRun::Pending
            && rank(other) < rank(life)
            && !other.freed
            && self.should_run(other, now)
    }

    /// The number was free: whoever had a group of this number has none any more.
    pub(super) fn is_free(&mut self, pid: Pid) {
        for life in &mut self.lives {
            life.freed |= life.run.take_if(|run| run.pid == pid).is_some();
        }
        self.helper_group_gone(pid);
    }

    pub fn spawned(&mut self, now: MonoTime, name: &str, def: Def, answer: Option<(Pid, u64)>) {
        if let Some((pid, _)) = answer {
            self.is_free(pid);
        }
        let Some(life) = self.life_mut(name) else { return };
        match answer {
            None => {
                life.first_run = FirstRun::Over;
                let pause = longer(life.pause);
                life.pause = Some(pause);
                (life.floor, life.delayed) = (now + pause, None);
            }
            Some((pid, serial)) => {
                if life.first_run == FirstRun::Pending {
                    life.first_run = FirstRun::Started;
                }
                (life.pause, life.put_off) = (None, None);
                life.delayed = None;
                life.run = Some(Run::new(pid, serial, def, life.generation, now));
            }
        }
    }

    pub fn looked(&mut self, group: Pid, empty: bool) {
        for life in self.lives.iter_mut().filter(|_| empty) {
            life.freed |= life.run.take_if(|run| run.pid == group && run.reaped.is_some()).is_some();
        }
        if empty {
            self.helper_group_gone(group);
        }
    }

    pub fn logs(&mut self, now: MonoTime, notice: &Notice) {
        if let Notice::Managing { .. } = notice {
            self.applies(now);
        }
        if *notice == Notice::Rescanning && !std::mem::take(&mut self.reload.rescan_due) {
            self.broken("that the file was read is said once, and not when there was no save", &now);
        }
        if let Notice::ConfigEmpty { .. } = notice
            && !std::mem::take(&mut self.reload.blank_due)
        {
            self.broken("that the file is empty is said once", &now);
        }
        if let Notice::FilesLost(lost) = notice {
            self.lost(lost);
        }
        if let Notice::Started { pid, .. } = notice {
            match self.started_due.iter().position(|due| due == pid) {
                Some(place) => drop(self.started_due.remove(place)),
                None => {
                    self.broken("a job is said to be started once, when its command is executed", notice);
                }
            }
        }
        if let Notice::WriterAwaited { .. } = notice
            && !std::mem::take(&mut self.reload.line_due)
        {
            self.broken("the log tells of a writer once, after two seconds", &now);
        }
        self.network_logs(now, notice);
        if let Notice::SwitchedBack { job, enabled } = notice {
            let life = self.lives.iter_mut().find(|life| life.name.as_bytes() == job.as_bytes());
            if life.and_then(|life| life.switched_back.take()) != Some(*enabled) {
                self.broken("that the file has ended a remote command is said once, if it has", notice);
            }
        }
        if let Notice::DependsRestless { job, file, wait } = notice {
            let life = self.lives.iter_mut().find(|life| life.name.as_bytes() == job.as_bytes());
            let told = life.and_then(|life| Some((life.unsaid.take()?, life.put_off?)));
            if told.is_none_or(|(f, at)| FILES[f].as_bytes() != &file[..] || at != now + *wait) {
                self.broken("what is put off is said, with its file and time", notice);
            }
        }
        if let Notice::Outlived { pid, .. } = notice {
            self.helper_outlived(*pid);
        }
        if let Notice::LeftOver { group, .. } = notice {
            self.helper_group_gone(*group);
        }
        for life in &mut self.lives {
            match (&mut life.run, notice) {
                (Some(run), Notice::Outlived { pid, .. }) => run.outlived |= run.pid == *pid,
                (Some(run), Notice::LeftOver { group, .. }) if run.pid == *group => {
                    if run.killed.is_some_and(|at| at + TEN <= now) {
                        life.run = None;
                    }
                }
                (Some(_) | None, _) => {}
            }
        }
    }
}

/// How long to wait after an attempt that failed: a second, twice as long after each further one, at most ten seconds.
pub(super) fn longer(before: Option<Duration>) -> Duration {
    before.map_or(SECOND, |before| (before * 2).min(TEN))
}
