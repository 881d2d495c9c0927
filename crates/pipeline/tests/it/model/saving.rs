//! What is durable: the journal takes it, and the perfect client sees it. Lanes' progress rides on the
//! next commit, and where there is too much in the journal, it makes room.

use std::collections::{HashMap, HashSet, VecDeque};

use event::{
    Event, EventKey, Journal, Occurrences, Origin,
    journal::{Commit, Committed, JournalError, LaneTally, Need, Parked, Progress, Seq, Shed},
};
use pipeline::save::memory::Failure;
use tokio::time::Instant;

use super::{
    oracle::{Decided, Delivered, name_of},
    receivers::id_of,
    routes::{self, Routes},
    world::{Served, State, World, wall_time},
};

/// How long progress waits for a commit to ride on.
const PROGRESS_DELAY: std::time::Duration = std::time::Duration::from_secs(1);

impl World {
    /// A commit of the collector, or of who tells what was dropped.
    pub(super) fn commit(&self, commit: &Commit) -> Result<Committed, JournalError> {
        let mut state = self.state();
        if let Some(failure) = state.failure {
            state.journal.fail_next(failure, JournalError::Io("on purpose".into()));
        }
        let mut whole = state.take_dues();
        whole.merge(commit.clone());
        let outcome = state.journal.commit(&whole);
        // A failure that was ordered: did it strike before or after the disk had it?
        let failure = state.failure.take();
        if outcome.is_ok() || failure == Some(Failure::After) {
            state.saved_up_to(&whole.progress);
            state.kept(commit);
        }
        if outcome.is_ok() {
            let newest = *state.head.borrow() + commit.rows.len() as u64;
            state.head.send_replace(newest);
            state.make_room();
        }
        outcome
    }
}

impl State {
    /// The journal has it: so has the perfect client.
    fn kept(&mut self, commit: &Commit) {
        // Who tells what was dropped knows nothing of what was served meanwhile.
        if commit.told.is_empty() {
            self.see_what_is_saved(commit);
            // What a list no longer shows is forgotten when the position has moved past it.
            let moved = commit.position.as_ref().map(|(_, position)| position.revision);
            if moved.is_some() && self.ending == moved {
                self.ending = None;
                self.oracle.end_pass(moved.unwrap_or_default());
                self.covered = moved.unwrap_or_default();
            }
            self.saved = self.covered;
        }
        self.heard(commit);
        if let Some((_, position)) = commit.position {
            self.position = Some(position);
        }
        let first: Seq = self.last + 1;
        self.last += commit.rows.len() as u64;
        for (seq, row) in (first..).zip(&commit.rows) {
            let Some(event) = &row.event else { continue };
            let lanes = routes::bits(&row.lanes, |lane| self.lanes[&lane]);
            let id = id_of(event);
            self.decided.push((id.clone(), lanes));
            if event.origin == Origin::Tidings {
                continue;
            }
            self.seqs.insert(id.clone(), seq);
            let Occurrences { before, after } = event.occurrences;
            self.rows.push(Delivered { id, before, after, lanes, unsure: 0 });
        }
    }

    /// Each loss that counts as told is stated by one event.
    fn heard(&mut self, commit: &Commit) {
        for (lane, rows) in &commit.told {
            let name = routes::name(self.lanes[lane], self.renaming.done);
            let begin = format!("{rows} event");
            let says = |event: &&Event| {
                event.message.starts_with(&begin) && event.message.contains(&format!("`{name}`"))
            };
            let events = commit.rows.iter().filter_map(|row| row.event.as_deref());
            assert_eq!(events.filter(says).count(), 1, "{rows} rows of `{name}` were dropped");
            *self.told.entry(*lane).or_default() += rows;
        }
    }

    /// A lane reports what became of rows.
    pub(super) fn owe(&mut self, progress: Progress, tally: LaneTally, parked: Vec<Parked>) {
        self.dues.lane_tallies.push((progress.lane, tally));
        self.dues.progress.push(progress);
        self.dues.parked.extend(parked);
        self.dues_since.get_or_insert_with(Instant::now);
    }

    fn take_dues(&mut self) -> Commit {
        self.dues_since = None;
        std::mem::take(&mut self.dues)
    }

