//! What follows: after each wake-up, all that is to be done has been done.

use super::{FirstRun, Life, QUIET, Reference, SECOND, TEN, TWO};
use crate::def::{Def, FILES};
use crate::processes::ProcessTable;
use pmtr::job::State;
use pmtr::model::{MonoTime, Pid};
use pmtr::supervisor::{NextTick, Owner, Supervisor};
use std::time::Duration;

impl Reference {
    pub(super) fn needs_met(&self, def: Def) -> bool {
        def.files().all(|file| matches!(self.facts[file].known, Some(Some(_))))
    }

    fn needs_missing(&self, def: Def) -> bool {
        def.files().any(|file| self.facts[file].known == Some(None))
    }

    /// Whether an earlier `wait` job that is up and able is not over.
    pub(super) fn held(&self, life: &Life) -> bool {
        let rank = |life: &Life| life.def.map(|(def, place)| (def.order, place));
        life.first_run == FirstRun::Pending
            && self.lives.iter().any(|other| {
                other.def.is_some_and(|(def, _)| {
                    def.wait && !(other.first_run == FirstRun::Pending && self.needs_missing(def))
                }) && rank(other) < rank(life)
                    && other.enabled
                    && !other.finished()
                    && other.first_run != FirstRun::Over
            })
    }

    pub(super) fn must_stop(&self, life: &Life, now: MonoTime) -> bool {
        life.run.as_ref().is_some_and(|run| {
            let every = Duration::from_secs(run.def.bounce.into());
            let bounce = run.def.bounce > 0 && now >= run.since + every;
            let other = life.def.is_none() || run.generation != life.generation;
            self.ending || other || !life.enabled || run.restart || bounce
        })
    }

    pub(super) fn should_run(&self, life: &Life, now: MonoTime) -> bool {
        let able = life.enabled && !life.finished() && life.run.is_none() && life.times()[1] <= now;
        able && !self.helped(life.name)
            && !self.ending
            && life.def.is_some_and(|(def, _)| self.needs_met(def))
            && !self.held(life)
    }

    /// After each wake-up: what is to be done has been done.
    pub fn check(&mut self, now: MonoTime, supervisor: &Supervisor, processes: &ProcessTable) {
        let mut lives = std::mem::take(&mut self.lives);
        for life in &mut lives {
            if let Some(run) = &mut life.run {
                let empty = run.reaped.is_some() && processes.members(run.serial).next().is_none();
                run.empty_seen = if empty { run.empty_seen.or(Some(now)) } else { None };
            }
        }
        self.lives = lives;
        for at in 0..self.lives.len() {
            if let Some(broken) = self.broken_for(&self.lives[at], now, supervisor) {
                let life = self.lives[at].clone();
                self.broken(broken, &(now, life));
            }
        }
        if let Some(broken) = self.helpers.iter().find_map(|helper| self.broken_for_helper(helper, now)) {
            let helpers = self.helpers.clone();
            self.broken(broken, &(now, helpers));
        }
        if self.is_done() {
            self.broken("pmtr ends when all is done", &now);
        }
        if self.overdue(now) {
            self.broken("an end that had its time is over", &now);
        }
        self.check_reload(now);
        self.check_supervisor(now, supervisor);
        self.last_wake = Some(now);
    }

