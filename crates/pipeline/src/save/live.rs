//! What is remembered of every live Event: enough to count its next revision, and no more.
//!
//! 40 bytes an Event, 16 a tombstone. A cluster can hold a million Events, and a hash map would
//! double all at once; here 32768 small sorted vectors grow one by one, by an eighth.

use std::collections::HashMap;

use event::{
    EventKey, LaneId, LaneSet,
    counting::Known,
    identity::{NameKey, Place},
    journal::Change,
};

/// The live Events of one cluster.
#[derive(Debug)]
pub struct Live {
    entries: Sharded<Entry>,
    tombstones: Sharded<Tombstone>,
    reached: LaneSets,
}

/// What is known of one live Event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Remembered<'a> {
    /// What the counting rule needs.
    pub known: Known,
    /// When it last changed, in seconds since 1970.
    pub touched: u32,
    /// Every lane that a revision of it took.
    pub reached: &'a LaneSet,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    name: u64,
    object: u64,
    revision: u64,
    /// The counter; the highest bit says that the running list pass has shown it. Kubernetes counts in
    /// `int32`, so the bit is free.
    total_and_mark: u32,
    last_seen: u32,
    touched: u32,
    reached: u32,
}

#[derive(Debug, Clone, Copy)]
struct Tombstone {
    name: u64,
    total: u32,
    since: u32,
}

const MARK: u32 = 1 << 31;
const ENTRY_BYTES: usize = 40;
const TOMBSTONE_BYTES: usize = 16;
/// So many tombstones are kept at most in each shard, 131 072 in all. Without a limit their number would grow
/// for as long as the process runs: nobody tells when an Event's name will never come again. A recorder that comes
/// back after its tombstone has gone counts as one occurrence.
const TOMBSTONES_A_SHARD: usize = 4;

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

impl Live {
    /// Nothing known.
    pub fn new() -> Self {
        Self { entries: Sharded::new(), tombstones: Sharded::new(), reached: LaneSets::new() }
    }

