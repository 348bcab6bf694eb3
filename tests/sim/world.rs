//! The invented world as the supervisor acts upon it.

use crate::def::{BLANK, Def, FILES, fingerprint};
use crate::effects::told;
use crate::manager::Manager;
use crate::plan::Plan;
use crate::processes::{Parent, ProcessTable};
use crate::reference::{Found, Reference};
use crate::refusal::{Fault, NO_SOCKET, Refusal, mistakes, unreadable};
use crate::rng::Rng;
use crate::sockets::Sockets;
use pmtr::model::{
    Birth, Config, Detail, EndRules, Ending, Errno, Fingerprint, JobId, JobLine, JobSpec, Load, LoadError,
    Losses, Mistake, MonoTime, NetError, Notice, NotifyMessage, Pid, Role, Signal, SocketId, SpawnError,
    Stage, Station, Survivors, Target, Words,
};
use pmtr::supervisor::{Effect, Reading, System};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// What the configuration file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum File {
    Jobs(Vec<Def>),
    /// It has not a single byte.
    Blank,
    Mistakes(u32),
    Missing,
    Unreadable,
    /// A directory that it includes can't be read.
    PartUnreadable,
    Directory,
    /// Somebody has it open for writing; this is what it holds so far.
    Busy(Vec<Def>),
}

#[derive(Clone, Copy, Debug)]
pub enum Happening {
    /// The process of this serial ends.
    End(u64, Ending),
    /// It executes its command, if it has not ended before.
    Execute(u64),
    /// It becomes known what a file holds.
    Fact(usize),
    /// A report was refused where it went.
    Refusal(SocketId),
    /// Somebody has something to do with the configuration.
    Touch,
}

/// A file that is being read: how many portions there are to come, and what it held when the first was read.
type Begun = (Reading, u32, Vec<Def>, Vec<Station>, Fingerprint);

pub struct World {
    pub now: MonoTime,
    pub processes: ProcessTable,
    pub reference: Reference,
    pub file: File,
    /// What the files hold on which jobs depend.
    pub contents: [Option<u32>; FILES.len()],
    /// Jobs that write such a file each time they start.
    pub writers: BTreeMap<&'static str, usize>,
    /// How long it takes until a new watch tells something.
    pub facts_after: Duration,
    pub plans: BTreeMap<String, VecDeque<Plan>>,
    /// Makes up a plan where none was made.
    pub chance: Option<Rng>,
    /// What is refused for once.
    pub fault: Option<Fault>,
    pub agenda: BTreeMap<(MonoTime, u64), Happening>,
    serial: u64,
    /// Processes of which it is not known whether they execute their command, by their serials.
    pub underway: BTreeMap<u64, Pid>,
    /// Groups of which something is kept: their leaders were reaped while others were left.
    pub kept: BTreeSet<Pid>,
    pub sockets: Sockets,
    /// What the file says of the end of pmtr.
    pub end: EndRules,
    pub manager: Manager,
    pub log: Vec<(MonoTime, Notice)>,
    pub starts: Vec<(MonoTime, String, u32)>,
    pub signals: Vec<(MonoTime, Target, Signal)>,
    pub reads: u32,
    /// What there is to warn of in the configuration.
    pub warnings: Vec<Mistake>,
    /// What has become of included files, the jobs of which are no longer in the file or are still there.
    pub losses: Losses,
    /// In how many portions, after the first, a file is read.
    pub portions: u32,
    /// A file of which there are portions to come.
    pub reading: Option<Begun>,
    pub tracing: bool,
    pub trace: Vec<String>,
    pub starts_in_turn: usize,
}

impl World {
    pub fn new(pids: i32) -> World {
        World {
            now: MonoTime::ZERO,
            processes: ProcessTable::new(pids),
            reference: Reference::default(),
            file: File::Missing,
            contents: [Some(0); FILES.len()],
            writers: BTreeMap::new(),
            facts_after: Duration::ZERO,
            plans: BTreeMap::new(),
            chance: None,
            fault: None,
            agenda: BTreeMap::new(),
            serial: 0,
            underway: BTreeMap::new(),
            kept: BTreeSet::new(),
            sockets: Sockets::default(),
            end: EndRules::default(),
            manager: Manager::default(),
            log: Vec::new(),
            starts: Vec::new(),
            signals: Vec::new(),
            reads: 0,
            warnings: Vec::new(),
            losses: Losses::default(),
            portions: 0,
            reading: None,
            tracing: true,
            trace: Vec::new(),
            starts_in_turn: 0,
        }
    }

