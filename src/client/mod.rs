//! The shells of the programs beside the daemon: their sockets, files and clocks.
#![forbid(unsafe_code)]

pub mod ctl;
pub mod rptserver;
