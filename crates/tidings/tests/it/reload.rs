//! Another config while the binary runs.

use std::fs;

use rustix::process::Signal;

use crate::support::{Cluster, Hook, Life, Scene, get, names, until};

const RUN: &str =
    "run --config config.yaml --kubeconfig kubeconfig --state state --metrics-address 127.0.0.1:0";

/// Everything to a file; with `rules` and `receivers` before.
fn config(rules: &str, receivers: &str) -> String {
    format!(
        "omitLookup: true
route: {{match: [{rules}{{receiver: file}}]}}
receivers:
{receivers}- {{name: file, repeats: every, file: {{path: events.jsonl}}}}
"
    )
}

impl Scene {
    /// Another config, as a whole, as those who deploy configs write it.
    fn replace(&self, config: &str) {
        self.write("config.new", config);
        fs::rename(self.path("config.new"), self.path("config.yaml")).unwrap();
    }
}

impl Life {
    /// Reads the config again, and waits until it has said what became of it.
    async fn reloads(&self) -> String {
        let before = self.outcomes().len();
        self.signal(Signal::HUP);
        until(|| self.outcomes().len() > before, || self.log()).await;
        self.outcomes().pop().unwrap()
    }

    /// What became of each reload.
    fn outcomes(&self) -> Vec<String> {
        let words = [" is obeyed now: ", " is read again: ", " stays: "];
        let log = self.log();
        let outcomes = log.lines().filter(|line| words.iter().any(|word| line.contains(word)));
        outcomes.map(|line| line.trim().to_owned()).collect()
    }
}

fn behind<'t>(text: &'t str, word: &str) -> &'t str {
    text.split_once(word).unwrap_or_else(|| panic!("no `{word}` in {text}")).1
}

#[tokio::test]
async fn a_config_is_obeyed_on_a_signal_and_when_its_file_has_changed_and_one_that_is_wrong_is_not()
{
    let cluster = Cluster::start().await;
    let scene = Scene::with_cluster(&config("", ""), &cluster);
    let life = scene.start(RUN);
    life.says("INFO watching").await;
    cluster.create("a");
    scene.has(1).await;

    scene.replace(&config("{receiver: more}, ", "- {name: more, file: {path: more.jsonl}}\n"));
    assert_eq!(
        behind(&life.reloads().await, ") "),
        "is obeyed now: receivers added: more; \
         rules changed: route.match[0].receiver, route.match[1]"
    );
    cluster.create("b");
    scene.has(2).await;
    until(|| !scene.lines("more.jsonl").is_empty(), || life.log()).await;
    assert_eq!(names(&scene.lines("more.jsonl")), ["b"]);

    scene.replace(&config("{receiver: more, kind: Node}, ", "- {name: more, fil: {}}\n"));
    let refused = life.reloads().await;
    assert_eq!(behind(&refused, ") "), "stays: it is wrong: 1 mistake");
    assert!(
        life.log().contains("ERROR config.yaml:4:3: receivers[0]: `more` has no kind"),
        "{}",
        life.log()
    );
    cluster.create("c");
    scene.has(3).await;
    until(|| scene.lines("more.jsonl").len() == 2, || life.log()).await;
    assert_eq!(life.reloads().await, refused);

    let address = behind(&life.log(), "metrics and health at http://").to_owned();
    let metrics = get(address.split('/').next().unwrap(), "/metrics").await.1;
    for line in [
        "tidings_config_reloads_total{outcome=\"applied\"} 1",
        "tidings_config_reloads_total{outcome=\"refused\"} 2",
        "tidings_config_last_reload_successful 0",
        "tidings_output_records_total{output=\"more\",result=\"delivered\"} 2",
    ] {
        assert!(metrics.lines().any(|it| it == line), "no {line} in\n{metrics}");
    }

    // Nobody sends a signal when a ConfigMap changes.
    let before = life.outcomes().len();
    scene.replace(&format!("clusterName: new\n{}", config("", "")));
    until(|| life.outcomes().len() > before, || life.log()).await;
    assert_eq!(
        behind(life.outcomes().last().unwrap(), ") "),
        "is obeyed now: receivers removed: more (what waits for them is kept for a day); \
         rules changed: route.match[0].receiver, route.match[1]"
    );
    life.says("clusterName: changed, and read at a start only; restart to obey it").await;
    cluster.create("d");
    assert_eq!(scene.has(4).await, ["a", "b", "c", "d"]);
    assert_eq!(scene.lines("more.jsonl").len(), 2);
    life.stops().await;
}

