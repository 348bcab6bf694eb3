//! Drives the supervisor through the invented world as the shell does: on each wake-up what has
//! happened, then ticks until nothing is due, then sleep until the next deadline or happening.

use crate::def::{Def, FILES, fingerprint};
use crate::plan::{Plan, some_exit};
use crate::processes::{Parent, Temper};
use crate::sockets::REFUSED;
use crate::world::{File, Happening, World};
use pmtr::model::{
    Command, Config, Ending, Exit, JobName, KeptText, MonoTime, Origin, Pid, Signal, SocketId, Station,
    Survivors, Verb,
};
use pmtr::supervisor::{
    Event, LeftBehind, NextTick, Reading, Recovery, STARTS_PER_TURN, Supervisor, System, turn,
};
use std::rc::Rc;
use std::time::Duration;

pub struct Sim {
    pub supervisor: Supervisor,
    pub world: World,
}

/// So many milliseconds after the beginning.
pub fn at(millis: u64) -> MonoTime {
    MonoTime::from_nanos(millis * 1_000_000)
}

impl Sim {
    /// A world in which nothing has happened yet.
    pub fn unborn(pids: i32) -> Sim {
        Sim { supervisor: Supervisor::new(b"/etc/pmtr.conf", 1), world: World::new(pids) }
    }

    /// A pmtr that has been started with these jobs.
    pub fn with(defs: &[Def]) -> Sim {
        Sim::with_plans(defs, &[])
    }

    /// The same, where the first starts of some jobs go as planned.
    pub fn with_plans(defs: &[Def], plans: &[(&str, Plan)]) -> Sim {
        let mut sim = Sim::unborn(30_000);
        for (name, plan) in plans {
            sim.plan(name, plan.clone());
        }
        sim.begin(defs);
        sim.assert_kept();
        sim
    }

    /// A pmtr whose file has these lines for sockets as well.
    pub fn with_lines(defs: &[Def], lines: &[Station]) -> Sim {
        let mut sim = Sim::unborn(30_000);
        sim.world.sockets.lines = lines.to_vec();
        sim.begin(defs);
        sim.assert_kept();
        sim
    }

    pub fn begin(&mut self, defs: &[Def]) {
        self.world.file = File::Jobs(defs.to_vec());
        self.begin_with();
    }

    /// A pmtr that is started with the file as it is.
    pub fn begin_with(&mut self) {
        let loaded = self.world.load_config(Reading::Always);
        self.turn(Event::Loaded(Reading::Always, loaded));
        self.wake();
    }

    /// A pmtr whose file is of no use, and who starts with these jobs, which were applied last.
    pub fn recover(&mut self, defs: &[Def], file: File) {
        self.world.file = file;
        let instead_of = self.world.load_config(Reading::Always);
        let content = fingerprint(defs, &[], self.world.end);
        self.world.reference.network.offered.clear();
        self.world.reference.offered_end = self.world.end;
        self.world.reference.recovers(defs, content);
        let jobs = defs.iter().map(|def| def.spec()).collect();
        let config = Config { jobs, end: self.world.end, ..Config::default() };
        let kept = Rc::new(KeptText { file: (*b"/last-good").into(), since: "yesterday".into() });
        let recovery = Recovery { instead_of, content, config, warnings: Vec::new(), kept };
        self.turn(Event::Recovered(Box::new(recovery)));
        // The shell looks again, as at every start.
        self.event(Event::ConfigTouched);
    }

    /// A pmtr with these jobs that a service manager has started.
    pub fn managed(defs: &[Def], watchdog: Option<Duration>) -> Sim {
        let mut sim = Sim::unborn(30_000);
        sim.serve_manager(watchdog);
        sim.begin(defs);
        sim.assert_kept();
        sim
    }

    pub fn serve_manager(&mut self, watchdog: Option<Duration>) {
        self.world.manager.watchdog = watchdog;
        self.world.reference.unannounced = true;
        self.supervisor.serve_manager(self.world.now, watchdog);
    }

