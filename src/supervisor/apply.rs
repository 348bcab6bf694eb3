//! Applying a file that was read: whole, or not at all.

use super::files::Need;
use super::reload::Trouble;
use super::{Actions, Effect, IndexEntry, JobSlot, LeftBehind, Rank, Reading, Supervisor, recovery};
use crate::job::{Goal, Job};
use crate::model::{
    Config, FilesLost, Fingerprint, JobDraft, JobId, JobName, JobSpec, Load, LoadError, Loss, Losses,
    Mistake, MonoTime, Notice, Policy,
};
use crate::plan::{Change, plan};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

impl Supervisor {
    pub(super) fn loaded(
        &mut self,
        now: MonoTime,
        reading: Reading,
        answer: Result<Load, LoadError>,
        actions: &mut Actions,
    ) {
        self.reload.portion(matches!(answer, Ok(Load::More)).then_some(reading));
        let first = self.reload.applied().is_none();
        let trouble = match &answer {
            Ok(Load::More) => return,
            // Copying onto a full disk produces such a file. Only SIGHUP confirms that it is intended.
            Ok(Load::New(content, ..)) if content.bytes == 0 && !first && reading != Reading::Always => {
                Some(Trouble::Empty)
            }
            Ok(_) | Err(LoadError::Mistakes(_)) => None,
            Err(LoadError::Busy(state)) => return self.busy(now, *state, actions),
            Err(LoadError::Missing) => Some(Trouble::Missing),
            Err(LoadError::Unreadable(errno)) => Some(Trouble::Unreadable(*errno)),
            Err(LoadError::PartUnreadable(file, errno)) => {
                Some(Trouble::PartUnreadable(file.clone(), *errno))
            }
            Err(LoadError::NotAFile) => Some(Trouble::NotAFile),
        };
        let usable = trouble.is_none();
        if let Some(Trouble::Unreadable(_) | Trouble::PartUnreadable(..)) = trouble {
            self.reload.retry(now);
        }
        let was_empty = self.log_trouble(trouble, actions);
        let waited = self.reload.no_longer_busy();
        let holds = match &answer {
            Ok(Load::New(content, ..)) => Some(*content),
            Ok(Load::Same) => self.reload.applied(),
            Ok(Load::More) | Err(_) => None,
        };
        if holds.is_some() && self.reload.rescanned(reading, holds) && !first {
            actions.log(Notice::Rescanning);
        }
        let cured = answer.is_ok() && self.reload.mistaken(&[], 0);
        // The file again contains what is in force.
        let mended = matches!(answer, Ok(Load::Same)) && self.reload.no_longer_recovered();
        let applies = matches!(answer, Ok(Load::New(..))) && usable;
        let refilled = !applies && self.reload.no_longer_empty() || was_empty;
        match answer {
            Ok(Load::New(..)) if !usable => {}
            Ok(Load::New(content, config, warnings, losses)) => {
                if self.believes(now, reading, &config, &losses, actions) {
                    self.changed(now, (content, config, warnings, losses), actions);
                }
            }
            Ok(Load::Same) if cured || refilled || waited || mended => {
                actions.log(Notice::ConfigInForce { file: self.file.clone() });
            }
            Err(LoadError::Mistakes(mistakes)) => self.log_mistakes(reading, &mistakes, actions),
            Ok(Load::Same | Load::More) => {}
            Err(LoadError::Missing | LoadError::Unreadable(_) | LoadError::PartUnreadable(..)) => {}
            Err(LoadError::NotAFile | LoadError::Busy(_)) => {}
        }
    }

