use std::time::Duration;

use pipeline::send::{BatchSettings, LaneSettings, RateLimit};
use proptest::prelude::*;

use super::*;

mod messages;

mod oddities;

fn environment(name: &str) -> Option<String> {
    match name {
        "TOKEN" => Some("s3cret".into()),
        "NUMBER" => Some("12".into()),
        "RULES" => Some("\n  match:\n  - receiver: a".into()),
        _ => None,
    }
}

fn loaded(text: &str) -> Loaded {
    let reading = Reading { strict: false, environment: &environment };
    Loaded::from_bytes(text.as_bytes(), "config.yaml", Path::new(""), reading)
}

/// Everything that is said about a file.
fn said(text: &str) -> String {
    loaded(text).findings.iter().map(ToString::to_string).collect()
}

/// The settings of a file without mistakes.
fn settings(text: &str) -> Settings {
    let Loaded { settings, findings, .. } = loaded(text);
    settings.unwrap_or_else(|| panic!("{text}\n{findings:#?}"))
}

#[test]
fn the_original_file_is_read() {
    let settings = settings(
        "logFormat: json\nclusterName: prod\nmaxEventAgeSeconds: 60\nroute:\n  routes:\n  - match:\n    - receiver: dump\nreceivers:\n- name: dump\n  stdout: {}\n- name: hook\n  repeats: every\n  webhook: {endpoint: 'http://x/'}\n",
    );
    assert_eq!(settings.log_format, LogFormat::Json);
    assert_eq!((settings.max_age, settings.max_age_is_set), (60, true));
    let kinds: Vec<_> = settings.receivers.iter().map(|it| (it.kind.name, it.repeats)).collect();
    assert_eq!(kinds, [("stdout", Repeats::First), ("webhook", Repeats::Every)]);
}

#[test]
fn how_a_receiver_is_sent_to_is_read() {
    let sending = |keys: &str| {
        let text = format!("receivers: [{{name: a, {keys}, stdout: {{}}}}]");
        settings(&text).receivers.remove(0).sending
    };
    let file = crate::kinds::find("file").unwrap();
    let lane = |keys: &str| sending(keys).lane(file);
    assert_eq!(lane("rateLimit: "), LaneSettings::default());
    assert_eq!(lane("rateLimit: {perSecond: 2.5}").rate_limit, RateLimit::new(2.5, 3));
    let limited = sending("rateLimit: {perSecond: 0.5, burst: 7}");
    assert_eq!(limited.lane(file).rate_limit, RateLimit::new(0.5, 7));
    let shown = serde_json::json!({"perSecond": 0.5, "burst": 7});
    assert_eq!(limited.shown(), [("rateLimit", shown)]);
    let gathered = sending("batch: {events: 100, bytes: 64KiB, wait: 1m 30s}");
    let batch = BatchSettings { events: 100, bytes: 65_536, wait: Duration::from_secs(90) };
    assert_eq!(gathered.lane(file), LaneSettings { batch, ..LaneSettings::default() });
    let shown = serde_json::json!({"events": 100, "bytes": 65_536, "wait": "90s"});
    assert_eq!(gathered.shown(), [("batch", shown)]);
    let many = sending("concurrency: 8");
    assert_eq!((many.lane(file).concurrency, lane("concurrency: ").concurrency), (8, 1));
    assert_eq!(many.shown(), [("concurrency", 8.into())]);
    let late = sending("maxDeliveryAge: 15m, probe: 30s");
    let seconds = Duration::from_secs;
    let told = (late.lane(file).max_age, late.lane(file).probe_every);
    assert_eq!(told, (Some(seconds(900)), seconds(30)));
    assert_eq!(late.shown(), [("maxDeliveryAge", "15m".into()), ("probe", "30s".into())]);
    let people = event::SinkKind { for_people: true, ..*file };
    assert_eq!(sending("concurrency: ").lane(&people).max_age, Some(seconds(900)));
    assert_eq!(sending("maxDeliveryAge: unlimited").lane(&people).max_age, None);
    assert_eq!(lane("concurrency: ").max_age, None);
    let moved = sending("renamedFrom: [old], backfill: 2h");
    assert_eq!(
        (moved.renamed_from(), moved.backfill()),
        (&["old".into()][..], Some(seconds(7200)))
    );
    assert_eq!(lane("batch: {bytes: 12, wait: 0s}").batch.bytes, 12);
}

