//! The environment of pmtr, which the variables of a configuration look at first.
#![forbid(unsafe_code)]

use crate::config::{Environment, SourceFile, Sources};
use std::env;
use std::os::unix::ffi::OsStringExt;
use std::rc::Rc;

/// All variables with their values. Nothing changes them while pmtr runs.
pub(super) fn read() -> Rc<Environment> {
    Rc::new(env::vars_os().map(|(name, value)| (name.into_vec(), value.into_vec())).collect())
}

/// A configuration of one file.
pub(super) fn with_environment(main: SourceFile) -> Sources {
    Sources { environment: read(), ..Sources::from(main) }
}
