//! The supervisor in the invented world of the simulation, where bytes decide what happens next.
#![no_main]
// The world serves the simulation as well, whose tests stand in the same files.
#![allow(dead_code, unused_imports, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../tests/sim/def.rs"]
mod def;
#[path = "../../tests/sim/effects.rs"]
mod effects;
#[path = "../../tests/sim/manager.rs"]
mod manager;
#[path = "../../tests/sim/plan.rs"]
mod plan;
#[path = "../../tests/sim/processes.rs"]
mod processes;
#[path = "../../tests/sim/random.rs"]
mod random;
#[path = "../../tests/sim/reference/mod.rs"]
mod reference;
#[path = "../../tests/sim/refusal.rs"]
mod refusal;
#[path = "../../tests/shared/rng.rs"]
mod rng;
#[path = "../../tests/sim/rules.rs"]
mod rules;
#[path = "../../tests/sim/scenario.rs"]
mod scenario;
#[path = "../../tests/sim/sim.rs"]
mod sim;
#[path = "../../tests/sim/sockets.rs"]
mod sockets;
#[path = "../../tests/sim/world.rs"]
mod world;

libfuzzer_sys::fuzz_target!(|input: &[u8]| random::live_by_bytes(input));