    pub fn after(&mut self, delay: Duration, what: Happening) {
        self.serial += 1;
        self.agenda.insert((self.now + delay, self.serial), what);
    }

    /// Written down only when somebody is going to read it.
    pub fn note(&mut self, what: impl FnOnce() -> String) {
        if self.tracing {
            let millis = self.now.since(MonoTime::ZERO).as_millis();
            self.trace.push(format!("{millis:>9} ms  {}", what()));
        }
    }

    pub fn deed(&mut self, what: &str, station: Option<&Station>) {
        if self.tracing {
            let station = station.map_or("what was not open".into(), ToString::to_string);
            self.sockets.deeds.push((self.now, format!("{what} {station}")));
        }
    }

    /// Whether this answer is to be a no for once.
    fn refused(&mut self, kind: impl Fn(&Refusal) -> bool) -> Option<Refusal> {
        let refusal = self.fault.as_mut()?.strikes(self.now, kind)?;
        self.note(|| format!("  refused: {refusal:?}"));
        Some(refusal)
    }

    /// Takes note of why the file is not read; what it says of itself holds until somebody changes that.
    fn not_loaded(&mut self, reading: Reading, error: LoadError) -> LoadError {
        let again = matches!(error, LoadError::Unreadable(_) | LoadError::PartUnreadable(..));
        if let LoadError::Mistakes(mistakes) = &error {
            self.reference.rescanned(reading, Found::Mistakes(mistakes.len()));
        }
        match error {
            LoadError::Busy(state) => self.reference.busy(self.now, state),
            LoadError::Mistakes(_) | LoadError::Missing | LoadError::Unreadable(_) | LoadError::NotAFile => {
                self.reference.not_loaded(self.now, again);
            }
            LoadError::PartUnreadable(..) => self.reference.not_loaded(self.now, again),
        }
        error
    }

    pub fn planned(&mut self, name: &str) -> Plan {
        let planned = self.plans.get_mut(name).and_then(VecDeque::pop_front);
        let mut plan = planned.unwrap_or_else(|| self.chance.as_mut().map(Plan::made_up).unwrap_or_default());
        if let Some(Refusal::Spawn(error)) = self.refused(|refusal| matches!(refusal, Refusal::Spawn(_))) {
            plan.fail = Some(error);
        }
        if let Some(Refusal::Command(error)) = self.refused(|refusal| matches!(refusal, Refusal::Command(_)))
        {
            plan.life = Some((Duration::from_millis(1), Ending::NeverStarted(error)));
        }
        plan
    }
}

impl World {
    /// The next portion of the file that is being read; with the last one it is known what it holds.
    fn portion(&mut self) -> Result<Load, LoadError> {
        let Some((reading, left, defs, stations, content)) = self.reading.take() else {
            return Err(LoadError::Missing);
        };
        if let Some(left) = left.checked_sub(1) {
            self.note(|| format!("  a portion is read, {left} to come"));
            self.reading = Some((reading, left, defs, stations, content));
            return Ok(Load::More);
        }
        self.reference.network.offered.clone_from(&stations);
        self.reference.offered_end = self.end;
        let losses = self.losses.clone();
        self.reference.loaded(self.now, reading, &defs, (content, &losses));
        let jobs = defs.iter().map(|def| def.spec()).collect();
        let lines = |role| stations.iter().filter(move |line| line.role == role);
        let [listen, report] =
            [Role::Listen, Role::Report].map(|role| lines(role).map(|line| line.endpoint.clone()).collect());
        let config = Config { jobs, listen, report, end: self.end };
        Ok(Load::New(content, config, self.warnings.clone(), losses))
    }
}

