//! What follows from the end of a run, and the end of pmtr.

use super::{FirstRun, Life, Reference, SECOND, TEN};
use crate::def::Def;
use crate::rules::{Again, Ends, Grows};
use pmtr::model::{Ending, Exit, MonoTime, Pid, Signal, Target};
use std::time::Duration;

const TENTH: Duration = Duration::from_millis(100);

/// How a job has ended for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Done,
    Failed,
    GaveUp,
}

/// The shortest and the longest delay after the n-th quick run in a row.
fn delays(again: Again, nth: u32) -> [Duration; 2] {
    let Some(waits) = again.delay else { return [TEN; 2] };
    let (first, nth) = (f64::from(waits.first), f64::from(nth));
    let grown = match waits.grows {
        Grows::Not => first,
        Grows::Plus(by) => first + (nth - 1.0) * f64::from(by),
        Grows::Times(factor) => first * f64::from(factor).powf(nth - 1.0),
    };
    let most = waits.up_to.map_or(4_294_967_295_000.0, f64::from);
    let base = grown.min(most);
    let part = f64::from(waits.jitter) / 100.0;
    [base * (1.0 - part), (base * (1.0 + part)).min(most)].map(|ms| Duration::from_secs_f64(ms / 1_000.0))
}

fn is_success(again: Again, exit: Exit) -> bool {
    match again.success {
        Some(ends) => ends.have(exit, false),
        None => matches!(exit, Exit::Code(0 | 33)),
    }
}

impl Life {
    /// It does not start before the first of these times, and starts by the second if nothing else keeps it.
    pub(super) fn times(&self) -> [MonoTime; 2] {
        match (self.delayed, self.def) {
            (Some(ended), Some((def, _))) => {
                delays(def.again, self.quick.max(1)).map(|delay| self.floor.max(ended + delay))
            }
            _ => [self.floor; 2],
        }
    }

    pub(super) fn finished(&self) -> bool {
        self.over.is_some()
    }

    /// The counters are set back.
    pub(super) fn forgive(&mut self) {
        (self.quick, self.ends) = (0, Vec::new());
    }

    /// An applied file keeps the definition but for rules under which a process runs on.
    pub(super) fn retuned(&mut self, def: Def) {
        let Some((before, _)) = self.def else { return };
        if before.again != def.again {
            self.forgive();
            self.over = self.over.filter(|over| *over == Over::Done);
        }
        let generation = self.generation;
        if let Some(run) = self.run.as_mut().filter(|run| run.generation == generation) {
            (run.def, run.retuned) = (def, true);
        }
    }

    /// A run that nobody has stopped has ended. True if that was for good.
    fn ended(&mut self, now: MonoTime, since: MonoTime, def: Def, ending: Ending) -> bool {
        let again = def.again;
        if let Ending::Ran(exit) = ending {
            let success = is_success(again, exit);
            let stays = again.stay_down.unwrap_or(Ends::Code(33)).have(exit, success);
            let restarts = again.on.map_or(!def.once, |on| on.have(exit, success));
            if stays || !restarts {
                self.over = Some(if success { Over::Done } else { Over::Failed });
                self.count(now, self.is_quick(now, since, again, ending), again);
                return true;
            }
        }
        let quick = self.is_quick(now, since, again, ending);
        self.count(now, quick, again);
        let gives_up = match again.give_up {
            Some((after, None)) => self.quick >= u32::from(after),
            Some((after, Some(_))) => self.ends.len() >= usize::from(after),
            None => false,
        };
        if gives_up {
            self.over = Some(Over::GaveUp);
            return true;
        }
        self.floor = now.max(since + TENTH);
        self.delayed = quick.then_some(now);
        false
    }

    fn is_quick(&self, now: MonoTime, since: MonoTime, again: Again, ending: Ending) -> bool {
        let steady = match again.steady {
            None => Some(TEN),
            Some(steady) => steady.map(|ms| Duration::from_millis(ms.into())),
        };
        let short = steady.is_none_or(|steady| now.since(since) < steady);
        short || matches!(ending, Ending::NeverStarted(_))
    }

