//! A world that only counts, for the tests of what is filed.

use crate::model::rng::Rng;
use crate::model::{
    Birth, Config, Detail, EndRules, Endpoint, Errno, Fingerprint, Fixed, GiveUp, JobDraft, JobId, JobLine,
    JobSpec, Load, LoadError, Losses, NetError, NotifyMessage, Pid, Policy, ReloadRules, Restart, Signal,
    SocketId, SpawnError, Stage, Station, Stop, Survivors, Words,
};
use crate::supervisor::{Effect, Reading, System};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A world that only counts: its answers are random.
pub(super) struct Dice {
    pub(super) rng: Rng,
    pub(super) pids: i32,
    pub(super) alive: Vec<Pid>,
    /// The sockets that were opened and not closed, and whether that was a success; a listener that fails is closed.
    pub(super) sockets: BTreeMap<SocketId, bool>,
    /// The one that fails in this turn.
    pub(super) failing: Option<SocketId>,
    /// The jobs for which something is kept.
    pub(super) known: BTreeSet<JobId>,
}

impl Dice {
    fn config(&mut self) -> Load {
        let mut jobs = Vec::new();
        for name in b"abcde" {
            if self.rng.below(4) > 0 {
                let file = |n: u64| format!("/file{n}").into_bytes();
                jobs.push(JobSpec::from(JobDraft {
                    name: vec![*name],
                    cmd: ["/bin/x", &self.rng.below(2).to_string()].into(),
                    depends: (0..self.rng.below(3)).map(file).collect(),
                    policy: Policy {
                        order: self.rng.below(2),
                        fixed: Fixed {
                            wait: self.rng.below(3) == 0,
                            once: self.rng.below(3) == 0,
                            disable: self.rng.below(6) == 0,
                            ..Fixed::default()
                        },
                        restart: self.restart(),
                        stop: self.stop(),
                        reload: self.reload(),
                        ..Policy::default()
                    },
                    ..JobDraft::default()
                }));
            }
        }
        let [listen, report] = [0, 1].map(|port| self.endpoints(port));
        let content = Fingerprint { bytes: self.rng.below(2), hash: self.rng.below(u64::from(u32::MAX)) };
        let end = EndRules {
            when_done: self.rng.below(20) == 0,
            within: (self.rng.below(3) == 0).then(|| Duration::from_secs(5)),
        };
        Load::New(content, Config { jobs, listen, report, end }, Vec::new(), Losses::default())
    }

    fn restart(&mut self) -> Restart {
        Restart {
            give_up: (self.rng.below(3) == 0).then_some(GiveUp { after: 2, within: None }),
            essential: self.rng.below(40) == 0,
            ..Restart::default()
        }
    }

    fn stop(&mut self) -> Stop {
        let with = if self.rng.below(3) == 0 { ["/bin/stop"].into() } else { Words::default() };
        Stop { with, main_only: self.rng.below(2) == 0, ..Stop::default() }
    }

    fn reload(&mut self) -> ReloadRules {
        let with = if self.rng.below(2) == 0 { ["/bin/reload"].into() } else { Words::default() };
        ReloadRules { with, signal: Some(Signal::HUP) }
    }

    fn endpoints(&mut self, first: u16) -> Vec<Endpoint> {
        let endpoint = |port| Endpoint { address: ([127, 0, 0, 1], port).into(), interface: None };
        (first..first + 3).filter(|_| self.rng.below(2) == 0).map(endpoint).collect()
    }

    pub(super) fn survivors(&mut self) -> Survivors {
        if self.rng.below(3) == 0 { Survivors::Some(Box::new([])) } else { Survivors::None }
    }

    fn close(&mut self, id: SocketId) {
        let good = self.sockets.remove(&id);
        assert!(good.is_some());
        if self.failing == Some(id) {
            assert_eq!(good, Some(true));
            self.sockets.insert(id, false);
        }
    }
}

impl System for Dice {
    fn spawn(&mut self, id: JobId, _: &JobSpec) -> Result<Birth, SpawnError> {
        self.known.insert(id);
        if self.rng.below(5) == 0 {
            return Err(SpawnError { stage: Stage::Fork, errno: Errno(11) });
        }
        self.pids += 1;
        let pid = Pid::new(self.pids).unwrap();
        self.alive.push(pid);
        Ok(if self.rng.below(3) == 0 { Birth::Underway(pid) } else { Birth::Executed(pid) })
    }
    fn help(&mut self, id: JobId, spec: &JobSpec, _: &Words, _: Pid) -> Result<Birth, SpawnError> {
        self.spawn(id, spec)
    }
    fn load_config(&mut self, _: Reading) -> Result<Load, LoadError> {
        match self.rng.below(10) {
            0 | 1 => Err(LoadError::Busy(Fingerprint { bytes: 1, hash: self.rng.below(3) })),
            2..=4 => Ok(Load::More),
            _ => Ok(self.config()),
        }
    }
    fn read_on(&mut self) -> Result<Load, LoadError> {
        self.load_config(Reading::Always)
    }
    fn look(&mut self, _: Pid, _: Detail) -> Survivors {
        self.survivors()
    }
    fn open(&mut self, id: SocketId, _: &Station) -> Result<(), NetError> {
        let good = self.rng.below(3) > 0;
        self.sockets.insert(id, good);
        if good { Ok(()) } else { Err(NetError::NoInterface) }
    }
    fn report(&mut self, jobs: &mut dyn Iterator<Item = JobLine<'_>>) {
        jobs.for_each(drop);
    }
    fn notify(&mut self, _: &NotifyMessage) -> bool {
        self.rng.below(3) > 0
    }
    fn act(&mut self, effect: Effect) {
        match effect {
            Effect::Close(id) => self.close(id),
            Effect::Forget(id) => {
                self.known.remove(&id);
            }
            Effect::Signal(..) | Effect::Log(_) | Effect::Watch(_) | Effect::Unwatch(_) => {}
            Effect::TrimMemory | Effect::Keep(_) | Effect::Answer(..) | Effect::Release(_) => {}
        }
    }
}
