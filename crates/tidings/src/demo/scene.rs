//! Sets the scene: the pretended cluster with some minutes behind it, two receivers, and the worker.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::Context;
use event::{Clock, Event, Stop, SystemClock, Tasks, json};
use playground::{
    FastClock, Options, Playground,
    day::{Cluster, Day, DayOptions, DayPlayer, play},
    store::{ListQuery, Store, StoreOptions},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::{
    DemoArgs,
    books::{Books, To, lock},
    choice::Choice,
    receiver::Receiver,
    show::{Parts, Show},
    tally::Id,
    terminal,
    texts::{self, Scene},
    worker::{Files, Worker},
};

/// Enough for hundreds to pile up in seconds, few enough to run on anything.
const EVENTS_PER_HOUR: u32 = 110_000;
/// So much of the day has happened before anybody watches.
const BEFORE: Duration = Duration::from_secs(300);
/// Shorter than in a real cluster, so that the demo stays small however long it runs.
const EVENT_TTL: Duration = Duration::from_secs(900);
/// Where a cluster of some age has got to.
const REVISION: u64 = 48_000;

/// Builds everything and says what it is.
pub(super) async fn set(
    args: &DemoArgs,
    folder: &Path,
    tasks: &Tasks,
    parts: &Stop,
    stop: Stop,
) -> anyhow::Result<Show> {
    let begun = Instant::now();
    let books = Arc::new(Mutex::new(Books::default()));
    let choice = Arc::new(Mutex::new(Choice::default()));
    let (playground, day) = cluster(args, tasks, parts).await?;
    let webhook = webhook(tasks, parts, &books).await.context("cannot start the webhook")?;
    let screen = screen(tasks, parts, &books, &choice, begun).await;
    let screen = screen.context("cannot start the receiver of the screen")?;

    let files = Files {
        program: std::env::current_exe().context("cannot find this program")?,
        config: folder.join("config.yaml"),
        kubeconfig: folder.join("kubeconfig"),
        state: folder.join("state"),
    };
    fs::write(&files.kubeconfig, playground.kubeconfig())?;
    fs::write(&files.config, config(&screen.url(), &webhook.url()))?;
    let kubeconfig = files.kubeconfig.display().to_string();
    let addresses = (playground.url(), webhook.url());
    let banner = Scene {
        api: &addresses.0,
        webhook: addresses.1.trim_end_matches('/'),
        kubeconfig: &kubeconfig,
        nodes: playground.storage().read(nodes),
        rate: rate(args.speed),
        before: playground.storage().read(Store::live),
    };
    let (clock, storage) = (Arc::clone(playground.clock()), playground.storage().clone());
    let day_stop = parts.child();
    let (player, work) = DayPlayer::new(storage, day, clock, day_stop.clone());
    let worker = Worker::start(files, tasks.clone()).context("cannot start the worker")?;
    let mut show = Show::new(Parts {
        playground,
        webhook,
        worker,
        books,
        choice,
        player,
        day_stop,
        kubeconfig: kubeconfig.clone(),
        begun,
        speed: args.speed,
        ends: args.lasts.map(|lasts| begun + lasts),
        stop,
        broken: parts.clone(),
    });
    // Nobody who reads is no failure; the show ends at its first step.
    drop(terminal::say(&texts::banner(&banner, terminal::paint())));
    // The day goes on when somebody watches; until then nothing happens.
    show.keep_day(Box::pin(work), tasks.clone());
    Ok(show)
}

async fn cluster(
    args: &DemoArgs,
    tasks: &Tasks,
    parts: &Stop,
) -> anyhow::Result<(Playground, Day)> {
    let clock: Arc<dyn Clock> = Arc::new(FastClock::ahead(Arc::new(SystemClock), args.speed));
    let now = clock.now();
    let mut day = Day::new(&DayOptions {
        events_per_hour: Some(EVENTS_PER_HOUR),
        seed: args.seed,
        ..DayOptions::new(Cluster::Busy, now - BEFORE)
    });
    let options = Options {
        store: StoreOptions {
            revision: REVISION,
            ttl: EVENT_TTL,
            seed: args.seed,
            ..StoreOptions::default()
        },
        clock,
        ..Options::default()
    };
    let playground = Playground::start(options, tasks, parts.clone())
        .await
        .context("cannot start the pretended cluster")?;
    playground.storage().write(|store| play(store, &mut day, now));
    Ok((playground, day))
}

fn nodes(store: &Store) -> usize {
    let query = ListQuery { limit: 10_000, ..ListQuery::default() };
    store.list_objects("nodes", &query).map_or(0, |page| page.items.len())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small positive number, about"
)]
fn rate(speed: f64) -> u64 {
    (f64::from(EVENTS_PER_HOUR) / 3600.0 * speed).round() as u64
}

