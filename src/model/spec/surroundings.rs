//! Files and directories that a start needs before the command runs.

use std::ffi::{CStr, CString};

/// One `env file`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EnvFile {
    /// The path; a relative one is relative to `dir`.
    pub path: Box<CStr>,
    /// Whether it may be missing.
    pub optional: bool,
}

/// One `make dir`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MakeDir {
    /// The path; a relative one is relative to `dir`.
    pub path: Box<CStr>,
    /// The permissions, if they are given.
    pub mode: Option<u32>,
}

impl EnvFile {
    /// The file at this path, which contains no NUL byte.
    pub fn new(path: &[u8], optional: bool) -> EnvFile {
        EnvFile { path: text(path), optional }
    }
}

impl MakeDir {
    /// The permissions of a directory for which none are given.
    pub const MODE: u32 = 0o755;

    /// The directory at this path, which contains no NUL byte.
    pub fn new(path: &[u8], mode: Option<u32>) -> MakeDir {
        MakeDir { path: text(path), mode }
    }
}

fn text(path: &[u8]) -> Box<CStr> {
    CString::new(path).unwrap_or_default().into()
}
