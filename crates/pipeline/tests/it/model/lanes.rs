//! The lanes of a process: the real ones, over the journal model, each with its receiver.

use std::{sync::Arc, time::Duration};

use event::{
    Journal, LaneId, LaneSet, Stop, Text,
    journal::{
        JournalError, Lane as SavedLane, LaneTally, NotShown, Parked, Progress, Seq, Stored,
    },
};
use pipeline::{
    SharedWay,
    send::{Lane, LaneSettings, LaneWatch, Rows},
};
use tokio::{sync::watch, task::JoinSet, time::timeout};

use super::{
    ModelSaver,
    receivers::Door,
    routes::{LANES, Routes, name},
    world::{Renaming, World, wall_time},
};

impl Rows for World {
    async fn read(
        &self,
        lane: LaneId,
        after: Seq,
        max_rows: usize,
        max_bytes: usize,
    ) -> Result<Vec<Stored>, JournalError> {
        let mut state = self.state();
        let rows = state.journal.read(lane, after, max_rows, max_bytes)?;
        let upto = rows.last().map_or(*state.head.borrow(), |row| row.seq);
        let handed = state.handed.entry(lane).or_default();
        *handed = upto.max(*handed);
        Ok(rows)
    }

    fn head(&self) -> watch::Receiver<Seq> {
        self.state().head.subscribe()
    }

    fn progress(
        &self,
        progress: Progress,
        tally: LaneTally,
        parked: Vec<Parked>,
        not_shown: Option<NotShown>,
    ) {
        assert_eq!(not_shown, None, "nothing is too old here");
        self.state().owe(progress, tally, parked);
    }

    async fn drop_waiting(&self, at: Progress) -> Result<(Seq, u64), JournalError> {
        unreachable!("nobody orders {at:?} to be dropped")
    }
}

/// The lanes that run. What is dropped is killed.
pub(super) struct Lanes {
    world: World,
    running: Vec<Running>,
}

struct Running {
    place: usize,
    watch: LaneWatch,
    stop: Stop,
    task: JoinSet<()>,
}

/// At a start, a receiver that has got another name keeps its lane.
pub(super) fn rename(world: &World, routes: Routes) {
    let mut state = world.state();
    let Renaming { due, done } = state.renaming;
    if !due || routes.some.is_none() {
        return;
    }
    let place = LANES.len() - 1;
    let [from, to] = [done, !done].map(|it| Text::from(name(place, it)));
    let is_there = state.journal.tallies().lanes.iter().any(|(lane, _)| lane.name == from);
    let renamed = state.journal.rename_lane(&from, &to).unwrap();
    assert_eq!(renamed, is_there, "{from} to {to}");
    state.renaming = Renaming { due: false, done: !done };
}

/// The lanes of a config, as the journal has them.
pub(super) fn open(world: &World, routes: Routes) -> Vec<SavedLane> {
    let mut state = world.state();
    state.save_dues();
    let names = routes.names(state.renaming.done);
    let lanes = state.journal.open_lanes(&names, wall_time()).unwrap();
    let known = lanes.iter().map(|lane| lane.id).zip(routes.places());
    state.lanes.extend(known);
    lanes
}

impl Lanes {
    pub(super) fn start(world: &World, routes: Routes, saved: Vec<SavedLane>) -> Self {
        let mut lanes = Self { world: world.clone(), running: Vec::new() };
        lanes.start_missing(routes, saved);
        lanes
    }

    fn start_missing(&mut self, routes: Routes, saved: Vec<SavedLane>) {
        for (place, saved) in routes.places().zip(saved) {
            if self.running.iter().any(|it| it.place == place) {
                continue;
            }
            let door = Arc::new(Door { world: self.world.clone(), place });
            let settings = LaneSettings { concurrency: LANES[place].3, ..LaneSettings::default() };
            let clock = Arc::new(super::TokioClock);
            let lane = Lane::new(saved, door, self.world.clone(), settings, clock);
            let (watch, stop, mut task) = (lane.watch(), Stop::new(), JoinSet::new());
            task.spawn(lane.run(stop.clone()));
            self.running.push(Running { place, watch, stop, task });
        }
    }

    /// Another config is obeyed, in the order of a reload: lanes are opened, then, between two events, the
    /// rules are changed, then receivers go and come.
    pub(super) async fn obey(&mut self, routes: Routes, way: &SharedWay<ModelSaver>) {
        let saved = open(&self.world, routes);
        let ids: Vec<LaneId> = saved.iter().map(|lane| lane.id).collect();
        let mut way = way.lock().await;
        way.reroute(routes.router(&ids), &ids.iter().copied().collect::<LaneSet>());
        self.world.obeyed(routes, way.pending());
        drop(way);
        let is_meant = |it: &Running| routes.places().any(|place| place == it.place);
        let (stay, go) = std::mem::take(&mut self.running).into_iter().partition(is_meant);
        self.running = stay;
        stop(go).await;
        self.start_missing(routes, saved);
    }

    /// Waits until every lane is done with what is in the journal.
    pub(super) async fn drained(&self) -> Result<(), String> {
        let head = *self.world.state().head.borrow();
        for lane in &self.running {
            let reached = timeout(Duration::from_secs(6 * 3600), lane.watch.reaches(head)).await;
            if reached != Ok(true) {
                let (name, status) = (LANES[lane.place].0, lane.watch.status());
                return Err(format!("`{name}` did not come to row {head}: {status:?}"));
            }
        }
        Ok(())
    }

    /// Stops in order: what was answered is saved.
    pub(super) async fn stop(mut self) {
        stop(std::mem::take(&mut self.running)).await;
        self.world.state().save_dues();
    }
}

async fn stop(lanes: Vec<Running>) {
    for lane in &lanes {
        lane.stop.fire();
    }
    for mut lane in lanes {
        while let Some(ended) = lane.task.join_next().await {
            ended.expect("a lane does not panic");
        }
    }
}
