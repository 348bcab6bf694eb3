//! The `PATH` of pmtr itself, which jobs inherit: a message names it when a command is not found there.
#![forbid(unsafe_code)]

use crate::model::Config;
use std::os::unix::ffi::OsStrExt;

/// The configuration with this note at the jobs whose commands are searched in it.
pub(super) fn noted_in(mut config: Config) -> Config {
    if let Some(path) = text() {
        config.inherit_path(&path.into());
    }
    config
}

/// It as `PATH=...`, or `None` if pmtr has none.
pub(super) fn text() -> Option<Vec<u8>> {
    std::env::var_os("PATH").map(|path| [b"PATH=", path.as_bytes()].concat())
}
