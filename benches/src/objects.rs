//! What the metadata of many pods takes: the memory of the process before and after, and how long it
//! takes to find one.

use std::{hint::black_box, time::Instant};

use event::{OwnerReference, event::TextMap};
use pipeline::enrich::{
    kinds::KindId,
    objects::{Metadata, Objects, Place},
};

use crate::process::{proc_number, tell};

/// Remembers `pods` pods, with annotations or without.
pub fn measure(pods: u64, annotations: bool) {
    let before = proc_number("self", "status", "VmRSS");
    let mut objects = Objects::default();
    let pass = objects.begin_pass();
    for number in 0..pods {
        let pod = Pod::new(number, annotations);
        objects.put(pod.place(), &pod.metadata, pass, 0);
    }
    let after = proc_number("self", "status", "VmRSS");
    tell("mebibytes", (after - before) / 1024.0);
    tell("strings", f64::from(u32::try_from(objects.strings()).unwrap_or(u32::MAX)));

    let asked: Vec<Pod> = (0..10_000).map(|at| Pod::new(at * 7919 % pods, false)).collect();
    let begun = Instant::now();
    for pod in &asked {
        let found = objects.find(pod.place(), &pod.metadata.uid);
        black_box(found.map(|known| (known.labels(), known.owners())));
    }
    tell("nanoseconds", begun.elapsed().as_secs_f64() * 1e9 / 10_000.0);
}

/// One of many: seven in ten of a `ReplicaSet`, two of a `StatefulSet`, one of a Job of its own.
struct Pod {
    namespace: String,
    name: String,
    metadata: Metadata,
}

impl Pod {
    fn new(number: u64, annotations: bool) -> Self {
        let (app, member) = (number / 10, number % 10);
        let (kind, group, owner) = match app % 10 {
            0..7 => ("ReplicaSet", "apps/v1", format!("service-{app}-{:010x}", app * 7)),
            7 | 8 => ("StatefulSet", "apps/v1", format!("database-{app}")),
            _ => ("Job", "batch/v1", format!("report-{app}-{}", 29_000_000 + number)),
        };
        let name = match kind {
            "StatefulSet" => format!("{owner}-{member}"),
            _ => format!("{owner}-{:05x}", number % 0xf_ffff),
        };
        let owner_uid = uid(if kind == "Job" { number } else { app }, 2);
        let mut labels = vec![
            ("app.kubernetes.io/name", format!("service-{app}")),
            ("app.kubernetes.io/instance", format!("service-{app}-production")),
            ("app.kubernetes.io/version", format!("1.{}.0", app % 40)),
            ("app.kubernetes.io/managed-by", "Helm".to_owned()),
            ("team", format!("team-{}", app % 60)),
        ];
        labels.extend(match kind {
            "ReplicaSet" => vec![("pod-template-hash", format!("{:010x}", app * 7))],
            "StatefulSet" => vec![
                ("statefulset.kubernetes.io/pod-name", name.clone()),
                ("apps.kubernetes.io/pod-index", member.to_string()),
                ("controller-revision-hash", format!("{owner}-{:010x}", app * 7)),
            ],
            _ => vec![
                ("batch.kubernetes.io/controller-uid", owner_uid.clone()),
                ("batch.kubernetes.io/job-name", owner.clone()),
                ("controller-uid", owner_uid.clone()),
                ("job-name", owner.clone()),
            ],
        });
        let notes = vec![
            ("checksum/config", format!("{:064x}", u128::from(app) << 64)),
            ("cni.projectcalico.org/containerID", format!("{:064x}", u128::from(number) << 64)),
            ("cni.projectcalico.org/podIP", format!("10.{}.{}.7/32", app % 250, number % 250)),
            ("kubectl.kubernetes.io/restartedAt", format!("2026-01-02T03:04:{:02}Z", app % 60)),
            ("prometheus.io/port", "8080".to_owned()),
            ("prometheus.io/scrape", "true".to_owned()),
        ];
        let owner = OwnerReference {
            api_version: group.into(),
            kind: kind.into(),
            name: owner.into(),
            uid: owner_uid.into(),
            controller: Some(true),
            block_owner_deletion: Some(true),
        };
        let metadata = Metadata {
            uid: uid(number, 1).into(),
            labels: map(labels),
            annotations: map(if annotations { notes } else { Vec::new() }),
            owners: vec![owner],
            ..Metadata::default()
        };
        Self { namespace: format!("namespace-{}", app % 500), name, metadata }
    }

    fn place(&self) -> Place<'_> {
        Place { kind: KindId::POD, namespace: &self.namespace, name: &self.name }
    }
}

fn map(pairs: Vec<(&str, String)>) -> TextMap {
    pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect()
}

fn uid(number: u64, kind: u8) -> String {
    format!("{number:08x}-0000-4000-8000-{kind:012x}")
}
