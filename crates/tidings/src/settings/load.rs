//! From the bytes of files to settings, with everything that is wrong on the way.

use std::{fs, path::Path};

use event::{Text, written};
use pipeline::route::RouteSettings;
use serde_json::Value;

use super::{
    Receiver, Settings,
    expand::Environment,
    file::{File, Included},
    finding::{Finding, Severity},
    footprint::{self, Footprint},
    older,
    receiver::Origin,
    remark::Remark,
    review,
    simple::Simple,
    source::Source,
};

/// Age limit where the file has none, in seconds; that of kubernetes-event-exporter, like what follows.
pub(super) const MAX_AGE: u32 = 5;
pub(super) const KUBE_QPS: f32 = 5.0;
pub(super) const KUBE_BURST: i64 = 10;
pub(super) const CACHE_SIZE: usize = 1024;

/// What became of a config.
#[derive(Debug)]
pub struct Loaded {
    /// What is to be obeyed; nothing when there is a mistake.
    pub settings: Option<Settings>,
    /// Everything that is wrong, in the order of the files.
    pub findings: Vec<Finding>,
    /// The receivers whose settings can be read, whatever else is wrong.
    pub(crate) receivers: Vec<Receiver>,
    /// The files that it was read from.
    pub(crate) footprint: Footprint,
    files: Files,
}

/// How a config is read.
#[derive(Clone, Copy)]
pub struct Reading<'e> {
    /// Warnings are mistakes.
    pub strict: bool,
    /// Where `$NAME` comes from.
    pub environment: Environment<'e>,
}

impl std::fmt::Debug for Reading<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading").field("strict", &self.strict).finish_non_exhaustive()
    }
}

impl Loaded {
    /// Reads the file at `path`, and what it includes.
    pub fn from_file(path: &Path, reading: Reading<'_>) -> Self {
        let name = path.display().to_string();
        let read = fs::read(path);
        let mut footprint = Footprint::default();
        footprint.file(path, read.as_deref().ok());
        match read {
            Ok(bytes) => {
                let folder = path.parent().unwrap_or(Path::new(""));
                Self::read((&bytes, &name), folder, reading, footprint)
            }
            Err(error) => {
                let hint = Some("give the path of a config with --config".to_owned());
                let message = format!("the config cannot be read: {error}");
                let findings = vec![Finding::of_file(&name, message, hint)];
                let (receivers, files) = (Vec::new(), Files::default());
                Self { settings: None, findings, receivers, footprint, files }
            }
        }
    }

    /// Reads `bytes`, called `name`, whose includes are relative to `folder`.
    pub fn from_bytes(bytes: &[u8], name: &str, folder: &Path, reading: Reading<'_>) -> Self {
        Self::read((bytes, name), folder, reading, Footprint::default())
    }

    fn read(
        (bytes, name): (&[u8], &str),
        folder: &Path,
        reading: Reading<'_>,
        footprint: Footprint,
    ) -> Self {
        let (files, findings) = (Files::default(), Vec::new());
        let mut loader = Loader { reading, files, findings, footprint };
        let settings = loader.load(bytes, name, folder);
        let Loader { files, mut findings, footprint, .. } = loader;
        let dangling = files.sources.iter().flat_map(|source| source.dangling(&findings));
        let dangling: Vec<_> = dangling.collect();
        findings.extend(dangling);
        for finding in findings.iter_mut().filter(|_| reading.strict) {
            finding.severity = Severity::Mistake;
        }
        files.sort(&mut findings);
        let mut receivers = settings.as_ref().map(|it| it.receivers.clone()).unwrap_or_default();
        receivers.retain(|receiver| {
            let own = format!("{}.", receiver.origin.path);
            let file = &files.sources[receiver.origin.source];
            let mut mistakes = findings.iter().filter(|finding| finding.is_mistake());
            !mistakes.any(|it| file.is(&it.file) && it.path.starts_with(&own))
        });
        let settings = settings.filter(|_| !findings.iter().any(Finding::is_mistake));
        Self { settings, findings, receivers, footprint, files }
    }