    /// How many Events are live.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no Event is live.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is known of `key`.
    pub fn get(&self, key: EventKey) -> Option<Remembered<'_>> {
        self.entries.get(split(key)).map(|entry| Remembered {
            known: entry.known(),
            touched: entry.touched,
            reached: self.reached.get(entry.reached),
        })
    }

    /// Looks where each of `keys` is, or would be, so that what is done with them next finds it in the
    /// processor's cache. In a large table each waits for memory; looked for together, they wait together.
    pub fn warm(&self, keys: impl Iterator<Item = EventKey>) {
        let near = keys.map(|key| self.entries.glance(split(key)));
        std::hint::black_box(near.fold(0, |sum, near| sum ^ near));
    }

    /// The last counter of an expired Event of this name, if it was above 1.
    pub fn tombstone(&self, name: NameKey) -> Option<u32> {
        self.tombstones.get(name.0).map(|tombstone| tombstone.total)
    }

    /// Takes over `change`, and `lanes` as reached. Saying it twice changes nothing.
    pub fn apply(&mut self, change: &Change, lanes: &LaneSet) {
        let key = split(change.key);
        if change.gone {
            self.entries.remove(key);
            if change.total >= 2 {
                let tombstone =
                    Tombstone { name: key.0, total: change.total, since: change.touched };
                self.bury(tombstone);
            }
            return;
        }
        let reached = &mut self.reached;
        let entry = self.entries.slot(key, || Entry::of(key));
        entry.revision = change.revision;
        entry.total_and_mark = (entry.total_and_mark & MARK) | (change.total & !MARK);
        entry.last_seen = change.last_seen;
        entry.touched = change.touched;
        entry.reached = reached.with(entry.reached, lanes);
    }

    /// Adds `lanes` to what `key` reached.
    pub fn reach(&mut self, key: EventKey, lanes: &LaneSet) {
        if let Some(entry) = self.entries.get_mut(split(key)) {
            entry.reached = self.reached.with(entry.reached, lanes);
        }
    }

    /// Forgets every lane but `lanes`, so that a number that was given to a new lane starts clean.
    pub fn keep_lanes(&mut self, lanes: &LaneSet) {
        self.reached.keep(lanes);
    }

    /// Begins a list pass over `place`, or everything: nothing of it has been shown yet.
    pub fn begin_pass(&mut self, place: Option<Place>) {
        self.entries.each_mut(|entry| {
            if entry.is_in(place) {
                entry.total_and_mark &= !MARK;
            }
        });
    }

    /// Notes that the running pass has shown `key`.
    pub fn mark(&mut self, key: EventKey) {
        if let Some(entry) = self.entries.get_mut(split(key)) {
            entry.total_and_mark |= MARK;
        }
    }

    /// The Events of `place`, or of everything, that the pass did not show although they stood at
    /// `revision`: they are gone. Given as the changes that say so, to be applied and saved by the caller.
    ///
    /// Of several of one name the newest comes last, and leaves the tombstone. After the storage was set back no
    /// revision tells which that is, but when it last happened does.
    pub fn unmarked(&self, place: Option<Place>, revision: u64) -> Vec<Change> {
        let mut gone: Vec<Change> = self
            .entries
            .iter()
            .filter(|entry| entry.is_in(place))
            .filter(|entry| entry.total_and_mark & MARK == 0 && entry.revision <= revision)
            .map(|entry| Change { gone: true, ..entry.change() })
            .collect();
        gone.sort_unstable_by_key(|gone| (gone.revision, gone.last_seen, gone.total));
        gone
    }

    /// Makes every later revision in `place`, or anywhere, count as newer: the cluster's storage counts
    /// anew.
    pub fn forget_revisions(&mut self, place: Option<Place>) {
        self.entries.each_mut(|entry| {
            if entry.is_in(place) {
                entry.revision = 0;
            }
        });
    }

    /// Lets go of Events that last changed before `since`, in seconds since 1970. Where a cluster is watched their
    /// deletion removes them, or a list that no longer shows them; this is for where nobody tells.
    pub fn expire(&mut self, since: u32) {
        self.entries.retain(|entry| entry.touched >= since);
    }

    /// Into how many parts a snapshot is best cut now, so that none holds up a commit.
    pub fn parts(&self) -> u32 {
        if self.len() < 20_000 { 1 } else { 64 }
    }

    /// Part `index` of `parts` of a snapshot; `parts` is 1 or 64.
    pub fn part(&self, index: u32, parts: u32) -> Vec<u8> {
        let entries = self.entries.part(index, parts);
        let tombstones = self.tombstones.part(index, parts);
        let used: Vec<u32> = entries.clone().map(|entry| entry.reached).collect();
        let mut out = Vec::with_capacity(16 + used.len() * ENTRY_BYTES);
        // The sets first, so that their numbers mean something in the part alone.
        let sets = self.reached.table(&used);
        put_u32(&mut out, sets.len());
        for (number, set) in &sets {
            put_u32(&mut out, *number as usize);
            put_u32(&mut out, set.as_bytes().len());
            out.extend_from_slice(set.as_bytes());
        }
        put_u32(&mut out, used.len());
        for entry in entries {
            entry.write(&mut out);
        }
        for tombstone in tombstones {
            tombstone.write(&mut out);
        }
        out
    }

    /// Takes back a part. Returns false, and leaves the rest, when the bytes are not a part.
    pub fn restore(&mut self, part: &[u8]) -> bool {
        self.try_restore(part).is_some()
    }

    fn try_restore(&mut self, part: &[u8]) -> Option<()> {
        let mut bytes = part;
        let mut sets = HashMap::new();
        for _ in 0..take_u32(&mut bytes)? {
            let number = take_u32(&mut bytes)?;
            let length = usize::try_from(take_u32(&mut bytes)?).ok()?;
            let (set, rest) = bytes.split_at_checked(length)?;
            bytes = rest;
            sets.insert(number, self.reached.with(0, &LaneSet::from_bytes(set)));
        }
        for _ in 0..take_u32(&mut bytes)? {
            let (entry, rest) = bytes.split_at_checked(ENTRY_BYTES)?;
            bytes = rest;
            let mut entry = Entry::read(entry)?;
            entry.reached = sets.get(&entry.reached).copied()?;
            *self.entries.slot((entry.name, entry.object), || entry) = entry;
        }
        for tombstone in bytes.chunks(TOMBSTONE_BYTES) {
            self.bury(Tombstone::read(tombstone)?);
        }
        Some(())
    }

    /// Keeps `tombstone`. Where there are many already, the oldest near it goes.
    fn bury(&mut self, tombstone: Tombstone) {
        let (shard, place) = self.tombstones.find(tombstone.name);
        let near = &self.tombstones.shards[shard];
        if place.is_err() && near.len() >= TOMBSTONES_A_SHARD {
            let oldest = near.iter().min_by_key(|one| one.since).map(|one| one.name);
            if let Some(name) = oldest {
                self.tombstones.remove(name);
            }
        }
        *self.tombstones.slot(tombstone.name, || tombstone) = tombstone;
    }
}

