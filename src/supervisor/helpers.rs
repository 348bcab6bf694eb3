//! Helpers: commands of a job that run beside its process. Each has a time limit, and when its own process has ended,
//! what is left of its group is killed.

use super::{Action, Actions, Effect, Owner, Supervisor};
use crate::job::{GIVE_UP_AFTER, LOOK_EVERY, Purpose, WITH_LEAST, step_time};
use crate::model::{
    Birth, Clean, Detail, Ending, Errno, Exit, FailedStart, JobId, JobSpec, Lasting, MonoTime, Notice, Pid,
    Signal, SpawnError, Stage, Survivors, Target, Words,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a helper may run.
pub const HELPER_LIMIT: Duration = Duration::from_secs(60);
/// The time from its SIGTERM to its SIGKILL.
pub const HELPER_KILL_AFTER: Duration = Duration::from_secs(5);

/// One command that runs beside a job.
#[derive(Debug)]
struct Helper {
    /// The job, which can't be forgotten or start before the helper has ended. None once SIGKILL has not ended it.
    job: Option<JobId>,
    /// Its main process when the helper was asked for.
    main: Pid,
    purpose: Purpose,
    /// Whose command it is and whose surroundings it has.
    spec: Box<JobSpec>,
    state: HelperState,
}

/// What a helper is doing.
#[derive(Clone, Copy, Debug)]
enum HelperState {
    /// The spawn is asked for; the answer comes in this turn.
    Launching,
    /// It runs, and gets SIGTERM at this time.
    Running { pid: Pid, until: MonoTime },
    /// SIGTERM was sent; SIGKILL is due at this time.
    Told { pid: Pid, until: MonoTime },
    /// SIGKILL was sent; at this time it counts as stuck.
    Killed { pid: Pid, until: MonoTime },
    /// SIGKILL did not help.
    Stuck { pid: Pid },
    /// It has ended, and others of its group, which got SIGKILL, have not. Forgotten at the later time.
    Sweeping { group: Pid, look_at: MonoTime, until: MonoTime },
}

/// All helpers, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Helpers(BTreeMap<JobId, Helper>);

impl Helpers {
    /// When something is to be done about one of them.
    pub(super) fn deadline(&self) -> Option<MonoTime> {
        self.0.values().filter_map(Helper::deadline).min()
    }

    /// Whether the job has one that holds it up.
    pub(super) fn of(&self, job: JobId) -> bool {
        self.0.values().any(|helper| helper.job == Some(job))
    }

    /// The process or group of the one that holds up the job.
    pub(super) fn held_by(&self, job: JobId) -> Option<Pid> {
        let own = self.0.values().find(|helper| helper.job == Some(job))?;
        match own.state {
            HelperState::Running { pid, .. }
            | HelperState::Told { pid, .. }
            | HelperState::Killed { pid, .. }
            | HelperState::Stuck { pid }
            | HelperState::Sweeping { group: pid, .. } => Some(pid),
            HelperState::Launching => None,
        }
    }

    /// Whether any of them is waited for.
    pub(super) fn any(&self) -> bool {
        self.0.values().any(|helper| helper.job.is_some())
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The number of each one, its process if that has not been reaped, and the group that it waits for.
    #[cfg(test)]
    pub(super) fn owned(&self) -> impl Iterator<Item = (JobId, Option<Pid>, Option<Pid>)> {
        self.0.iter().map(|(id, helper)| match helper.state {
            HelperState::Running { pid, .. }
            | HelperState::Told { pid, .. }
            | HelperState::Killed { pid, .. }
            | HelperState::Stuck { pid } => (*id, Some(pid), None),
            HelperState::Sweeping { group, .. } => (*id, None, Some(group)),
            HelperState::Launching => (*id, None, None),
        })
    }

    pub(super) fn look_soon(&mut self, id: JobId, now: MonoTime) {
        if let Some(Helper { state: HelperState::Sweeping { look_at, .. }, .. }) = self.0.get_mut(&id) {
            *look_at = now.min(*look_at);
        }
    }

    pub(super) fn has_given_up(&self, id: JobId) -> bool {
        self.0.get(&id).is_none_or(|helper| matches!(helper.state, HelperState::Stuck { .. }))
    }
}

impl Helper {
    fn deadline(&self) -> Option<MonoTime> {
        match self.state {
            HelperState::Launching | HelperState::Stuck { .. } => None,
            HelperState::Running { until, .. }
            | HelperState::Told { until, .. }
            | HelperState::Killed { until, .. } => Some(until),
            HelperState::Sweeping { look_at, until, .. } => Some(look_at.min(until)),
        }
    }

    /// A helper of a stop has as much time as the stop before its first signal.
    fn limit(&self) -> Duration {
        let stop = &self.spec.policy.stop;
        match (self.purpose, stop.timeout) {
            (Purpose::Reload, _) | (_, Some(Lasting::Never)) => HELPER_LIMIT,
            (Purpose::Stop, Some(Lasting::For(_)) | None) => step_time(stop).clamp(WITH_LEAST, HELPER_LIMIT),
        }
    }

    fn command(&self) -> &Words {
        match self.purpose {
            Purpose::Stop => &self.spec.policy.stop.with,
            Purpose::Reload => &self.spec.policy.reload.with,
        }
    }

    fn told_as(&self) -> &'static str {
        match self.purpose {
            Purpose::Stop => "stop with",
            Purpose::Reload => "reload with",
        }
    }

    fn failed(&self, why: &str) -> Notice {
        let (job, purpose) = (self.spec.name.clone(), self.told_as());
        Notice::HelperFailed { job, purpose, why: why.into() }
    }
}

impl Supervisor {
    /// A process that is being stopped or has ended has nothing to reload: a command for that is killed, so that it
    /// does not hold up the next run.
    pub(super) fn end_reload(&mut self, job: JobId, actions: &mut Actions) {
        let reloads = |helper: &&Helper| helper.job == Some(job) && helper.purpose == Purpose::Reload;
        for helper in self.helpers.0.values().filter(reloads) {
            if let HelperState::Running { pid, .. } | HelperState::Told { pid, .. } = helper.state {
                actions.act(Effect::Signal(Target::Job(pid), Signal::KILL));
            }
        }
    }

    /// A job asks for a helper.
    pub(super) fn help(
        &mut self,
        job: JobId,
        purpose: Purpose,
        main: Pid,
        spec: Box<JobSpec>,
        actions: &mut Actions,
    ) {
        match purpose {
            Purpose::Stop => self.end_reload(job, actions),
            Purpose::Reload => {
                let own = self.helpers.0.values().find(|helper| helper.job == Some(job));
                if let Some(notice) = own.map(|helper| helper.failed("one is still running")) {
                    return actions.log(notice);
                }
            }
        }
        let id = self.number();
        self.helpers
            .0
            .insert(id, Helper { job: Some(job), main, purpose, spec, state: HelperState::Launching });
        actions.help(id);
    }

    /// What a helper runs: the definition, its command, and the main process of the job.
    pub(super) fn helper(&self, id: JobId) -> Option<(&JobSpec, &Words, Pid)> {
        let helper = self.helpers.0.get(&id)?;
        Some((&helper.spec, helper.command(), helper.main))
    }

    /// The answer to the spawn of a helper.
    pub(super) fn helped(
        &mut self,
        now: MonoTime,
        id: JobId,
        answer: Result<Birth, SpawnError>,
        actions: &mut Actions,
    ) {
        self.born(now, Owner::Helper(id), answer, actions);
        let Some(helper) = self.helpers.0.get_mut(&id) else { return };
        match answer {
            Ok(birth) => {
                let pid = birth.pid();
                helper.state = HelperState::Running { pid, until: now + helper.limit() };
                let (job, purpose) = (helper.spec.name.clone(), helper.told_as());
                actions.log(Notice::Helping { job, purpose, pid });
            }
            Err(error) => {
                actions.log(helper.failed(&reason(error, helper)));
                self.helper_gone(now, id, false, actions);
            }
        }
    }

    /// A helper's own process has been reaped.
    pub(super) fn helper_exited(
        &mut self,
        now: MonoTime,
        id: JobId,
        ending: Ending,
        rest: &Survivors,
        actions: &mut Actions,
    ) {
        let Some(helper) = self.helpers.0.get_mut(&id) else { return };
        let pid = match helper.state {
            HelperState::Running { pid, .. }
            | HelperState::Told { pid, .. }
            | HelperState::Killed { pid, .. }
            | HelperState::Stuck { pid } => Some(pid),
            HelperState::Launching | HelperState::Sweeping { .. } => None,
        };
        let success = ending == Ending::Ran(Exit::Code(0));
        // The failure of one that was told to end has been reported.
        let is_reported = matches!(helper.state, HelperState::Told { .. } | HelperState::Killed { .. });
        match ending {
            _ if success || is_reported => {}
            Ending::Ran(exit) => actions.log(helper.failed(&exit.to_string())),
            Ending::NeverStarted(error) => actions.log(helper.failed(&reason(error, helper))),
        }
        let (job, main, purpose) = (helper.job, helper.main, helper.purpose);
        match (rest, pid) {
            (Survivors::Some(_), Some(group)) => {
                let (look_at, until) = (now + LOOK_EVERY[0], now + GIVE_UP_AFTER);
                helper.state = HelperState::Sweeping { group, look_at, until };
                self.processes.regroup(Owner::Helper(id), None, Some(group));
                actions.act(Effect::Signal(Target::Rest(group), Signal::KILL));
                self.tell_job(now, job, main, purpose, success, actions);
            }
            (Survivors::None, _) | (_, None) => self.helper_gone(now, id, success, actions),
        }
    }

    /// Something is known about what is left of a helper's group.
    pub(super) fn helper_looked(
        &mut self,
        now: MonoTime,
        id: JobId,
        left: &Survivors,
        actions: &mut Actions,
    ) {
        let Some(helper) = self.helpers.0.get_mut(&id) else { return };
        let HelperState::Sweeping { group, until, .. } = helper.state else { return };
        let is_left = *left != Survivors::None;
        if is_left && now < until {
            return;
        }
        if is_left {
            let (job, left) = (helper.spec.name.clone(), left.clone());
            actions.log(Notice::LeftOver { job, group, left });
        }
        self.processes.regroup(Owner::Helper(id), Some(group), None);
        actions.act(Effect::Release(group));
        self.forget_helper(id, actions);
    }

    /// Does what is due about helpers.
    pub(super) fn tick_helpers(&mut self, now: MonoTime, actions: &mut Actions) {
        let [_, rarely] = LOOK_EVERY;
        let due = |helper: &&mut Helper| helper.deadline().is_some_and(|at| at <= now);
        let mut freed = Vec::new();
        for helper in self.helpers.0.values_mut().filter(due) {
            helper.state = match helper.state {
                HelperState::Running { pid, .. } => {
                    let secs = helper.limit().as_secs();
                    actions.log(helper.failed(&format!("still running after {secs} sec, sending SIGTERM")));
                    actions.act(Effect::Signal(Target::Job(pid), Signal::TERM));
                    actions.act(Effect::Signal(Target::Job(pid), Signal::CONT));
                    HelperState::Told { pid, until: now + HELPER_KILL_AFTER }
                }
                HelperState::Told { pid, .. } => {
                    actions.act(Effect::Signal(Target::Job(pid), Signal::KILL));
                    HelperState::Killed { pid, until: now + GIVE_UP_AFTER }
                }
                HelperState::Killed { pid, .. } => {
                    actions.log(Notice::Outlived { job: helper.spec.name.clone(), pid });
                    // Nobody waits for it any longer.
                    freed.extend(helper.job.take());
                    HelperState::Stuck { pid }
                }
                HelperState::Sweeping { group, until, .. } => {
                    let detail = if until <= now { Detail::Names } else { Detail::Whether };
                    actions.push(Action::Look(group, detail));
                    HelperState::Sweeping { group, look_at: now + rarely, until }
                }
                HelperState::Launching | HelperState::Stuck { .. } => helper.state,
            };
        }
        freed.into_iter().for_each(|job| self.refile(job, actions));
    }

    /// pmtr does not wait any longer: all helpers get SIGKILL, and those that have not begun never do.
    pub(super) fn kill_helpers(&mut self, now: MonoTime, actions: &mut Actions) {
        let mut unborn = Vec::new();
        for (id, helper) in &mut self.helpers.0 {
            match helper.state {
                HelperState::Running { pid, .. } | HelperState::Told { pid, .. } => {
                    actions.act(Effect::Signal(Target::Job(pid), Signal::KILL));
                    helper.state = HelperState::Killed { pid, until: now + GIVE_UP_AFTER };
                }
                HelperState::Launching => unborn.push(*id),
                HelperState::Killed { .. } | HelperState::Stuck { .. } | HelperState::Sweeping { .. } => {}
            }
        }
        unborn.into_iter().for_each(|id| self.forget_helper(id, actions));
    }

    /// Nothing of a helper is left, or it did not come to be.
    fn helper_gone(&mut self, now: MonoTime, id: JobId, success: bool, actions: &mut Actions) {
        let Some(helper) = self.helpers.0.get(&id) else { return };
        let (job, main, purpose) = (helper.job, helper.main, helper.purpose);
        self.forget_helper(id, actions);
        self.tell_job(now, job, main, purpose, success, actions);
    }

    fn forget_helper(&mut self, id: JobId, actions: &mut Actions) {
        let Some(helper) = self.helpers.0.remove(&id) else { return };
        self.free_number(id, actions);
        // It may have waited for this.
        if let Some(job) = helper.job {
            self.refile(job, actions);
        }
    }

    fn tell_job(
        &mut self,
        now: MonoTime,
        job: Option<JobId>,
        main: Pid,
        purpose: Purpose,
        success: bool,
        actions: &mut Actions,
    ) {
        let Some(job) = job else { return };
        self.with(job, actions, |job, wishes| match purpose {
            Purpose::Stop => job.stop_helped(success, now, wishes),
            Purpose::Reload => job.reload_helped(main, success, wishes),
        });
    }
}

/// Why a helper could not be started.
fn reason(error: SpawnError, helper: &Helper) -> String {
    let launch = &helper.spec.launch;
    let program = helper.command().iter().next().unwrap_or_default();
    let is_exec = error.stage == Stage::Exec;
    let subject = if is_exec { Clean(program).to_string() } else { launch.subject(error.stage) };
    // Where its program was searched is known only if the command of the job is searched there, too.
    let is_known = error.errno == Errno(0) || !program.contains(&b'/') && launch.is_searched();
    let searched = launch.searched(error).filter(|_| is_known);
    FailedStart { error, subject: subject.into(), searched, tries: 1 }.to_string()
}