#[test]
fn an_empty_file_is_accepted() {
    for text in ["", "# only a comment\n", "---\n", "~\n", "{}"] {
        let settings = settings(text);
        assert_eq!((settings.max_age, settings.receivers.len()), (5, 0));
        assert_eq!(settings.kube_qps.to_bits(), 5f32.to_bits());
        assert_eq!((settings.kube_burst, settings.cache_size), (10, 1024));
        assert_eq!(settings.leader_election.id, "kubernetes-event-exporter");
    }
}

#[test]
fn every_key_of_the_original_is_kept() {
    let settings = settings(
        "logLevel: warn\nthrottlePeriod: 7\nclusterName: 1.0\nnamespace: shop\nleaderElection: {enabled: true, leaderElectionID: lock}\nkubeQPS: 100\nkubeBurst: 500\nmetricsNamePrefix: event_exporter_\nomitLookup: true\ncacheSize: 2048\nmetrics: {address: ':9', legacy: [a], maxSeries: 10}\n",
    );
    assert_eq!((&*settings.log_level, settings.max_age), ("warn", 7));
    assert_eq!(settings.cluster_name, "1");
    assert_eq!(settings.namespaces, ["shop"]);
    let election = LeaderElection { enabled: true, id: "lock".into(), ..LeaderElection::default() };
    assert_eq!(settings.leader_election, election);
    assert_eq!(settings.kube_qps.to_bits(), 100f32.to_bits());
    assert_eq!((settings.kube_burst, settings.cache_size), (500, 2048));
    assert_eq!((&*settings.metrics_name_prefix, settings.omit_lookup), ("event_exporter_", true));
    let metrics = MetricsSettings {
        address: Some(":9".into()),
        legacy: vec!["a".into()],
        max_series: Some(10),
    };
    assert_eq!(settings.metrics, metrics);
}

#[test]
fn several_namespaces_can_be_watched() {
    assert_eq!(settings("namespaces: {include: [a, b, '']}").namespaces, ["a", "b"]);
}

#[test]
fn a_namespace_has_limits_unless_they_are_off() {
    let limits = |text: &str| serde_json::to_value(settings(text).limits).unwrap();
    let usual = serde_json::json!({"perNamespace": {"rate": "200/s", "burst": 10_000}});
    assert_eq!(limits(""), usual);
    assert_eq!(limits("limits: {perNamespace: off}"), serde_json::json!({"perNamespace": "off"}));
    assert_eq!(
        said("limits:\n  perNamespace: {rate: 200}\n"),
        "config.yaml:2:24: mistake: limits.perNamespace.rate: `200` is no rate such as 200/s, 600/m or 1000/h\n 2 |   perNamespace: {rate: 200}\n   |                        ^^^\n"
    );
}

#[test]
fn strict_takes_warnings_for_mistakes() {
    let text = b"clusterNam: x\n";
    let load = |strict| {
        let reading = Reading { strict, environment: &environment };
        Loaded::from_bytes(text, "config.yaml", Path::new(""), reading).settings.is_some()
    };
    assert!(load(false));
    assert!(!load(true));
}