    /// The settings, or every mistake as a text.
    pub fn into_settings(self) -> Result<Settings, String> {
        self.settings.ok_or_else(|| {
            let mistakes = self.findings.iter().filter(|finding| finding.is_mistake());
            mistakes.map(ToString::to_string).collect::<String>().trim_end().to_owned()
        })
    }

    /// A mistake in the settings of a receiver that only its kind could find.
    pub(crate) fn add_mistake(&mut self, receiver: &Receiver, message: &str) {
        // Kinds begin with the key that is wrong, in quotes; behind that of the whole may come the path.
        let key = message.strip_prefix('`').and_then(|rest| rest.split_once('`'));
        let (key, mut message) = match key {
            Some((key, rest)) => (key, rest.trim_start_matches(": ")),
            None => (receiver.kind.name, message),
        };
        let mut path = format!("{}.{key}", receiver.origin.path);
        let source = &self.files.sources[receiver.origin.source];
        if let Some((inner, rest)) = message.split_once(": ") {
            let inner = format!("{path}.{}", inner.trim_matches('`'));
            if source.has(&inner) {
                (path, message) = (inner, rest);
            }
        }
        let remark = Remark::mistake(path, message);
        let finding = self.files.finding(receiver.origin.source, remark);
        self.findings.push(finding);
        self.files.sort(&mut self.findings);
    }

    /// Whether a value of a receiver was put in from the environment or a file.
    pub(crate) fn is_replaced(&self, receiver: &Receiver, path: &str) -> bool {
        let path = format!("{}.{path}", receiver.origin.path);
        self.files.sources[receiver.origin.source].is_replaced(&path)
    }
}

/// Every file of the config: itself, then what it includes.
#[derive(Debug, Default)]
struct Files {
    sources: Vec<Source>,
    /// The routes of included files: which one of the root's, and where it was written.
    routes: Vec<(usize, Origin)>,
}

impl Files {
    /// Where something in the whole tree was written.
    fn origin(&self, path: &str) -> Origin {
        let here = || Origin { source: 0, path: path.to_owned() };
        let inner = path.strip_prefix("route.routes[").and_then(|rest| rest.split_once(']'));
        let Some((index, rest)) = inner else { return here() };
        let included = self.routes.iter().find(|(at, _)| index.parse() == Ok(*at));
        included.map_or_else(here, |(_, origin)| {
            let path = format!("{}{rest}", origin.path);
            Origin { source: origin.source, path }
        })
    }

    fn finding(&self, source: usize, remark: Remark) -> Finding {
        let Remark { path, on_key, inside, unknown, mut severity, mut message, mut hint } = remark;
        let source = &self.sources[source];
        if unknown && !source.is_text_key(&path) {
            // The original's structs have texts as keys only.
            severity = Severity::Mistake;
            message = "a key is a text, and this is none".into();
            hint = Some("remove it, or put it in quotes".into());
        }
        if let Some(inside) = inside {
            return source.about_inside(&path, inside, severity, message, hint);
        }
        if severity == Severity::Mistake && hint.is_none() {
            hint = source.spelling(&path).map(str::to_owned);
        }
        source.about(&path, on_key, severity, message, hint)
    }

    fn sort(&self, findings: &mut [Finding]) {
        let place = |file: &str| self.sources.iter().position(|source| source.is(file));
        findings.sort_by_cached_key(|it| (place(&it.file), it.place, it.severity));
    }
}

struct Loader<'e> {
    reading: Reading<'e>,
    files: Files,
    findings: Vec<Finding>,
    footprint: Footprint,
}

/// What was read of one file.
#[derive(Default)]
struct Part {
    receivers: Vec<Receiver>,
    /// Also of receivers that cannot be used, so that a rule for one is no second mistake.
    names: Vec<(Text, Origin)>,
    remarks: Vec<Remark>,
}

