//! What is left of jobs: processes in the session of a main process that has been reaped, or that another pmtr has
//! left. Reports whether any is left, and sends signals to them.
//!
//! The kernel answers at once whether the number of the main process is still in use, and whether anybody is left in
//! its group. Others in the session are found by asking every process for its session, in portions and rarely: one such
//! scan serves all questions and signals that came before it began.
//!
//! A number that nobody uses is reused. A session is known to be the job's as long as the descriptor of the group
//! proves that it has members, or a member was created before the last moment at which this was known: a process enters
//! a session only by being created in it. What is not known to be the job's is never touched.
#![forbid(unsafe_code)]

mod scan;

use super::event_source::{EventSource, Shared};
use super::state::{LeftOver, StateFile};
use crate::model::{Detail, JobId, MonoTime, Pid, Signal, Survivors};
use crate::supervisor::Event;
use crate::sys::clock;
use crate::sys::group::Group;
use crate::sys::session::{self, Member, Numbers};
use crate::sys::stat::{self, Stat};
use scan::{Scan, ScanStage};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

/// The shortest time between two scans.
const SCAN_REST: Duration = Duration::from_millis(20);
/// Or this many times the duration of the last one: with many processes on the machine, the loop has other work.
const SCAN_REST_TIMES: u32 = 10;
/// When a scan is repeated that could not be made.
const SCAN_AGAIN: Duration = Duration::from_secs(1);
/// How long a scan goes on before others are served.
const SCAN_FOR: Duration = Duration::from_millis(5);
/// The clock is read after this many steps.
const STEPS: u32 = 32;
/// As long as the group has members, there are rarely others. A scan that comes this much later usually finds that
/// all are gone.
const GIVE_WAY: Duration = Duration::from_millis(2);

/// What is left of one run of a job.
#[derive(Debug)]
struct Rest {
    job: JobId,
    /// None if the main process had ended before pmtr started.
    group: Option<Group>,
    /// When the main process was created, if another pmtr has left it.
    leader_born: Option<u64>,
    /// The main process was our child: zombies of its group count, because pmtr will reap them.
    ours: bool,
    /// When the session was last known to be the job's, in nanoseconds since the machine started.
    known_nanos: u64,
    /// The signals that the next scan sends to members outside of the group.
    orders: Vec<Signal>,
    /// Each further scan sends SIGKILL again: one does not reach processes that keep forking.
    killing: bool,
    /// The processes that the last scan with SIGKILL found.
    killed: Vec<Pid>,
    /// Whether the last scan found anybody; None if a signal was requested since.
    left: Option<bool>,
}

/// What is left of all jobs.
#[derive(Debug)]
pub(super) struct Rests {
    numbers: Numbers,
    own: Pid,
    rests: HashMap<Pid, Rest>,
    /// Those that want a scan, and when.
    wanting: BTreeSet<Pid>,
    wanted: Option<MonoTime>,
    scan: Option<Scan>,
    /// The end of the pause between two scans.
    rested: MonoTime,
    /// Those of which nothing is left, until the core has been told.
    gone: VecDeque<Pid>,
}

impl Rests {
    pub(super) fn new(numbers: Numbers, own: Pid) -> Rests {
        let (rests, wanting, gone) = (HashMap::new(), BTreeSet::new(), VecDeque::new());
        Rests { numbers, own, rests, wanting, wanted: None, scan: None, rested: MonoTime::ZERO, gone }
    }

    /// Keeps what is left of a run, if anything is. Its main process has just been reaped; `before` is a time at
    /// which it had not been.
    pub(super) fn keep(
        &mut self,
        job: JobId,
        leader: Pid,
        group: Group,
        before: u64,
        state: Option<&StateFile>,
    ) -> Survivors {
        match self.numbers.in_use(leader) {
            Ok(false) => return Survivors::None,
            // The number has been reused.
            Ok(true) if session::is_process(leader) => return Survivors::None,
            // Without a scan, only the group is known.
            Ok(true) if group.alive() || stat::is_ours() => {}
            Err(_) if group.alive() => {}
            Ok(true) | Err(_) => return Survivors::None,
        }
        if let Some(state) = state {
            state.saw_alive(job, leader, before);
        }
        let rest = Rest {
            job,
            group: Some(group),
            leader_born: None,
            ours: true,
            known_nanos: before,
            orders: Vec::new(),
            killing: false,
            killed: Vec::new(),
            left: None,
        };
        self.rests.insert(leader, rest);
        Survivors::Some(Box::new([]))
    }

    /// Keeps what another pmtr has left.
    pub(super) fn take_over(&mut self, job: JobId, left: LeftOver) {
        let (leader_born, group) = left.leader.map(|leader| (leader.born_ticks, leader.group)).unzip();
        let rest = Rest {
            job,
            group,
            leader_born,
            ours: false,
            known_nanos: left.record.after_nanos,
            orders: Vec::new(),
            killing: false,
            killed: Vec::new(),
            left: None,
        };
        self.rests.insert(left.record.pid, rest);
    }