    /// Progress that has waited long enough is saved without a commit.
    pub(super) fn save_old_dues(&mut self) {
        if self.dues_since.is_some_and(|since| since.elapsed() >= PROGRESS_DELAY) {
            self.save_dues();
        }
    }

    /// Saves what lanes have reported, and trims.
    pub(super) fn save_dues(&mut self) {
        if self.dues_since.is_none() {
            return;
        }
        let dues = self.take_dues();
        self.journal.commit(&dues).unwrap();
        self.saved_up_to(&dues.progress);
        self.journal.trim(wall_time()).unwrap();
    }

    fn saved_up_to(&mut self, progress: &[Progress]) {
        for progress in progress {
            self.saved_progress.insert(progress.lane, progress.clone());
        }
    }

    /// As the thread of the real journal does when it is at its limit.
    fn make_room(&mut self) {
        let Some(limit) = self.limit else { return };
        for _ in 0..16 {
            let size = self.journal.usage().unwrap().rows;
            if size <= limit {
                return;
            }
            let swept = self.journal.sweep(0).unwrap().rows;
            if swept + self.journal.trim(wall_time()).unwrap().rows > 0 {
                continue;
            }
            let need = Need {
                bytes: size - limit,
                upto: Seq::MAX,
                handed: self.handed.clone(),
                patient: Vec::new(),
            };
            match self.journal.shed(&need).unwrap() {
                Shed::Dropped { .. } => {}
                Shed::Held(_) | Shed::Nothing => return,
            }
        }
    }

    /// The config that decided the row of this place in the next commit: what waits to be saved while another
    /// config is obeyed keeps its decision.
    fn decided_by(&self, at: usize) -> Decided {
        let mut configs: Vec<Routes> =
            self.before_reload.iter().filter(|(upto, _)| at < *upto).map(|(_, it)| *it).collect();
        configs.push(self.routes);
        Decided { routes: configs[0], kept: configs.iter().all(|routes| routes.first) }
    }

    /// The perfect client sees what the commit holds. Only what waits for an object, or behind such an
    /// event, may be missing, and the position must stay below it.
    fn see_what_is_saved(&mut self, commit: &Commit) {
        let rows = commit.rows.iter().enumerate();
        let decided: HashMap<String, Decided> = rows
            .filter_map(|(at, row)| Some((id_of(row.event.as_deref()?), self.decided_by(at))))
            .collect();
        let changes = commit.rows.iter().filter_map(|row| row.change.as_ref());
        let gone: HashSet<EventKey> = changes.filter(|it| it.gone).map(|it| it.key).collect();
        let (mut waiting, mut names) = (VecDeque::new(), HashSet::new());
        for served in self.served.drain(..) {
            let (event, is_saved) = match &served {
                Served::Pass | Served::Epoch(_) => {
                    assert!(waiting.is_empty(), "a list began while events waited");
                    match served {
                        Served::Epoch(epoch) => self.oracle.begin_epoch(epoch),
                        _ => self.oracle.begin_pass(),
                    }
                    continue;
                }
                Served::Living(event, arrival, now) => {
                    let (id, happens) = self.oracle.look(event, *arrival, *now);
                    (event, happens.is_none() || decided.contains_key(&id))
                }
                Served::Deleted(event) => (event, gone.contains(&EventKey::of(event))),
            };
            let name = name_of(event);
            if names.contains(&name) || !is_saved {
                let revision = event.revision().unwrap();
                let position = commit.position.as_ref().map_or(0, |(_, it)| it.revision);
                assert!(position < revision, "{position} was saved, and {revision} waits");
                assert!(self.objects.is_some(), "nothing waits here, but {revision} is not saved");
                names.insert(name);
                waiting.push_back(served);
                continue;
            }
            match served {
                Served::Living(event, arrival, now) => {
                    let (id, _) = self.oracle.look(&event, arrival, now);
                    let now_decided = Decided { routes: self.routes, kept: self.routes.first };
                    let decided = decided.get(&id).copied().unwrap_or(now_decided);
                    self.oracle.see(&event, arrival, now, decided);
                }
                Served::Deleted(event) => self.oracle.see_deleted(&event),
                Served::Pass | Served::Epoch(_) => {}
            }
        }
        self.served = waiting;
        self.before_reload.clear();
    }
}
