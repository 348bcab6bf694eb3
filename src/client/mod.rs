//! The shells of pmtr-ctl and pmtr-rptserver: their sockets, files and clocks.
#![forbid(unsafe_code)]

pub mod ctl;
pub mod rptserver;