impl Entry {
    fn event_key(&self) -> EventKey {
        EventKey(u128::from(self.name) << 64 | u128::from(self.object))
    }

    fn of((name, object): (u64, u64)) -> Self {
        Self { name, object, revision: 0, total_and_mark: 0, last_seen: 0, touched: 0, reached: 0 }
    }

    fn is_in(&self, place: Option<Place>) -> bool {
        place.is_none_or(|place| self.event_key().place() == place)
    }

    fn known(&self) -> Known {
        Known {
            revision: self.revision,
            total: self.total_and_mark & !MARK,
            last_seen: self.last_seen,
        }
    }

    fn change(&self) -> Change {
        Change {
            key: self.event_key(),
            revision: self.revision,
            total: self.total_and_mark & !MARK,
            last_seen: self.last_seen,
            touched: self.touched,
            gone: false,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.name.to_le_bytes());
        out.extend_from_slice(&self.object.to_le_bytes());
        out.extend_from_slice(&self.revision.to_le_bytes());
        for number in [self.total_and_mark & !MARK, self.last_seen, self.touched, self.reached] {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }

    fn read(mut bytes: &[u8]) -> Option<Self> {
        Some(Self {
            name: take_u64(&mut bytes)?,
            object: take_u64(&mut bytes)?,
            revision: take_u64(&mut bytes)?,
            total_and_mark: take_u32(&mut bytes)?,
            last_seen: take_u32(&mut bytes)?,
            touched: take_u32(&mut bytes)?,
            reached: take_u32(&mut bytes)?,
        })
    }
}

impl Tombstone {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.name.to_le_bytes());
        out.extend_from_slice(&self.total.to_le_bytes());
        out.extend_from_slice(&self.since.to_le_bytes());
    }

    fn read(mut bytes: &[u8]) -> Option<Self> {
        Some(Self {
            name: take_u64(&mut bytes)?,
            total: take_u32(&mut bytes)?,
            since: take_u32(&mut bytes)?,
        })
    }
}

fn split(key: EventKey) -> (u64, u64) {
    (key.name().0, key.object())
}

fn put_u32(out: &mut Vec<u8>, number: usize) {
    out.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
}

fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*head))
}

fn take_u64(bytes: &mut &[u8]) -> Option<u64> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u64::from_le_bytes(*head))
}

/// Something that is kept sorted by a key whose first number is a hash.
trait Keyed: Copy {
    type Key: Ord + Copy;
    fn key(&self) -> Self::Key;
    fn hash(key: Self::Key) -> u64;
}

impl Keyed for Entry {
    type Key = (u64, u64);
    fn key(&self) -> Self::Key {
        (self.name, self.object)
    }
    fn hash(key: Self::Key) -> u64 {
        key.0
    }
}

impl Keyed for Tombstone {
    type Key = u64;
    fn key(&self) -> Self::Key {
        self.name
    }
    fn hash(key: Self::Key) -> u64 {
        key
    }
}

const SHARD_BITS: u32 = 15;
/// So far from where a key should be it is looked for step by step.
const NEAR: usize = 32;
const SHARDS: usize = 1 << SHARD_BITS;
/// So much room may be left in a shard beside half its length.
const SPARE: usize = 4;

#[derive(Debug)]
struct Sharded<T> {
    shards: Vec<Vec<T>>,
    len: usize,
}

impl<T: Keyed> Sharded<T> {
    fn new() -> Self {
        Self { shards: vec![Vec::new(); SHARDS], len: 0 }
    }

    fn len(&self) -> usize {
        self.len
    }

    fn find(&self, key: T::Key) -> (usize, Result<usize, usize>) {
        let shard = usize::try_from(T::hash(key) >> (64 - SHARD_BITS)).unwrap_or(0);
        (shard, search(&self.shards[shard], key))
    }

    /// Reads a little of the place of `key`, of what is moved when something is put there too.
    fn glance(&self, key: T::Key) -> u64 {
        let shard = usize::try_from(T::hash(key) >> (64 - SHARD_BITS)).unwrap_or(0);
        let items = &self.shards[shard];
        let from = share(items, key).saturating_sub(1);
        items.get(from..).unwrap_or_default().iter().fold(0, |sum, item| sum ^ T::hash(item.key()))
    }

    fn get(&self, key: T::Key) -> Option<&T> {
        let (shard, place) = self.find(key);
        place.ok().map(|at| &self.shards[shard][at])
    }

