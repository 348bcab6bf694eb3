//! What must and must not happen, worked out from the manual alone: from what was written into the
//! file, what was commanded and what the processes did. It never asks the supervisor why.

use crate::def::{Def, FILES};
use crate::kernel::Kernel;
use pmtr::job::State;
use pmtr::model::{Ending, Exit, Fingerprint, JobSpec, MonoTime, Notice, Pid, Signal, Target, Verb};
use pmtr::supervisor::{Next, Reading, Supervisor};
use std::time::Duration;

const TEN: Duration = Duration::from_secs(10);
const SECOND: Duration = Duration::from_secs(1);
const QUIET: Duration = Duration::from_millis(100);
const TWO: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Debut {
    Pending,
    Begun,
    Over,
}

/// One run of a job: its main process, later what is left of its group.
#[derive(Clone, Debug)]
pub struct Run {
    pub pid: Pid,
    pub serial: u64,
    pub def: Def,
    generation: u32,
    since: MonoTime,
    pub reaped: Option<MonoTime>,
    /// A file that it depends on has changed.
    restart: bool,
    pub term: Option<MonoTime>,
    killed: Option<MonoTime>,
    outlived: bool,
    empty_seen: Option<MonoTime>,
}

/// All that is to be known of one name.
#[derive(Clone, Debug)]
pub struct Life {
    pub name: &'static str,
    /// The definition in force and its place in the file.
    pub def: Option<(Def, usize)>,
    generation: u32,
    enabled: bool,
    finished: bool,
    not_before: MonoTime,
    debut: Debut,
    pub run: Option<Run>,
    /// A look in this turn has found the old run gone: too late for the order of this turn.
    freed: bool,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Fact {
    pub watched: bool,
    known: Option<Option<u32>>,
    last: Option<u32>,
}

/// What is known of the reading of the file.
#[derive(Clone, Debug, Default)]
pub struct Reload {
    touched: Option<(MonoTime, MonoTime)>,
    /// Since when it could not be read; it is tried again a second later.
    retry: Option<MonoTime>,
    empty_due: Option<MonoTime>,
    pub applied: Option<Fingerprint>,
    /// A content was handed over in this turn, and whether it must be applied.
    pub offered: Option<(Vec<Def>, Fingerprint, bool)>,
}

#[derive(Default)]
pub struct Reference {
    pub lives: Vec<Life>,
    pub facts: [Fact; FILES.len()],
    pub reload: Reload,
    pub ending: bool,
    hurried: Option<MonoTime>,
    last_wake: Option<MonoTime>,
    cont_due: Option<Target>,
    /// The first promise that was broken.
    pub breach: Option<String>,
}

impl Reference {
    pub fn life(&self, name: &str) -> Option<&Life> {
        self.lives.iter().find(|life| life.name == name)
    }

    fn life_mut(&mut self, name: &str) -> Option<&mut Life> {
        self.lives.iter_mut().find(|life| life.name == name)
    }

    pub fn broken(&mut self, promise: &str, detail: &dyn std::fmt::Debug) {
        if self.breach.is_none() {
            self.breach = Some(format!("{promise}: {detail:?}"));
        }
    }

    // What happens to the supervisor.

    pub fn applied(&mut self, now: MonoTime, defs: &[Def]) {
        for life in &mut self.lives {
            if !defs.iter().any(|def| def.name == life.name) {
                life.def = None;
            }
        }
        for (place, def) in defs.iter().enumerate() {
            if self.life(def.name).is_none() {
                self.lives.push(Life {
                    name: def.name,
                    def: None,
                    generation: 0,
                    enabled: false,
                    finished: false,
                    not_before: now,
                    debut: Debut::Pending,
                    run: None,
                    freed: false,
                });
            }
            let life = self.life_mut(def.name).unwrap();
            if !life.def.is_some_and(|(old, _)| old.same(*def)) {
                life.generation += 1;
                life.finished = false;
                life.not_before = now;
                life.debut = Debut::Pending;
            }
            life.enabled = !def.disable;
            life.def = Some((*def, place));
        }
    }

    pub fn command(&mut self, verb: Verb, name: &str) {
        let ending = self.ending;
        let Some(life) = self.life_mut(name).filter(|life| life.def.is_some() && !ending) else { return };
        if verb == Verb::Enable && !life.enabled {
            life.finished = false;
        }
        life.enabled = verb == Verb::Enable;
    }

