//! Files that jobs depend on.

use crate::def::job;
use crate::system::Plan;
use crate::world::{World, at, code};
use pmtr::model::{Signal, Verb};
use pmtr::supervisor::Event;
use std::time::Duration;

#[test]
fn nothing_is_said_to_be_there_before_that_is_known() {
    let mut world = World::unborn(30_000);
    world.sys.contents = [None; 3];
    world.sys.facts_after = Duration::from_secs(1);
    world.begin(&[job("a").depends(0)]);
    world.run_until(5_000);
    world.save(&[job("a").depends(1)]);
    world.run_until(9_000);
    assert_eq!(world.logged("are there"), []);
    assert_eq!(world.logged("waits for /etc/app.conf"), [1_000]);
    assert_eq!(world.logged("waits for /etc/keys"), [6_100]);
    world.write(1, Some(1));
    assert_eq!((world.starts("a"), world.logged("are there")), (vec![9_000], vec![9_000]));
}
