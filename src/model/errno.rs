//! Error numbers of system calls.

use std::{fmt, io};

/// An error number of the kernel. Its text is that of the C library, without the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Errno(pub i32);

impl Errno {
    /// The number in `error`, or EIO if it has none.
    pub fn of(error: &io::Error) -> Errno {
        Errno(error.raw_os_error().unwrap_or(5))
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = io::Error::from_raw_os_error(self.0).to_string();
        f.write_str(text.split(" (os error").next().unwrap_or(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_the_bare_reason() {
        assert_eq!(Errno(2).to_string(), "No such file or directory");
        assert_eq!(Errno::of(&io::Error::other("x")), Errno(5));
    }
}
