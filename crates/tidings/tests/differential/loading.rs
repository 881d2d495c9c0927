//! Which configs load, and what is understood of them.

use std::{path::Path, sync::Arc};

use event::{LaneId, SinkContext, SystemClock, Text};
use pipeline::route::{Receiver, RouteSettings, Router, RuleSettings};
use serde_json::{Map, Value, json};
use tidings::settings::{self, Loaded, LogFormat, Reading, Settings};
use tokio::runtime::Runtime;

use super::{
    configs::{Config, Expects},
    oracle::{Answer, Oracle},
    tally::{Subject, Table, diff},
};

/// A config that both sides understood, or that only we could not build all receivers of.
pub(crate) struct Understood<'c> {
    pub(crate) config: &'c Config,
    /// What the original understood.
    pub(crate) theirs: Value,
    /// Our tree without the conditions that only we have.
    pub(crate) router: Router,
    /// Our tree with them, where there are any.
    pub(crate) whole: Option<Router>,
    /// Whom our tree names, by lane.
    pub(crate) names: Vec<Text>,
    /// The receivers, where all are of kinds that are built.
    pub(crate) receivers: Vec<settings::Receiver>,
    /// The row that says that we understand the file otherwise.
    pub(crate) meant: Option<String>,
}

/// What we say to a file.
enum Ours {
    Loaded(Box<Settings>),
    /// Only because it has a sink that is not built yet.
    NotBuilt,
    Refused(String),
}

/// Compares the verdicts, and what was understood where both load.
pub(crate) fn compare<'c>(
    oracle: &mut Oracle,
    configs: &'c [Config],
    table: &mut Table,
) -> anyhow::Result<Vec<Understood<'c>>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut verdicts = Subject::new("loading verdicts");
    let mut meanings = Subject::new("what was meant");
    let mut loaded = Vec::new();
    for config in configs {
        let theirs = oracle.config("load", &config.text)?;
        let ours = connected(load(&config.text), &runtime);
        let outcome = verdict(&config.text, &theirs, &ours);
        let meant = outcome.meant(&config.expects);
        record(&mut verdicts, config, outcome, &mut meanings);
        let (Answer::Ok { result }, settings) = (theirs, ours) else { continue };
        let (settings, built) = match settings {
            Ours::Loaded(settings) => (*settings, true),
            Ours::NotBuilt => match load(&with_stdout(&config.text, &result)) {
                Ours::Loaded(settings) => (*settings, false),
                _ => continue,
            },
            Ours::Refused(_) => continue,
        };
        let mut config = tree(config, result, &settings);
        config.meant = meant;
        if built {
            config.receivers = settings.receivers;
        }
        loaded.push(config);
    }
    table.add(verdicts);
    table.add(meanings);
    Ok(loaded)
}

impl Understood<'_> {
    /// Whether the original ends what this receiver sends with a newline.
    pub(crate) fn ends_lines(&self, receiver: &Value) -> bool {
        let receiver = receiver.as_u64().and_then(|number| usize::try_from(number).ok());
        let kind =
            receiver.map_or(&Value::Null, |number| &self.theirs["receivers"][number]["kind"]);
        ["file", "pipe", "stdout"].iter().any(|name| kind == name)
    }
}

