//! The objects that the model's events are about: some are known before, some come in time, some too
//! late, and some never.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use event::{Clock, ObjectRef};
use pipeline::enrich::{
    answers::{Answer, Target},
    kinds::KindId,
    knowledge::{Coverage, Knowledge, Needs},
    objects::{Metadata, Pass, Place},
};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, sleep, sleep_until},
};

use super::world::{TokioClock, World};

/// By when a watch shows them.
#[derive(Debug, Default)]
pub(super) struct ObjectsToCome {
    due: BTreeMap<(Instant, usize), ObjectRef>,
    changed: Arc<Notify>,
}

impl ObjectsToCome {
    /// An Event is about this object; the watch will show it some time.
    pub(super) fn expect(&mut self, namespace: u8, name: u8, total: i32) -> ObjectRef {
        let reference = ObjectRef {
            kind: "Pod".into(),
            api_version: "v1".into(),
            namespace: format!("ns-{namespace}").into(),
            name: format!("pod-{name}-{total}").into(),
            uid: format!("uid-{namespace}-{name}-{total}").into(),
            ..ObjectRef::default()
        };
        let wait = match (total + i32::from(name)) % 6 {
            0 | 1 => Some(Duration::ZERO),
            2 => Some(Duration::from_millis(500)),
            3 => Some(Duration::from_millis(1900)),
            4 => Some(Duration::from_millis(2200)),
            _ => None,
        };
        if let Some(wait) = wait {
            let at = (Instant::now() + wait, self.due.len());
            self.due.insert(at, reference.clone());
            self.changed.notify_one();
        }
        reference
    }
}

/// What a process knows at its start: what the watches show by then.
pub(super) fn learn(world: &World) -> Option<(Arc<Knowledge>, mpsc::Receiver<Target>)> {
    world.state().objects.as_ref()?;
    let clock: Arc<dyn Clock> = Arc::new(TokioClock);
    let (knowledge, asks) = Knowledge::new(Needs::default(), Vec::new(), (8, 2), clock);
    knowledge.cover(KindId::POD, Coverage::Watched);
    Some((knowledge, asks))
}

/// The watches and the GETs, for ever.
pub(super) async fn come(
    world: &World,
    knowledge: &Arc<Knowledge>,
    mut asks: mpsc::Receiver<Target>,
) {
    let pass = knowledge.begin_pass();
    let changed = world.state().objects.as_ref().map(|it| Arc::clone(&it.changed)).unwrap();
    let mut shown = None;
    loop {
        let next = show(world, knowledge, pass, &mut shown);
        let next = async {
            match next {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(target) = asks.recv() => {
                sleep(Duration::from_millis(300)).await;
                let answer = match target.spot.name.len() % 3 {
                    0 => Answer::Gone,
                    1 => Answer::Failed,
                    _ => Answer::Found(Box::new(metadata(&target.uid))),
                };
                knowledge.answer(target, answer);
            }
            () = next => {}
            () = changed.notified() => {}
        }
    }
}

/// Shows what is due and was not shown yet; says when the next is due.
fn show(
    world: &World,
    knowledge: &Knowledge,
    pass: Pass,
    shown: &mut Option<(Instant, usize)>,
) -> Option<Instant> {
    let state = world.state();
    let due = &state.objects.as_ref()?.due;
    let now = Instant::now();
    for (at, object) in due {
        if shown.is_some_and(|shown| *at <= shown) {
            continue;
        }
        if at.0 > now {
            return Some(at.0);
        }
        let (namespace, name) = (&*object.namespace, &*object.name);
        let place = Place { kind: KindId::POD, namespace, name };
        knowledge.put(place, metadata(&object.uid), pass);
        *shown = Some(*at);
    }
    None
}

fn metadata(uid: &str) -> Metadata {
    Metadata { uid: uid.into(), ..Metadata::default() }
}