#[test]
fn included_files_add_receivers_and_routes() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("a.yaml", "receivers: [{name: a, stdout: {}}]\nroute: {match: [{receiver: a}]}\n");
    write("b.yaml", "receivers:\n- {name: b, stdout: {}}\nroutes:\n- match: [{receiver: bb}]\n");
    write(
        "c.yaml",
        "receivers:\n- name: c\n  stdout: {format: [x]}\nroute: {match: [{receiver: c}]}\n",
    );
    let text = "include: '*.yaml'\nroute: {routes: [{match: [{receiver: main}]}]}\nreceivers: [{name: main, stdout: {}}]\n";
    let load = |strict| {
        let reading = Reading { strict, environment: &environment };
        Loaded::from_bytes(text.as_bytes(), "main.yaml", folder.path(), reading)
    };
    let Loaded { settings, findings, .. } = load(false);
    let settings = settings.unwrap();
    let names: Vec<_> = settings.receivers.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["main", "a", "b"]);
    let receivers: Vec<_> =
        settings.route.routes.iter().map(|it| it.matches[0].receiver.as_str()).collect();
    assert_eq!(receivers, ["main", "a", "bb"]);
    let said: String = findings.iter().map(|it| it.line() + "\n").collect();
    let folder = folder.path().display();
    assert_eq!(
        said,
        format!(
            "main.yaml:1:10: include: `{folder}/c.yaml` has 1 mistake, so it is left out as a whole; its receivers get nothing until it is mended\n\
             {folder}/b.yaml:2:10: receivers[0].name: no rule sends to `b`, so it gets nothing; add `- receiver: b` to a `match`, or remove it\n\
             {folder}/b.yaml:4:22: routes[0].match[0].receiver: there is no receiver `bb`, so this rule sends nothing; the receivers are `a`, `b`, `main`\n\
             {folder}/c.yaml:3:12: receivers[0].stdout.format: a list is none of `json`, `pretty`\n"
        )
    );
    assert!(load(true).settings.is_none());
}

#[test]
fn a_secret_from_a_file_reaches_its_receiver_and_no_message() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "s3cret: [\n").unwrap();
    let text = format!(
        "route: {{match: [{{receiver: a}}]}}\nreceivers: [{{name: a, webhook: {{endpoint: 'http://x/', headers: {{X: 'Bearer ${{file:{}}}'}}}}}}]\n",
        path.display()
    );
    let loaded = loaded(&text);
    assert_eq!(loaded.findings, []);
    let settings = loaded.settings.as_ref().unwrap();
    assert_eq!(settings.receivers[0].settings["headers"]["X"], "Bearer s3cret: [");
    assert!(loaded.is_replaced(&settings.receivers[0], "webhook.headers.X"));
    assert!(!loaded.is_replaced(&settings.receivers[0], "webhook.endpoint"));
}

/// What is said must point into the file.
fn check_places(text: &[u8]) {
    let reading = Reading { strict: false, environment: &environment };
    let loaded = Loaded::from_bytes(text, "config.yaml", Path::new("/nowhere"), reading);
    let text = String::from_utf8_lossy(text);
    // As `str::lines`, with one more where the text ends.
    let lines: Vec<_> = text.split('\n').map(|line| line.chars().count()).collect();
    for finding in loaded.findings {
        let place = finding.place.unwrap();
        let line = lines.get(place.line - 1);
        assert!(line.is_some_and(|length| place.column <= length + 1), "{finding}\n{text:?}");
        assert!(!finding.to_string().is_empty());
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_and_every_place_is_in_the_file(
        text in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        check_places(&text);
    }

    #[test]
    fn anything_like_yaml_is_read_and_every_place_is_in_the_file(
        text in r"([ \n\t:{}\[\],\-#&*!|>'\x22%@`?é]|route|match|drop|receivers|name|stdout|webhook|receiver|kind|<<|&a|\*a|\$TOKEN|\$RULES|\$\{X\}|\{\{|\}\}|: |\n- |\n  |!int|!!str|01|1\.5|yes|~){0,40}",
    ) {
        check_places(text.as_bytes());
    }

    #[test]
    fn a_file_with_one_strange_value_is_read(
        value in r"(\[|\]|\{|\}|a|: |, |\x22|'|!x |&a |\*a|<<|-|1|\n|\n  |\n    - ){0,12}",
        key in "logLevel|kubeQPS|route|receivers|include|namespaces|leaderElection|metrics|clusterName",
    ) {
        check_places(format!("clusterName: x\n{key}: {value}\nnamespace: y\n").as_bytes());
    }
}
