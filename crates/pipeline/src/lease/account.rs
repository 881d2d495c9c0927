//! Finds out how far the leader has come.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use event::{
    Text,
    journal::{Lane, Position, Seq},
};
use tokio::sync::watch;

use super::{
    progress::{LIMIT, Point, Progress},
    resume::{Floor, Resume, Start},
};
use crate::{
    save::{Checkpoints, Saver},
    send::LaneWatch,
};

/// What the leader gives account of.
#[derive(Debug)]
pub struct Account {
    saver: Saver,
    lanes: watch::Receiver<Vec<LaneWatch>>,
    claims: Claims,
    /// What was told last: a lane that is given another sink is not there for a moment.
    told: Mutex<BTreeMap<Text, Vec<Option<Point>>>>,
}

/// What was so at the beginning: by whoever led before, or by the own journal.
#[derive(Debug)]
pub struct Claims {
    /// In order, each with what the last leader has told of it.
    scopes: Vec<(Text, Option<Position>)>,
    floors: BTreeMap<Text, Floor>,
    own: Vec<(Text, Position)>,
}

impl Claims {
    /// Of these scopes and lanes, which go on as `resume` says.
    pub fn new(scopes: impl IntoIterator<Item = Text>, lanes: &[Lane], resume: &Resume) -> Self {
        let (mut own, mut told) = (Vec::new(), Vec::new());
        for (at, name) in scopes.into_iter().enumerate() {
            // Of what is taken over the rows are not there yet.
            if let Start::Own(Some(position)) = resume.start(at) {
                own.push((name.clone(), position));
            }
            told.push((name, resume.left(at)));
        }
        told.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let floors = lanes.iter().enumerate();
        let floors = floors.map(|(at, lane)| (lane.name.clone(), resume.floor(at))).collect();
        Self { scopes: told, floors, own }
    }

    /// Up to these positions everything is in the journal, or was dealt with before.
    pub fn own(&self) -> impl Iterator<Item = (Text, Position)> + '_ {
        self.own.iter().cloned()
    }

    /// How far everything has come: the collectors by `positions`, each lane by the row up to which it has done
    /// with everything.
    pub fn progress<'a>(
        &self,
        positions: &Checkpoints,
        lanes: impl Iterator<Item = (&'a Text, Seq)>,
    ) -> Progress {
        let mut progress = Progress::default();
        let further = |position: &Position| (position.epoch, position.revision);
        for (name, told) in &self.scopes {
            let newest = positions.newest(name).into_iter().chain(*told).max_by_key(further);
            progress.scopes.extend(newest.map(|newest| (name.clone(), newest)));
        }
        for (lane, cursor) in lanes {
            let floor = self.floors.get(lane);
            let to = progress.scopes.keys().map(|name| {
                let theirs = floor.and_then(|floor| floor.point(name));
                Point::both(positions.at(name, cursor), theirs)
            });
            progress.lanes.insert(lane.clone(), to.collect());
        }
        progress
    }
}

impl Account {
    /// From now on the saver remembers which row was the newest at which position; `last` is the newest now.
    pub fn new(
        saver: &Saver,
        lanes: watch::Receiver<Vec<LaneWatch>>,
        claims: Claims,
        last: Seq,
    ) -> Self {
        saver.remember_positions(claims.own(), last);
        Self { saver: saver.clone(), lanes, claims, told: Mutex::default() }
    }

    /// How far everything has come.
    pub fn progress(&self) -> Progress {
        // A lane's row first: what the journal has gained meanwhile is not claimed for it.
        let lanes = self.lanes.borrow().clone();
        let cursors: Vec<_> = lanes.iter().map(|lane| (lane.name(), lane.cursor())).collect();
        let from = cursors.iter().map(|(_, cursor)| *cursor).min();
        let mut progress = self
            .saver
            .positions(from, |positions| self.claims.progress(positions, cursors.into_iter()));
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let scopes = progress.scopes.len();
        for (lane, to) in std::mem::take(&mut *told).into_iter().filter(|it| it.1.len() == scopes) {
            // What was true once stays true.
            let now = progress.lanes.entry(lane).or_insert_with(|| to.clone());
            for (now, before) in now.iter_mut().zip(to) {
                *now = Point::both(*now, before);
            }
        }
        told.clone_from(&progress.lanes);
        drop(told);
        progress
    }

    /// The same, as it is written down; nothing while no scope has a position.
    pub fn text(&self) -> Option<String> {
        let progress = self.progress();
        (!progress.scopes.is_empty()).then(|| progress.write(LIMIT))
    }
}
