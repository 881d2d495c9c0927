//! Many writers' worth of writes, and watchers that must end up with the truth.

use std::collections::BTreeMap;

use event::{Event, protobuf};
use jiff::Timestamp;
use playground::{
    flood::{Flood, FloodOptions},
    store::ListQuery,
};

use crate::client::{Cluster, Open, cluster, message_of};

const WRITES: u64 = 6_000;

/// The state that a watcher has: for each uid its newest resourceVersion.
type State = BTreeMap<String, u64>;

fn fold(state: &mut State, kind: &str, event: &Event) {
    let (uid, revision) = (event.metadata.uid.to_string(), event.revision().unwrap());
    let known = match kind {
        "DELETED" => state.remove(&uid),
        _ => state.insert(uid, revision),
    };
    assert_eq!(known.is_some(), kind != "ADDED", "{kind} {}", event.metadata.name);
    assert!(known.is_none_or(|known| known < revision));
}

fn truth(cluster: &Cluster) -> (State, u64) {
    let page =
        cluster.playground.storage().read(|store| store.list(&ListQuery::default())).unwrap();
    let state =
        page.items.iter().map(|event| (event.metadata.uid.to_string(), event.revision().unwrap()));
    (state.collect(), page.revision)
}

async fn follow_json(mut watch: Open, until: &Event) -> State {
    let mut state = State::new();
    loop {
        let message = watch.message().await.unwrap();
        let event: Event = serde_json::from_value(message["object"].clone()).unwrap();
        fold(&mut state, message["type"].as_str().unwrap(), &event);
        if event.metadata.name == until.metadata.name {
            return state;
        }
    }
}

async fn follow_protobuf(mut watch: Open, until: &Event) -> State {
    let (mut state, mut bytes) = (State::new(), Vec::new());
    loop {
        bytes.extend(watch.chunk().await.unwrap());
        while let Some((head, rest)) = bytes.split_first_chunk::<4>() {
            let length = u32::from_be_bytes(*head) as usize;
            let Some(frame) = rest.get(..length) else {
                break;
            };
            let fields: Vec<_> = protobuf::Fields(frame).map(Result::unwrap).collect();
            let raw = protobuf::Fields(fields[1].value.bytes()).next().unwrap().unwrap();
            let event = protobuf::decode(message_of(raw.value.bytes())).unwrap();
            fold(&mut state, &fields[0].value.text(), &event);
            bytes.drain(..4 + length);
            if event.metadata.name == until.metadata.name {
                return state;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_watcher_of_a_flood_ends_with_the_truth() {
    let cluster = cluster().await;
    let path = "/api/v1/events?watch=true&resourceVersion=1004";
    let json = cluster.ask("GET", path).open().await;
    let accept = "application/vnd.kubernetes.protobuf;stream=watch";
    let binary = cluster.ask("GET", path).header("accept", accept).open().await;

    let mut last = Event::default();
    last.metadata.namespace = "default".into();
    last.metadata.name = "the-last-one".into();
    let write = async {
        let options =
            FloodOptions { updates: 0.4, deletes: 10.0, live: 700, ..FloodOptions::default() };
        let mut flood = Flood::new(options);
        let storage = cluster.playground.storage();
        while flood.written() < WRITES {
            storage.write(|store| flood.write(store, 37, Timestamp::now()));
            tokio::task::yield_now().await;
        }
        storage.write(|store| store.create(last.clone(), Timestamp::now())).unwrap();
    };
    let (json, binary, ()) =
        tokio::join!(follow_json(json, &last), follow_protobuf(binary, &last), write);
    let (truth, revision) = truth(&cluster);
    assert_eq!((&json, &binary), (&truth, &truth));
    let written = cluster.playground.storage().read(playground::store::Store::written);
    assert_eq!(revision, 1004 + written.created + written.updated + written.deleted);
}
