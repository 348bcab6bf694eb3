//! The situations in which the C original fails, each with the file that its users would have written.
//! `docs/PROMISES.md` names, for every one of its known faults, the test that shows what happens here; this file has
//! those that no other test shows.

mod losing_edits;
mod losing_jobs;
mod running;
