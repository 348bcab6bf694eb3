//! Who may start when.

use crate::def::job;
use crate::kernel::{DEAF, MEEK, Temper};
use crate::system::Plan;
use crate::world::{World, code};
use pmtr::model::{Ending, Errno, SpawnError, Stage, Verb};
use pmtr::supervisor::Event;
use std::time::Duration;

#[test]
fn a_wait_job_whose_file_vanishes_while_it_runs_still_holds_later_jobs() {
    let mut world = World::with(&[job("setup").wait().depends(0), job("a")]);
    world.run_until(1_000);
    world.write(0, None);
    world.run_until(5_000);
    assert_eq!(world.order(), "setup");
    world.exits("setup", code(0));
    assert_eq!(world.starts("a"), [5_000]);
}