    /// Logs what keeps the file from being applied, when it begins and when it is over. True if the file was empty
    /// and no longer is; the notices that follow say what it contains now.
    fn log_trouble(&mut self, trouble: Option<Trouble>, actions: &mut Actions) -> bool {
        let Some(before) = self.reload.trouble(trouble.clone()) else { return false };
        let file = self.file.clone();
        let was_empty = before == Some(Trouble::Empty);
        let notice = match trouble {
            None if was_empty => None,
            None => Some(Notice::ConfigBack { file: before.and_then(Trouble::part).unwrap_or(file) }),
            Some(Trouble::Missing) => Some(Notice::ConfigMissing { file }),
            Some(Trouble::Unreadable(errno)) => Some(Notice::ConfigUnreadable { file, errno }),
            Some(Trouble::PartUnreadable(file, errno)) => Some(Notice::ConfigUnreadable { file, errno }),
            Some(Trouble::NotAFile) => Some(Notice::ConfigNotAFile { file }),
            Some(Trouble::Empty) => Some(Notice::ConfigEmpty { file }),
        };
        actions.log_all(notice);
        was_empty
    }

    fn busy(&mut self, now: MonoTime, state: Fingerprint, actions: &mut Actions) {
        if self.reload.busy(now, state) {
            actions.log(Notice::WriterAwaited { file: self.file.clone() });
        }
    }

    /// Whether what was read may be applied. What takes jobs away is believed only if it stays so: no jobs where there
    /// were some, and included files that have vanished.
    fn believes(
        &mut self,
        now: MonoTime,
        reading: Reading,
        config: &Config,
        losses: &Losses,
        actions: &mut Actions,
    ) -> bool {
        if reading == Reading::Always {
            return true;
        }
        if !losses.vanished.is_empty() && self.loses_jobs(config) {
            let (believed, news) = self.reload.vanished(now, &losses.vanished);
            actions.log_all(FilesLost::of(Loss::Vanished, &news).map(Notice::FilesLost));
            return believed;
        }
        self.reload.none_vanished();
        let had_jobs = self.jobs().any(|(_, job)| job.goal() != Goal::Gone);
        if config.jobs.is_empty() && had_jobs {
            let (believed, news) = self.reload.emptied(now);
            if news {
                actions.log(Notice::Emptied { file: self.file.clone() });
            }
            return believed;
        }
        true
    }

    /// Whether there are jobs that this configuration does not have.
    fn loses_jobs(&self, config: &Config) -> bool {
        let names: BTreeSet<&JobName> = config.jobs.iter().map(|spec| &spec.name).collect();
        self.jobs().any(|(_, job)| job.goal() != Goal::Gone && !names.contains(&job.spec().name))
    }

    fn changed(
        &mut self,
        now: MonoTime,
        (content, config, warnings, losses): (Fingerprint, Config, Vec<Mistake>, Losses),
        actions: &mut Actions,
    ) {
        let first = self.reload.applied().is_none();
        self.reload.apply(content);
        if !first {
            self.applying();
        }
        self.end_left_behind(now, &config.jobs, actions);
        actions.log_all(recovery::noticed(&warnings));
        let emptied = self.reload.parts_emptied(losses.emptied);
        actions.log_all(FilesLost::of(Loss::Emptied, &emptied).map(Notice::FilesLost));
        let jobless = first && config.jobs.is_empty();
        self.enforce(now, config, actions);
        actions.log_all(jobless.then(|| Notice::NoJobs { file: self.file.clone() }));
        actions.act(Effect::Keep(content));
        actions.act(Effect::TrimMemory);
    }

    /// Puts a configuration into force.
    pub(super) fn enforce(&mut self, now: MonoTime, config: Config, actions: &mut Actions) {
        actions.log(Notice::Managing { jobs: config.jobs.len() });
        self.end_rules = config.end;
        self.network.apply(now, config.listen, config.report, actions);
        self.apply(now, config.jobs, actions);
    }

    /// Logs mistakes once as long as they stay the same, and again after each save and each request.
    fn log_mistakes(&mut self, reading: Reading, mistakes: &[Mistake], actions: &mut Actions) {
        let rescanned = self.reload.rescanned(reading, None);
        let news = self.reload.mistaken(recovery::told(mistakes), mistakes.len());
        if !news && !rescanned {
            return;
        }
        actions.log(Notice::Rescanning);
        actions.log_all(recovery::mistaken(&self.file, mistakes));
        actions.log(Notice::UsingPrevious);
    }

