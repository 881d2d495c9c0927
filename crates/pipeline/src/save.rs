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
//! Rows that pile up are packed (`packing`, [`bodies`]); at its limit the journal drops the oldest of the
//! lane that has most to send (`pressure`, `overflow`).
//!
//! The state folder has one owner ([`folder`]); a file of an older schema is copied and then changed
//! (`migrate`). A file that was damaged is set aside, and what is still
//! readable is brought into a new one (`salvage`). When the disk is full, commits wait, and a reserve
//! lets the journal make room (`reserve`).

pub mod bodies;
pub mod folder;
pub mod inspect;
pub mod live;
pub mod memory;
pub mod sqlite;
pub mod writer;

mod books;
mod check;
mod checkpoints;
mod form;
mod group;
mod keeper;
mod migrate;
mod mounts;
mod overflow;
mod packing;
mod parked;
mod pressure;
mod records;
mod rescue;
mod reserve;
mod rows;
mod salvage;
mod schema;
mod tail;

#[cfg(test)]
mod battery;

pub use checkpoints::Checkpoints;
pub use folder::{FolderError, FolderLook, StateFolder, Storage};
pub use memory::MemoryJournal;
pub use packing::PackFrom;
pub use pressure::Budget;
pub use sqlite::{Limits, SqliteJournal};
pub use tail::Page;
pub use writer::{Saver, SaverSettings};

/// Rows that one call of `trim` removes at most.
const TRIM_ROWS: usize = 8192;
