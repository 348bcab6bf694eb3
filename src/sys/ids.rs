//! The ids of a child: those of `user`, `group` and `groups`.

use super::calls::{self, Done};
use super::child::{ChildInput, ChildOutput, Plan};
use super::groups;
use super::users::{self, User};
use crate::model::{Errno, Stage};
use libc::{gid_t, uid_t};

/// The ids that a child changes. None where it keeps ours.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ids {
    /// The supplementary groups.
    pub(super) groups: Option<Vec<gid_t>>,
    /// The primary group.
    pub(super) gid: Option<gid_t>,
    /// The user.
    pub(super) uid: Option<uid_t>,
}

impl Ids {
    /// Those of a child with this user, if one is given. Looks up the groups of the plan.
    pub(super) fn of(plan: &Plan, user: Option<&User>) -> Result<Ids, Errno> {
        let mut ids = Ids::default();
        if let Some(switch) = user.and_then(|user| user.switch.as_ref()) {
            let groups = Some(switch.groups.clone());
            ids = Ids { groups, gid: Some(switch.gid), uid: Some(switch.uid) };
        }
        if let Some(name) = &plan.attributes.group {
            plan.slot.enter(Stage::Group);
            let gid = groups::lookup(name).map_err(|errno| errno.unwrap_or(Errno(0)))?;
            let entry = user.and_then(|user| user.entry.as_ref());
            if let (Some(_), Some(entry)) = (ids.uid, entry) {
                ids.groups = Some(users::groups_of(&entry.name, gid)?);
            }
            // To keep our own we need no rights.
            ids.gid = Some(gid).filter(|gid| ids.uid.is_some() || *gid != groups::effective_gid());
        }
        if !plan.attributes.groups.is_empty() {
            let mut list = Vec::new();
            for (index, name) in (0..).zip(plan.attributes.groups.texts()) {
                plan.slot.enter(Stage::Member(index));
                list.push(groups::lookup(name).map_err(|errno| errno.unwrap_or(Errno(0)))?);
            }
            ids.groups = Some(list);
        }
        Ok(ids)
    }

    /// Takes them on: groups, then group, then user, the only order that works, and checks the result.
    pub(super) fn take_on(&self, plan: &Plan) -> Done {
        if let Some(groups) = &self.groups {
            let given = !plan.attributes.groups.is_empty();
            plan.slot.enter(if given { Stage::Member(0) } else { Stage::Groups });
            calls::set_groups(groups)?;
        }
        if let Some(gid) = self.gid {
            plan.slot.enter(if plan.attributes.group.is_some() { Stage::Group } else { Stage::Gid });
            calls::set_gid(gid)?;
        }
        let Some(uid) = self.uid else { return Ok(()) };
        let kept = plan.attributes.capabilities.iter().next();
        if let Some(first) = kept {
            plan.slot.enter(Stage::Capability(first.number()));
            calls::keep_permitted()?;
        }
        plan.slot.enter(Stage::Uid);
        calls::set_uid(uid)?;
        // The kernel does this by itself, unless our parent has set SECBIT_NO_SETUID_FIXUP. It leaves the inheritable
        // set, which the user has no right to.
        if uid == 0 || kept.is_some() { Ok(()) } else { calls::drop_capabilities() }
    }

    /// Gives the user the pipes of the child: otherwise the command could not open /dev/stdin or /dev/stderr.
    pub(super) fn give_pipes(&self, plan: &Plan) {
        let (Some(uid), Some(gid)) = (self.uid, self.gid) else { return };
        if let ChildInput::Pipe(fd) = plan.input {
            calls::give_away(fd, uid, gid);
        }
        for output in [plan.out, plan.err] {
            if let ChildOutput::Pipe(fd) = output {
                calls::give_away(fd, uid, gid);
            }
        }
    }

    /// Whether nothing changes.
    pub(super) fn are_ours(&self) -> bool {
        *self == Ids::default()
    }
}
