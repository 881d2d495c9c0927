//! Finds out how far the leader has come.

use event::{
    Text,
    journal::{Position, Seq},
};

use super::{
    progress::{LIMIT, Progress},
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
    lanes: Vec<LaneWatch>,
    claims: Claims,
}

/// What was so at the beginning: by whoever led before, or by the own journal.
#[derive(Debug)]
pub struct Claims {
    /// In order, each with what the last leader has told of it.
    scopes: Vec<(Text, Option<Position>)>,
    floors: Vec<Floor>,
    own: Vec<(Text, Position)>,
}

impl Claims {
    /// Of these scopes and so many lanes, which go on as `resume` says.
    pub fn new(scopes: impl IntoIterator<Item = Text>, lanes: usize, resume: &Resume) -> Self {
        let (mut own, mut told) = (Vec::new(), Vec::new());
        for (at, name) in scopes.into_iter().enumerate() {
            // Of what is taken over the rows are not there yet.
            if let Start::Own(Some(position)) = resume.start(at) {
                own.push((name.clone(), position));
            }
            told.push((name, resume.left(at)));
        }
        told.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let floors = (0..lanes).map(|at| resume.floor(at)).collect();
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
        for ((lane, cursor), floor) in lanes.zip(&self.floors) {
            let to = progress.scopes.keys().map(|name| {
                match (positions.at(name, cursor), floor.point(name)) {
                    (Some(mine), Some(theirs)) => Some(mine.and(theirs)),
                    (mine, theirs) => mine.or(theirs),
                }
            });
            progress.lanes.insert(lane.clone(), to.collect());
        }
        progress
    }
}

impl Account {
    /// From now on the saver remembers which row was the newest at which position; `last` is the newest now.
    pub fn new(saver: &Saver, lanes: &[LaneWatch], claims: Claims, last: Seq) -> Self {
        saver.remember_positions(claims.own(), last);
        Self { saver: saver.clone(), lanes: lanes.to_vec(), claims }
    }

    /// How far everything has come.
    pub fn progress(&self) -> Progress {
        // A lane's row first: what the journal has gained meanwhile is not claimed for it.
        let cursors: Vec<_> = self.lanes.iter().map(|lane| (lane.name(), lane.cursor())).collect();
        let from = cursors.iter().map(|(_, cursor)| *cursor).min();
        self.saver.positions(from, |positions| self.claims.progress(positions, cursors.into_iter()))
    }

    /// The same, as it is written down; nothing while no scope has a position.
    pub fn text(&self) -> Option<String> {
        let progress = self.progress();
        (!progress.scopes.is_empty()).then(|| progress.write(LIMIT))
    }
}