    fn apply(&mut self, now: MonoTime, jobs: Vec<JobSpec>, actions: &mut Actions) {
        let olds: Vec<(JobId, bool)> = self.jobs().map(|(id, job)| (id, job.goal() == Goal::Gone)).collect();
        // Rebuilt at the end: removing single names would move all names after each of them.
        self.names = Vec::new();
        let specs: Vec<&JobSpec> = self.jobs().map(|(_, job)| job.spec()).collect();
        let changes = plan(&specs, &jobs);
        drop(specs);
        let mut jobs: Vec<Option<JobSpec>> = jobs.into_iter().map(Some).collect();
        // Removals first: the earlier their SIGTERM, the earlier their ports are free.
        for change in &changes {
            if let Change::Removed { old } = *change
                && let Some((id, _)) = olds.get(old)
            {
                self.with(*id, actions, |job, wishes| job.remove(now, wishes));
            }
        }
        self.slots.reserve_exact(changes.len().saturating_sub(olds.len()));
        for change in changes {
            let (old, new) = match change {
                Change::Removed { .. } => continue,
                Change::Same { old, new }
                | Change::Retuned { old, new }
                | Change::Relaunched { old, new } => (olds.get(old).copied(), new),
                Change::Added { new } => (None, new),
            };
            let Some(spec) = jobs.get_mut(new).and_then(Option::take) else { continue };
            let rank: Rank = (spec.policy.order, u32::try_from(new).unwrap_or(u32::MAX));
            match (change, old) {
                // A job that is being removed and is in the file again is a new one. It starts when the old run is
                // over.
                (Change::Same { .. }, Some((id, false))) => {
                    self.rerank(id, rank);
                    self.with(id, actions, |job, wishes| job.confirm(now, wishes));
                }
                (Change::Retuned { .. }, Some((id, false))) => {
                    self.rerank(id, rank);
                    self.with(id, actions, |job, wishes| job.retune(spec.policy, now, wishes));
                }
                (_, Some((id, _))) => {
                    self.rerank(id, rank);
                    self.redefine(now, id, spec, actions);
                }
                (_, None) => self.add(now, spec, rank, actions),
            }
        }
        self.sort_names();
    }

    /// Jobs of a pmtr that was killed. They count as removed, so the file treats them like any job that is being
    /// removed, and takes over those that it contains.
    pub(super) fn left_behind(&mut self, now: MonoTime, left: Vec<LeftBehind>, actions: &mut Actions) {
        let mut taken = BTreeSet::new();
        for (LeftBehind { job, pid, is_main }, place) in left.into_iter().zip(0..) {
            // A job that SIGKILL did not end in time has a successor of the same name. No file contains this second
            // name, which helpers get as well.
            let name = if is_main && taken.insert(job.clone()) {
                job.as_bytes().to_vec()
            } else {
                [job.as_bytes(), format!(" [{pid}]").as_bytes()].concat()
            };
            let spec = JobSpec::from(JobDraft { name, ..JobDraft::default() });
            let rank = (spec.policy.order, place);
            let id = self.insert(spec, rank, actions);
            self.with(id, actions, |job, _| job.left_behind(pid, now));
        }
        self.sort_names();
    }

    /// What another pmtr has left is told to end, by the rules that its job has in this file.
    pub(super) fn end_left_behind(&mut self, now: MonoTime, jobs: &[JobSpec], actions: &mut Actions) {
        let left = self.jobs().filter(|(_, job)| job.is_left_behind());
        let left: Vec<(JobId, JobName)> = left.map(|(id, job)| (id, job.spec().name.clone())).collect();
        let mut rules: Option<BTreeMap<&JobName, &Rc<Policy>>> = None;
        for (id, name) in left {
            let all = || jobs.iter().map(|spec| (&spec.name, &spec.policy)).collect();
            let rules = rules.get_or_insert_with(all).get(&name).copied().cloned().unwrap_or_default();
            self.with(id, actions, |job, wishes| job.end_left_behind(rules, now, wishes));
        }
    }

