//! The `PATH` of pmtr itself, which jobs inherit: a message names it when a command is not found there.
#![forbid(unsafe_code)]

use crate::model::Config;
use std::os::unix::ffi::OsStrExt;

/// The configuration with this note at the jobs whose commands are searched in it.
pub(super) fn noted_in(mut config: Config) -> Config {
    if let Some(path) = std::env::var_os("PATH") {
        config.inherit_path(&[b"PATH=", path.as_bytes()].concat().into());
    }
    config
}
