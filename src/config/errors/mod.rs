//! Errors and warnings of a file: how they are collected, and how the operator sees them.

pub(super) mod excerpt;
mod fault;
mod mistakes;

pub(super) use fault::{Fault, Shown};
pub(super) use mistakes::{LineView, Mistakes, Whom};
