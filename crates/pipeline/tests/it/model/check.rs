//! Everything the promise says, after every trouble has ended.

use std::collections::HashSet;

use event::{
    Journal,
    journal::{Lane, LaneTally},
};
use playground::store::ListQuery;

use super::{
    oracle::Delivered,
    receivers::id_of,
    routes::LANES,
    world::{State, World},
};

impl World {
    /// Everything the promise says, after every trouble has ended.
    pub(super) fn check(&self) -> Result<(), String> {
        let mut state = self.state();
        if !state.served.is_empty() {
            return Err(format!("{} things were never taken", state.served.len()));
        }
        let mut delivered = state.oracle.delivered.clone();
        if state.objects.is_some() {
            // Events pass one another while they wait; the revisions of one Event do not.
            let uid = |row: &Delivered| row.id.split('/').nth(1).map(str::to_owned);
            delivered.sort_by_key(uid);
            state.rows.sort_by_key(uid);
        }
        if state.rows != delivered {
            return Err(format!(
                "delivered {:#?}\nbut a perfect client would have delivered {delivered:#?}",
                state.rows
            ));
        }
        let mut ids = HashSet::new();
        if let Some(twice) = state.rows.iter().find(|row| !ids.insert(row.id.clone())) {
            return Err(format!("{} came twice", twice.id));
        }
        let living = state.store.list(&ListQuery::default()).unwrap().items;
        for event in living {
            let believed = state.oracle.total(&event.metadata.uid);
            if believed != Some(event.total()) {
                return Err(format!(
                    "{} stands at {}, the client believes {believed:?}",
                    event.id(),
                    event.total()
                ));
            }
        }
        let ledger = state.journal.ledger().unwrap();
        if !ledger.balances() {
            return Err(format!("the ledger does not balance: {ledger:?}"));
        }
        if ledger.lanes.len() > LANES.len() {
            return Err(format!("there are too many lanes: {ledger:?}"));
        }
        let mut lanes = ledger.lanes.iter();
        lanes.try_for_each(|(lane, waiting)| {
            let place = state.lanes[&lane.id];
            state.check_lane(place, lane, *waiting)
        })
    }
}

impl State {
    /// Whatever was decided for a receiver is with it, or parked, or was dropped at the limit and told.
    fn check_lane(&mut self, place: usize, lane: &Lane, waiting: u64) -> Result<(), String> {
        let name = &lane.name;
        let receiver = &self.receivers[place];
        if let Some(complaint) = receiver.complaints.first() {
            return Err(format!("`{name}`: {complaint}"));
        }
        let decided = self.decided.iter().filter(|(_, lanes)| lanes & 1 << place != 0);
        let decided: HashSet<&str> = decided.map(|(id, _)| id.as_str()).collect();
        if let Some(id) = receiver.took.iter().find(|id| !decided.contains(id.as_str())) {
            return Err(format!("`{name}` got {id}, which was not meant for it"));
        }
        let parked = self.journal.parked(lane.id, usize::MAX).unwrap();
        let parked: HashSet<String> =
            parked.iter().filter_map(|it| Some(id_of(it.event.as_ref()?))).collect();
        let nowhere = |id: &&&str| !receiver.took.contains(**id) && !parked.contains(**id);
        let missing = decided.iter().filter(nowhere).count() as u64;
        let LaneTally { accepted, delivered, suppressed, overflow, expired, discarded, .. } =
            lane.tally;
        if accepted != delivered + suppressed + lane.tally.parked + overflow {
            return Err(format!("`{name}`: not everything came to one end: {:?}", lane.tally));
        }
        let told = self.told.get(&lane.id).copied().unwrap_or_default();
        if missing > overflow || (overflow > 0 && self.limit.is_none()) {
            return Err(format!("`{name}`: {missing} are missing, {overflow} were dropped"));
        }
        if told != overflow || lane.untold.is_some() {
            return Err(format!("`{name}`: {overflow} were dropped, {told} were told"));
        }
        if (waiting, expired, discarded) != (0, 0, 0) {
            return Err(format!("`{name}`: {waiting} wait: {:?}", lane.tally));
        }
        Ok(())
    }
}