    pub fn fact(&mut self, now: MonoTime, file: usize, content: Option<u32>) {
        let fact = &mut self.facts[file];
        if self.ending || !fact.watched {
            return;
        }
        let changed =
            fact.known.is_some() && fact.last.is_some() && content.is_some() && content != fact.last;
        fact.known = Some(content);
        fact.last = content.or(fact.last);
        for life in self.lives.iter_mut().filter(|_| changed) {
            if life.enabled && life.def.is_some_and(|(def, _)| def.files().any(|f| f == file)) {
                life.finished = false;
                life.not_before = now;
                if let Some(run) = &mut life.run {
                    run.restart = true;
                }
            }
        }
    }

    pub fn end_asked(&mut self, now: MonoTime) {
        if self.ending {
            self.hurried = Some(now);
        }
        self.ending = true;
    }

    pub fn touched(&mut self, now: MonoTime) {
        // An attempt that is still to be repeated is part of the same save.
        let first = self.reload.touched.map(|(first, _)| first).or(self.reload.retry.take());
        self.reload.touched = Some((first.unwrap_or(now), now));
    }

    pub fn reload_asked(&mut self) {
        self.reload.touched = None;
        self.reload.retry = None;
    }

    pub fn exited(&mut self, now: MonoTime, pid: Pid, ending: Ending, rest: bool) {
        let main = |run: &Run| run.pid == pid && run.reaped.is_none();
        let Some(life) = self.lives.iter_mut().find(|life| life.run.as_ref().is_some_and(main)) else {
            return;
        };
        let run = life.run.as_mut().unwrap();
        run.reaped = Some(now);
        match (run.term, ending) {
            // A stop that was asked for counts neither as once nor as 33, and has no delay.
            (Some(_), _) => life.not_before = now,
            (None, Ending::NeverStarted(_)) => life.not_before = now + TEN,
            (None, Ending::Ran(exit)) if run.def.once || exit == Exit::Code(33) => life.finished = true,
            (None, Ending::Ran(_)) => {
                life.not_before = if now.since(run.since) < TEN { now + TEN } else { now };
            }
        }
        if run.generation == life.generation {
            life.debut = Debut::Over;
        }
        if !rest {
            life.run = None;
        }
    }

    pub fn watched(&mut self, file: usize, watched: bool) {
        if self.facts[file].watched == watched {
            self.broken("a file is watched once", &file);
        }
        self.facts[file] = Fact { watched, ..Fact::default() };
    }

    // What the supervisor does.

    /// The file is about to be read.
    pub fn loading(&mut self, now: MonoTime, reading: Reading) {
        if let Reading::IfChanged(than) = reading {
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
        }
        if self.ending {
            self.broken("files are ignored while ending", &now);
        }
        self.reload.touched = None;
        self.reload.retry = None;
    }

    /// It could not be read; `again`: it is tried again without being touched.
    pub fn not_loaded(&mut self, now: MonoTime, again: bool, busy: bool) {
        self.reload.retry = again.then_some(now);
        if !busy {
            self.reload.empty_due = None;
        }
    }

    /// It holds this.
    pub fn loaded(&mut self, now: MonoTime, reading: Reading, defs: &[Def], content: Fingerprint) {
        let had_jobs = self.lives.iter().any(|life| life.def.is_some());
        let emptied = defs.is_empty() && had_jobs && reading != Reading::Always;
        let due = if emptied { *self.reload.empty_due.get_or_insert(now + TWO) } else { now };
        if due <= now {
            self.reload.empty_due = None;
        }
        self.reload.offered = Some((defs.to_vec(), content, due <= now));
    }

    /// The supervisor applies what it was offered.
    fn applies(&mut self, now: MonoTime) {
        match self.reload.offered.take() {
            Some((defs, content, true)) => {
                self.reload.applied = Some(content);
                self.applied(now, &defs);
            }
            offered => self.broken("a file that lost its jobs is applied after two seconds", &offered),
        }
    }

    pub fn turn_is_over(&mut self) {
        self.lives.iter_mut().for_each(|life| life.freed = false);
        if let Some((defs, _, true)) = self.reload.offered.take() {
            self.broken("a good file is applied", &defs);
        }
        if let Some(target) = self.cont_due.take() {
            self.broken("SIGCONT follows SIGTERM", &target);
        }
    }