    /// A pmtr that is started after another one was killed, which left these processes. Returns their numbers.
    pub fn after_kill(&mut self, left: &[(&'static str, Temper)]) -> Vec<Pid> {
        let mut known = Vec::new();
        for (name, temper) in left {
            // Whoever adopts them reaps at once.
            let process = self.world.processes.fork(Parent::Process(Pid::new(1).unwrap()), None, *temper);
            let (pid, serial) = process.map(|p| (p.pid, p.serial)).unwrap();
            self.world.kept.insert(pid);
            self.world.reference.left_behind(self.world.now, name, pid, serial);
            known.push(LeftBehind { job: JobName::new(name.as_bytes()), pid, is_main: true });
        }
        let pids = known.iter().map(|left| left.pid).collect();
        self.turn(Event::LeftBehind(known));
        pids
    }

    pub fn turn(&mut self, event: Event) {
        self.world.note(|| format!("{event:?}"));
        self.world.starts_in_turn = 0;
        let now = self.world.now;
        match &event {
            Event::SocketFails(id, _) => self.world.reference.socket_fails(now, *id),
            Event::Invalid(_) => self.world.reference.invalid(now),
            Event::Command(_, commands) => {
                self.world.reference.commanded(now, commands);
                for Command { verb, name } in commands {
                    self.world.reference.command(*verb, &String::from_utf8_lossy(name));
                }
            }
            Event::Exited(..) | Event::Looked(..) | Event::Spawned(..) | Event::Executed(_) => {}
            Event::Helped(..) => {}
            Event::JobReloadAsked(name) => self.world.reference.job_reload(&String::from_utf8_lossy(name)),
            Event::Loaded(..) => {}
            Event::ConfigSaved | Event::ConfigTouched | Event::ConfigWritten => {}
            Event::ReloadAsked | Event::EndAsked(_) => {}
            Event::Opened(..) | Event::FileSeen(..) | Event::LeftBehind(_) | Event::Recovered(_) => {}
            Event::Tick => self.world.reference.ticks(now),
            Event::Notified(..) => {}
        }
        turn(&mut self.supervisor, &mut self.world, now, event);
        if self.world.starts_in_turn > STARTS_PER_TURN {
            self.world.reference.broken("at most 64 starts in one turn", &self.world.starts_in_turn);
        }
        self.world.reference.turn_is_over();
    }

    /// Reaps, lets everything due be done, and checks every promise.
    pub fn wake(&mut self) {
        self.reap();
        let mut ticks = 0;
        loop {
            self.turn(Event::Tick);
            ticks += 1;
            if self.supervisor.next() != NextTick::Now {
                break;
            }
            if ticks > 300 {
                return self.world.reference.broken("quiet within a bounded number of turns", &ticks);
            }
            if self.world.reading.is_some() {
                self.between_portions();
            }
        }
        let now = self.world.now;
        if let Some(broken) = self.world.manager.check(now, &self.supervisor) {
            self.world.reference.broken(broken, &now);
        }
        self.world.reference.check(now, &self.supervisor, &self.world.processes);
        self.world.reference.check_network(now, &self.world.sockets.open);
    }

    /// The shell has looked for what is left of all groups and tells of those of which nothing is.
    pub fn scan(&mut self) {
        for group in self.world.kept.clone() {
            let serial = self.world.reference.serial_of_group(group);
            if serial.is_some_and(|serial| self.world.processes.members(serial).next().is_none()) {
                self.world.reference.looked(group, true);
                self.turn(Event::Looked(group, Survivors::None));
            }
        }
        self.wake();
    }

    /// Something may happen while a file is being read.
    fn between_portions(&mut self) {
        let Some(rng) = &mut self.world.chance else { return };
        match rng.below(12) {
            0 | 1 => {
                let order =
                    command(rng.pick(&[Verb::Enable, Verb::Disable]), rng.pick(&["a", "b", "c", "d"]));
                self.turn(order);
            }
            2 | 3 => {
                let count = self.world.processes.table.len();
                if count > 0 {
                    let serial = self.world.processes.table[rng.below(count)].serial;
                    let ending = Ending::Ran(some_exit(rng));
                    self.world.processes.end(serial, ending);
                    self.reap();
                }
            }
            4 => {
                self.world.reference.touched(self.world.now);
                self.turn(Event::ConfigTouched);
            }
            5 => {
                self.world.reference.reload_asked();
                self.turn(Event::ReloadAsked);
            }
            6 if rng.one_in(20) => {
                self.world.reference.end_asked(self.world.now);
                self.turn(Event::EndAsked(Signal::TERM));
            }
            _ => {}
        }
    }

    /// Takes in whose main process has ended.
    pub fn reap(&mut self) {
        for (process, ending, rest) in self.world.processes.reap() {
            // Who ends by itself has executed its command, though nothing has told so before. One that a signal ends
            // may not have.
            if let Ending::Ran(Exit::Code(_)) = ending {
                self.execute(process.serial);
            }
            self.world.underway.remove(&process.serial);
            let others = Survivors::Some(Box::new([]));
            let survivors = if rest { others } else { Survivors::None };
            if rest && self.supervisor.owner_of(process.pid).is_some() {
                self.world.kept.insert(process.pid);
            }
            self.world.reference.exited(self.world.now, process.pid, ending, rest);
            self.turn(Event::Exited(process.pid, ending, survivors));
        }
    }

    /// A process is known to execute its command.
    fn execute(&mut self, serial: u64) {
        if let Some(pid) = self.world.underway.remove(&serial) {
            self.world.reference.executed(pid);
            self.turn(Event::Executed(pid));
        }
    }

    /// What is on the agenda by now.
    fn happen(&mut self) {
        while let Some(entry) =
            self.world.agenda.first_entry().filter(|entry| entry.key().0 <= self.world.now)
        {
            match entry.remove() {
                Happening::End(serial, ending) => self.world.processes.end(serial, ending),
                Happening::Execute(serial) => {
                    let alive =
                        self.world.processes.find(serial).is_some_and(|process| process.zombie.is_none());
                    if alive {
                        self.execute(serial);
                    }
                }
                Happening::Fact(file) => {
                    let content = self.world.contents[file];
                    self.world.reference.fact(self.world.now, file, content);
                    let content =
                        content.map(|hash| pmtr::model::Fingerprint { bytes: 1, hash: hash.into() });
                    self.turn(Event::FileSeen(FILES[file].as_bytes().into(), content));
                }
                Happening::Touch => {
                    self.world.reference.touched(self.world.now);
                    self.turn(Event::ConfigTouched);
                }
                Happening::Refusal(id) => self.turn(Event::SocketFails(id, REFUSED)),
            }
        }
    }

    /// When the shell would wake next.
    fn next(&self) -> Option<MonoTime> {
        let deadline = match self.supervisor.next() {
            NextTick::Now => Some(self.world.now),
            NextTick::At(at) => Some(at),
            NextTick::Never => None,
        };
        let happening = self.world.agenda.first_key_value().map(|((at, _), _)| *at);
        deadline.into_iter().chain(happening).min()
    }

    /// Lives on until then, or until a promise is broken.
    pub fn live_until(&mut self, end: MonoTime) {
        let mut wakes = 0;
        while self.world.reference.breach.is_none() {
            match self.next() {
                Some(next) if next <= end => self.world.now = self.world.now.max(next),
                Some(_) | None => break,
            }
            wakes += 1;
            if wakes > 20_000 {
                return self.world.reference.broken("an idle supervisor sleeps", &self.world.now);
            }
            self.happen();
            self.wake();
        }
        self.world.now = self.world.now.max(end);
    }

    /// The machine sleeps: time passes and nobody is woken.
    pub fn jump(&mut self, by: Duration) {
        self.world.now = self.world.now + by;
        self.happen();
        self.wake();
    }

    /// One event from outside, with the wake-up that brings it.
    pub fn event(&mut self, event: Event) {
        match &event {
            Event::ConfigSaved => self.world.reference.saved(self.world.now),
            Event::ConfigTouched => self.world.reference.touched(self.world.now),
            Event::ConfigWritten => self.world.reference.written(self.world.now),
            Event::ReloadAsked => self.world.reference.reload_asked(),
            Event::EndAsked(_) => self.world.reference.end_asked(self.world.now),
            Event::Exited(..) | Event::Looked(..) | Event::Spawned(..) | Event::Executed(_) => {}
            Event::Helped(..) | Event::JobReloadAsked(_) => {}
            Event::Loaded(..) => {}
            Event::Opened(..) | Event::SocketFails(..) | Event::Command(..) | Event::Invalid(_) => {}
            Event::FileSeen(..) | Event::LeftBehind(_) | Event::Notified(..) | Event::Tick => {}
            Event::Recovered(_) => {}
        }
        self.turn(event);
        self.happen();
        self.wake();
    }

    pub fn assert_kept(&self) {
        if let Some(breach) = &self.world.reference.breach {
            let from = self.world.trace.len().saturating_sub(120);
            panic!("{breach}\n{}", self.world.trace[from..].join("\n"));
        }
    }
}

pub fn millis(at: MonoTime) -> u128 {
    at.since(MonoTime::ZERO).as_millis()
}

pub fn code(status: i32) -> Ending {
    Ending::Ran(Exit::Code(status))
}

/// Somebody who sends messages.
pub fn somebody() -> Origin {
    Origin { socket: SocketId(0), address: ([127, 0, 0, 1], 9).into(), local: None }
}

/// A command from somewhere.
pub fn command(verb: Verb, name: &str) -> Event {
    Event::Command(somebody(), vec![Command { verb, name: name.as_bytes().into() }])
}

/// A message as it came.
pub fn message(text: &str) -> Event {
    match pmtr::wire::control::decode(text.as_bytes()) {
        Some(commands) => Event::Command(somebody(), commands),
        None => Event::Invalid(somebody()),
    }
}
