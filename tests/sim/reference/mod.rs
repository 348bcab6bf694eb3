//! What must and must not happen, worked out from the manual alone: from what was written into the
//! file, what was commanded and what the processes did. It never asks the supervisor why.

mod acts;
mod checks;
mod ends;
mod helpers;
mod included;
mod network;
mod stops;

pub use ends::Over;
pub use helpers::Helper;
pub use network::complaint;

use crate::def::{Def, FILES};
use pmtr::model::{EndRules, Fingerprint, MonoTime, Pid, Signal, Target, Verb};
use std::time::Duration;

const TEN: Duration = Duration::from_secs(10);
const SECOND: Duration = Duration::from_secs(1);
const QUIET: Duration = Duration::from_millis(100);
const TWO: Duration = Duration::from_secs(2);
const MINUTE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstRun {
    Pending,
    Started,
    Over,
}

/// One run of a job: its main process, later what is left of its group.
#[derive(Clone, Debug)]
pub struct Run {
    pub pid: Pid,
    pub serial: u64,
    /// Its definition, with the rules that hold for it now.
    pub def: Def,
    generation: u32,
    since: MonoTime,
    /// It is known to execute its command.
    executed: bool,
    /// Its rules have changed in this turn, perhaps after it was told to end.
    retuned: bool,
    pub reaped: Option<MonoTime>,
    /// A file that it depends on has changed.
    restart: bool,
    /// When its stop began.
    pub asked: Option<MonoTime>,
    /// A command is to end it, and no signal has come.
    with: bool,
    /// How many of its signals it got.
    sent: usize,
    /// When the time of the last step is over.
    until: Option<MonoTime>,
    killed: Option<MonoTime>,
    outlived: bool,
    empty_seen: Option<MonoTime>,
}

impl Run {
    fn new(pid: Pid, serial: u64, def: Def, generation: u32, since: MonoTime) -> Run {
        Run {
            pid,
            serial,
            def,
            generation,
            since,
            executed: false,
            retuned: false,
            reaped: None,
            restart: false,
            asked: None,
            with: false,
            sent: 0,
            until: None,
            killed: None,
            outlived: false,
            empty_seen: None,
        }
    }
}

/// All that is to be known of one name.
#[derive(Clone, Debug)]
pub struct Life {
    pub name: &'static str,
    /// The definition in force and its place in the file.
    pub def: Option<(Def, usize)>,
    generation: u32,
    enabled: bool,
    /// By a command, against the file.
    switched: bool,
    /// The file has ended that in this turn, and the log has not said so.
    switched_back: Option<bool>,
    pub over: Option<Over>,
    /// How many runs in a row were quick, and the ends that count for giving up.
    quick: u32,
    ends: Vec<MonoTime>,
    /// It does not start before this time, whatever the rules are.
    floor: MonoTime,
    /// The end of the run after which the rules delay the next.
    delayed: Option<MonoTime>,
    /// How long the last start that brought no process had to wait, if none has brought one since.
    pause: Option<Duration>,
    first_run: FirstRun,
    /// The last restart for a changed file, and how long there is no other after it.
    changed: Option<(MonoTime, Duration)>,
    /// When it is restarted for a change that came too soon.
    put_off: Option<MonoTime>,
    /// It was put off in this turn, for this file, and the log has not said so.
    unsaid: Option<usize>,
    pub run: Option<Run>,
    /// The old run was found gone in this turn: too late for the order of this turn.
    freed: bool,
}

impl Life {
    fn unborn(name: &'static str, now: MonoTime) -> Life {
        Life {
            name,
            def: None,
            generation: 0,
            enabled: false,
            switched: false,
            switched_back: None,
            over: None,
            quick: 0,
            ends: Vec::new(),
            floor: now,
            delayed: None,
            pause: None,
            first_run: FirstRun::Pending,
            changed: None,
            put_off: None,
            unsaid: None,
            run: None,
            freed: false,
        }
    }