    pub fn spawns(&mut self, now: MonoTime, spec: &JobSpec, kernel: &Kernel) -> Option<Def> {
        let name = spec.name().to_string();
        let Some(life) = self.life(&name).cloned() else {
            self.broken("only what is in the file starts", &name);
            return None;
        };
        let Some((def, _)) = life.def else {
            self.broken("a removed job does not start", &life);
            return None;
        };
        if spec.cmd().nth(1).is_none_or(|word| word.to_bytes() != def.version.to_string().as_bytes()) {
            self.broken("the definition in force is started", &(spec, def));
        }
        if self.ending {
            self.broken("nothing starts while ending", &life);
        }
        if let Some(run) = &life.run {
            let old = kernel.members(run.serial).count();
            self.broken("one run at a time", &(&life, old));
        }
        if !life.enabled || life.finished {
            self.broken("what is disabled or finished does not start", &life);
        }
        if now < life.not_before {
            self.broken("no start before the ten seconds are over", &(now, &life));
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
        life.debut == Debut::Pending
            && other.debut == Debut::Pending
            && rank(other) < rank(life)
            && !other.freed
            && self.should_run(other, now)
    }

    pub fn spawned(&mut self, now: MonoTime, name: &str, def: Def, answer: Option<(Pid, u64)>) {
        if let Some((pid, _)) = answer {
            // The number was free: whoever had a group of this number has none any more.
            for life in &mut self.lives {
                life.run.take_if(|run| run.pid == pid);
            }
        }
        let Some(life) = self.life_mut(name) else { return };
        match answer {
            None => {
                life.debut = Debut::Over;
                life.not_before = now + TEN;
            }
            Some((pid, serial)) => {
                if life.debut == Debut::Pending {
                    life.debut = Debut::Begun;
                }
                life.run = Some(Run {
                    pid,
                    serial,
                    def,
                    generation: life.generation,
                    since: now,
                    reaped: None,
                    restart: false,
                    term: None,
                    killed: None,
                    outlived: false,
                    empty_seen: None,
                });
            }
        }
    }

    /// Returns the serial of the group that the signal is for.
    pub fn signals(&mut self, now: MonoTime, target: Target, signal: Signal) -> Option<u64> {
        if let Some(due) = self.cont_due.take()
            && (due, Signal::CONT) != (target, signal)
        {
            self.broken("SIGCONT follows SIGTERM", &(target, signal));
        }
        let at = self.lives.iter().position(|life| match (&life.run, target) {
            (Some(run), Target::Job(pid)) => run.pid == pid && run.reaped.is_none(),
            (Some(run), Target::Rest(pid)) => run.pid == pid && run.reaped.is_some(),
            (None, _) => false,
        });
        let Some(at) = at else {
            self.broken("no signal goes to a number that is not ours", &(target, signal));
            return None;
        };
        let mut life = self.lives[at].clone();
        let run = life.run.as_mut().unwrap();
        let serial = run.serial;
        match signal {
            Signal::TERM => {
                if run.term.is_some() {
                    self.broken("SIGTERM is sent once a stop", &run);
                } else if run.reaped.is_none() && !self.must_stop(&self.lives[at], now) {
                    self.broken("a job that nothing has changed is left alone", &run);
                }
                run.term = Some(now);
                self.cont_due = Some(target);
            }
            Signal::KILL => {
                let due = run.term.map(|at| at + TEN);
                let slept = self.last_wake;
                let exact =
                    due.is_some_and(|at| at == now || at < now && slept.is_none_or(|slept| slept < at));
                if run.killed.is_some() || !(exact || run.term.is_some() && self.hurried == Some(now)) {
                    self.broken("SIGKILL comes once, ten seconds after the first SIGTERM", &(now, &run));
                }
                run.killed = Some(now);
            }
            _ => {}
        }
        self.lives[at] = life;
        Some(serial)
    }

    pub fn looked(&mut self, group: Pid, empty: bool) {
        for life in self.lives.iter_mut().filter(|_| empty) {
            life.freed |= life.run.take_if(|run| run.pid == group && run.reaped.is_some()).is_some();
        }
    }

    pub fn logs(&mut self, now: MonoTime, notice: &Notice) {
        match notice {
            Notice::Managing { .. } => self.applies(now),
            Notice::Outlived { pid, .. } => {
                for run in self.lives.iter_mut().filter_map(|life| life.run.as_mut()) {
                    run.outlived |= run.pid == *pid;
                }
            }
            Notice::LeftOver { group, .. } => {
                for life in &mut self.lives {
                    life.run.take_if(|run| run.pid == *group && run.killed.is_some_and(|at| at + TEN <= now));
                }
            }
            _ => {}
        }
    }

    // What follows.

    fn needs_met(&self, def: Def) -> bool {
        def.files().all(|file| matches!(self.facts[file].known, Some(Some(_))))
    }

    fn needs_missing(&self, def: Def) -> bool {
        def.files().any(|file| self.facts[file].known == Some(None))
    }

    /// Whether an earlier `wait` job that is up and able is not over.
    fn held(&self, life: &Life) -> bool {
        let rank = |life: &Life| life.def.map(|(def, place)| (def.order, place));
        life.debut == Debut::Pending
            && self.lives.iter().any(|other| {
                other.def.is_some_and(|(def, _)| {
                    def.wait && !(other.debut == Debut::Pending && self.needs_missing(def))
                }) && rank(other) < rank(life)
                    && other.enabled
                    && !other.finished
                    && other.debut != Debut::Over
            })
    }

    fn must_stop(&self, life: &Life, now: MonoTime) -> bool {
        life.run.as_ref().is_some_and(|run| {
            let every = Duration::from_secs(run.def.bounce.into());
            let bounce = run.def.bounce > 0 && now >= run.since + every;
            let other = life.def.is_none() || run.generation != life.generation;
            self.ending || other || !life.enabled || run.restart || bounce
        })
    }

    fn should_run(&self, life: &Life, now: MonoTime) -> bool {
        let able = life.enabled && !life.finished && life.run.is_none() && life.not_before <= now;
        able && !self.ending && life.def.is_some_and(|(def, _)| self.needs_met(def)) && !self.held(life)
    }

    /// After each wake-up: what is to be done has been done.
    pub fn check(&mut self, now: MonoTime, supervisor: &Supervisor, kernel: &Kernel) {
        let mut lives = std::mem::take(&mut self.lives);
        for life in &mut lives {
            if let Some(run) = &mut life.run {
                let empty = run.reaped.is_some() && kernel.members(run.serial).next().is_none();
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
        let owned = supervisor.job_of(run.pid).and_then(|id| supervisor.spec(id));
        if run.reaped.is_none() && owned.is_none_or(|spec| spec.name().as_bytes() != life.name.as_bytes()) {
            Some("every unreaped child has its owner")
        } else if run.term.is_none() && self.must_stop(life, now) {
            Some("what should stop is stopped")
        } else if run.term.is_none() && run.reaped.is_some() {
            Some("what is left of a group is told to end")
        } else if past(run.term, TEN) && run.killed.is_none() {
            Some("SIGKILL is never forgotten")
        } else if given_up && run.reaped.is_none() && !run.outlived {
            Some("a process that SIGKILL does not end is reported")
        } else if given_up && run.reaped.is_some() && !(run.outlived && !past(run.reaped, SECOND)) {
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
            Next::At(at) if at > now => Some(at),
            Next::Never => None,
            Next::At(_) | Next::Now => return self.broken("no deadline lies in the past", &(now, next)),
        };
        let (mut count, mut mains, mut needed) = (0, 0, [false; FILES.len()]);
        for (id, job) in supervisor.jobs() {
            count += 1;
            mains += usize::from(matches!(job.state(), State::Running { .. } | State::Stopping { .. }));
            for path in job.spec().depends() {
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
        let known = self.lives.iter().filter(|life| life.run.is_some() || life.def.is_some() && !self.ending);
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
        if supervisor.ended() != (self.ending && self.lives.iter().all(stuck)) {
            self.broken("pmtr ends when the last process is gone or given up", &now);
        }
    }

    /// The names that only the file or a command keeps from running, and those that nothing does.
    pub fn settled(&self) -> bool {
        self.lives.iter().all(|life| match (&life.run, life.def) {
            (Some(run), Some(_)) => life.enabled && run.term.is_none(),
            (Some(_), None) => false,
            (None, Some(_)) => !life.enabled || life.finished || self.held(life),
            (None, None) => true,
        })
    }

    /// Whose numbers mean what: for the shell side of the world.
    pub fn run_of_group(&self, group: Pid) -> Option<&Run> {
        self.lives.iter().filter_map(|life| life.run.as_ref()).find(|run| run.pid == group)
    }
}
