//! Sockets, reports, answers, and what is said of useless messages.

use super::acts::longer;
use super::{Life, Reference, SECOND, TEN};
use pmtr::model::{
    Command, Endpoint, JobLine, MonoTime, NetError, Notice, ReportedProcess, Role, SocketId, Station, Verdict,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// The longest time for which a complaint is held back: the longest pause, and a second if a flood is told of first.
const PATIENCE: Duration = Duration::from_secs(65);

#[derive(Default)]
pub struct Network {
    /// The lines of the file that was read last, whatever became of it.
    pub offered: Vec<Station>,
    /// Those in force.
    desks: Vec<Desk>,
    /// Numbers that were ever given.
    given: BTreeMap<SocketId, Station>,
    /// To be closed in this turn.
    leaving: Vec<SocketId>,
    reported: Option<MonoTime>,
    /// A station has come for which there was no report yet.
    added: bool,
    /// Since when a report is to show what a command did.
    commanded: Option<MonoTime>,
    /// The answer that is due in this turn.
    answer: Option<Vec<Verdict>>,
    /// Invalid messages and commands with unknown names of which the log has not told.
    untold: (u64, u64),
    untold_since: Option<MonoTime>,
    complained: Option<MonoTime>,
}

#[derive(Clone, Debug)]
struct Desk {
    station: Station,
    id: Option<SocketId>,
    /// The last attempt to open it, and whether that was a success.
    attempt: Option<(MonoTime, bool)>,
    /// Of a listener that is not open: how long after the attempt the next one comes.
    pause: Option<Duration>,
    /// The attempt was in this turn.
    fresh: bool,
    /// A report could not be sent since it was opened.
    unsent: bool,
    /// Reports since it was opened without an error.
    clean: u32,
    /// The log says that it is not served.
    told: bool,
}

impl Desk {
    fn fails(&self) -> bool {
        self.unsent || self.attempt.is_some_and(|(_, good)| !good)
    }

    /// Whether it is sent a report now.
    fn reports(&self) -> bool {
        self.station.role == Role::Report && self.attempt.is_some_and(|(_, good)| good)
    }
}

impl Network {
    fn desk(&mut self, role: Role, endpoint: &Endpoint) -> Option<&mut Desk> {
        let own = |desk: &&mut Desk| desk.station.role == role && desk.station.endpoint == *endpoint;
        self.desks.iter_mut().find(own)
    }
}

impl Reference {
    /// The lines of a file are in force.
    pub(super) fn stations_applied(&mut self) {
        let network = &mut self.network;
        let gone = network.desks.extract_if(.., |desk| !network.offered.contains(&desk.station));
        network.leaving.extend(gone.filter_map(|desk| desk.id));
        for station in &network.offered {
            if network.desks.iter().any(|desk| desk.station == *station) {
                continue;
            }
            network.added |= station.role == Role::Report;
            network.desks.push(Desk {
                station: station.clone(),
                id: None,
                attempt: None,
                pause: None,
                fresh: false,
                unsent: false,
                clean: 0,
                told: false,
            });
        }
    }

    pub(super) fn network_ends(&mut self) {
        let network = &mut self.network;
        network.leaving.extend(network.desks.drain(..).filter_map(|desk| desk.id));
        network.untold_since = None;
    }

    pub fn opens(&mut self, now: MonoTime, id: SocketId, station: &Station, answer: Result<(), NetError>) {
        if !self.network.leaving.is_empty() {
            self.broken("sockets are closed before others are opened", &station);
        }
        let known = self.network.given.insert(id, station.clone());
        let Some(desk) = self.network.desks.iter_mut().find(|desk| desk.station == *station) else {
            return self.broken("only what the file asks for is opened", &station);
        };
        let again = match (desk.attempt, desk.station.role) {
            (None, _) => true,
            (Some((at, good)), Role::Listen) => !good && desk.pause.is_some_and(|pause| at + pause <= now),
            (Some(_), Role::Report) => desk.fails(),
        };
        let same = desk.id.is_some() == known.is_some() && desk.id.is_none_or(|before| before == id);
        (desk.id, desk.attempt) = (Some(id), Some((now, answer.is_ok())));
        desk.pause = answer.err().map(|_| longer(desk.pause));
        (desk.fresh, desk.unsent, desk.clean) = (true, false, 0);
        let desk = desk.clone();
        if !again {
            self.broken("a socket is opened once, and again only after trouble", &desk);
        }
        if !same {
            self.broken("a number is never given to another", &(known, desk));
        }
    }

    pub fn closes(&mut self, id: SocketId) {
        let before = self.network.leaving.len();
        self.network.leaving.retain(|leaving| *leaving != id);
        if before == self.network.leaving.len() {
            self.broken("only what is not wanted any more is closed, and once", &id);
        }
    }

    pub fn socket_fails(&mut self, now: MonoTime, id: SocketId) {
        let Some(desk) = self.network.desks.iter_mut().find(|desk| desk.id == Some(id)) else { return };
        match desk.station.role {
            Role::Report => (desk.unsent, desk.clean) = (true, 0),
            Role::Listen if desk.fails() => {}
            Role::Listen => {
                // Closed, and as if it could not have been opened now.
                (desk.attempt, desk.pause) = (Some((now, false)), Some(TEN));
                self.network.leaving.push(id);
            }
        }
    }

    pub fn reports<'a>(&mut self, now: MonoTime, jobs: impl Iterator<Item = JobLine<'a>>) {
        let network = &mut self.network;
        let due = network.reported.is_none_or(|at| at + TEN <= now) || network.commanded.is_some();
        let early = !due && !network.added;
        let stale = network
            .desks
            .iter()
            .find(|desk| desk.station.role == Role::Report && !desk.fresh && desk.fails());
        let stale = stale.cloned();
        let nobody = !network.desks.iter().any(|desk| desk.station.role == Role::Report);
        network.desks.iter_mut().filter(|desk| desk.reports()).for_each(|desk| desk.clean += 1);
        (network.reported, network.added, network.commanded) = (Some(now), false, None);
        if early {
            self.broken("reports are ten seconds apart", &now);
        }
        if nobody {
            self.broken("there is no report without a destination", &now);
        }
        if let Some(desk) = stale {
            self.broken("a destination that fails is opened anew before each report", &desk);
        }
        let mut told =
            self.lives.iter().filter(|life| life.def.is_some() && !life.finished()).collect::<Vec<_>>();
        told.sort_by_key(|life| life.def.map(|(def, place)| (def.order, place)));
        let mut told = told.into_iter();
        let wrong = jobs.map(|job| told.next().filter(|life| is_line_of(&job, life, now)).is_none());
        // All of them are looked at: what follows wants to know of what is left.
        if wrong.fold(false, |any, wrong| any | wrong) || told.next().is_some() {
            self.broken("a report tells of each job what it is", &now);
        }
    }

    /// A message with these orders comes.
    pub fn commanded(&mut self, now: MonoTime, commands: &[Command]) {
        if self.ending {
            return;
        }
        let known = |order: &Command| {
            let life = self.lives.iter().find(|life| life.name.as_bytes() == &*order.name);
            life.is_some_and(|life| life.def.is_some())
        };
        let verdict = |command: &Command| Verdict { command: command.clone(), known: known(command) };
        let verdicts: Vec<Verdict> = commands.iter().map(verdict).collect();
        if verdicts.iter().any(|verdict| !verdict.known) {
            self.network.untold.1 += 1;
            self.network.untold_since.get_or_insert(now);
        }
        if verdicts.iter().any(|verdict| verdict.known) {
            self.network.commanded.get_or_insert(now);
        }
        self.network.answer = (!verdicts.is_empty()).then_some(verdicts);
    }

    /// A message comes that is no command.
    pub fn invalid(&mut self, now: MonoTime) {
        if !self.ending {
            self.network.untold.0 += 1;
            self.network.untold_since.get_or_insert(now);
        }
    }

    pub fn answers(&mut self, verdicts: &[Verdict]) {
        if self.network.answer.take().is_none_or(|due| due != verdicts) {
            self.broken("each command is answered, and nothing else", &verdicts);
        }
    }

    pub(super) fn network_turn_is_over(&mut self) {
        self.network.desks.iter_mut().for_each(|desk| desk.fresh = false);
        if let Some(answer) = self.network.answer.take() {
            self.broken("a command is answered in its turn", &answer);
        }
        if !self.network.leaving.is_empty() {
            let leaving = self.network.leaving.clone();
            self.broken("what is not wanted any more is closed", &leaving);
        }
    }

    pub(super) fn network_logs(&mut self, now: MonoTime, notice: &Notice) {
        let right = if let Notice::Unserved { station: Station { role, endpoint }, .. } = notice {
            let news = |desk: &mut Desk| desk.fails() && !std::mem::replace(&mut desk.told, true);
            self.network.desk(*role, endpoint).is_some_and(news)
        } else if let Notice::Listening { endpoint } = notice {
            let news = |desk: &mut Desk| {
                desk.told = false;
                !desk.fails()
            };
            self.network.desk(Role::Listen, endpoint).is_some_and(news)
        } else if let Notice::ReportingAgain { endpoint } = notice {
            let news = |desk: &mut Desk| desk.clean >= 2 && std::mem::replace(&mut desk.told, false);
            self.network.desk(Role::Report, endpoint).is_some_and(news)
        } else if let Some(counts) = complaint(notice) {
            self.complains(now, counts)
        } else {
            true
        };
        if !right {
            self.broken("what is said of sockets and messages is true, and said once", &(now, notice));
        }
    }

    /// There is a line of complaint. Returns whether it is right.
    fn complains(&mut self, now: MonoTime, counts: Option<(u64, u64)>) -> bool {
        let network = &mut self.network;
        let apart = network.complained.replace(now).is_none_or(|before| before + SECOND <= now);
        let counted = counts.is_none_or(|counts| counts == network.untold);
        if counts.is_some() {
            network.untold = (0, 0);
            network.untold_since = None;
        }
        apart && counted && !self.ending
    }

    /// After each wake-up.
    pub fn check_network(&mut self, now: MonoTime, open: &BTreeMap<SocketId, Station>) {
        let network = &self.network;
        let good = |desk: &&Desk| desk.attempt.is_some_and(|(_, good)| good);
        let served = network.desks.iter().filter(good);
        let count = served.clone().count();
        let mut wrong = None;
        if count != open.len()
            || served.clone().any(|d| d.id.and_then(|id| open.get(&id)) != Some(&d.station))
        {
            wrong = Some("the sockets of the file in force are open, but for those that failed");
        }
        for desk in &network.desks {
            let report = desk.station.role == Role::Report;
            let due = |at| desk.pause.is_none_or(|pause| at + pause <= now);
            if desk.attempt.is_none_or(|(at, good)| !report && !good && due(at)) {
                wrong = Some("what is not open is tried again when its time has come");
            }
            if desk.fails() && !desk.told || desk.told && (!report && !desk.fails() || desk.clean > 2) {
                wrong = Some("trouble is told when it begins and when it ends");
            }
        }
        let late = network.reported.is_none_or(|at| at + TEN <= now)
            || network.added
            || network.commanded.is_some_and(|at| at + SECOND <= now);
        if late && network.desks.iter().any(|desk| desk.station.role == Role::Report) {
            wrong = Some("a report comes every ten seconds, at the start, and after a command");
        }
        if network.untold_since.is_some_and(|since| since + PATIENCE < now) {
            wrong = Some("no message is forgotten");
        }
        if let Some(wrong) = wrong {
            let detail = format!("{now:?} {:?} {:?} {open:?}", network.desks, network.reported);
            self.broken(wrong, &detail);
        }
    }

    /// Whether every socket of the file is served and the log has said so.
    pub fn all_served(&self) -> bool {
        self.network.desks.iter().all(|desk| !desk.fails() && !desk.told)
    }
}

/// Of how many invalid messages and how many commands with unknown names a line tells, if it complains of messages;
/// that of a flood has no numbers.
pub fn complaint(notice: &Notice) -> Option<Option<(u64, u64)>> {
    if let Notice::MoreComplaints { invalid, unknown, .. } = notice {
        return Some(Some((*invalid, *unknown)));
    }
    let one = matches!(notice, Notice::InvalidControl { .. });
    let other = matches!(notice, Notice::UnknownJobs { .. });
    let flood = matches!(notice, Notice::Flood { .. });
    (one || other || flood).then_some((!flood).then_some((u64::from(one), u64::from(other))))
}

fn is_line_of(line: &JobLine<'_>, life: &Life, now: MonoTime) -> bool {
    let run = life.run.as_ref().filter(|run| run.reaped.is_none());
    let (seconds, process) = run.map_or((0, ReportedProcess::None), |run| {
        (now.since(run.since).as_secs(), ReportedProcess::Pid(run.pid))
    });
    let name = life.name.as_bytes();
    *line == JobLine { name, enabled: life.enabled, seconds, process, path: b"/bin/job" }
}