    /// It is restarted, because a file has changed.
    fn restart(&mut self, now: MonoTime) {
        let pause = match self.changed {
            Some((at, pause)) if now < at + (2 * pause).max(TEN) => (2 * pause).min(MINUTE),
            _ => SECOND,
        };
        self.changed = Some((now, pause));
        self.put_off = None;
        self.over = None;
        (self.floor, self.delayed) = (now, None);
        self.forgive();
        if let Some(run) = &mut self.run {
            run.restart = true;
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Fact {
    pub watched: bool,
    known: Option<Option<u32>>,
    last: Option<u32>,
}

/// Somebody who has the file open for writing.
#[derive(Clone, Debug)]
pub struct Writer {
    /// Since when there is something to read.
    since: MonoTime,
    /// The state of the file, and since when it is known to be in that.
    state: Fingerprint,
    resting: MonoTime,
    told: bool,
}

/// What a file that was read to its end holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Content(Fingerprint),
    Mistakes(usize),
}

/// What is known of the reading of the file.
#[derive(Clone, Debug, Default)]
pub struct Reload {
    touched: Option<(MonoTime, MonoTime)>,
    /// Since when it could not be read; it is tried again a second later.
    retry: Option<MonoTime>,
    empty_due: Option<MonoTime>,
    included: included::IncludedFiles,
    /// Since when there was something to read when it was read last.
    begun: Option<MonoTime>,
    writer: Option<Writer>,
    /// The log is to tell of the writer in this turn.
    line_due: bool,
    pub applied: Option<Fingerprint>,
    /// It was saved and has not been read since.
    saved: bool,
    /// What it was found to hold when it was last read.
    found: Option<Found>,
    /// The log is to say in this turn that it was read.
    rescan_due: bool,
    /// It has not a single byte, and the log is to say so in this turn.
    blank: bool,
    blank_due: bool,
    /// Not the file is in force, but what was applied last by another pmtr.
    pub recovered: bool,
    begins_recovered: bool,
    /// The text in force is to be kept in this turn.
    keep_due: Option<Fingerprint>,
    /// The memory that an applied file has freed is to be given back in this turn.
    trim_due: bool,
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
    /// These processes have executed their commands in this turn, and the log has not said so.
    started_due: Vec<Pid>,
    /// What those are to be told who have not heard what a main process was told that has gone.
    others_due: Option<(Target, Signal)>,
    /// The signal by which this process is to reload in this turn.
    reload_due: Option<(Pid, Signal)>,
    /// The process for which a command of reload is to be run in this turn.
    helper_due: Option<Pid>,
    pub helpers: Vec<Helper>,
    /// What the file in force says of the end, and what one says that was read.
    end: EndRules,
    pub offered_end: EndRules,
    /// The exit status, and whether a signal has asked for the end; when what is left is killed.
    pub status: u8,
    asked_to_end: bool,
    /// The service manager, if there is one, has not been told that pmtr is ready, and could be.
    pub unannounced: bool,
    announced: bool,
    kill_at: Option<MonoTime>,
    pub network: network::Network,
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

    /// Another pmtr has left this process of a job, whose main process is as good as reaped: it is not ours.
    pub fn left_behind(&mut self, now: MonoTime, name: &'static str, pid: Pid, serial: u64) {
        let run = Run { reaped: Some(now), ..Run::new(pid, serial, crate::def::job(name), 0, now) };
        // Of two with one name only one can be what the file means.
        let name = if self.life(name).is_some() { "(another)" } else { name };
        self.lives.push(Life { run: Some(run), ..Life::unborn(name, now) });
    }

    pub fn applied(&mut self, now: MonoTime, defs: &[Def]) {
        for life in &mut self.lives {
            if !defs.iter().any(|def| def.name == life.name) {
                (life.def, life.put_off, life.switched) = (None, None, false);
            }
        }
        for (place, def) in defs.iter().enumerate() {
            if self.life(def.name).is_none() {
                self.lives.push(Life::unborn(def.name, now));
            }
            let life = self.life_mut(def.name).unwrap();
            if !life.def.is_some_and(|(old, _)| old.same(*def)) {
                life.generation += 1;
                life.over = None;
                (life.floor, life.delayed) = (now, None);
                life.forgive();
                life.pause = None;
                life.first_run = FirstRun::Pending;
                (life.changed, life.put_off) = (None, None);
            } else {
                life.retuned(*def);
            }
            let said = life.switched && life.def.is_some() && life.enabled == def.disable;
            life.switched_back = said.then_some(!def.disable);
            (life.enabled, life.switched) = (!def.disable, false);
            life.put_off = life.put_off.filter(|_| life.enabled);
            life.def = Some((*def, place));
        }
    }

    pub fn command(&mut self, verb: Verb, name: &str) {
        let ending = self.ending;
        let Some(life) = self.life_mut(name).filter(|life| life.def.is_some() && !ending) else { return };
        if verb == Verb::Enable && (life.over.take().is_some() || !life.enabled) {
            life.forgive();
        }
        if let (true, Verb::Disable, Some(run)) = (life.enabled, verb, &mut life.run) {
            // The same message may enable it again: it is stopped nevertheless.
            run.restart = true;
        }
        life.enabled = verb == Verb::Enable;
        life.switched = life.def.is_some_and(|(def, _)| def.disable == life.enabled);
        life.put_off = life.put_off.filter(|_| life.enabled);
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
                match life.changed {
                    _ if life.put_off.is_some() => {}
                    Some((at, pause)) if now < at + pause => {
                        (life.put_off, life.unsaid) = (Some(at + pause), Some(file));
                    }
                    _ => life.restart(now),
                }
            }
        }
    }

    /// What was put off is done when time has passed.
    pub fn ticks(&mut self, now: MonoTime) {
        let due = |life: &&mut Life| life.put_off.is_some_and(|at| at <= now);
        self.lives.iter_mut().filter(due).for_each(|life| life.restart(now));
        if self.kill_at.take_if(|at| *at <= now).is_some() {
            self.hurried = Some(now);
        }
        self.ends_when_done(now);
    }

    pub fn end_asked(&mut self, now: MonoTime) {
        if std::mem::replace(&mut self.asked_to_end, true) && self.ending {
            self.hurried = Some(now);
        }
        self.ends(now);
    }

    pub fn saved(&mut self, now: MonoTime) {
        self.reload.saved = true;
        self.touched(now);
    }

    /// A process has executed the command of its job.
    pub fn executed(&mut self, pid: Pid) {
        let main = self.lives.iter_mut().filter_map(|life| life.run.as_mut()).find(|run| run.pid == pid);
        if let Some(run) = main {
            run.executed = true;
            self.started_due.push(pid);
        }
    }

    pub fn touched(&mut self, now: MonoTime) {
        // An attempt that is still to be repeated is part of the same save.
        let first = self.reload.touched.map(|(first, _)| first).or(self.reload.retry.take());
        self.reload.touched = Some((first.unwrap_or(now), now));
    }

    /// Somebody writes the file: it is looked at a second later, if not sooner for another reason.
    pub fn written(&mut self, now: MonoTime) {
        if self.reload.touched.is_none() {
            self.reload.retry.get_or_insert(now);
        }
    }

    pub fn reload_asked(&mut self) {
        self.reload.touched = None;
        self.reload.retry = None;
    }

    pub fn watched(&mut self, file: usize, watched: bool) {
        if self.facts[file].watched == watched {
            self.broken("a file is watched once", &file);
        }
        self.facts[file] = Fact { watched, ..Fact::default() };
    }
}