#[tokio::test]
async fn a_receiver_that_changes_goes_on_where_it_was_and_another_secret_is_a_change() {
    let cluster = Cluster::start().await;
    let old = Hook::start(|_| 503).await;
    let new = Hook::start(|_| 200).await;
    let scene = Scene::new("");
    scene.write("kubeconfig", cluster.playground.kubeconfig());
    scene.write("place", old.url());
    let place = scene.path("place").display().to_string();
    let hook = format!("- {{name: hook, webhook: {{endpoint: '${{file:{place}}}'}}}}\n");
    scene.replace(&config("{receiver: hook}, ", &hook));
    let life = scene.start(RUN);
    life.says("INFO watching").await;
    for name in ["a", "b", "c"] {
        cluster.create(name);
    }
    scene.has(3).await;
    life.says("events wait; trying again").await;
    scene.write("place", new.url());
    assert_eq!(
        behind(&life.reloads().await, ") "),
        "is obeyed now: receivers changed: hook (webhook.endpoint)"
    );
    assert_eq!(new.has(3).await, ["a", "b", "c"]);
    // Removed and back within a day: what waited is still there, and who is not there is sent nothing.
    scene.replace(&config("", ""));
    life.reloads().await;
    cluster.create("d");
    scene.has(4).await;
    scene.replace(&config("{receiver: hook}, ", &hook));
    life.reloads().await;
    cluster.create("e");
    assert_eq!(new.has(4).await, ["a", "b", "c", "e"]);
    assert_eq!(life.reloads().await.split_once(") ").unwrap().1, "is read again: nothing changed");
    let log = life.stops().await.log;
    assert!(!log.contains(&new.url()), "{log}");
}

#[tokio::test]
async fn a_broken_include_disables_itself_and_nothing_else() {
    let cluster = Cluster::start().await;
    let scene = Scene::new("");
    scene.write("kubeconfig", cluster.playground.kubeconfig());
    fs::create_dir(scene.path("teams")).unwrap();
    let team =
        "route: {match: [{receiver: team}]}\nreceivers: [{name: team, file: {path: team.jsonl}}]\n";
    scene.write("teams/a.yaml", team);
    let with = format!("include: 'teams/*.yaml'\n{}", config("", ""));
    scene.replace(&with);
    let life = scene.start(RUN);
    life.says("INFO watching").await;
    cluster.create("a");
    scene.has(1).await;
    until(|| !scene.lines("team.jsonl").is_empty(), || life.log()).await;
    scene.write("teams/a.yaml", "receivers: [");
    let outcome = life.reloads().await;
    assert!(outcome.contains("is obeyed now: receivers removed: team ("), "{outcome}");
    assert!(life.log().contains("so it is left out as a whole"), "{}", life.log());
    cluster.create("b");
    scene.has(2).await;
    scene.write("teams/a.yaml", team);
    life.reloads().await;
    cluster.create("c");
    scene.has(3).await;
    until(|| scene.lines("team.jsonl").len() == 2, || life.log()).await;
    assert_eq!(names(&scene.lines("team.jsonl")), ["a", "c"]);
    life.stops().await;
}

#[tokio::test]
async fn what_nobody_asked_for_at_the_start_needs_a_restart() {
    let cluster = Cluster::start().await;
    let shaped = "- {name: file, file: {path: events.jsonl, layout: {name: '{{ .Name }}'}}}\n";
    let config = |rules: &str| {
        format!("route: {{match: [{rules}{{receiver: file}}]}}\nreceivers:\n{shaped}")
    };
    let scene = Scene::with_cluster(&config(""), &cluster);
    let life = scene.start(RUN);
    life.says("INFO watching").await;
    scene.replace(&config("{receiver: file, labels: {app: x}}, "));
    let outcome = life.reloads().await;
    assert!(
        outcome.ends_with(
            "stays: labels and owners are asked for, and nobody asked at the start: restart to have them looked up"
        ),
        "{outcome}"
    );
    life.stops().await;
}

#[tokio::test]
async fn a_new_receiver_that_wants_what_came_before_it_needs_a_restart() {
    let cluster = Cluster::start().await;
    let scene = Scene::with_cluster(&config("", ""), &cluster);
    let life = scene.start(RUN);
    life.says("INFO watching").await;
    for (key, keys) in [("renamedFrom", "renamedFrom: [old]"), ("backfill", "backfill: 2h")] {
        let more = format!("- {{name: more, {keys}, file: {{path: more.jsonl}}}}\n");
        scene.replace(&config("{receiver: more}, ", &more));
        let refused = format!(
            "stays: receiver `more` is new and has `{key}`, which is obeyed at a start: restart"
        );
        assert_eq!(behind(&life.reloads().await, ") "), refused);
    }
    life.stops().await;
}
