//! What a child is given. A job's process and a helper are described in the same way.
//!
//! Everything is borrowed, so that describing a child costs nothing.

use super::record::{RecordKind, RecordPlace};
use crate::model::{Attributes, JobName, JobSpec, Output, Texts, Words};
use std::ffi::CStr;
use std::os::fd::BorrowedFd;

/// What a child is given.
#[derive(Clone, Debug)]
pub struct ChildSpec<'a> {
    /// The file to execute.
    pub program: &'a CStr,
    /// The arguments. The first one is the name that the program sees of itself.
    pub argv: Texts<'a>,
    /// `VAR=VALUE`, no variable twice. They replace the variables of the user, which replace ours.
    pub env: Texts<'a>,
    /// Standard input.
    pub input: Stdio<'a>,
    /// Standard output. A file is appended to.
    pub out: Stdio<'a>,
    /// Standard error, likewise. The same file as that of `out` is opened once.
    pub err: Stdio<'a>,
    /// Further descriptors.
    pub passed: &'a [Passed<'a>],
    /// The user that it runs as.
    pub identity: Identity<'a>,
    /// The working directory.
    pub dir: &'a CStr,
    /// Its attributes, where they differ from ours. An error names a limit by its index.
    pub attributes: &'a Attributes,
    /// The record that it writes as soon as it leads its session.
    pub record: Option<NewRecord<'a>>,
}

/// Where a standard descriptor leads.
#[derive(Clone, Copy, Debug)]
pub enum Stdio<'a> {
    /// To `/dev/null`.
    Null,
    /// To this file. As an output, `/dev/stdout` and `/dev/stderr` mean our own.
    File(&'a CStr),
    /// To this end of a pipe of ours, which the child's user will own.
    Pipe(BorrowedFd<'a>),
}

/// A descriptor of ours that the child inherits.
#[derive(Clone, Copy, Debug)]
pub struct Passed<'a> {
    /// Its number in the child, from 3 to 9.
    pub number: u8,
    /// Our descriptor.
    pub fd: BorrowedFd<'a>,
}

/// The user that a child runs as.
#[derive(Clone, Copy, Debug, Default)]
pub struct Identity<'a> {
    /// The user by name or number; none for our own.
    pub user: Option<&'a CStr>,
}

/// A record that a child is to write.
#[derive(Clone, Copy, Debug)]
pub struct NewRecord<'a> {
    /// Where it goes.
    pub place: RecordPlace<'a>,
    /// What the child is for.
    pub kind: RecordKind,
    /// The job that it belongs to.
    pub name: &'a JobName,
}

impl<'a> ChildSpec<'a> {
    /// A child with nothing but a command and attributes.
    pub fn new(program: &'a CStr, argv: Texts<'a>, attributes: &'a Attributes) -> ChildSpec<'a> {
        ChildSpec {
            program,
            argv,
            env: Texts::of(b""),
            input: Stdio::Null,
            out: Stdio::Null,
            err: Stdio::Null,
            passed: &[],
            identity: Identity::default(),
            dir: c"/",
            attributes,
            record: None,
        }
    }

    /// The process of a job. Pipes, where there are some, take the place of its `out` and `err`.
    pub fn of_job(
        spec: &'a JobSpec,
        [out, err]: [Option<BorrowedFd<'a>>; 2],
        place: Option<RecordPlace<'a>>,
    ) -> ChildSpec<'a> {
        let output = |pipe: Option<BorrowedFd<'a>>, output: Output<'a>| {
            pipe.map_or(Stdio::of(output.file()), Stdio::Pipe)
        };
        let launch = &spec.launch;
        ChildSpec {
            env: launch.env(),
            input: Stdio::of(launch.input()),
            out: output(out, launch.out()),
            err: output(err, launch.err()),
            identity: Identity { user: launch.user() },
            dir: launch.dir(),
            record: place.map(|place| NewRecord { place, kind: RecordKind::Job, name: &spec.name }),
            ..ChildSpec::new(launch.path(), launch.cmd(), launch.attributes())
        }
    }

    /// A command of a job that runs beside its process, in the same surroundings and with these variables.
    pub fn of_helper(
        spec: &'a JobSpec,
        outputs: [Option<BorrowedFd<'a>>; 2],
        place: Option<RecordPlace<'a>>,
        command: &'a Words,
        env: &'a Words,
    ) -> ChildSpec<'a> {
        let job = ChildSpec::of_job(spec, outputs, place);
        ChildSpec {
            program: command.texts().next().unwrap_or(c""),
            argv: command.texts(),
            env: env.texts(),
            input: Stdio::Null,
            record: job.record.map(|record| NewRecord { kind: RecordKind::Helper, ..record }),
            ..job
        }
    }
}

impl<'a> Stdio<'a> {
    fn of(file: Option<&'a CStr>) -> Stdio<'a> {
        file.map_or(Stdio::Null, Stdio::File)
    }

    /// The file that it leads to, if it leads to one.
    pub(super) fn file(self) -> Option<&'a CStr> {
        match self {
            Stdio::File(path) => Some(path),
            Stdio::Null | Stdio::Pipe(_) => None,
        }
    }

    /// The pipe that it leads to, if it leads to one.
    pub(super) fn pipe(self) -> Option<BorrowedFd<'a>> {
        match self {
            Stdio::Pipe(fd) => Some(fd),
            Stdio::Null | Stdio::File(_) => None,
        }
    }
}
