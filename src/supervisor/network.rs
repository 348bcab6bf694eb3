//! The sockets that the file asks for: which are open, when one is tried again, and when a report is due.

use super::{Action, Actions, Effect};
use crate::job::next_pause;
use crate::model::{Endpoint, MonoTime, NetError, Notice, Role, SocketId, Station};
use std::collections::BTreeMap;
use std::time::Duration;

/// The time between two reports, and the longest pause before a socket is tried again.
pub const REPORT_EVERY: Duration = Duration::from_secs(10);
/// The time from a command to the report that shows its effect.
pub const REPORT_AFTER_COMMAND: Duration = Duration::from_millis(500);
/// How long a report may wait for starts that are under way. A report after a command still comes within a second.
const REPORT_PATIENCE: Duration = Duration::from_millis(400);
/// After this many reports without an error, a destination counts as reachable again.
const CLEAN_REPORTS: u8 = 2;

/// All stations and their sockets.
#[derive(Debug, Default)]
pub(super) struct Network {
    sockets: BTreeMap<SocketId, SocketState>,
    next: u32,
    /// Some exactly while there is a station to report to.
    report_at: Option<MonoTime>,
}

/// One station and the state of its socket.
#[derive(Debug)]
struct SocketState {
    station: Station,
    health: Health,
}

/// The condition of a station. Trouble is logged when it begins and when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    /// No error is known.
    Fine,
    /// A listener that could not be opened, or that failed and was closed.
    Closed { retry_at: MonoTime, pause: Duration },
    /// A destination with an error, and the number of reports since.
    Troubled { reports: u8 },
}

impl Network {
    /// The station of this socket, as the file describes it.
    pub(super) fn station(&self, id: SocketId) -> Option<&Station> {
        self.sockets.get(&id).map(|socket| &socket.station)
    }

    /// Applies a list of stations. Those that were there before keep their sockets.
    pub(super) fn apply(
        &mut self,
        now: MonoTime,
        listen: Vec<Endpoint>,
        report: Vec<Endpoint>,
        actions: &mut Actions,
    ) {
        let listen = listen.into_iter().map(|endpoint| Station { role: Role::Listen, endpoint });
        let report = report.into_iter().map(|endpoint| Station { role: Role::Report, endpoint });
        let mut wanted: Vec<Station> = listen.chain(report).collect();
        self.sockets.retain(|id, socket| {
            let place = wanted.iter().position(|station| *station == socket.station);
            match place {
                Some(place) => drop(wanted.remove(place)),
                None => actions.act(Effect::Close(*id)),
            }
            place.is_some()
        });
        for station in wanted {
            let id = SocketId(self.next);
            self.next = self.next.wrapping_add(1);
            match station.role {
                Role::Listen => {
                    actions.log(Notice::Exposed { endpoint: station.endpoint.clone() });
                }
                Role::Report => self.report_at = Some(now),
            }
            actions.push(Action::Open(id));
            self.sockets.insert(id, SocketState { station, health: Health::Fine });
        }
        if !self.sockets.values().any(|socket| socket.station.role == Role::Report) {
            self.report_at = None;
        }
    }

    /// pmtr is exiting: closes all sockets.
    pub(super) fn close(&mut self, actions: &mut Actions) {
        actions.act_all(self.sockets.keys().copied().map(Effect::Close));
        self.sockets.clear();
        self.report_at = None;
    }

    /// The answer to [`Action::Open`].
    pub(super) fn opened(
        &mut self,
        now: MonoTime,
        id: SocketId,
        answer: Result<(), NetError>,
        actions: &mut Actions,
    ) {
        let Some(socket) = self.sockets.get_mut(&id) else { return };
        match (socket.station.role, answer) {
            (Role::Listen, Ok(())) => {
                socket.health = Health::Fine;
                actions.log(Notice::Listening { endpoint: socket.station.endpoint.clone() });
            }
            (Role::Listen, Err(error)) => {
                let pause = next_pause(match socket.health {
                    Health::Closed { pause, .. } => Some(pause),
                    Health::Fine | Health::Troubled { .. } => None,
                });
                socket.fails(Health::Closed { retry_at: now + pause, pause }, error, actions);
            }
            // Only sending shows whether it can be reached.
            (Role::Report, Ok(())) => {}
            (Role::Report, Err(error)) => socket.fails(Health::Troubled { reports: 0 }, error, actions),
        }
    }

    /// A socket has failed.
    pub(super) fn fails(&mut self, now: MonoTime, id: SocketId, error: NetError, actions: &mut Actions) {
        let Some(socket) = self.sockets.get_mut(&id) else { return };
        match (socket.station.role, socket.health) {
            (Role::Report, _) => socket.fails(Health::Troubled { reports: 0 }, error, actions),
            // It would fail again, and only a new socket joins the multicast group again.
            (Role::Listen, Health::Fine) => {
                actions.act(Effect::Close(id));
                let pause = REPORT_EVERY;
                socket.fails(Health::Closed { retry_at: now + pause, pause }, error, actions);
            }
            (Role::Listen, Health::Closed { .. } | Health::Troubled { .. }) => {}
        }
    }

    /// A job was enabled or disabled: the next report comes soon.
    pub(super) fn switched(&mut self, now: MonoTime) {
        self.report_at = self.report_at.map(|at| at.min(now + REPORT_AFTER_COMMAND));
    }

    /// When the next action is due.
    pub(super) fn deadline(&self) -> Option<MonoTime> {
        let retries = self.sockets.values().filter_map(|socket| match socket.health {
            Health::Closed { retry_at, .. } => Some(retry_at),
            Health::Fine | Health::Troubled { .. } => None,
        });
        retries.chain(self.report_at).min()
    }

    /// Does what is due. While jobs are `starting`, the next tick comes at once, so a report may wait for them.
    pub(super) fn tick(&mut self, now: MonoTime, starting: bool, actions: &mut Actions) {
        for (id, socket) in &mut self.sockets {
            if let Health::Closed { retry_at, .. } = &mut socket.health
                && *retry_at <= now
            {
                *retry_at = now + REPORT_EVERY;
                actions.push(Action::Open(*id));
            }
        }
        let patience = if starting { REPORT_PATIENCE } else { Duration::ZERO };
        if self.report_at.is_none_or(|at| at + patience > now) {
            return;
        }
        self.report_at = Some(now + REPORT_EVERY);
        for (id, socket) in &mut self.sockets {
            let Health::Troubled { reports } = &mut socket.health else { continue };
            if *reports == CLEAN_REPORTS {
                socket.health = Health::Fine;
                let endpoint = socket.station.endpoint.clone();
                actions.log(Notice::ReportingAgain { endpoint });
                continue;
            }
            if *reports == 0 {
                // Addresses, routes and interfaces may have changed; a new socket looks them up.
                actions.push(Action::Open(*id));
            }
            *reports += 1;
        }
        actions.push(Action::Report);
    }
}

impl SocketState {
    fn fails(&mut self, health: Health, error: NetError, actions: &mut Actions) {
        if self.health == Health::Fine {
            actions.log(Notice::Unserved { station: self.station.clone(), error });
        }
        self.health = health;
    }
}