impl System for World {
    fn spawn(&mut self, _: JobId, spec: &JobSpec) -> Result<Birth, SpawnError> {
        let name = spec.name.to_string();
        self.starts_in_turn += 1;
        let Some(def) = self.reference.spawns(self.now, spec, &self.processes) else {
            return Err(SpawnError { stage: Stage::Prepare, errno: Errno(1) });
        };
        let plan = self.planned(&name);
        let full = SpawnError { stage: Stage::Fork, errno: Errno(11) };
        let born = match plan.fail {
            Some(error) => Err(error),
            None => self.processes.fork(Parent::Us, None, plan.temper).map(|p| (p.pid, p.serial)).ok_or(full),
        };
        self.reference.spawned(self.now, &name, def, born.ok());
        self.note(|| format!("  spawn {name} version {}: {born:?}", def.version));
        let (pid, serial) = born?;
        if self.tracing {
            self.starts.push((self.now, name.clone(), def.version));
        }
        for (temper, parent) in plan.members {
            self.processes.fork(parent.unwrap_or(Parent::Process(pid)), Some((pid, serial)), temper);
        }
        for temper in plan.others {
            self.processes.fork_outside(Parent::Process(pid), (pid, serial), temper);
        }
        let birth = match (plan.executes, plan.life) {
            (None, None | Some((_, Ending::Ran(_)))) => Birth::Executed(pid),
            (executes, _) => {
                self.underway.insert(serial, pid);
                executes.into_iter().for_each(|after| self.after(after, Happening::Execute(serial)));
                Birth::Underway(pid)
            }
        };
        if let Birth::Executed(_) = birth {
            self.reference.executed(pid);
        }
        if let Some((after, ending)) = plan.life {
            self.after(after, Happening::End(serial, ending));
        }
        if let Some(file) = self.writers.get(&*name).copied() {
            self.contents[file] = Some(self.contents[file].unwrap_or(0) + 1);
            self.after(Duration::from_millis(100), Happening::Fact(file));
        }
        Ok(birth)
    }

    fn help(&mut self, _: JobId, spec: &JobSpec, command: &Words, main: Pid) -> Result<Birth, SpawnError> {
        self.start_helper(spec, command, main)
    }

    fn load_config(&mut self, reading: Reading) -> Result<Load, LoadError> {
        self.reads += 1;
        self.reading = None;
        self.reference.loading(self.now, reading);
        // Of the first reading the start itself would tell, and end.
        if self.reads > 1 {
            if let Some(Refusal::Load(error)) = self.refused(|refusal| matches!(refusal, Refusal::Load(_))) {
                self.after(Duration::from_millis(500), Happening::Touch);
                return Err(self.not_loaded(reading, error));
            }
            if let Some(error) = self.chance.as_mut().and_then(unreadable) {
                return Err(self.not_loaded(reading, error));
            }
        }
        let nothing = Vec::new();
        let (defs, busy) = match &self.file {
            File::Jobs(defs) => (defs, false),
            File::Busy(defs) => (defs, true),
            File::Blank => (&nothing, false),
            bad @ (File::Mistakes(_)
            | File::Missing
            | File::Unreadable
            | File::PartUnreadable
            | File::Directory) => {
                let error = match bad {
                    File::Mistakes(count) => mistakes(*count),
                    File::Unreadable => LoadError::Unreadable(Errno(13)),
                    File::PartUnreadable => LoadError::PartUnreadable((*b"/etc/pmtr.d").into(), Errno(13)),
                    File::Directory => LoadError::NotAFile,
                    File::Missing | File::Blank | File::Jobs(_) | File::Busy(_) => LoadError::Missing,
                };
                return Err(self.not_loaded(reading, error));
            }
        };
        // Whoever has opened a file without jobs for writing has just emptied it.
        let blank = self.file == File::Blank || busy && defs.is_empty();
        let lines = if blank { Vec::new() } else { self.sockets.lines.clone() };
        let content = if blank { BLANK } else { fingerprint(defs, &lines, self.end) };
        let state = Fingerprint { hash: !content.hash, ..content };
        match reading {
            Reading::IfChanged(than) | Reading::IfUnwritten(than, _) if than == Some(content) => {
                self.reference.not_loaded(self.now, false);
                self.reference.rescanned(reading, Found::Content(content));
                self.reference.reload.recovered = false;
                Ok(Load::Same)
            }
            Reading::IfChanged(_) if busy => Err(self.not_loaded(reading, LoadError::Busy(state))),
            Reading::IfUnwritten(_, rests) if busy && rests != state => {
                Err(self.not_loaded(reading, LoadError::Busy(state)))
            }
            Reading::IfChanged(_) | Reading::IfUnwritten(..) | Reading::Always => {
                let defs = defs.clone();
                let long = self.reads > 1 && self.chance.as_mut().is_some_and(|rng| rng.one_in(4));
                let portions = if long { 3 } else { self.portions };
                self.reading = Some((reading, portions, defs, lines, content));
                self.portion()
            }
        }
    }

