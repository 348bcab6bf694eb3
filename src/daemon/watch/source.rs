//! What has been seen, as events.

use super::{Seen, Watch};
use crate::daemon::event_source::{EventSource, Shared};
use crate::model::MonoTime;
use crate::supervisor::Event;

impl EventSource for Watch {
    fn work(&mut self, now: MonoTime, shared: &mut Shared) {
        let mut seen = Vec::new();
        Watch::work(self, now, &shared.registry, &mut seen);
        self.seen.extend(seen);
    }

    fn next_event(&mut self, shared: &mut Shared) -> Option<Event> {
        loop {
            return Some(match self.seen.pop_front()? {
                Seen::Saved => Event::ConfigSaved,
                Seen::Config => Event::ConfigTouched,
                Seen::Writing => Event::ConfigWritten,
                Seen::File(path, content) => Event::FileSeen(path, content),
                // In its place among the lines that the events before it cause.
                Seen::Say(notice) => {
                    shared.log.notice(&notice);
                    continue;
                }
            });
        }
    }

    fn more(&self, _: &Shared) -> bool {
        Watch::more(self)
    }

    fn deadline(&self) -> Option<MonoTime> {
        Watch::deadline(self)
    }
}