    fn get_mut(&mut self, key: T::Key) -> Option<&mut T> {
        let (shard, place) = self.find(key);
        place.ok().map(|at| &mut self.shards[shard][at])
    }

    /// The item of `key`, made by `new` if there is none.
    fn slot(&mut self, key: T::Key, new: impl FnOnce() -> T) -> &mut T {
        let (number, place) = self.find(key);
        let shard = &mut self.shards[number];
        let at = place.unwrap_or_else(|at| {
            if shard.len() == shard.capacity() {
                shard.reserve_exact(2 + shard.len() / 8);
            }
            shard.insert(at, new());
            self.len += 1;
            at
        });
        &mut shard[at]
    }

    fn remove(&mut self, key: T::Key) {
        if let (shard, Ok(at)) = self.find(key) {
            self.shards[shard].remove(at);
            self.len -= 1;
            give_back(&mut self.shards[shard]);
        }
    }

    fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        for shard in &mut self.shards {
            shard.retain(&keep);
            give_back(shard);
        }
        self.len = self.shards.iter().map(Vec::len).sum();
    }

    fn each_mut(&mut self, change: impl FnMut(&mut T)) {
        self.shards.iter_mut().flatten().for_each(change);
    }

    fn iter(&self) -> impl Iterator<Item = &T> {
        self.shards.iter().flatten()
    }

    fn part(&self, index: u32, parts: u32) -> impl Iterator<Item = &T> + Clone {
        let width = SHARDS / parts as usize;
        let start = index as usize * width;
        self.shards[start..start + width].iter().flatten()
    }
}

/// Where `key` is or belongs in `items` if their hashes are spread evenly.
fn share<T: Keyed>(items: &[T], key: T::Key) -> usize {
    let share = u128::from(T::hash(key) << SHARD_BITS) * items.len() as u128;
    usize::try_from(share >> 64).unwrap_or(0)
}

/// Where `key` is in `items`, or belongs. Hashes are spread evenly, so the share of the hash leads
/// close to the place, and what is close is in the cache; a binary search waits for memory at every
/// step. Hashes that are not spread so cost a binary search all the same.
fn search<T: Keyed>(items: &[T], key: T::Key) -> Result<usize, usize> {
    let start = share(items, key);
    if items.get(start).is_some_and(|item| item.key() < key) {
        let near = items.len().min(start + NEAR);
        return match items[start..near].iter().position(|item| item.key() >= key) {
            Some(steps) if items[start + steps].key() == key => Ok(start + steps),
            Some(steps) => Err(start + steps),
            None => far(items, near, items.len(), key),
        };
    }
    let near = start.saturating_sub(NEAR);
    let end = items.len().min(start + 1);
    match items[near..end].iter().rposition(|item| item.key() <= key) {
        Some(at) if items[near + at].key() == key => Ok(near + at),
        Some(at) => Err(near + at + 1),
        None => far(items, 0, near, key),
    }
}

fn far<T: Keyed>(items: &[T], from: usize, to: usize, key: T::Key) -> Result<usize, usize> {
    let found = items[from..to].binary_search_by_key(&key, T::key);
    found.map(|at| from + at).map_err(|at| from + at)
}

/// A shard that has become mostly empty lets its memory go. Small ones too: each would keep the most that it ever held, and
/// with few live Events that grows for hours, as each shard has its crowded moment.
fn give_back<T>(shard: &mut Vec<T>) {
    if shard.capacity() > SPARE + shard.len() + shard.len() / 2 {
        shard.shrink_to(shard.len() + 2 + shard.len() / 8);
    }
}

/// Every set of lanes that occurs, once. There are few: as many as the routes make.
#[derive(Debug)]
struct LaneSets {
    sets: Vec<LaneSet>,
    numbers: HashMap<LaneSet, u32>,
}

impl LaneSets {
    fn new() -> Self {
        Self { sets: vec![LaneSet::new()], numbers: HashMap::from([(LaneSet::new(), 0)]) }
    }

    fn get(&self, number: u32) -> &LaneSet {
        &self.sets[number as usize]
    }

    /// The number of set `number` plus `lanes`.
    fn with(&mut self, number: u32, lanes: &LaneSet) -> u32 {
        let old = &self.sets[number as usize];
        if lanes.iter().all(|lane| old.contains(lane)) {
            return number;
        }
        let mut set = old.clone();
        set.extend(lanes);
        if let Some(number) = self.numbers.get(&set) {
            return *number;
        }
        let number = u32::try_from(self.sets.len()).unwrap_or(0);
        self.sets.push(set.clone());
        self.numbers.insert(set, number);
        number
    }

