//! Saving: events, decisions, counters and the watch position reach the disk in one step.
//!
//! The way of a commit: whoever collects hands a [`Commit`](event::journal::Commit) to the [`Saver`];
//! the thread behind it (`keeper`) takes everything that has queued up meanwhile (`group`), adds the
//! progress of the lanes, and gives it to the journal as one transaction: [`sqlite`] on disk, or
//! [`memory`] where nothing can be written. What is saved stays in memory for a moment (`tail`), and
//! there the lanes find it; a lane that fell behind is read to from the journal.
//!
//! The journal is an append-only list of rows and a handful of small records (`books`, `records`).
//! Both kinds of journal share the rules of the books, and `battery` asks both the same questions.
//! What an event's next revision is counted against is in [`live`]; the journal keeps its changes with
//! the rows and a snapshot of it from time to time.
//!
//! The state folder has one owner ([`folder`]). A file that was damaged is set aside, and what is still
//! readable is brought into a new one (`salvage`). When the disk is full, commits wait, and a reserve
//! lets the journal make room (`reserve`).

pub mod live;

pub mod writer;

mod group;

mod keeper;

mod tail;

pub mod sqlite;

mod schema;

mod rows;

mod form;

mod records;

mod check;

mod salvage;

mod rescue;

mod reserve;

pub mod folder;

mod mounts;

pub mod memory;

mod books;

#[cfg(test)]
mod battery;

pub use folder::{FolderError, StateFolder, Storage};
pub use memory::MemoryJournal;
pub use sqlite::{Limits, SqliteJournal};
pub use tail::Page;
pub use writer::{Saver, SaverSettings};

/// Rows that one call of `trim` removes at most.
const TRIM_ROWS: usize = 8192;
