//! One line of the log, from its text to the bytes for a reader. Knows no sockets.

use crate::model::{Clean, JobName, Level, Notice, Pid};
use std::fmt::{Display, Write as _};
use std::io::Write;
use syslog::{Facility, LogFormat, Severity};

/// The longest text of one line. With the longest name before it, it still fits into one atomic write to a pipe.
pub const MAX_TEXT_BYTES: usize = 2_048;

/// The end of a line that was cut.
const CUT: &str = " [cut]";

/// Which of its two outputs a job wrote to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// A line that waits to be sent.
pub(super) struct LogLine {
    facility: Facility,
    severity: Severity,
    /// When it was logged, which may be long before it is sent.
    stamp: [u8; 16],
    /// The name of its origin, and the text; one line without control characters.
    text: Box<[u8]>,
}

/// Makes lines, with the name of the process and the time.
pub(super) struct LineWriter {
    pub(super) pid: Pid,
    pub(super) stamp: fn() -> [u8; 16],
    /// Reused for each line; empty between two.
    pub(super) buffer: String,
}

impl LineWriter {
    /// What pmtr itself has to say.
    pub(super) fn notice(&mut self, notice: &Notice) -> LogLine {
        let severity = match notice.level() {
            Level::Debug => Severity::LOG_DEBUG,
            Level::Info => Severity::LOG_INFO,
            Level::Warning => Severity::LOG_WARNING,
            Level::Error => Severity::LOG_ERR,
        };
        let text = notice.to_string();
        self.line(Facility::LOG_LOCAL0, severity, &"pmtr", self.pid, text.as_bytes(), false)
    }

    /// What a job wrote.
    pub(super) fn job(
        &mut self,
        name: &JobName,
        pid: Pid,
        stream: Stream,
        text: &[u8],
        cut: bool,
    ) -> LogLine {
        let severity = match stream {
            Stream::Out => Severity::LOG_INFO,
            Stream::Err => Severity::LOG_ERR,
        };
        self.line(Facility::LOG_DAEMON, severity, name, pid, text, cut)
    }

    fn line(
        &mut self,
        facility: Facility,
        severity: Severity,
        name: &dyn Display,
        pid: Pid,
        text: &[u8],
        cut: bool,
    ) -> LogLine {
        let buffer = &mut self.buffer;
        buffer.clear();
        // Writing to a String cannot fail.
        let _ = write!(buffer, "{name}[{pid}]: ");
        let head = buffer.len();
        let _ = write!(buffer, "{}", Clean(text));
        if cut || buffer.len() - head > MAX_TEXT_BYTES {
            let mut end = buffer.len().min(head + MAX_TEXT_BYTES - CUT.len());
            while !buffer.is_char_boundary(end) {
                end -= 1;
            }
            buffer.truncate(end);
            buffer.push_str(CUT);
        }
        let text = buffer.as_bytes().into();
        if buffer.capacity() > 4 * MAX_TEXT_BYTES {
            *buffer = String::new();
        }
        LogLine { facility, severity, stamp: (self.stamp)(), text }
    }
}

impl LogLine {
    /// Roughly the memory that it needs.
    pub(super) fn bytes(&self) -> usize {
        size_of::<LogLine>() + self.text.len()
    }

    /// The line for a person to read.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// The time at which it was logged, as `09:03:07 `.
    pub(super) fn clock(&self) -> &[u8] {
        // After month and day.
        self.stamp.get(7..).unwrap_or_default()
    }

    /// Puts the line into `frame` as a log daemon reads it.
    pub(super) fn encode(&self, frame: &mut Vec<u8>) {
        // Writing to a Vec cannot fail.
        let _ = Local.format(frame, self.severity, self);
    }
}

/// The old format of BSD, which every log daemon accepts on its local socket: priority, local time, no host name.
struct Local;

impl LogFormat<&LogLine> for Local {
    fn format<W: Write>(&self, w: &mut W, severity: Severity, line: &LogLine) -> syslog::Result<()> {
        write!(w, "<{}>", line.facility as u8 | severity as u8)
            .and_then(|()| w.write_all(&line.stamp))
            .and_then(|()| w.write_all(&line.text))
            .map_err(syslog::Error::Write)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer() -> LineWriter {
        LineWriter { pid: Pid::new(7).unwrap(), stamp: || *b"Nov  5 09:03:07 ", buffer: String::new() }
    }

    fn frame(line: &LogLine) -> String {
        let mut frame = Vec::new();
        line.encode(&mut frame);
        String::from_utf8(frame).unwrap()
    }

    #[test]
    fn a_notice_is_of_local0_and_has_the_severity_of_its_level() {
        for (level, priority) in
            [(Level::Debug, 135), (Level::Info, 134), (Level::Warning, 132), (Level::Error, 131)]
        {
            let line = writer().notice(&Notice::Shell(level, "it\nis\tso".into()));
            assert_eq!(frame(&line), format!("<{priority}>Nov  5 09:03:07 pmtr[7]: it?is?so"));
        }
    }

    #[test]
    fn a_job_speaks_under_its_own_name_as_a_daemon() {
        let (name, pid) = (JobName::new(b"web"), Pid::new(12).unwrap());
        let out = writer().job(&name, pid, Stream::Out, b"h\xffi\0", false);
        assert_eq!(frame(&out), "<30>Nov  5 09:03:07 web[12]: h?i?");
        assert_eq!(
            frame(&writer().job(&name, pid, Stream::Err, b"", false)),
            "<27>Nov  5 09:03:07 web[12]: "
        );
    }

    #[test]
    fn a_long_text_ends_in_cut_at_the_end_of_a_character() {
        let (name, pid) = (JobName::new(b"j"), Pid::new(1).unwrap());
        let fits = writer().job(&name, pid, Stream::Out, &[b'x'; MAX_TEXT_BYTES], false);
        assert_eq!(fits.text().len(), "j[1]: ".len() + MAX_TEXT_BYTES);
        for text in ["x".repeat(2_049), format!("x{}", "\u{e9}".repeat(2_000)), "\u{1f600}".repeat(600)] {
            let line = writer().job(&name, pid, Stream::Out, text.as_bytes(), false);
            let shown = std::str::from_utf8(line.text()).unwrap();
            let cut = shown.strip_prefix("j[1]: ").unwrap().strip_suffix(" [cut]").unwrap();
            assert!(text.starts_with(cut));
            assert!((2_039..=2_042).contains(&cut.len()));
        }
    }

    #[test]
    fn the_buffer_does_not_stay_large_after_one_large_text() {
        let mut writer = writer();
        writer.notice(&Notice::Shell(Level::Info, "x".repeat(1_000_000).into()));
        assert!(writer.buffer.capacity() <= 4 * MAX_TEXT_BYTES);
    }
}