impl Loader<'_> {
    fn load(&mut self, bytes: &[u8], name: &str, folder: &Path) -> Option<Settings> {
        let mut value = self.open(bytes, name)?;
        let mut part = Part::default();
        older::leave_out(&mut value, "", &mut part.remarks);
        let written::Decoded { value: file, flaws } = written::decode::<File>(&value, "");
        part.remarks.extend(flaws.into_iter().map(Remark::from));
        let mut file = file.unwrap_or_default();
        part.read(&file.receivers, 0);
        let simple = Simple::read(&file, &mut part.remarks);
        let mut route = std::mem::take(&mut file.route);
        for pattern in &file.include.0 {
            self.include(pattern, folder, &mut route, &mut part);
        }
        let receivers = part.distinct();
        let names: Vec<_> = part.names.iter().map(|(name, _)| name.clone()).collect();
        for (at, name) in file.canary.receivers.iter().enumerate() {
            if !names.contains(name) {
                let message = format!("there is no receiver `{name}`, so no canary comes back");
                let remark = Remark::mistake(format!("canary.receivers[{at}]"), message);
                part.remarks.push(remark.hint("write the `name` of a receiver, or remove it"));
            }
        }
        let reviewed = review::route(&route, &names, file.omit_lookup);
        self.say(0, part.remarks);
        for remark in reviewed {
            let origin = self.files.origin(&remark.path);
            self.say(origin.source, vec![Remark { path: origin.path, ..remark }]);
        }
        for (name, origin) in &part.names {
            if !review::is_named(&route, name) {
                let message = format!("no rule sends to `{name}`, so it gets nothing");
                let remark = Remark::warning(format!("{}.name", origin.path), message);
                let hint = format!("add `- receiver: {name}` to a `match`, or remove it");
                self.say(origin.source, vec![remark.hint(hint)]);
            }
        }
        let hash = xxhash_rust::xxh3::xxh3_64(bytes);
        Some(Settings {
            log_level: simple.log_level,
            log_format: simple.log_format,
            max_age: simple.max_age.unwrap_or(MAX_AGE),
            max_age_is_set: simple.max_age.is_some(),
            cluster_name: file.cluster_name,
            namespaces: simple.namespaces,
            leader_election: simple.leader_election,
            kube_qps: if file.kube_qps == 0.0 { KUBE_QPS } else { file.kube_qps },
            kube_burst: if file.kube_burst == 0 { KUBE_BURST } else { file.kube_burst },
            cache_size: simple.cache_size,
            metrics_name_prefix: file.metrics_name_prefix,
            metrics: file.metrics,
            journal: simple.journal,
            limits: file.limits,
            canary: simple.canary,
            omit_lookup: file.omit_lookup,
            route,
            receivers,
            origin: format!("{name} ({:08x})", hash >> 32),
        })
    }

    /// Reads one file. Nothing when it is broken.
    fn open(&mut self, bytes: &[u8], name: &str) -> Option<Value> {
        let (mut source, findings) = Source::new(name, bytes, self.reading.environment);
        for (path, bytes) in source.take_files() {
            self.footprint.secret(&path, bytes.as_deref());
        }
        let is_broken = source.root.is_none() && findings.iter().any(Finding::is_mistake);
        let value = source.value();
        self.files.sources.push(source);
        self.findings.extend(findings);
        (!is_broken).then_some(value)
    }

    fn say(&mut self, source: usize, remarks: Vec<Remark>) {
        let findings = remarks.into_iter().map(|remark| self.files.finding(source, remark));
        self.findings.extend(findings.collect::<Vec<_>>());
    }

    /// Adds the files that `pattern` names. One with a mistake is left out.
    fn include(
        &mut self,
        pattern: &str,
        folder: &Path,
        route: &mut RouteSettings,
        part: &mut Part,
    ) {
        let full = folder.join(pattern).display().to_string();
        let paths = match footprint::matching(&full) {
            Ok(paths) => paths,
            Err(error) => {
                let message = format!("`{pattern}` is no pattern of paths: {}", error.msg);
                part.remarks.push(Remark::mistake("include", message));
                return;
            }
        };
        self.footprint.pattern(&full, &paths);
        if paths.is_empty() {
            let hint = format!("it is looked for at `{full}`");
            let message = format!("no file matches `{pattern}`");
            part.remarks.push(Remark::warning("include", message).hint(hint));
        }
        for path in paths {
            let name = path.display().to_string();
            if self.files.sources.iter().any(|source| source.is(&name)) {
                continue;
            }
            if let Err(why) = self.included(&path, &name, route, part) {
                let message = format!("`{name}` {why}, so it is left out as a whole");
                let hint = "its receivers get nothing until it is mended";
                part.remarks.push(Remark::warning("include", message).hint(hint));
            }
        }
    }

    /// Adds one file, or says why not.
    fn included(
        &mut self,
        path: &Path,
        name: &str,
        route: &mut RouteSettings,
        part: &mut Part,
    ) -> Result<(), String> {
        let read = fs::read(path);
        self.footprint.file(path, read.as_deref().ok());
        let bytes = read.map_err(|error| format!("cannot be read: {error}"))?;
        let source = self.files.sources.len();
        let before = self.findings.len();
        let mut value = self.open(&bytes, name).unwrap_or_default();
        let mut inner = Part::default();
        older::leave_out(&mut value, "", &mut inner.remarks);
        let written::Decoded { value, flaws } = written::decode::<Included>(&value, "");
        inner.remarks.extend(flaws.into_iter().map(Remark::from));
        let file = value.unwrap_or_default();
        inner.read(&file.receivers, source);
        self.say(source, std::mem::take(&mut inner.remarks));
        let mistakes = self.findings[before..].iter_mut().filter(|it| it.is_mistake());
        let mut count = 0;
        for mistake in mistakes {
            count += 1;
            mistake.severity = Severity::Warning;
        }
        if count > 0 {
            let s = if count == 1 { "" } else { "s" };
            return Err(format!("has {count} mistake{s}"));
        }
        let mut add = |child: RouteSettings, path: String| {
            self.files.routes.push((route.routes.len(), Origin { source, path }));
            route.routes.push(child);
        };
        if file.route != RouteSettings::default() {
            add(file.route, "route".into());
        }
        for (index, child) in file.routes.into_iter().enumerate() {
            add(child, format!("routes[{index}]"));
        }
        part.receivers.append(&mut inner.receivers);
        part.names.append(&mut inner.names);
        Ok(())
    }
}

