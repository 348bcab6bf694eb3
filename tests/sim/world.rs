//! Drives the supervisor through the invented world as the shell does: on each wake-up what has
//! happened, then ticks until nothing is due, then sleep until the next deadline or happening.

use crate::def::{Def, FILES, fingerprint};
use crate::kernel::{Parent, Temper};
use crate::sockets::REFUSED;
use crate::system::{File, Happening, Plan, Sys, some_exit};
use pmtr::model::{
    Config, Ending, Exit, JobName, Kept, MonoTime, Order, Origin, Pid, Signal, SocketId, Station, Survivors,
    Verb,
};
use pmtr::supervisor::{Event, Next, Reading, Recovery, STARTS_PER_TURN, Supervisor, System, turn};
use std::rc::Rc;
use std::time::Duration;

pub struct World {
    pub supervisor: Supervisor,
    pub sys: Sys,
}

/// So many milliseconds after the beginning.
pub fn at(millis: u64) -> MonoTime {
    MonoTime::from_nanos(millis * 1_000_000)
}

impl World {
    /// A world in which nothing has happened yet.
    pub fn unborn(pids: i32) -> World {
        World { supervisor: Supervisor::new(b"/etc/pmtr.conf"), sys: Sys::new(pids) }
    }

    /// A pmtr that has been started with these jobs.
    pub fn with(defs: &[Def]) -> World {
        World::with_plans(defs, &[])
    }

    /// The same, where the first starts of some jobs go as planned.
    pub fn with_plans(defs: &[Def], plans: &[(&str, Plan)]) -> World {
        let mut world = World::unborn(30_000);
        for (name, plan) in plans {
            world.plan(name, plan.clone());
        }
        world.begin(defs);
        world.assert_kept();
        world
    }

    /// A pmtr whose file has these lines for sockets as well.
    pub fn with_lines(defs: &[Def], lines: &[Station]) -> World {
        let mut world = World::unborn(30_000);
        world.sys.sockets.lines = lines.to_vec();
        world.begin(defs);
        world.assert_kept();
        world
    }

    pub fn begin(&mut self, defs: &[Def]) {
        self.sys.file = File::Jobs(defs.to_vec());
        self.begin_with();
    }

    /// A pmtr that is started with the file as it is.
    pub fn begin_with(&mut self) {
        let loaded = self.sys.load_config(Reading::Always);
        self.turn(Event::Loaded(Reading::Always, loaded));
        self.wake();
    }

    /// A pmtr whose file is of no use, and who starts with these jobs, which were applied last.
    pub fn recover(&mut self, defs: &[Def], file: File) {
        self.sys.file = file;
        let instead_of = self.sys.load_config(Reading::Always);
        let content = fingerprint(defs, &[]);
        self.sys.reference.network.offered.clear();
        self.sys.reference.recovers(defs, content);
        let config = Config { jobs: defs.iter().map(|def| def.spec()).collect(), ..Config::default() };
        let kept = Rc::new(Kept { file: (*b"/last-good").into(), since: "yesterday".into() });
        let recovery = Recovery { instead_of, content, config, warnings: Vec::new(), kept };
        self.turn(Event::Recovered(Box::new(recovery)));
        // The shell looks again, as at every start.
        self.event(Event::ConfigTouched);
    }

    /// A pmtr with these jobs that a service manager has started.
    pub fn managed(defs: &[Def], watchdog: Option<Duration>) -> World {
        let mut world = World::unborn(30_000);
        world.serve_manager(watchdog);
        world.begin(defs);
        world.assert_kept();
        world
    }

    pub fn serve_manager(&mut self, watchdog: Option<Duration>) {
        self.sys.manager.watchdog = watchdog;
        self.supervisor.serve_manager(self.sys.now, watchdog);
    }