    fn count(&mut self, now: MonoTime, quick: bool, again: Again) {
        self.quick = if quick { self.quick + 1 } else { 0 };
        if let Some((after, Some(within))) = again.give_up {
            self.ends.push(now);
            let within = Duration::from_millis(within.into());
            self.ends.retain(|end| now.since(*end) <= within);
            let over = self.ends.len().saturating_sub(after.into());
            self.ends.drain(..over);
        }
    }
}

impl Reference {
    pub fn exited(&mut self, now: MonoTime, pid: Pid, ending: Ending, rest: bool) {
        let main = |life: &Life| life.run.as_ref().is_some_and(|run| run.pid == pid && run.reaped.is_none());
        let Some(at) = self.lives.iter().position(main) else {
            return self.helper_ended(now, pid, ending, rest);
        };
        let ending_already = self.ending;
        let life = &mut self.lives[at];
        let mut run = life.run.take().unwrap();
        run.reaped = Some(now);
        let over = match run.asked {
            // A stop that was asked for counts for nothing, and has no delay.
            Some(_) => {
                let again = life.def.map_or(run.def, |(def, _)| def).again;
                if !life.is_quick(now, run.since, again, ending) {
                    life.quick = 0;
                }
                life.floor = now;
                false
            }
            None => life.ended(now, run.since, run.def, ending),
        };
        if run.generation == life.generation {
            life.first_run = FirstRun::Over;
        }
        if rest && run.asked.is_some() && run.sent + usize::from(run.killed.is_some()) > 0 {
            let signal = match run.killed {
                Some(_) => Signal::KILL,
                // The list may have become shorter since then.
                None => *super::stops::list(run.def.ended).get(run.sent - 1).unwrap_or(&Signal::TERM),
            };
            let all = run.def.ended.main_only && run.killed.is_none();
            let target = if all { Target::Rest(pid) } else { Target::Others(pid) };
            self.others_due = Some((target, signal));
        }
        let essential = over && run.def.again.essential;
        life.run = rest.then_some(run);
        if essential && !ending_already {
            self.status = match ending {
                Ending::Ran(Exit::Code(code)) => u8::try_from(code).unwrap(),
                Ending::Ran(Exit::Signal(signal)) => u8::try_from(128 + signal.0).unwrap(),
                Ending::NeverStarted(_) => 1,
            };
            self.ends(now);
        }
    }

    /// pmtr begins to end.
    pub(super) fn ends(&mut self, now: MonoTime) {
        self.lives.iter_mut().for_each(|life| life.put_off = None);
        if !std::mem::replace(&mut self.ending, true) {
            self.kill_at = self.end.within.map(|within| now + within).filter(|at| *at > now);
            if self.end.within == Some(Duration::ZERO) {
                self.hurried = Some(now);
            }
            self.network_ends();
        }
    }

    /// Whether no job runs and none will by itself, and the file says that pmtr ends then.
    pub(super) fn is_done(&self) -> bool {
        let rests = |life: &Life| life.def.is_none() || !life.enabled || life.finished();
        let idle = |life: &Life| life.run.is_none() && life.put_off.is_none() && rests(life);
        !self.unannounced
            && self.end.when_done
            && !self.ending
            && self.reload.applied.is_some()
            && self.helpers.iter().all(|helper| helper.is_stuck())
            && self.lives.iter().all(idle)
    }

    /// The service manager is told something, or can't be.
    pub fn tells_manager(&mut self, ready: bool, out: bool) {
        self.announced |= ready && out;
        self.unannounced = out && !self.announced;
    }

    /// pmtr ends when all is done.
    pub(super) fn ends_when_done(&mut self, now: MonoTime) {
        if self.is_done() {
            let bad = |life: &Life| {
                life.def.is_some() && life.enabled && life.over.is_some_and(|over| over != Over::Done)
            };
            self.status = u8::from(self.lives.iter().any(bad));
            self.ends(now);
        }
    }

    /// What is left of an end that had its time gets SIGKILL.
    pub(super) fn overdue(&self, now: MonoTime) -> bool {
        self.kill_at.is_some_and(|at| at + SECOND < now)
    }
}
