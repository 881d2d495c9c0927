//! Commits that become one transaction, and one fsync.

use std::collections::VecDeque;

use event::journal::{Commit, Committed, JournalError, Row};

use super::writer::{Answer, Waiting};

/// What is saved in one step, and who waits for it.
pub(super) struct Group {
    pub(super) commit: Commit,
    rows: usize,
    /// Each with the number of rows up to and with its own.
    answers: Vec<(Answer, usize)>,
}

impl Group {
    /// Takes from the queue what can go together, up to about `max_rows` rows.
    pub(super) fn take(queue: &mut VecDeque<Box<Waiting>>, max_rows: usize) -> Self {
        let mut group = Self { commit: Commit::default(), rows: 0, answers: Vec::new() };
        while group.rows < max_rows
            && queue.front().is_some_and(|next| group.suits(&next.commit))
            && let Some(next) = queue.pop_front()
        {
            let Waiting { commit, answer } = *next;
            group.rows += commit.rows.len();
            group.answers.push((answer, group.rows));
            group.commit.merge(commit);
        }
        group
    }

    /// One transaction has room for one position and one part of a snapshot, and a part tells of the
    /// moment in which it is committed.
    fn suits(&self, next: &Commit) -> bool {
        if self.answers.is_empty() {
            return true;
        }
        let other_scope = match (&self.commit.position, &next.position) {
            (Some((mine, _)), Some((theirs, _))) => mine != theirs,
            _ => false,
        };
        self.commit.snapshot.is_none() && next.snapshot.is_none() && !other_scope
    }

    /// Takes the rows out once they are saved.
    pub(super) fn take_rows(&mut self) -> Vec<Row> {
        std::mem::take(&mut self.commit.rows)
    }

    /// Answers each as if it had been committed alone.
    pub(super) fn answer(self, committed: Committed) {
        for (answer, rows) in self.answers {
            let last = committed.last - (self.rows - rows) as u64;
            answer.give(Ok(Committed { last, ..committed }));
        }
    }

    /// Tells all that it failed.
    pub(super) fn refuse(self, error: &JournalError) {
        for (answer, _) in self.answers {
            answer.give(Err(again(error)));
        }
    }
}

/// The same error once more.
pub(super) fn again(error: &JournalError) -> JournalError {
    match error {
        JournalError::Full => JournalError::Full,
        JournalError::Damaged(what) => JournalError::Damaged(what.clone()),
        JournalError::Foreign(what) => JournalError::Foreign(what.clone()),
        JournalError::Io(what) => JournalError::Io(what.clone()),
    }
}