    /// What is left, as far as it is known: what is not known to be gone counts as left.
    pub(super) fn look(&mut self, leader: Pid, detail: Detail, state: Option<&StateFile>) -> Survivors {
        let Some(rest) = self.rests.get_mut(&leader) else { return Survivors::None };
        let asked = clock::since_start();
        if self.numbers.in_use(leader) == Ok(false) {
            return Survivors::None;
        }
        let stands = if rest.ours { rest.group_lives() } else { rest.leader_lives(leader) };
        if rest.is_proven() || stands && !rest.ours {
            rest.known_at(asked, leader, state);
        }
        match rest.left {
            Some(false) if !stands => return Survivors::None,
            Some(_) | None if stands => {}
            Some(_) | None => self.want(leader, clock::now()),
        }
        Survivors::Some(match detail {
            Detail::Whether => Box::new([]),
            Detail::Names => session::names(leader).into(),
        })
    }

    /// Sends a signal to everything that is left.
    pub(super) fn signal(&mut self, leader: Pid, signal: Signal) {
        if let Some(group) = self.rests.get(&leader).and_then(|rest| rest.group.as_ref()) {
            group.signal(signal);
        }
        self.signal_others(leader, signal);
    }

    /// Sends a signal to the members of the session outside of the group, as soon as a scan has found them.
    pub(super) fn signal_others(&mut self, leader: Pid, signal: Signal) {
        let Some(rest) = self.rests.get_mut(&leader) else { return };
        rest.orders.push(signal);
        rest.killing |= signal == Signal::KILL;
        rest.left = None;
        let now = clock::now();
        let at = if rest.ours && rest.group_lives() { now + GIVE_WAY } else { now };
        self.want(leader, at);
    }

    /// Drops what is kept.
    pub(super) fn release(&mut self, leader: Pid) {
        self.rests.remove(&leader);
        self.wanting.remove(&leader);
        if self.wanting.is_empty() {
            self.wanted = None;
        }
    }

    /// When there is work to do.
    fn deadline(&self) -> Option<MonoTime> {
        self.wanted.filter(|_| self.scan.is_none()).map(|at| at.max(self.rested))
    }

    /// Whether a scan is under way.
    fn more(&self) -> bool {
        self.scan.is_some()
    }

    /// Scans if that is due. Returns those of which it has found that nothing is left.
    fn work(&mut self, state: Option<&StateFile>) -> Vec<Pid> {
        let (begin, mut gone) = (clock::now(), Vec::new());
        let due = self.deadline().is_some_and(|at| at <= begin);
        let scan = self.scan.take().or_else(|| if due { self.begin(begin) } else { None });
        let Some(mut scan) = scan else { return gone };
        for step in 1.. {
            if step % STEPS == 0 && clock::now().since(begin) > SCAN_FOR {
                scan.took += clock::now().since(begin);
                self.scan = Some(scan);
                return gone;
            }
            if let ScanStage::Listing(list) = &mut scan.stage {
                match list.next() {
                    Some(Ok(pid)) if pid != self.own => scan.note(pid),
                    Some(Ok(_)) => {}
                    Some(Err(_)) => {
                        self.put_off(scan, begin);
                        return gone;
                    }
                    None => scan.stage = ScanStage::Judging,
                }
            } else if let Some((leader, orders)) = scan.asked.pop_first() {
                if self.judge(leader, orders, &mut scan, state) {
                    gone.push(leader);
                }
            } else {
                break;
            }
        }
        let now = clock::now();
        self.rested = now + (scan.took + now.since(begin)).saturating_mul(SCAN_REST_TIMES).max(SCAN_REST);
        gone
    }

    fn want(&mut self, leader: Pid, at: MonoTime) {
        self.wanting.insert(leader);
        self.wanted = Some(self.wanted.map_or(at, |wanted| wanted.min(at)));
    }

    /// Begins a scan for all that want one now.
    fn begin(&mut self, now: MonoTime) -> Option<Scan> {
        let stage = match stat::is_ours().then(stat::list) {
            Some(Ok(list)) => ScanStage::Listing(list),
            Some(Err(_)) => {
                self.rested = now + SCAN_AGAIN;
                return None;
            }
            None => ScanStage::Blind,
        };
        self.wanted = None;
        let (mut asked, found) = (BTreeMap::new(), BTreeMap::new());
        for leader in std::mem::take(&mut self.wanting) {
            let Some(rest) = self.rests.get_mut(&leader) else { continue };
            let mut orders = std::mem::take(&mut rest.orders);
            if rest.killing && !orders.contains(&Signal::KILL) {
                orders.push(Signal::KILL);
            }
            asked.insert(leader, orders);
        }
        Some(Scan { stage, began_nanos: clock::since_start(), took: Duration::ZERO, asked, found })
    }

