//! Commands that run beside a job.

use super::{Reference, TEN};
use pmtr::model::{Ending, Exit, JobSpec, Lasting, MonoTime, Pid, Signal, SpawnError, Target, Words};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const FIVE: Duration = Duration::from_secs(5);

/// One such command.
#[derive(Clone, Debug)]
pub struct Helper {
    pub pid: Pid,
    pub serial: u64,
    name: &'static str,
    /// The main process that it was run for.
    main: Pid,
    stops: bool,
    /// When it is told to end; when it was.
    until: MonoTime,
    told: Option<MonoTime>,
    killed: Option<MonoTime>,
    reaped: Option<MonoTime>,
    stuck: bool,
}

impl Helper {
    /// SIGKILL has not ended it.
    pub fn is_stuck(&self) -> bool {
        self.stuck
    }
}

impl Reference {
    /// The job is to read its configuration again.
    pub fn job_reload(&mut self, name: &str) {
        let Some(life) = self.life(name).filter(|life| life.def.is_some() && !self.ending) else { return };
        let Some(run) = life.run.as_ref().filter(|run| run.executed && run.reaped.is_none()) else { return };
        if run.asked.is_some() {
            return;
        }
        let (ended, pid) = (run.def.ended, run.pid);
        let busy = self.helped(name);
        if ended.reload_with {
            self.helper_due = (!busy).then_some(pid);
        } else {
            self.reload_due = ended.reload_signal.map(|number| (pid, Signal(number)));
        }
    }

    /// A helper is asked for.
    pub fn helps(
        &mut self,
        now: MonoTime,
        spec: &JobSpec,
        command: &Words,
        main: Pid,
        answer: Result<(Pid, u64), SpawnError>,
    ) {
        let stops = command.iter().next() == Some(b"/bin/stop");
        let own = |life: &&super::Life| {
            life.run.as_ref().is_some_and(|run| run.pid == main && run.reaped.is_none())
        };
        let Some(life) = self.lives.iter().find(own).cloned() else {
            return self.broken("a helper is for a main process", &spec.name);
        };
        let must_stop = self.must_stop(&life, now);
        let run = life.run.as_ref().unwrap();
        let name = life.name;
        if stops {
            if run.asked.is_some() || !must_stop || !(run.def.ended.with || run.retuned) {
                self.broken("a stop begins with its command, once", &run);
            }
            let run = self.run_of(main).unwrap();
            // By the rules that held when it was asked for: a file may have changed them in this turn.
            let time = match spec.policy.stop.timeout {
                Some(Lasting::For(time)) => time,
                Some(Lasting::Never) | None => TEN,
            };
            run.begins_with(now + time.max(super::SECOND), now);
            if answer.is_err() {
                run.with_failed(now);
            }
        } else if self.helper_due.take() != Some(main) {
            self.broken("a reload runs its command when it is asked for", &run);
        }
        let limit = match (stops, spec.policy.stop.timeout) {
            (false, _) | (true, Some(Lasting::Never)) => MINUTE,
            (true, Some(Lasting::For(time))) => time.clamp(super::SECOND, MINUTE),
            (true, None) => TEN,
        };
        if let Ok((pid, serial)) = answer {
            self.is_free(pid);
            let until = now + limit;
            let helper = Helper {
                pid,
                serial,
                name,
                main,
                stops,
                until,
                told: None,
                killed: None,
                reaped: None,
                stuck: false,
            };
            self.helpers.push(helper);
        }
    }

    fn run_of(&mut self, pid: Pid) -> Option<&mut super::Run> {
        let runs = self.lives.iter_mut().filter_map(|life| life.run.as_mut());
        runs.into_iter().find(|run| run.pid == pid && run.reaped.is_none())
    }

    /// A process has ended that is no main process of a job.
    pub(super) fn helper_ended(&mut self, now: MonoTime, pid: Pid, ending: Ending, rest: bool) {
        let own = |helper: &Helper| helper.pid == pid && helper.reaped.is_none();
        let Some(at) = self.helpers.iter().position(own) else { return };
        self.helpers[at].reaped = Some(now);
        let helper = self.helpers[at].clone();
        if !rest {
            self.helper_gone(at);
        }
        let success = ending == Ending::Ran(Exit::Code(0));
        let of_job = |life: &super::Life| life.run.as_ref().is_some_and(|run| run.pid == helper.main);
        let same = self.life(helper.name).is_some_and(of_job);
        let Some(run) = self.run_of(helper.main).filter(|_| same) else { return };
        if helper.stops && !success {
            run.with_failed(now);
        } else if !helper.stops && success && run.asked.is_none() && run.executed {
            let signal = run.def.ended.reload_signal;
            self.reload_due = signal.map(|number| (helper.main, Signal(number)));
        }
    }