impl Part {
    fn read(&mut self, written: &[Value], source: usize) {
        for (index, value) in written.iter().enumerate() {
            let origin = Origin { source, path: format!("receivers[{index}]") };
            let name = value.get("name").and_then(Value::as_str).unwrap_or_default();
            if !name.is_empty() {
                self.names.push((name.into(), origin.clone()));
            }
            self.receivers.extend(Receiver::read(value, origin, &mut self.remarks));
        }
    }

    /// The receivers that count: of two with one name the later.
    fn distinct(&mut self) -> Vec<Receiver> {
        let mut distinct: Vec<Receiver> = Vec::new();
        for receiver in self.receivers.drain(..) {
            let same = distinct.iter().position(|it| it.name == receiver.name);
            if let Some(earlier) = same.map(|at| distinct.remove(at)) {
                let message = format!(
                    "there is a later receiver `{}`, which gets its events; this one gets none",
                    earlier.name
                );
                let remark = Remark::warning(format!("{}.name", earlier.origin.path), message);
                if earlier.origin.source == 0 {
                    self.remarks.push(remark.hint("give each receiver its own name"));
                }
                self.names.retain(|(_, origin)| {
                    (origin.source, &origin.path) != (earlier.origin.source, &earlier.origin.path)
                });
            }
            distinct.push(receiver);
        }
        for receiver in &distinct {
            let is_there = |name: &&Text| distinct.iter().any(|it| it.name == **name);
            if let Some(name) = receiver.sending.renamed_from().iter().find(is_there)
                && receiver.origin.source == 0
            {
                let message =
                    format!("there is a receiver `{name}`, which has not got another name");
                let path = format!("{}.renamedFrom", receiver.origin.path);
                let hint = "name only what is no longer among the receivers";
                self.remarks.push(Remark::mistake(path, message).hint(hint));
            }
        }
        distinct
    }
}
