//! The steps of a start.

use std::fmt;

/// A line of a file that a job has several of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FilePlace {
    /// The index of the file.
    pub file: u8,
    /// The line. Zero for the file as a whole.
    pub line: u32,
}

impl FilePlace {
    /// The first file as a whole.
    pub const MIN: FilePlace = FilePlace { file: 0, line: 0 };
}

impl From<FilePlace> for u8 {
    fn from(place: FilePlace) -> u8 {
        place.file
    }
}

/// What tells apart several steps of one kind.
trait Place {
    fn at(index: u8, line: u32) -> Self;
}

impl Place for u8 {
    fn at(index: u8, _: u32) -> u8 {
        index
    }
}

impl Place for FilePlace {
    fn at(file: u8, line: u32) -> FilePlace {
        FilePlace { file, line }
    }
}

/// Makes the enum, the list of all its variants, and their names in messages.
macro_rules! stages {
    ($($(#[$doc:meta])* $stage:ident $(($index:ty))? = $name:literal,)*) => {
        /// The steps of starting a process, in this order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Stage {
            $($(#[$doc])* $stage $(($index))?,)*
        }

        impl Stage {
            /// All steps. A step with an index is there once, with the smallest.
            pub const ALL: &[Stage] = &[$(Stage::$stage $((<$index>::MIN))?,)*];

            /// Its index, or zero if it has none.
            #[inline]
            pub fn index(self) -> u8 {
                $($(if let Stage::$stage(at) = self {
                    let at: $index = at;
                    return at.into();
                })?)*
                0
            }

            /// The same step with this index and line, if it has them.
            pub fn at(self, index: u8, line: u32) -> Stage {
                $($(if let Stage::$stage(_) = self {
                    return Stage::$stage(<$index as Place>::at(index, line));
                })?)*
                self
            }
        }

        impl fmt::Display for Stage {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Stage::$stage { .. } => $name,)*
                })
            }
        }
    };
}

stages! {
    /// Memory, descriptors and pipes of pmtr.
    Prepare = "prepare",
    /// Creating the process.
    Fork = "fork",
    /// Closing the descriptors that are not for the job.
    Close = "close descriptors",
    /// Creating the session.
    Session = "make a session",
    /// Looking up the user.
    User = "user",
    /// Looking up `group`, or becoming it.
    Group = "group",
    /// Looking up the one of `groups` with this index.
    Member(u8) = "groups",
    /// The `make dir` with this index.
    MakeDir(u8) = "make dir",
    /// The `env file` with this index.
    EnvFile(FilePlace) = "env file",
    /// `oom score`.
    OomScore = "oom score",
    /// `dir`.
    Dir = "dir",
    /// `nice`.
    Nice = "nice",
    /// `cpu`.
    Cpu = "cpu",
    /// The `ulimit` with this index.
    Limit(u8) = "ulimit",
    /// Supplementary groups.
    Groups = "groups of user",
    /// Group id.
    Gid = "group id of user",
    /// User id.
    Uid = "user id of user",
    /// `keep capability`, the one with this number.
    Capability(u8) = "keep capability",
    /// Opening `in`.
    In = "open in",
    /// Opening `out`.
    Out = "open out",
    /// Opening `err`.
    Err = "open err",
    /// `no new privileges`.
    NoNewPrivileges = "no new privileges",
    /// Signal mask and dispositions.
    Signals = "reset signals",
    /// Executing the command.
    Exec = "exec",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_with_an_index_returns_it_and_one_without_has_none() {
        assert_eq!((Stage::Limit(7).index(), Stage::Dir.index()), (7, 0));
        assert_eq!((Stage::Limit(7).at(9, 3), Stage::Dir.at(9, 3)), (Stage::Limit(9), Stage::Dir));
        let place = FilePlace { file: 9, line: 3 };
        assert_eq!(Stage::EnvFile(FilePlace::MIN).at(9, 3), Stage::EnvFile(place));
        assert_eq!(Stage::EnvFile(place).index(), 9);
    }
}
