//! What is to come of a start.

use crate::processes::{MEEK, Parent, Temper};
use crate::refusal::{NO_COMMAND, NO_PROCESS};
use crate::rng::Rng;
use pmtr::model::{Ending, Exit, Signal, SpawnError};
use std::time::Duration;

/// What is to come of a start.
#[derive(Clone, Debug)]
pub struct Plan {
    pub fail: Option<SpawnError>,
    pub temper: Temper,
    /// After which time it executes its command, when that is not known at once.
    pub executes: Option<Duration>,
    /// How long it lives by itself, and how it ends then.
    pub life: Option<(Duration, Ending)>,
    /// Other processes of its group.
    pub members: Vec<(Temper, Option<Parent>)>,
    /// Processes of its session that are in groups of their own.
    pub others: Vec<Temper>,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan { fail: None, temper: MEEK, executes: None, life: None, members: Vec::new(), others: Vec::new() }
    }
}

impl Plan {
    /// One that nobody has made.
    pub fn made_up(rng: &mut Rng) -> Plan {
        let mut plan = Plan::default();
        match rng.below(16) {
            0 => plan.fail = Some(rng.pick(&NO_PROCESS)),
            1 | 2 => {
                let error = rng.pick(&NO_COMMAND);
                let after = rng.pick(&[0, 3, 900, 15_000]);
                plan.life = Some((Duration::from_millis(after), Ending::NeverStarted(error)));
            }
            3..=7 => {
                let after = rng.pick(&[0, 1, 500, 9_999, 10_000, 10_001, 30_000]);
                let ending = Ending::Ran(some_exit(rng));
                plan.life = Some((Duration::from_millis(after), ending));
            }
            _ => {}
        }
        if rng.one_in(3) {
            plan.executes = Some(Duration::from_millis(rng.pick(&[0, 1, 700, 9_999, 20_000])));
        }
        plan.temper = some_temper(rng);
        if rng.one_in(4) {
            let parent = rng.one_in(6).then_some(Parent::Foreign);
            plan.members.push((some_temper(rng), parent));
        }
        if rng.one_in(4) {
            plan.others.push(some_temper(rng));
        }
        plan
    }
}

pub fn some_exit(rng: &mut Rng) -> Exit {
    match rng.below(6) {
        0 => Exit::Code(33),
        1 => Exit::Signal(Signal(11)),
        n => Exit::Code(i32::from(n > 3)),
    }
}

pub fn some_temper(rng: &mut Rng) -> Temper {
    let term = match rng.below(8) {
        0 => None,
        1 => Some(Duration::from_secs(3)),
        2 => Some(Duration::from_secs(10)),
        _ => Some(Duration::ZERO),
    };
    Temper { term, status: rng.one_in(5).then_some(33), stuck: rng.one_in(24) }
}