    /// An unfinished scan says nothing.
    fn put_off(&mut self, scan: Scan, now: MonoTime) {
        for (leader, orders) in scan.asked {
            if let Some(rest) = self.rests.get_mut(&leader) {
                rest.orders.splice(0..0, orders);
                self.want(leader, now);
            }
        }
        self.rested = now + SCAN_AGAIN;
    }

    /// What the scan says about one of them: sends the signals. True if nothing is left.
    fn judge(
        &mut self,
        leader: Pid,
        orders: Vec<Signal>,
        scan: &mut Scan,
        state: Option<&StateFile>,
    ) -> bool {
        let members = scan.found.remove(&leader).unwrap_or_default();
        let Some(rest) = self.rests.get_mut(&leader) else { return false };
        if let ScanStage::Blind = scan.stage {
            return rest.ours && !rest.group_lives();
        }
        // The group got its signals at once. A process that entered it since then gets SIGKILL here, if that was sent.
        let in_group = rest.group.is_some().then_some(leader.as_raw());
        let wants = |member: &&Member| {
            member.stat.as_ref().is_some_and(|stat| {
                !stat.zombie && (Some(stat.group) != in_group || orders.contains(&Signal::KILL))
            })
        };
        let known = rest.is_proven() || members.iter().any(|member| rest.proves(leader, member, self.own));
        if known {
            rest.known_at(scan.began_nanos, leader, state);
            members.iter().filter(wants).for_each(|member| member.signal(&orders));
        } else if members.iter().any(Member::is_hidden) {
            // Nothing can be known for now, for example because no descriptor is free.
            rest.orders.splice(0..0, orders);
            self.want(leader, clock::now() + SCAN_AGAIN);
            return false;
        }
        let living: Vec<Pid> =
            members.iter().filter(|member| member.lives()).map(|member| member.pid).collect();
        // A zombie delays the job only in the group, and only if pmtr will reap it: another parent may never do so.
        let held = |member: &Member| match &member.stat {
            Some(stat) => stat.zombie && Some(stat.group) == in_group && stat.parent == self.own.as_raw(),
            None => member.is_hidden(),
        };
        let stands = rest.ours && rest.group_lives();
        let left = match known {
            true => !living.is_empty() || stands && members.iter().any(held),
            false => stands,
        };
        // The number is in use, but nobody was found: a process was created meanwhile, or is hidden from us.
        let missed = !left && members.is_empty() && rest.is_unseen(leader, &self.numbers);
        rest.left = rest.orders.is_empty().then_some(left || missed);
        let more = rest.killing && left && !living.iter().all(|pid| rest.killed.contains(pid));
        let gone = rest.left == Some(false);
        rest.killed = living;
        if more {
            self.want(leader, clock::now());
        }
        gone
    }
}

impl EventSource for Rests {
    fn work(&mut self, _: MonoTime, shared: &mut Shared) {
        self.gone = Rests::work(self, shared.state.as_ref()).into();
    }

    fn next_event(&mut self, _: &mut Shared) -> Option<Event> {
        Some(Event::Looked(self.gone.pop_front()?, Survivors::None))
    }

    fn more(&self, _: &Shared) -> bool {
        Rests::more(self)
    }

    fn deadline(&self) -> Option<MonoTime> {
        Rests::deadline(self)
    }
}

impl Rest {
    /// Whether anybody is left in the group, including zombies.
    fn group_lives(&self) -> bool {
        self.group.as_ref().is_some_and(Group::alive)
    }

    /// Whether the main process that another pmtr has left is alive.
    fn leader_lives(&self, leader: Pid) -> bool {
        let born = self.leader_born;
        born.is_some() && Stat::of(leader).is_some_and(|stat| !stat.zombie && Some(stat.born_ticks) == born)
    }

    /// Whether the descriptor of the group proves that the number has always been the job's.
    fn is_proven(&self) -> bool {
        self.group.as_ref().is_some_and(Group::is_proven)
    }

    /// Whether this member of the session proves that the session is still the job's.
    fn proves(&self, leader: Pid, member: &Member, own: Pid) -> bool {
        let Some(stat) = &member.stat else { return false };
        if member.pid == leader {
            return self.leader_born == Some(stat.born_ticks);
        }
        let known = clock::ticks(self.known_nanos);
        // Ticks are coarse. Within the tick of that moment, all numbers would have to be used once, and the new session
        // would have to lose its leader and leave its orphan to pmtr.
        stat.born_ticks < known || stat.born_ticks == known && self.ours && stat.parent == own.as_raw()
    }

    /// Whether a group or session has this number, but none of its members was seen.
    fn is_unseen(&self, leader: Pid, numbers: &Numbers) -> bool {
        numbers.in_use(leader) != Ok(false) && !session::is_process(leader)
    }

    /// At this time the session was known to be the job's.
    fn known_at(&mut self, nanos: u64, leader: Pid, state: Option<&StateFile>) {
        if nanos > self.known_nanos {
            self.known_nanos = nanos;
            if let Some(state) = state {
                state.saw_alive(self.job, leader, nanos);
            }
        }
    }
}

#[cfg(test)]
mod tests;
