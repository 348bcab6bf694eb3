//! The page for Prometheus, in its text format; all metrics are gauges without time stamps.
//!
//! A host without a name has an empty `host`. In labels a backslash is doubled, and each byte of a control character or
//! of invalid UTF-8 becomes `\x` and two hexadecimal digits, so that two names never become one series. The format then
//! doubles each backslash once more.

use crate::fleet::{Host, HostJob, HostKey};
use crate::model::{MonoTime, ReportedProcess};
use std::io::Write;

/// The metric families of jobs.
const UP: &str = "pmtr_job_up";
const ENABLED: &str = "pmtr_job_enabled";
const SECONDS: &str = "pmtr_job_seconds";
/// The most that the three lines of a job take besides its labels: the names of their families, the text around the
/// labels, and three values.
const JOB_BYTES: usize = UP.len() + ENABLED.len() + SECONDS.len() + 3 * AROUND.len() + (1 + 1 + 20);
const AROUND: &str = "{host=\"\",address=\"\",name=\"\"} \n";

/// The most that each job of one host takes on the page. Each byte of a name can take five bytes, and the name appears
/// three times, together with that of its host.
#[derive(Clone, Copy, Debug)]
pub(in crate::fleet) struct Cost {
    /// The bytes of the host's labels.
    labels: usize,
}

/// The lines of each family, which must be together, without its header.
#[derive(Debug, Default)]
pub(super) struct Families {
    up: Vec<u8>,
    enabled: Vec<u8>,
    seconds: Vec<u8>,
    age: Vec<u8>,
    lost: Vec<u8>,
}

impl Cost {
    pub(in crate::fleet) fn new(host: &HostKey) -> Cost {
        let name = host.name.as_deref().unwrap_or_default();
        Cost { labels: label_length(name) + host.address.to_string().len() }
    }

    pub(in crate::fleet) fn of_job(self, name: &[u8]) -> usize {
        JOB_BYTES + 3 * (self.labels + label_length(name))
    }
}

impl Families {
    /// Adds a host. Writing to a Vec can't fail.
    pub(super) fn add(&mut self, now: MonoTime, key: &HostKey, host: &Host) {
        let mut labels = b"{host=\"".to_vec();
        add_label(key.name.as_deref().unwrap_or_default(), &mut labels);
        let _ = write!(labels, "\",address=\"{}\"", key.address);
        let length = labels.len();
        for job in host.jobs() {
            labels.truncate(length);
            labels.extend_from_slice(b",name=\"");
            add_label(&job.name, &mut labels);
            labels.extend_from_slice(b"\"}");
            add_sample(UP, &labels, u64::from(is_up(job)), &mut self.up);
            add_sample(ENABLED, &labels, u64::from(job.enabled), &mut self.enabled);
            add_sample(SECONDS, &labels, job.seconds, &mut self.seconds);
        }
        labels.truncate(length);
        labels.push(b'}');
        add_sample("pmtr_host_report_age_seconds", &labels, host.age(now).as_secs(), &mut self.age);
        add_sample("pmtr_host_lost_parts", &labels, host.lost_parts(), &mut self.lost);
    }

    /// The whole page.
    pub(super) fn finish(self, hosts: usize) -> Vec<Vec<u8>> {
        let hosts = format!("pmtr_hosts {hosts}\n").into_bytes();
        let families = [
            (UP, "Whether the job runs; where old reports don't tell, whether it is to.", self.up),
            (ENABLED, "Whether the job is to run.", self.enabled),
            (SECONDS, "How long the job has been running.", self.seconds),
            ("pmtr_host_report_age_seconds", "How long ago the report came that is shown.", self.age),
            ("pmtr_host_lost_parts", "Parts missing of this report, or of later ones.", self.lost),
            ("pmtr_hosts", "Hosts that are heard.", hosts),
        ];
        let head = |name, help| format!("# HELP {name} {help}\n# TYPE {name} gauge\n").into_bytes();
        families.into_iter().flat_map(|(name, help, samples)| [head(name, help), samples]).collect()
    }
}

fn is_up(job: &HostJob) -> bool {
    match job.process {
        ReportedProcess::Pid(_) => true,
        ReportedProcess::None => false,
        ReportedProcess::Unsaid => job.enabled,
    }
}

fn add_sample(name: &str, labels: &[u8], value: u64, family: &mut Vec<u8>) {
    family.extend_from_slice(name.as_bytes());
    family.extend_from_slice(labels);
    let _ = writeln!(family, " {value}");
}

fn add_label(bytes: &[u8], page: &mut Vec<u8>) {
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            let mut utf8 = [0; 4];
            let utf8 = c.encode_utf8(&mut utf8).as_bytes();
            match c {
                '\\' => page.extend_from_slice(br"\\\\"),
                '"' => page.extend_from_slice(b"\\\""),
                c if c.is_control() => add_hexadecimal(utf8, page),
                _ => page.extend_from_slice(utf8),
            }
        }
        add_hexadecimal(chunk.invalid(), page);
    }
}

/// How many bytes `add_label` appends.
fn label_length(bytes: &[u8]) -> usize {
    let length_of = |c: char| match c {
        '\\' => 4,
        '"' => 2,
        c if c.is_control() => HEXADECIMAL_BYTES * c.len_utf8(),
        c => c.len_utf8(),
    };
    let chunks = bytes.utf8_chunks().map(|chunk| {
        chunk.valid().chars().map(length_of).sum::<usize>() + HEXADECIMAL_BYTES * chunk.invalid().len()
    });
    chunks.sum()
}

/// How many bytes `add_hexadecimal` appends for one byte.
const HEXADECIMAL_BYTES: usize = 5;

fn add_hexadecimal(bytes: &[u8], page: &mut Vec<u8>) {
    for byte in bytes {
        let _ = write!(page, "\\\\x{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_length_predicts_the_length_of_a_label() {
        let all: Vec<u8> = (0..=255).collect();
        for name in [&b""[..], b"web", b"a\\b\"c\n", "\u{85}\u{e9}\u{20ac}".as_bytes(), b"\xff\xe2\x82", &all]
        {
            let mut label = Vec::new();
            add_label(name, &mut label);
            assert_eq!(label_length(name), label.len(), "{name:?}");
        }
    }
}