    /// A pmtr that is started after another one was killed, which left these processes. Returns their numbers.
    pub fn after_kill(&mut self, left: &[(&'static str, Temper)]) -> Vec<Pid> {
        let mut known = Vec::new();
        for (name, temper) in left {
            // Whoever adopts them reaps at once.
            let process = self.sys.kernel.fork(Parent::Process(Pid::new(1).unwrap()), None, *temper);
            let (pid, serial) = process.map(|p| (p.pid, p.serial)).unwrap();
            self.sys.kept.insert(pid);
            self.sys.reference.left_behind(self.sys.now, name, pid, serial);
            known.push((JobName::new(name.as_bytes()), pid));
        }
        let pids = known.iter().map(|(_, pid)| *pid).collect();
        self.turn(Event::LeftBehind(known));
        pids
    }

    pub fn turn(&mut self, event: Event) {
        self.sys.note(|| format!("{event:?}"));
        self.sys.starts_in_turn = 0;
        let now = self.sys.now;
        match &event {
            Event::SocketFails(id, _) => self.sys.reference.socket_fails(now, *id),
            Event::Invalid(_) => self.sys.reference.invalid(now),
            Event::Command(_, orders) => {
                self.sys.reference.commanded(now, orders);
                for Order { verb, name } in orders {
                    self.sys.reference.command(*verb, &String::from_utf8_lossy(name));
                }
            }
            Event::Exited(..) | Event::Looked(..) | Event::Spawned(..) | Event::Executed(_) => {}
            Event::Loaded(..) => {}
            Event::ConfigSaved | Event::ConfigTouched | Event::ConfigWritten => {}
            Event::ReloadAsked | Event::EndAsked(_) => {}
            Event::Opened(..) | Event::FileSeen(..) | Event::LeftBehind(_) | Event::Recovered(_) => {}
            Event::Tick => self.sys.reference.ticks(now),
            Event::Told(..) => {}
        }
        turn(&mut self.supervisor, &mut self.sys, now, event);
        if self.sys.starts_in_turn > STARTS_PER_TURN {
            self.sys.reference.broken("at most 64 starts in one turn", &self.sys.starts_in_turn);
        }
        self.sys.reference.turn_is_over();
    }

    /// Reaps, lets everything due be done, and checks every promise.
    pub fn wake(&mut self) {
        self.reap();
        let mut ticks = 0;
        loop {
            self.turn(Event::Tick);
            ticks += 1;
            if self.supervisor.next() != Next::Now {
                break;
            }
            if ticks > 300 {
                return self.sys.reference.broken("quiet within a bounded number of turns", &ticks);
            }
            if self.sys.reading.is_some() {
                self.between_portions();
            }
        }
        let now = self.sys.now;
        if let Some(broken) = self.sys.manager.check(now, &self.supervisor) {
            self.sys.reference.broken(broken, &now);
        }
        self.sys.reference.check(now, &self.supervisor, &self.sys.kernel);
        self.sys.reference.check_network(now, &self.sys.sockets.open);
    }

    /// The shell has looked for what is left of all groups and tells of those of which nothing is.
    pub fn scan(&mut self) {
        for group in self.sys.kept.clone() {
            let serial = self.sys.reference.run_of_group(group).map(|run| run.serial);
            if serial.is_some_and(|serial| self.sys.kernel.members(serial).next().is_none()) {
                self.sys.reference.looked(group, true);
                self.turn(Event::Looked(group, Survivors::None));
            }
        }
        self.wake();
    }

    /// Something may happen while a file is being read.
    fn between_portions(&mut self) {
        let Some(rng) = &mut self.sys.chance else { return };
        match rng.below(12) {
            0 | 1 => {
                let order =
                    command(rng.pick(&[Verb::Enable, Verb::Disable]), rng.pick(&["a", "b", "c", "d"]));
                self.turn(order);
            }
            2 | 3 => {
                let count = self.sys.kernel.processes.len();
                if count > 0 {
                    let serial = self.sys.kernel.processes[rng.below(count)].serial;
                    let ending = Ending::Ran(some_exit(rng));
                    self.sys.kernel.end(serial, ending);
                    self.reap();
                }
            }
            4 => {
                self.sys.reference.touched(self.sys.now);
                self.turn(Event::ConfigTouched);
            }
            5 => {
                self.sys.reference.reload_asked();
                self.turn(Event::ReloadAsked);
            }
            6 if rng.one_in(20) => {
                self.sys.reference.end_asked(self.sys.now);
                self.turn(Event::EndAsked(Signal::TERM));
            }
            _ => {}
        }
    }

    /// Takes in whose main process has ended.
    pub fn reap(&mut self) {
        for (process, ending, rest) in self.sys.kernel.reap() {
            // Who ends by itself has executed its command, though nothing has told so before. One that a signal ends
            // may not have.
            if let Ending::Ran(Exit::Code(_)) = ending {
                self.execute(process.serial);
            }
            self.sys.underway.remove(&process.serial);
            let others = Survivors::Some(Box::new([]));
            let survivors = if rest { others } else { Survivors::None };
            if rest && self.supervisor.owner_of(process.pid).is_some() {
                self.sys.kept.insert(process.pid);
            }
            self.sys.reference.exited(self.sys.now, process.pid, ending, rest);
            self.turn(Event::Exited(process.pid, ending, survivors));
        }
    }

    /// A process is known to execute its command.
    fn execute(&mut self, serial: u64) {
        if let Some(pid) = self.sys.underway.remove(&serial) {
            self.sys.reference.executed(pid);
            self.turn(Event::Executed(pid));
        }
    }

    /// What is on the agenda by now.
    fn happen(&mut self) {
        while let Some(entry) = self.sys.agenda.first_entry().filter(|entry| entry.key().0 <= self.sys.now) {
            match entry.remove() {
                Happening::End(serial, ending) => self.sys.kernel.end(serial, ending),
                Happening::Execute(serial) => {
                    let alive = self.sys.kernel.find(serial).is_some_and(|process| process.zombie.is_none());
                    if alive {
                        self.execute(serial);
                    }
                }
                Happening::Fact(file) => {
                    let content = self.sys.contents[file];
                    self.sys.reference.fact(self.sys.now, file, content);
                    let content =
                        content.map(|hash| pmtr::model::Fingerprint { bytes: 1, hash: hash.into() });
                    self.turn(Event::FileSeen(FILES[file].as_bytes().into(), content));
                }
                Happening::Touch => {
                    self.sys.reference.touched(self.sys.now);
                    self.turn(Event::ConfigTouched);
                }
                Happening::Refusal(id) => self.turn(Event::SocketFails(id, REFUSED)),
            }
        }
    }

    /// When the shell would wake next.
    fn next(&self) -> Option<MonoTime> {
        let deadline = match self.supervisor.next() {
            Next::Now => Some(self.sys.now),
            Next::At(at) => Some(at),
            Next::Never => None,
        };
        let happening = self.sys.agenda.first_key_value().map(|((at, _), _)| *at);
        deadline.into_iter().chain(happening).min()
    }

    /// Lives on until then, or until a promise is broken.
    pub fn live_until(&mut self, end: MonoTime) {
        let mut wakes = 0;
        while self.sys.reference.breach.is_none() {
            match self.next() {
                Some(next) if next <= end => self.sys.now = self.sys.now.max(next),
                Some(_) | None => break,
            }
            wakes += 1;
            if wakes > 20_000 {
                return self.sys.reference.broken("an idle supervisor sleeps", &self.sys.now);
            }
            self.happen();
            self.wake();
        }
        self.sys.now = self.sys.now.max(end);
    }

    /// The machine sleeps: time passes and nobody is woken.
    pub fn jump(&mut self, by: Duration) {
        self.sys.now = self.sys.now + by;
        self.happen();
        self.wake();
    }

    /// One event from outside, with the wake-up that brings it.
    pub fn event(&mut self, event: Event) {
        match &event {
            Event::ConfigSaved => self.sys.reference.saved(self.sys.now),
            Event::ConfigTouched => self.sys.reference.touched(self.sys.now),
            Event::ConfigWritten => self.sys.reference.written(self.sys.now),
            Event::ReloadAsked => self.sys.reference.reload_asked(),
            Event::EndAsked(_) => self.sys.reference.end_asked(self.sys.now),
            Event::Exited(..) | Event::Looked(..) | Event::Spawned(..) | Event::Executed(_) => {}
            Event::Loaded(..) => {}
            Event::Opened(..) | Event::SocketFails(..) | Event::Command(..) | Event::Invalid(_) => {}
            Event::FileSeen(..) | Event::LeftBehind(_) | Event::Told(..) | Event::Tick => {}
            Event::Recovered(_) => {}
        }
        self.turn(event);
        self.happen();
        self.wake();
    }

    pub fn assert_kept(&self) {
        if let Some(breach) = &self.sys.reference.breach {
            let from = self.sys.trace.len().saturating_sub(120);
            panic!("{breach}\n{}", self.sys.trace[from..].join("\n"));
        }
    }

    // For scenarios.

    pub fn plan(&mut self, name: &str, plan: Plan) {
        self.sys.plans.entry(name.into()).or_default().push_back(plan);
    }

    pub fn run_until(&mut self, millis: u64) {
        self.live_until(at(millis));
        self.assert_kept();
    }

    pub fn file(&mut self, file: File) {
        self.sys.file = file;
        self.event(Event::ConfigSaved);
        self.assert_kept();
    }

    /// Saves the file and lets the quiet time pass.
    pub fn save(&mut self, defs: &[Def]) {
        self.file(File::Jobs(defs.to_vec()));
        self.live_until(self.sys.now + Duration::from_millis(100));
        self.assert_kept();
    }

    pub fn command(&mut self, verb: Verb, name: &str) {
        self.event(command(verb, name));
        self.assert_kept();
    }

    pub fn ask(&mut self, event: Event) {
        self.event(event);
        self.assert_kept();
    }

    /// Saves the file with these lines for sockets and lets the quiet time pass.
    pub fn save_lines(&mut self, defs: &[Def], lines: &[Station]) {
        self.sys.sockets.lines = lines.to_vec();
        self.save(defs);
    }

    /// A file on which jobs depend now holds this.
    pub fn write(&mut self, file: usize, content: Option<u32>) {
        self.sys.contents[file] = content;
        self.sys.after(Duration::ZERO, Happening::Fact(file));
        self.live_until(self.sys.now);
        self.assert_kept();
    }

    /// The main process of the job ends by itself.
    pub fn exits(&mut self, name: &str, ending: Ending) {
        let serial = self.sys.reference.life(name).unwrap().run.as_ref().unwrap().serial;
        self.sys.kernel.end(serial, ending);
        self.wake();
        self.assert_kept();
    }

    pub fn pid(&self, name: &str) -> Option<Pid> {
        let run = self.sys.reference.life(name)?.run.as_ref()?;
        run.reaped.is_none().then_some(run.pid)
    }

    /// When the job was started, in milliseconds.
    pub fn starts(&self, name: &str) -> Vec<u128> {
        let starts = self.sys.starts.iter().filter(|(_, who, _)| who == name);
        starts.map(|(at, _, _)| millis(*at)).collect()
    }

    /// Which job started after which.
    pub fn order(&self) -> String {
        self.sys.starts.iter().map(|(_, name, _)| name.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// When a signal was sent, in milliseconds.
    pub fn sent(&self, signal: Signal) -> Vec<u128> {
        self.sys.signals.iter().filter(|(_, _, s)| *s == signal).map(|(at, _, _)| millis(*at)).collect()
    }

    /// When there were reports, in milliseconds.
    pub fn reported(&self) -> Vec<u128> {
        self.sys.sockets.reports.iter().map(|(at, _)| millis(*at)).collect()
    }

    /// The last report.
    pub fn last_report(&self) -> &str {
        self.sys.sockets.reports.last().map_or("", |(_, text)| text)
    }

    /// What was opened and closed since this was asked last.
    pub fn deeds(&mut self) -> Vec<String> {
        let deeds = self.sys.sockets.deeds.drain(..);
        deeds.map(|(at, what)| format!("{} {what}", millis(at))).collect()
    }

    /// What the service manager was told since this was asked last, with the time in milliseconds.
    pub fn tidings(&mut self) -> Vec<String> {
        let told = self.sys.manager.told.drain(..);
        told.map(|(at, text)| format!("{} {text}", millis(at))).collect()
    }

    /// When a line with this text was logged, in milliseconds.
    pub fn logged(&self, text: &str) -> Vec<u128> {
        let lines = self.sys.log.iter().filter(|(_, notice)| notice.to_string().contains(text));
        lines.map(|(at, _)| millis(*at)).collect()
    }
}

fn millis(at: MonoTime) -> u128 {
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
    Event::Command(somebody(), vec![Order { verb, name: name.as_bytes().into() }])
}

/// A message as it came.
pub fn message(text: &str) -> Event {
    match pmtr::wire::control::decode(text.as_bytes()) {
        Some(orders) => Event::Command(somebody(), orders),
        None => Event::Invalid(somebody()),
    }
}