/// How the two sides' answers compare.
enum Outcome {
    SameRefusal,
    /// Both load, and this is a difference in what was understood.
    BothLoad(Option<String>),
    /// Both load; that the second is understood otherwise stands in this row.
    MeantOtherwise(&'static str),
    By(&'static str),
    Different(String),
}

impl Outcome {
    /// The row that says why the file is understood otherwise.
    fn meant(&self, expects: &Expects) -> Option<String> {
        match (self, expects) {
            (Self::MeantOtherwise(id), _) => Some((*id).to_owned()),
            (Self::BothLoad(Some(_)), Expects::Differs(id) | Expects::MayDiffer(id)) => {
                Some(id.clone())
            }
            _ => None,
        }
    }
}

fn verdict(text: &str, theirs: &Answer, ours: &Ours) -> Outcome {
    match (theirs, ours) {
        (Answer::Panics | Answer::Hangs, _) => Outcome::By("D05"),
        (Answer::Ok { .. }, Ours::NotBuilt) => Outcome::By("D07"),
        (Answer::Ok { result }, Ours::Loaded(settings)) => {
            let difference = different_meaning(result, settings);
            if difference.is_some() && is_older_spelling(text, result) {
                return Outcome::MeantOtherwise("D02");
            }
            Outcome::BothLoad(difference)
        }
        (Answer::Ok { .. }, Ours::Refused(why)) => match stated(why) {
            Some(id) => Outcome::By(id),
            None => Outcome::Different(format!("only we refuse: {why}")),
        },
        (Answer::Error { .. }, Ours::Refused(_) | Ours::NotBuilt) => Outcome::SameRefusal,
        (Answer::Error { step, error }, Ours::Loaded(_)) => {
            let error = error.lines().next().unwrap_or_default();
            Outcome::Different(format!("only the original refuses: {step}: {error}"))
        }
        (Answer::Refused { error }, _) => Outcome::Different(error.clone()),
    }
}

/// The row that says that we refuse this.
fn stated(why: &str) -> Option<&'static str> {
    const ROWS: &[(&[&str], &str, &str)] = &[
        (&["`webhook.endpoint`: ", "`loki.url`: ", ".hosts`: "], "is no URL", "D11"),
        (&["`webhook.endpoint`: ", "`loki.url`: ", ".hosts`: "], "is missing", "D11"),
        (&["`elasticsearch.index`: ", "`opensearch.index`: "], "is missing", "D84"),
        (&["`streamLabels`: "], "is no label", "D89"),
    ];
    let says = |(keys, what, _): &&(&[&str], &str, _)| {
        why.contains(what) && keys.iter().any(|key| why.contains(key))
    };
    ROWS.iter().find(says).map(|(.., id)| *id)
}

fn record(verdicts: &mut Subject, config: &Config, outcome: Outcome, meanings: &mut Subject) {
    let name = &config.name;
    let (subject, difference) = match outcome {
        Outcome::By(id) => return verdicts.allowed(id),
        Outcome::MeantOtherwise(id) => {
            verdicts.equal();
            return meanings.allowed(id);
        }
        Outcome::SameRefusal => (verdicts, None),
        Outcome::Different(how) => (verdicts, Some(how)),
        Outcome::BothLoad(how) => {
            verdicts.equal();
            (meanings, how)
        }
    };
    match (difference, &config.expects) {
        (None, Expects::Same | Expects::MayDiffer(_)) => subject.equal(),
        (Some(_), Expects::Differs(id) | Expects::MayDiffer(id)) => subject.allowed(id),
        (Some(how), Expects::Same) => subject.wrong(|| format!("{name}: {how}")),
        (None, Expects::Differs(id)) => {
            subject.wrong(|| format!("{name}: no difference any more, but its head says {id}"));
        }
    }
}

fn load(text: &str) -> Ours {
    let reading = Reading { strict: false, environment: &settings::process };
    let loaded = Loaded::from_bytes(text.as_bytes(), "config.yaml", Path::new(""), reading);
    let mistakes = loaded.findings.iter().filter(|finding| finding.is_mistake());
    let not_built =
        |it: &str| it.ends_with("are not built yet") || it.starts_with("this build has no ");
    let only_not_built = mistakes.map(|it| not_built(&it.message));
    let only_not_built = only_not_built.reduce(|a, b| a && b).unwrap_or(false);
    match loaded.into_settings() {
        Ok(settings) => Ours::Loaded(Box::new(settings)),
        Err(_) if only_not_built => Ours::NotBuilt,
        Err(mistakes) => Ours::Refused(mistakes),
    }
}

/// A start makes the receivers too, and refuses what can never work; nothing is reached for here.
fn connected(ours: Ours, runtime: &Runtime) -> Ours {
    let Ours::Loaded(settings) = ours else { return ours };
    for receiver in &settings.receivers {
        let made = (receiver.kind.connect)(receiver.settings.clone(), context());
        if let Err(error) = runtime.block_on(made) {
            return Ours::Refused(format!("{}: {error}", receiver.name));
        }
    }
    Ours::Loaded(settings)
}

/// What a sink is given beside its settings.
pub(crate) fn context() -> SinkContext {
    SinkContext {
        receiver: "a".into(),
        user_agent: "differential".into(),
        clock: Arc::new(SystemClock),
    }
}

/// Whether both understand the same once the spellings of older versions are keys that nobody knows.
fn is_older_spelling(text: &str, theirs: &Value) -> bool {
    let unknown = text.replace("apiversion:", "x-apiversion:").replace("mincount:", "x-mincount:");
    let Ours::Loaded(settings) = load(&unknown) else { return false };
    unknown != text && different_meaning(theirs, &settings).is_none()
}

/// The file with receivers of the same names that are built: the tree can be compared all the same.
fn with_stdout(text: &str, theirs: &Value) -> String {
    let mut kept = String::new();
    let mut inside = false;
    for line in text.lines() {
        let top = !line.starts_with([' ', '\t', '-', '#']) && !line.trim().is_empty();
        inside = if top { line.starts_with("receivers") } else { inside };
        if !inside {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    let receivers = theirs["receivers"].as_array().into_iter().flatten();
    let receivers: Vec<_> = receivers.map(|it| json!({"name": it["name"], "stdout": {}})).collect();
    // JSON is YAML.
    format!("{kept}receivers: {}\n", Value::from(receivers))
}

fn tree<'c>(config: &'c Config, theirs: Value, settings: &Settings) -> Understood<'c> {
    let names: Vec<_> = settings.receivers.iter().map(|it| it.name.clone()).collect();
    let receivers: Vec<_> = (0..)
        .zip(&settings.receivers)
        .map(|(lane, it)| Receiver {
            name: it.name.clone(),
            lane: LaneId(lane),
            repeats: it.repeats,
        })
        .collect();
    let plain = without_additions(&settings.route);
    let (router, _) = Router::new(&plain, &receivers);
    let whole = (plain != settings.route).then(|| Router::new(&settings.route, &receivers).0);
    Understood { config, theirs, router, whole, names, receivers: Vec::new(), meant: None }
}

/// The tree as one reads it who does not know the keys of D03.
fn without_additions(route: &RouteSettings) -> RouteSettings {
    let rules = |rules: &[RuleSettings]| rules.iter().map(plain_rule).collect();
    RouteSettings {
        drop: rules(&route.drop),
        matches: rules(&route.matches),
        routes: route.routes.iter().map(without_additions).collect(),
    }
}

/// Every key that the original has, one by one: a key that is new here is none of them.
fn plain_rule(rule: &RuleSettings) -> RuleSettings {
    RuleSettings {
        message: rule.message.clone(),
        api_version: rule.api_version.clone(),
        kind: rule.kind.clone(),
        namespace: rule.namespace.clone(),
        reason: rule.reason.clone(),
        event_type: rule.event_type.clone(),
        component: rule.component.clone(),
        host: rule.host.clone(),
        labels: rule.labels.clone(),
        annotations: rule.annotations.clone(),
        min_count: rule.min_count,
        receiver: rule.receiver.clone(),
        ..RuleSettings::default()
    }
}

/// Where our understanding of a file is another.
fn different_meaning(theirs: &Value, settings: &Settings) -> Option<String> {
    let layout = |it: &settings::Receiver| it.settings.get("layout").cloned().unwrap_or_default();
    let receivers = settings.receivers.iter();
    let receivers: Vec<_> = receivers
        .map(|it| json!({"name": it.name, "kind": it.kind.name, "layout": layout(it)}))
        .collect();
    let ours = json!({
        "logFormat": if settings.log_format == LogFormat::Json { "json" } else { "pretty" },
        "clusterName": settings.cluster_name,
        "namespace": settings.namespaces.first().map_or("", Text::as_str),
        "maxEventAgeSeconds": settings.max_age,
        "leaderElection": settings.leader_election.enabled,
        "kubeQPS": settings.kube_qps,
        "kubeBurst": settings.kube_burst,
        "metricsNamePrefix": settings.metrics_name_prefix,
        "omitLookup": settings.omit_lookup,
        "cacheSize": settings.cache_size,
        "route": route(&settings.route),
        "receivers": receivers,
    });
    for (key, ours) in ours.as_object().into_iter().flatten() {
        let theirs = their_part(key, &theirs[key]);
        if theirs != *ours {
            return Some(format!("{key}\n{}", diff(&theirs.to_string(), &ours.to_string())));
        }
    }
    None
}

/// Whether rules can reach this receiver: it has a name, and it is the last of that name.
pub(crate) fn is_reachable(receivers: &[Value], number: usize) -> bool {
    let name = &receivers[number]["name"];
    name != "" && receivers[number + 1..].iter().all(|later| later["name"] != *name)
}

/// Their part in the form of ours.
fn their_part(key: &str, theirs: &Value) -> Value {
    match key {
        "clusterName" | "namespace" | "metricsNamePrefix" if theirs.is_null() => json!(""),
        "leaderElection" | "omitLookup" if theirs.is_null() => json!(false),
        "logFormat" if theirs.is_null() => json!("pretty"),
        // Numbers of either library: the text may be another.
        "kubeQPS" => json!(theirs.as_f64().unwrap_or_default()),
        // A negative age is older than everything, as no age is.
        "maxEventAgeSeconds" => json!(theirs.as_i64().unwrap_or_default().max(0)),
        "receivers" => {
            let receivers = theirs.as_array().map(Vec::as_slice).unwrap_or_default();
            let reachable = (0..receivers.len()).filter(|number| is_reachable(receivers, *number));
            reachable
                .map(|number| &receivers[number])
                .map(|it| json!({"name": it["name"], "kind": it["kind"], "layout": it["layout"]}))
                .collect()
        }
        _ => theirs.clone(),
    }
}

fn route(settings: &RouteSettings) -> Value {
    let mut node = Map::new();
    let rules = |rules: &[RuleSettings]| rules.iter().map(rule).collect::<Vec<_>>();
    for (key, rules) in [("drop", rules(&settings.drop)), ("match", rules(&settings.matches))] {
        if !rules.is_empty() {
            node.insert(key.into(), rules.into());
        }
    }
    if !settings.routes.is_empty() {
        node.insert("routes".into(), settings.routes.iter().map(route).collect());
    }
    node.into()
}

fn rule(settings: &RuleSettings) -> Value {
    let texts = [
        ("message", &settings.message),
        ("apiVersion", &settings.api_version),
        ("kind", &settings.kind),
        ("namespace", &settings.namespace),
        ("reason", &settings.reason),
        ("type", &settings.event_type),
        ("component", &settings.component),
        ("host", &settings.host),
        ("receiver", &settings.receiver),
    ];
    let texts = texts.into_iter().filter(|(_, text)| !text.is_empty());
    let mut rule: Map<_, _> = texts.map(|(key, text)| (key.into(), json!(text))).collect();
    for (key, map) in [("labels", &settings.labels), ("annotations", &settings.annotations)] {
        if !map.is_empty() {
            rule.insert(key.into(), json!(map));
        }
    }
    if settings.min_count != 0 {
        rule.insert("minCount".into(), json!(settings.min_count));
    }
    rule.into()
}
