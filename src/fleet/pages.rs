//! The pages that show a fleet: for people, as JSON, and for Prometheus. Each is built host by host.

mod json;
mod metrics;
mod status;

use super::{Host, HostKey};
use crate::model::MonoTime;
pub(super) use metrics::Cost;

/// The format of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageForm {
    /// For people.
    Status,
    /// The same as JSON.
    Json,
    /// For Prometheus, in its text format.
    Metrics,
}

/// A page that is being built.
#[derive(Debug)]
pub struct Page {
    body: Body,
    /// How many hosts were added.
    hosts: usize,
}

#[derive(Debug)]
enum Body {
    Status(Vec<u8>),
    Json(Vec<u8>),
    Metrics(metrics::Families),
}

/// The time of day as a page shows it.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'a> {
    /// As ctime(3) writes it, without the newline.
    pub text: &'a str,
    /// Seconds since 1970.
    pub unix_seconds: u64,
}

impl Page {
    /// An empty page.
    pub fn new(form: PageForm) -> Page {
        let body = match form {
            PageForm::Status => Body::Status(Vec::new()),
            PageForm::Json => Body::Json(Vec::new()),
            PageForm::Metrics => Body::Metrics(metrics::Families::default()),
        };
        Page { body, hosts: 0 }
    }

    /// Adds one host.
    pub fn add(&mut self, now: MonoTime, key: &HostKey, host: &Host) {
        match &mut self.body {
            Body::Status(body) => status::add(now, key, host, body),
            Body::Json(body) => {
                body.extend_from_slice(if self.hosts == 0 { b"\n" } else { b",\n" });
                json::add(now, key, host, body);
            }
            Body::Metrics(families) => families.add(now, key, host),
        }
        self.hosts += 1;
    }

    /// The whole page, in pieces to be written one after the other.
    pub fn finish(self, stamp: Stamp<'_>) -> Vec<Vec<u8>> {
        match self.body {
            Body::Status(body) => vec![status::head(stamp, self.hosts), body],
            Body::Json(body) => vec![json::head(stamp), body, json::TAIL.to_vec()],
            Body::Metrics(families) => families.finish(self.hosts),
        }
    }
}