    fn broken_for(&self, life: &Life, now: MonoTime, supervisor: &Supervisor) -> Option<&'static str> {
        let past = |at: Option<MonoTime>, by: Duration| at.is_some_and(|at| at + by <= now);
        let Some(run) = &life.run else {
            return self.should_run(life, now).then_some("what should run runs");
        };
        let given_up = past(run.killed, TEN);
        let owned = supervisor.owner_of(run.pid).and_then(|owner| match owner {
            Owner::Main(id) => supervisor.spec(id),
            Owner::Helper(_) => None,
        });
        if run.reaped.is_none() && owned.is_none_or(|spec| spec.name.as_bytes() != life.name.as_bytes()) {
            Some("every unreaped child has its owner")
        } else if run.asked.is_none() && self.must_stop(life, now) {
            Some("what should stop is stopped")
        } else if (run.asked.is_none() || run.sent == 0 && run.killed.is_none()) && run.reaped.is_some() {
            Some("what is left of a group is told to end")
        } else if run.next_due().is_some_and(|at| at <= now) {
            Some("no step of a stop is forgotten")
        } else if given_up && run.reaped.is_none() && !run.outlived {
            Some("a process that SIGKILL does not end is reported")
        } else if given_up && run.reaped.is_some() && (!run.outlived || past(run.reaped, SECOND)) {
            Some("what SIGKILL does not end is given up after ten seconds")
        } else if past(run.empty_seen, SECOND) && run.empty_seen.is_some_and(|at| at + SECOND < now) {
            Some("the end of a group is noticed within a second")
        } else {
            None
        }
    }

    fn check_reload(&mut self, now: MonoTime) {
        let reload = &self.reload;
        let settled = |(first, last): (MonoTime, MonoTime)| now >= last + QUIET || now >= first + TWO;
        let pending = reload.touched.is_some() || reload.retry.is_some();
        let late = reload.touched.is_some_and(settled)
            || reload.retry.is_some_and(|since| since + SECOND <= now)
            || !pending && reload.empty_due.is_some_and(|at| at <= now);
        if late && !self.ending {
            let reload = self.reload.clone();
            self.broken("a touched file is read after the quiet time", &(now, reload));
        }
    }

    fn check_supervisor(&mut self, now: MonoTime, supervisor: &Supervisor) {
        let next = supervisor.next();
        let wanted = match next {
            NextTick::At(at) if at > now => Some(at),
            NextTick::Never => None,
            NextTick::At(_) | NextTick::Now => {
                return self.broken("no deadline lies in the past", &(now, next));
            }
        };
        let (mut count, mut mains, mut needed) = (0, 0, [false; FILES.len()]);
        for (id, job) in supervisor.jobs() {
            count += 1;
            let main = matches!(
                job.state(),
                State::Starting { .. } | State::Running { .. } | State::Stopping { .. }
            );
            mains += usize::from(main);
            for path in job.spec().launch.depends() {
                let path = if path.to_bytes() == b"relative" { FILES[2].as_bytes() } else { path.to_bytes() };
                FILES.iter().zip(&mut needed).for_each(|(f, n)| *n |= f.as_bytes() == path);
            }
            if job.deadline().is_some_and(|at| wanted.is_none_or(|wanted| at < wanted)) {
                self.broken("the earliest deadline counts", &(id, job, next));
            }
            if job.state() == State::Launching {
                self.broken("between turns nothing is half done", &(id, job));
            }
        }
        let known = self.lives.iter().filter(|life| {
            life.run.is_some() || life.def.is_some() && !self.ending || self.helped(life.name)
        });
        let unreaped = |life: &&Life| life.run.as_ref().is_some_and(|run| run.reaped.is_none());
        let runs = self.lives.iter().filter(unreaped).count();
        if (count, mains) != (known.count(), runs) {
            self.broken("the supervisor has the jobs of the file and what still runs", &(count, mains, runs));
        }
        if self.facts.map(|fact| fact.watched) != needed {
            self.broken("the files that jobs need are watched and no others", &needed);
        }
        let stuck = |life: &Life| {
            life.run.as_ref().is_none_or(|run| run.reaped.is_none() && run.killed.is_some() && run.outlived)
        };
        if supervisor.ended() != (self.ending && self.lives.iter().all(stuck) && self.helpers_given_up()) {
            self.broken("pmtr ends when the last process is gone or given up", &now);
        }
        if supervisor.ended() && supervisor.exit_status() != self.status {
            self.broken(
                "pmtr ends with the status that its rules give",
                &(supervisor.exit_status(), self.status),
            );
        }
    }

    /// The names that only the file or a command keeps from running, and those that nothing does.
    pub fn settled(&self) -> bool {
        self.lives.iter().all(|life| match (&life.run, life.def) {
            (Some(run), Some(_)) => life.enabled && run.asked.is_none(),
            (Some(_), None) => false,
            (None, Some(_)) => !life.enabled || life.finished() || self.held(life),
            (None, None) => true,
        })
    }

    /// Whose numbers mean what: for the shell side of the world.
    pub fn serial_of_group(&self, group: Pid) -> Option<u64> {
        let runs = self.lives.iter().filter_map(|life| life.run.as_ref()).map(|run| (run.pid, run.serial));
        let helpers = self.helpers.iter().map(|helper| (helper.pid, helper.serial));
        runs.chain(helpers).find(|(pid, _)| *pid == group).map(|(_, serial)| serial)
    }
}
