//! The newest rows, kept in memory for every lane that keeps up.
//!
//! A lane that follows closely never touches the disk and never decodes: it gets the very events that
//! were saved, shared with all other lanes.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use event::{
    Event, LaneId, LaneSet, Text,
    event::TextMap,
    journal::{Row, Seq, Stored},
};

use super::memory::NO_BODY;

/// Rows of one lane, and how far they reach.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The rows, in order.
    pub rows: Vec<Stored>,
    /// The lane takes no other row up to here: where the next read goes on, and, once these rows are
    /// done with, a place for its cursor. Without it a lane that takes few rows would search the same
    /// rows again and again, and keep them from being trimmed.
    pub upto: Seq,
}

/// A window over the newest rows.
#[derive(Debug)]
pub(super) struct Tail {
    rows: VecDeque<Kept>,
    /// Every row above this one that a lane takes is here.
    floor: Seq,
    head: Seq,
    bytes: usize,
    limit: usize,
    /// The newest row that each lane was given, from here or from the journal.
    handed: BTreeMap<LaneId, Seq>,
}

#[derive(Debug)]
struct Kept {
    seq: Seq,
    lanes: LaneSet,
    event: Option<Arc<Event>>,
    bytes: usize,
}

impl Tail {
    /// An empty window after the row `head`, holding about `limit` bytes.
    pub(super) fn new(head: Seq, limit: usize) -> Self {
        let handed = BTreeMap::new();
        Self { rows: VecDeque::new(), floor: head, head, bytes: 0, limit, handed }
    }

    /// Notes that `lane` has everything up to `upto` in its hands.
    pub(super) fn hand(&mut self, lane: LaneId, upto: Seq) {
        let handed = self.handed.entry(lane).or_default();
        *handed = upto.max(*handed);
    }

    /// What must not be dropped: rows above the first number can be read from here at any moment, and
    /// those up to the numbers of the lanes are in their hands.
    pub(super) fn held(&self) -> (Seq, BTreeMap<LaneId, Seq>) {
        (self.floor, self.handed.clone())
    }

    /// Takes in rows that were saved, the newest of which is `head`.
    pub(super) fn extend(&mut self, rows: Vec<Row>, head: Seq) {
        let first = head + 1 - rows.len() as u64;
        for (seq, row) in (first..).zip(rows) {
            if row.lanes.is_empty() {
                continue;
            }
            let bytes = size_of::<Kept>() + row.event.as_deref().map_or(0, weight);
            self.bytes += bytes;
            self.rows.push_back(Kept { seq, lanes: row.lanes, event: row.event, bytes });
            while self.bytes > self.limit
                && let Some(oldest) = self.rows.pop_front()
            {
                self.bytes -= oldest.bytes;
                self.floor = oldest.seq;
            }
        }
        self.head = head;
    }

    /// The rows of `lane` after `after`; nothing when the window does not reach back that far.
    pub(super) fn page(
        &mut self,
        lane: LaneId,
        after: Seq,
        max_rows: usize,
        max_bytes: usize,
    ) -> Option<Page> {
        if after < self.floor {
            return None;
        }
        let start = self.rows.partition_point(|row| row.seq <= after);
        let mut page = Page { rows: Vec::new(), upto: after.max(self.head) };
        let mut bytes = 0;
        for row in self.rows.range(start..) {
            if !row.lanes.contains(lane) {
                continue;
            }
            if page.rows.len() >= max_rows || bytes >= max_bytes.max(1) {
                page.upto = page.rows.last().map_or(after, |row| row.seq);
                break;
            }
            bytes += row.bytes;
            page.rows.push(Stored {
                seq: row.seq,
                event: row.event.clone().ok_or_else(|| NO_BODY.into()),
            });
        }
        self.hand(lane, page.upto);
        Some(page)
    }
}

/// About how many bytes an event takes in memory.
fn weight(event: &Event) -> usize {
    let text = |text: &Text| if text.is_heap_allocated() { text.len() } else { 0 };
    let map = |map: &TextMap| -> usize {
        let entries = map.iter();
        entries.map(|(k, v)| 2 * size_of::<Text>() + text(k) + text(v)).sum()
    };
    let metadata = &event.metadata;
    let object = &event.involved.reference;
    let texts = [
        &metadata.name,
        &metadata.namespace,
        &metadata.uid,
        &object.name,
        &object.namespace,
        &object.uid,
        &object.field_path,
        &event.message,
        &event.reporting_instance,
        &event.source.host,
    ];
    let maps = [
        &metadata.labels,
        &metadata.annotations,
        &event.involved.labels,
        &event.involved.annotations,
    ];
    let owners = metadata.owner_references.len() + event.involved.owner_references.len();
    size_of::<Event>()
        + texts.into_iter().map(text).sum::<usize>()
        + maps.into_iter().map(map).sum::<usize>()
        + owners * (size_of::<event::OwnerReference>() + 40)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(lanes: &[u16]) -> Row {
        Row {
            change: None,
            lanes: lanes.iter().map(|lane| LaneId(*lane)).collect(),
            event: Some(Arc::new(Event::default())),
        }
    }

    fn seqs(page: &Page) -> Vec<Seq> {
        page.rows.iter().map(|row| row.seq).collect()
    }

    #[test]
    fn a_lane_gets_its_rows_and_learns_how_far_they_reach() {
        let mut tail = Tail::new(4, 1 << 20);
        tail.extend(vec![row(&[0]), row(&[1]), row(&[0, 1]), row(&[])], 8);
        let page = tail.page(LaneId(0), 4, 10, 1 << 20).unwrap();
        assert_eq!((seqs(&page), page.upto), (vec![5, 7], 8));
        let page = tail.page(LaneId(0), 4, 1, 1 << 20).unwrap();
        assert_eq!((seqs(&page), page.upto), (vec![5], 5));
        let page = tail.page(LaneId(0), 4, 10, 1).unwrap();
        assert_eq!((seqs(&page), page.upto), (vec![5], 5));
        let page = tail.page(LaneId(7), 6, 10, 1).unwrap();
        assert_eq!((seqs(&page), page.upto), (vec![], 8));
        assert_eq!(tail.held(), (4, BTreeMap::from([(LaneId(0), 8), (LaneId(7), 8)])));
    }

    #[test]
    fn a_lane_that_fell_behind_is_sent_to_the_journal() {
        let mut tail = Tail::new(4, 3 * (size_of::<Kept>() + size_of::<Event>()));
        assert!(tail.page(LaneId(0), 3, 10, 1).is_none());
        tail.extend((0..5).map(|_| row(&[0])).collect(), 9);
        assert!(tail.page(LaneId(0), 5, 10, 1 << 20).is_none());
        let page = tail.page(LaneId(0), 6, 10, 1 << 20).unwrap();
        assert_eq!(seqs(&page), [7, 8, 9]);
    }
}