    pub(super) fn helper_gone(&mut self, at: usize) {
        let name = self.helpers.remove(at).name;
        if let Some(life) = self.life_mut(name) {
            life.freed = true;
        }
    }

    /// Of this group nothing is left, or it is given up.
    pub(super) fn helper_group_gone(&mut self, group: Pid) {
        if let Some(at) =
            self.helpers.iter().position(|helper| helper.pid == group && helper.reaped.is_some())
        {
            self.helper_gone(at);
        }
    }

    /// A signal for a helper. Returns the serial of its group.
    pub(super) fn helper_signals(&mut self, now: MonoTime, target: Target, signal: Signal) -> Option<u64> {
        let (pid, reaped) = match target {
            Target::Job(pid) | Target::Main(pid) => (pid, false),
            Target::Rest(pid) | Target::Others(pid) => (pid, true),
        };
        let own = |helper: &&mut Helper| helper.pid == pid && helper.reaped.is_some() == reaped;
        let slept = self.last_wake;
        let exact = |due: MonoTime| due == now || due < now && slept.is_none_or(|slept| slept < due);
        let hurried = self.hurried == Some(now);
        // A reload that is under way ends with the process, or when its stop begins.
        let begun: Vec<&str> = self
            .lives
            .iter()
            .filter(|life| {
                let ends = |run: &super::Run| run.reaped.is_some() || self.must_stop(life, now);
                life.run.as_ref().is_none_or(ends)
            })
            .map(|life| life.name)
            .collect();
        let Some(helper) = self.helpers.iter_mut().find(own) else {
            self.broken("no signal goes to a number that is not ours", &(target, signal));
            return None;
        };
        let right = match signal {
            Signal::CONT => true,
            Signal::TERM => !reaped && helper.told.replace(now).is_none() && exact(helper.until),
            Signal::KILL if reaped => helper.reaped == Some(now),
            Signal::KILL => {
                let due = helper.told.is_some_and(|at| exact(at + FIVE));
                let superseded = !helper.stops && begun.contains(&helper.name);
                if due || hurried {
                    helper.killed.get_or_insert(now);
                }
                due || hurried || superseded
            }
            Signal(_) => false,
        };
        let (helper, serial) = (helper.clone(), helper.serial);
        if signal == Signal::TERM {
            self.cont_due = Some(target);
        }
        if !right {
            self.broken("a helper has its time, then SIGTERM, then SIGKILL", &(now, helper, signal));
        }
        Some(serial)
    }

    /// What is left undone about helpers.
    pub(super) fn broken_for_helper(&self, helper: &Helper, now: MonoTime) -> Option<&'static str> {
        let past = |at: Option<MonoTime>, by: Duration| at.is_some_and(|at| at + by <= now);
        if helper.reaped.is_none() && helper.told.is_none() && helper.killed.is_none() && helper.until <= now
        {
            Some("a helper has a time limit")
        } else if helper.reaped.is_none() && past(helper.told, FIVE) && helper.killed.is_none() {
            Some("a helper that does not end gets SIGKILL")
        } else if helper.reaped.is_none() && past(helper.killed, TEN) && !helper.stuck {
            Some("a helper that SIGKILL does not end is reported")
        } else if past(helper.reaped, TEN) {
            Some("what is left of a helper is given up after ten seconds")
        } else {
            None
        }
    }

    pub(super) fn helper_outlived(&mut self, pid: Pid) {
        // Nobody waits for it any longer.
        if let Some(helper) = self.helpers.iter_mut().find(|helper| helper.pid == pid) {
            helper.stuck = true;
            let name = helper.name;
            self.life_mut(name).into_iter().for_each(|life| life.freed = true);
        }
    }

    /// Whether the job has a helper that keeps it from starting.
    pub(super) fn helped(&self, name: &str) -> bool {
        self.helpers.iter().any(|helper| helper.name == name && !helper.stuck)
    }

    /// Whether nothing but what SIGKILL does not end is left of helpers.
    pub(super) fn helpers_given_up(&self) -> bool {
        self.helpers.iter().all(|helper| helper.stuck && helper.reaped.is_none())
    }
}
