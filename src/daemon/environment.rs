//! The environment of pmtr, which the variables of a configuration look at first.
#![forbid(unsafe_code)]

use crate::config::{Environment, Sources};
use std::env;
use std::os::unix::ffi::OsStringExt;
use std::rc::Rc;

/// All variables with their values. Nothing changes them while pmtr runs.
pub(super) fn read() -> Rc<Environment> {
    Rc::new(env::vars_os().map(|(name, value)| (name.into_vec(), value.into_vec())).collect())
}

/// The same sources, with the environment.
pub(super) fn with_environment(sources: impl Into<Sources>) -> Sources {
    Sources { environment: read(), ..sources.into() }
}