    fn table(&self, used: &[u32]) -> Vec<(u32, &LaneSet)> {
        let mut used = used.to_vec();
        used.sort_unstable();
        used.dedup();
        used.into_iter().map(|number| (number, self.get(number))).collect()
    }

    fn keep(&mut self, lanes: &LaneSet) {
        for set in &mut self.sets {
            *set = set.iter().filter(|lane: &LaneId| lanes.contains(*lane)).collect();
        }
        // Two numbers may now stand for one set; either serves.
        self.numbers = (0..).zip(&self.sets).map(|(number, set)| (set.clone(), number)).collect();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn key(name: u64, object: u64) -> EventKey {
        // Spread the names as their hashes are.
        let name = name.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        EventKey(u128::from(name) << 64 | u128::from(object))
    }

    fn change(key: EventKey, revision: u64, total: u32) -> Change {
        Change { key, revision, total, last_seen: 5, touched: 7, gone: false }
    }

    #[test]
    fn an_entry_takes_forty_bytes_and_a_tombstone_sixteen() {
        assert_eq!(size_of::<Entry>(), ENTRY_BYTES);
        assert_eq!(size_of::<Tombstone>(), TOMBSTONE_BYTES);
    }

    #[test]
    fn a_deleted_event_leaves_a_tombstone_only_when_it_had_repeated() {
        let mut live = Live::new();
        for total in [1, 2] {
            let change = change(key(u64::from(total), 1), 10, total);
            live.apply(&change, &LaneSet::new());
            live.apply(&Change { gone: true, ..change }, &LaneSet::new());
        }
        assert!(live.is_empty());
        assert_eq!(live.tombstone(key(1, 9).name()), None);
        assert_eq!(live.tombstone(key(2, 9).name()), Some(2));
    }

    #[test]
    fn an_event_expires_when_it_last_changed_before_a_time() {
        let mut live = Live::new();
        for (object, touched) in [(1, 7), (2, 8)] {
            let change = Change { touched, ..change(key(object, object), 10, 2) };
            live.apply(&change, &LaneSet::new());
        }
        live.expire(8);
        assert_eq!((live.len(), live.get(key(1, 1))), (1, None));
        assert_eq!(live.tombstone(key(1, 1).name()), None);
    }

    #[test]
    fn tombstones_do_not_grow_without_end_and_the_newest_stay() {
        let mut live = Live::new();
        let number = 400_000;
        for one in 0..number {
            let change = Change { touched: one, ..change(key(u64::from(one), 1), 10, 2) };
            live.apply(&change, &LaneSet::new());
            live.apply(&Change { gone: true, ..change }, &LaneSet::new());
        }
        let kept = live.tombstones.len();
        assert!((100_000..=TOMBSTONES_A_SHARD * SHARDS).contains(&kept), "{kept}");
        let newest = (number - 20_000..number).map(|one| key(u64::from(one), 1).name());
        assert!(newest.filter(|name| live.tombstone(*name).is_none()).count() < 50);
        let mut again = Live::new();
        assert!(again.restore(&live.part(0, 1)));
        assert_eq!(again.tombstones.len(), kept);
    }

    #[test]
    fn with_a_steady_number_of_events_the_room_taken_stays_the_same() {
        // As uneven as chance has it, unlike `key`.
        let key = |one: u64| {
            let uid = one.to_string();
            let mut event = event::Event::default();
            event.metadata.name = uid.as_str().into();
            event.metadata.uid = uid.into();
            EventKey::of(&event)
        };
        let mut live = Live::new();
        let steady = 80_000;
        let mut room = Vec::new();
        for one in 0..40 * steady {
            live.apply(&change(key(one), 10, 1), &LaneSet::new());
            if let Some(oldest) = one.checked_sub(steady) {
                let gone = Change { gone: true, ..change(key(oldest), 10, 1) };
                live.apply(&gone, &LaneSet::new());
            }
            if (one + 1).is_multiple_of(10 * steady) {
                room.push(live.entries.shards.iter().map(Vec::capacity).sum::<usize>());
            }
        }
        assert!(room[3] * 100 <= room[1] * 101, "{room:?}");
    }

    #[test]
    fn a_pass_finds_what_is_gone_and_spares_what_is_newer_than_the_list() {
        let mut live = Live::new();
        for (object, revision) in [(1, 10), (2, 20), (3, 99)] {
            live.apply(&change(key(object, object), revision, 1), &LaneSet::new());
        }
        live.begin_pass(None);
        live.mark(key(1, 1));
        let gone: Vec<_> = live.unmarked(None, 50).into_iter().map(|change| change.key).collect();
        assert_eq!(gone, [key(2, 2)]);
        live.begin_pass(None);
        assert_eq!(live.unmarked(None, 50).len(), 2);
    }

    #[test]
    fn of_two_of_one_name_that_are_gone_the_one_that_happened_last_leaves_the_tombstone() {
        for newest in [1, 9] {
            let mut live = Live::new();
            for object in [1, 9] {
                let last_seen = if object == newest { 7 } else { 6 };
                let change = change(key(3, object), 10, u32::try_from(object).unwrap() + 1);
                live.apply(&Change { last_seen, ..change }, &LaneSet::new());
            }
            live.forget_revisions(None);
            live.begin_pass(None);
            for gone in live.unmarked(None, 50) {
                live.apply(&gone, &LaneSet::new());
            }
            let total = live.tombstone(key(3, 1).name());
            assert_eq!(total, Some(u32::try_from(newest).unwrap() + 1));
        }
    }

    #[test]
    fn lanes_that_are_gone_are_forgotten() {
        let mut live = Live::new();
        let both: LaneSet = [LaneId(1), LaneId(9)].into_iter().collect();
        live.apply(&change(key(1, 1), 10, 1), &both);
        live.keep_lanes(&[LaneId(9)].into_iter().collect());
        let reached = live.get(key(1, 1)).unwrap().reached.clone();
        assert_eq!(reached.iter().collect::<Vec<_>>(), [LaneId(9)]);
    }

    #[test]
    fn bytes_that_are_no_part_are_refused() {
        let mut live = Live::new();
        live.apply(&change(key(1, 1), 10, 3), &[LaneId(40)].into_iter().collect());
        let part = live.part(0, 1);
        for cut in 1..part.len() {
            Live::new().restore(&part[..cut]);
        }
        assert!(!Live::new().restore(&part[..part.len() - 1]));
        assert!(Live::new().restore(&part));
    }

    proptest! {
        #[test]
        fn a_key_is_found_however_the_hashes_lie(
            spread in prop::collection::btree_set(any::<u64>(), 0..80),
            close in prop::collection::btree_set(0u64..200, 0..120),
            base in any::<u64>(),
            sought in any::<u64>(),
        ) {
            let close = close.into_iter().map(|hash| base.saturating_add(hash));
            let hashes: std::collections::BTreeSet<u64> = spread.into_iter().chain(close).collect();
            let items: Vec<_> =
                hashes.iter().map(|name| Tombstone { name: *name, total: 2, since: 0 }).collect();
            for name in hashes.into_iter().chain([sought, base.saturating_add(70), 0, u64::MAX]) {
                let expected = items.binary_search_by_key(&name, Tombstone::key);
                prop_assert_eq!(search(&items, name), expected);
            }
        }

        #[test]
        fn live_state_is_a_map_and_survives_its_snapshot(
            steps in prop::collection::vec((0u64..40, 0u64..3, 1u32..5, any::<bool>(), 0u16..12), 0..300)
        ) {
            let mut live = Live::new();
            let mut model = BTreeMap::new();
            for (revision, (name, object, total, gone, lane)) in (1..).zip(steps) {
                let key = key(name, object);
                let lanes: LaneSet = [LaneId(lane)].into_iter().collect();
                live.apply(&Change { gone, ..change(key, revision, total) }, &lanes);
                if gone {
                    model.remove(&key);
                } else {
                    let (_, _, reached): &mut (u64, u32, LaneSet) = model.entry(key).or_default();
                    reached.insert(LaneId(lane));
                    let reached = reached.clone();
                    model.insert(key, (revision, total, reached));
                }
            }
            let mut copy = Live::new();
            let parts = if model.len() % 2 == 0 { 1 } else { 64 };
            for index in 0..parts {
                prop_assert!(copy.restore(&live.part(index, parts)));
            }
            for table in [&live, &copy] {
                prop_assert_eq!(table.len(), model.len());
                for (key, (revision, total, reached)) in &model {
                    let entry = table.get(*key).unwrap();
                    prop_assert_eq!(entry.known.revision, *revision);
                    prop_assert_eq!(entry.known.total, *total);
                    prop_assert_eq!(entry.reached, reached);
                }
            }
        }
    }
}