    fn read_on(&mut self) -> Result<Load, LoadError> {
        if self.reading.is_none() {
            self.reference.broken("only a file that is being read is read on", &self.now);
        }
        if self.reference.ending {
            self.reference.broken("files are ignored while ending", &self.now);
        }
        self.portion()
    }

    fn look(&mut self, group: Pid, detail: Detail) -> Survivors {
        if !self.kept.contains(&group) {
            self.reference.broken("only a group that is kept is looked at", &group);
        }
        let Some(serial) = self.reference.serial_of_group(group) else {
            self.reference.broken("only what is left of a job is looked at", &group);
            return Survivors::None;
        };
        let left = self.processes.members(serial).map(|p| (p.pid, b"left".to_vec().into()));
        let left: Box<[_]> = if detail == Detail::Names { left.collect() } else { left.take(1).collect() };
        self.note(|| format!("  look at {group:?}: {} left", left.len()));
        self.reference.looked(group, left.is_empty());
        if left.is_empty() {
            return Survivors::None;
        }
        // That somebody is left is known without their names, and without a /proc there are none.
        let named = !self.chance.as_mut().is_some_and(|rng| rng.one_in(2));
        Survivors::Some(if named { left } else { Box::new([]) })
    }

    fn open(&mut self, id: SocketId, station: &Station) -> Result<(), NetError> {
        let chance = self.chance.as_mut().and_then(|rng| rng.one_in(3).then(|| rng.pick(&NO_SOCKET)));
        let refused = match self.refused(|refusal| matches!(refusal, Refusal::Open(_))) {
            Some(Refusal::Open(error)) => Some(error),
            Some(_) | None => None,
        };
        let error = self.sockets.broken.get(station).copied().or(chance).or(refused);
        self.sockets.open.remove(&id);
        if error.is_none() {
            self.sockets.open.insert(id, station.clone());
        }
        self.note(|| format!("  open {station}: {error:?}"));
        self.deed(if error.is_none() { "open" } else { "fail" }, Some(station));
        let answer = error.map_or(Ok(()), Err);
        self.reference.opens(self.now, id, station, answer);
        answer
    }

    fn report(&mut self, jobs: &mut dyn Iterator<Item = JobLine<'_>>) {
        self.note(|| "  report".into());
        if self.tracing {
            let jobs: Vec<JobLine<'_>> = jobs.collect();
            let text = jobs.iter().map(told).collect::<Vec<_>>().join("\n");
            self.sockets.reports.push((self.now, text));
            self.reference.reports(self.now, jobs.into_iter());
        } else {
            self.reference.reports(self.now, jobs);
        }
        let open = self.sockets.open.iter().filter(|(_, station)| station.role == Role::Report);
        for (id, station) in open.map(|(id, station)| (*id, station.clone())).collect::<Vec<_>>() {
            let chance = self.chance.as_mut().and_then(|rng| rng.one_in(6).then(|| rng.pick(&[0, 1, 9_999])));
            let refused = self.refused(|refusal| *refusal == Refusal::Report).is_some();
            if self.sockets.refusing.contains(&station) || chance.is_some() || refused {
                self.after(Duration::from_millis(chance.unwrap_or(0)), Happening::Refusal(id));
            }
        }
    }

    fn notify(&mut self, message: &NotifyMessage) -> bool {
        let chance = self.chance.as_mut().is_some_and(|rng| rng.one_in(4));
        let refused = self.refused(|refusal| *refusal == Refusal::Notify).is_some();
        let out = !self.manager.away && !chance && !refused;
        let text = pmtr::wire::notify::encode(message, self.now, None);
        let text = String::from_utf8(text).unwrap().trim_end().replace('\n', " ");
        self.note(|| format!("  tell {text}: {out}"));
        self.reference.tells_manager(text.contains("READY=1"), out);
        if let Some(broken) = self.manager.tell(self.now, message, out, text) {
            self.reference.broken(broken, message);
        }
        out
    }

    fn act(&mut self, effect: Effect) {
        self.carry_out(effect);
    }
}
