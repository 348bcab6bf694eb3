//! The rules of a job in the invented world.

use crate::rng::Rng;
use pmtr::model::{Codes, Delay, Exit, GiveUp, Growth, Lasting, ReloadRules, Restart, Signal, Stop, Words};
use std::time::Duration;

/// Ends, as a rule names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ends {
    None,
    Success,
    Failure,
    Signals,
    Code(u8),
}

/// How a delay grows. Times are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grows {
    Not,
    Plus(u32),
    Times(u32),
}

/// A restart delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Waits {
    pub first: u32,
    pub grows: Grows,
    pub up_to: Option<u32>,
    pub jitter: u8,
}

/// What a file says about restarting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Again {
    pub on: Option<Ends>,
    pub stay_down: Option<Ends>,
    pub success: Option<Ends>,
    pub delay: Option<Waits>,
    /// Some(None) is never.
    pub steady: Option<Option<u32>>,
    pub give_up: Option<(u16, Option<u32>)>,
    pub essential: bool,
}

/// What a file says about stopping and reloading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ended {
    pub signals: &'static [i32],
    /// Some(None) is never.
    pub timeout: Option<Option<u32>>,
    pub with: bool,
    pub main_only: bool,
    pub reload_with: bool,
    pub reload_signal: Option<i32>,
}

fn millis(millis: u32) -> Duration {
    Duration::from_millis(millis.into())
}

impl Ends {
    pub fn have(self, exit: Exit, success: bool) -> bool {
        match self {
            Ends::None => false,
            Ends::Success => success,
            Ends::Failure => !success,
            Ends::Signals => matches!(exit, Exit::Signal(_)),
            Ends::Code(code) => exit == Exit::Code(code.into()),
        }
    }

    fn codes(self) -> Codes {
        let mut codes = Codes::NONE;
        match self {
            Ends::None => {}
            Ends::Success => codes.add_success(),
            Ends::Failure => codes.add_failure(),
            Ends::Signals => codes.add_all_signals(),
            Ends::Code(code) => codes.add_status(code),
        }
        codes
    }
}

impl Again {
    pub fn model(self) -> Restart {
        let lasting = |time: Option<u32>| time.map_or(Lasting::Never, |time| Lasting::For(millis(time)));
        Restart {
            on: self.on.map(Ends::codes),
            stay_down: self.stay_down.map(Ends::codes),
            success: self.success.map(Ends::codes),
            delay: self.delay.map(|Waits { first, grows, up_to, jitter }| Delay {
                first: millis(first),
                growth: match grows {
                    Grows::Not => Growth::None,
                    Grows::Plus(by) => Growth::Plus(millis(by)),
                    Grows::Times(factor) => Growth::Times(factor),
                },
                up_to: up_to.map(millis),
                jitter,
            }),
            steady: self.steady.map(lasting),
            give_up: self.give_up.map(|(after, within)| GiveUp { after, within: within.map(millis) }),
            essential: self.essential,
        }
    }

    pub fn made_up(rng: &mut Rng) -> Again {
        let ends = [Ends::None, Ends::Success, Ends::Failure, Ends::Signals, Ends::Code(1)];
        let some = |rng: &mut Rng| rng.one_in(4).then(|| rng.pick(&ends));
        let (on, stay_down) = (some(rng), some(rng));
        Again {
            on,
            stay_down,
            success: rng.one_in(4).then(|| rng.pick(&[Ends::None, Ends::Code(1), Ends::Signals])),
            delay: rng.one_in(2).then(|| Waits {
                first: rng.pick(&[0, 50, 1_000, 20_000]),
                grows: rng.pick(&[Grows::Not, Grows::Plus(500), Grows::Times(2), Grows::Times(100)]),
                up_to: rng.one_in(2).then(|| rng.pick(&[20_000, 60_000])),
                jitter: rng.pick(&[0, 0, 20, 100]),
            }),
            steady: rng.one_in(4).then(|| rng.pick(&[None, Some(0), Some(1_000), Some(60_000)])),
            give_up: rng.one_in(3).then(|| (rng.pick(&[1, 2, 4]), rng.pick(&[None, None, Some(15_000)]))),
            essential: rng.one_in(60),
        }
    }
}

impl Ended {
    pub fn stop(self) -> Stop {
        Stop {
            signals: self.signals.iter().map(|number| Signal(*number)).collect(),
            timeout: self.timeout.map(|time| time.map_or(Lasting::Never, |time| Lasting::For(millis(time)))),
            with: if self.with { ["/bin/stop"].into() } else { Words::default() },
            main_only: self.main_only,
        }
    }

    pub fn reload(self) -> ReloadRules {
        let with = if self.reload_with { ["/bin/reload"].into() } else { Words::default() };
        ReloadRules { with, signal: self.reload_signal.map(Signal) }
    }

    pub fn made_up(rng: &mut Rng) -> Ended {
        Ended {
            signals: rng.pick(&[&[], &[2][..], &[15, 3], &[1, 1, 15]]),
            timeout: rng.one_in(2).then(|| rng.pick(&[None, Some(0), Some(2_000), Some(70_000)])),
            with: rng.one_in(3),
            main_only: rng.one_in(3),
            reload_with: rng.one_in(2),
            reload_signal: rng.one_in(2).then_some(1),
        }
    }
}
