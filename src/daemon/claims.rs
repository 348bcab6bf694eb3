//! What only one running pmtr may have: the pid file, the configuration and the state file.
#![forbid(unsafe_code)]

use super::pidfile::PidFile;
use super::sole::Sole;
use super::state::{self, LeftOver, NotClaimed, StateFile};
use crate::model::{Level, Notice, Pid};
use crate::sys::process;
use std::path::Path;

const WITHOUT: &str =
    "no state file is kept without --state DIR or XDG_RUNTIME_DIR, and no second pmtr is noticed";

/// The claims. Each may be missing.
#[derive(Default)]
pub(super) struct Claims {
    pidfile: Option<PidFile>,
    sole: Option<Sole>,
    state: Option<StateFile>,
}

impl Claims {
    /// Claims all three and returns what to log. An error if a running pmtr holds one of them.
    pub(super) fn take(
        config: &Path,
        pidfile: Option<&Path>,
        state: Option<&Path>,
    ) -> Result<(Claims, Vec<Notice>), String> {
        let mut claims = Claims::default();
        let claimed = claims.take_each(config, pidfile, state);
        match claimed {
            Ok(notices) => Ok((claims, notices)),
            Err(why) => {
                claims.remove();
                Err(why)
            }
        }
    }

    fn take_each(
        &mut self,
        config: &Path,
        pidfile: Option<&Path>,
        state: Option<&Path>,
    ) -> Result<Vec<Notice>, String> {
        let uid = process::effective_uid();
        if let Some(path) = pidfile {
            self.pidfile = Some(PidFile::claim(path, uid).map_err(|why| why.to_string())?);
        }
        let mut notices = Vec::new();
        let mut say = |level, text: String| notices.push(Notice::Shell(level, text.into()));
        // Process 1 writes nothing unless asked to: a container may have no place for it, and nobody starts a second
        // pmtr there.
        let init = process::is_init();
        let locks = state::directory(None, uid, init).or_else(|| state.map(Path::to_owned));
        let states = state::directory(state, uid, init);
        let (Some(locks), Some(states)) = (locks, states) else {
            match init {
                true => say(Level::Debug, state::unrecognised("no state file is kept without --state")),
                false => say(Level::Warning, state::unrecognised(WITHOUT)),
            }
            return Ok(notices);
        };
        match Sole::claim(&locks, config, uid) {
            Ok(sole) => self.sole = Some(sole),
            Err(NotClaimed::Held(why)) => return Err(why),
            Err(NotClaimed::Unusable(why)) => {
                say(Level::Warning, format!("cannot lock the configuration against a second pmtr: {why}"));
            }
        }
        match StateFile::claim(&states, config, uid) {
            Ok(state) => self.state = Some(state),
            Err(NotClaimed::Held(why)) => return Err(why),
            Err(NotClaimed::Unusable(why)) => say(Level::Warning, state::unrecognised(&why)),
        }
        Ok(notices)
    }

    /// Writes our pid to the pid file.
    pub(super) fn write_pid(&self) -> Result<(), String> {
        self.pidfile
            .as_ref()
            .map_or(Ok(()), |file| file.write(std::process::id()))
            .map_err(|why| why.to_string())
    }

    /// Returns what another pmtr has left, what to log about it, and the state file, which is ours from now on.
    pub(super) fn take_over(&mut self, own: Pid) -> (Vec<LeftOver>, Vec<Notice>, Option<StateFile>) {
        let former = self.sole.as_ref().and_then(Sole::former_state);
        let taken = self.state.as_mut().map(|state| state.take_over(own, former));
        if let Some(sole) = &self.sole {
            sole.write(std::process::id(), self.state.as_ref().map(StateFile::path));
        }
        // Only now: until the note is written, the next start would not find the former state.
        self.state.iter_mut().for_each(StateFile::forget_former);
        let (left, notices) = taken.unwrap_or_default();
        (left, notices, self.state.take())
    }

    /// Gives all claims up.
    pub(super) fn remove(self) {
        // pmtr is exiting, so a failure is ignored: the next start takes a stale file over.
        let _ = self.pidfile.map(PidFile::remove);
        let _ = self.sole.map(Sole::remove);
    }
}