    fn sort_names(&mut self) {
        let mut names: Vec<(&JobName, JobId)> = self.jobs().map(|(id, job)| (&job.spec().name, id)).collect();
        names.sort_unstable();
        self.names = names.into_iter().map(|(_, id)| id).collect();
    }

    fn add(&mut self, now: MonoTime, spec: JobSpec, rank: Rank, actions: &mut Actions) {
        let id = self.insert(spec, rank, actions);
        self.with(id, actions, |job, wishes| job.reconcile(now, wishes));
    }

    fn insert(&mut self, spec: JobSpec, rank: Rank, actions: &mut Actions) -> JobId {
        let id = self.number();
        let watch = self.files.add(id, &spec);
        actions.act_all(watch.into_iter().map(Effect::Watch));
        let slot = JobSlot { job: Job::new(spec), rank, entry: IndexEntry::default(), need: Need::Met };
        if let Some(place) = self.slots.get_mut(id.0 as usize) {
            *place = Some(slot);
        }
        self.learn_need(id);
        id
    }

    fn redefine(&mut self, now: MonoTime, id: JobId, spec: JobSpec, actions: &mut Actions) {
        let Some(slot) = self.slots.get(id.0 as usize).and_then(Option::as_ref) else { return };
        // In this order, so that a file that both definitions need stays watched.
        let before = slot.job.spec();
        if !before.launch.depends().eq(spec.launch.depends()) || before.launch.dir() != spec.launch.dir() {
            let before = before.clone();
            let unwatch = self.files.remove(id, &before);
            let watch = self.files.add(id, &spec);
            actions.act_all(unwatch.into_iter().map(Effect::Unwatch));
            actions.act_all(watch.into_iter().map(Effect::Watch));
        }
        self.with(id, actions, |job, wishes| job.redefine(spec, now, wishes));
        self.learn_need(id);
        self.refile(id, actions);
    }

    fn rerank(&mut self, id: JobId, rank: Rank) {
        if let Some(slot) = self.slot_mut(id) {
            slot.rank = rank;
        }
    }

    /// A file that jobs depend on was looked at.
    pub(super) fn file_seen(
        &mut self,
        now: MonoTime,
        path: &Rc<[u8]>,
        content: Option<Fingerprint>,
        actions: &mut Actions,
    ) {
        let (jobs, changed) = self.files.seen(path, content);
        for id in jobs {
            self.learn_need(id);
            let up = self.slot(id).is_some_and(|slot| slot.job.enabled() && slot.job.goal() != Goal::Gone);
            if changed && up {
                self.with(id, actions, |job, wishes| job.depends_changed(path, now, wishes));
            } else {
                self.refile(id, actions);
            }
        }
    }

    /// Determines again whether the files that a job needs are present; the next refiling acts on it.
    fn learn_need(&mut self, id: JobId) {
        if let Some(slot) = self.slots.get_mut(id.0 as usize).and_then(Option::as_mut) {
            (slot.need, _) = self.files.need(slot.job.spec());
        }
    }

    /// Nothing of the job is left and nothing is pending: forgets it.
    pub(super) fn forget(&mut self, id: JobId, actions: &mut Actions) {
        let name = self.name_of(id).to_vec();
        if let Ok(at) = self.names.binary_search_by(|other| self.name_of(*other).cmp(&name)) {
            self.names.remove(at);
        }
        let Some(slot) = self.slots.get_mut(id.0 as usize).and_then(Option::take) else { return };
        let unwatch = self.files.remove(id, slot.job.spec());
        actions.act_all(unwatch.into_iter().map(Effect::Unwatch));
        self.free_number(id, actions);
    }

    /// A number that no job and no helper has.
    pub(super) fn number(&mut self) -> JobId {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            JobId(u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX))
        })
    }

    /// This number may be given to another.
    pub(super) fn free_number(&mut self, id: JobId, actions: &mut Actions) {
        actions.act(Effect::Forget(id));
        self.free.push(id);
    }
}