/// Without limits: at a high speed the day of one namespace is noisy, and the books hold each event.
fn config(screen: &str, webhook: &str) -> String {
    format!(
        "clusterName: demo\n\
         limits: {{perNamespace: off}}\n\
         route:\n  routes:\n    - match:\n        - receiver: screen\n        - receiver: webhook\n\
         receivers:\n\
         \x20 - name: screen\n    repeats: every\n\
         \x20   webhook: {{endpoint: \"{screen}\", batch: true, timeout: 5s}}\n\
         \x20 - name: webhook\n    repeats: every\n\
         \x20   webhook: {{endpoint: \"{webhook}\", batch: true, timeout: 5s}}\n"
    )
}

/// The part of a document that says which event it is.
#[derive(Deserialize)]
struct Document {
    metadata: Identity,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Identity {
    uid: String,
    resource_version: String,
}

fn ids(body: &[u8]) -> Option<Vec<Id>> {
    let documents: Vec<Document> = serde_json::from_slice(body).ok()?;
    let ids = documents.iter().map(|document| &document.metadata);
    // What Tidings tells of itself no cluster has written.
    Some(ids.filter_map(|id| Id::read(&id.uid, &id.resource_version)).collect())
}

async fn webhook(
    tasks: &Tasks,
    parts: &Stop,
    books: &Arc<Mutex<Books>>,
) -> std::io::Result<Receiver> {
    let books = Arc::clone(books);
    let take = move |body: &[u8]| {
        let ids = ids(body);
        ids.is_some_and(|ids| {
            lock(&books).arrived(To::Webhook, &ids);
            true
        })
    };
    Receiver::start(tasks, parts.clone(), take).await
}

async fn screen(
    tasks: &Tasks,
    parts: &Stop,
    books: &Arc<Mutex<Books>>,
    choice: &Arc<Mutex<Choice>>,
    begun: Instant,
) -> std::io::Result<Receiver> {
    let (books, choice) = (Arc::clone(books), Arc::clone(choice));
    let take = move |body: &[u8]| {
        let (Some(ids), Some(events)) = (ids(body), events(body)) else {
            return false;
        };
        lock(&books).arrived(To::Screen, &ids);
        let mut choice = lock(&choice);
        for event in events {
            choice.offer(event, begun.elapsed());
        }
        true
    };
    Receiver::start(tasks, parts.clone(), take).await
}

fn events(body: &[u8]) -> Option<Vec<Event>> {
    let documents: Vec<&RawValue> = serde_json::from_slice(body).ok()?;
    documents.iter().map(|document| json::decode(document.get().as_bytes()).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ids_of_a_batch_are_read_and_events_of_our_own_have_none() {
        let body = br#"[{"metadata":{"uid":"0a","resourceVersion":"7"},"message":"x"},
            {"metadata":{"name":"events-missed"}}]"#;
        assert_eq!(ids(body), Some(vec![Id { revision: 7, uid: 10 }]));
        assert_eq!(ids(b"nonsense"), None);
    }

    #[test]
    fn what_the_worker_sends_can_be_shown() {
        let mut event = Event { reason: "BackOff".into(), count: 14, ..Event::default() };
        event.involved.reference.name = "api-7".into();
        let mut body = b"[".to_vec();
        event::document::write(&mut body, &event);
        body.push(b']');
        let shown = &events(&body).unwrap()[0];
        assert_eq!((shown.reason.as_str(), shown.total()), ("BackOff", 14));
        assert_eq!(shown.involved.reference.name, "api-7");
    }

    #[test]
    fn the_config_is_one_that_a_user_could_have_written() {
        assert_eq!(
            config("http://127.0.0.1:1/", "http://127.0.0.1:2/"),
            r#"clusterName: demo
limits: {perNamespace: off}
route:
  routes:
    - match:
        - receiver: screen
        - receiver: webhook
receivers:
  - name: screen
    repeats: every
    webhook: {endpoint: "http://127.0.0.1:1/", batch: true, timeout: 5s}
  - name: webhook
    repeats: every
    webhook: {endpoint: "http://127.0.0.1:2/", batch: true, timeout: 5s}
"#
        );
    }
}
