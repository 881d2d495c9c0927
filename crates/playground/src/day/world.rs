//! The cluster that a day happens in: nodes, namespaces, workloads and pods, with names that last.

use event::{ObjectRef, Text};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Cluster, Write};
use crate::random::Random;

const STABLE_NAMESPACES: [&str; 6] =
    ["shop", "payments", "search", "reports", "ingress", "monitoring"];
const TEAMS: [&str; 12] = [
    "atlas", "birch", "cobalt", "delta", "ember", "fjord", "garnet", "harbor", "indigo", "juniper",
    "kestrel", "lumen",
];
const STAGES: [&str; 3] = ["dev", "ci", "staging"];
const SERVICES: [&str; 24] = [
    "api",
    "auth",
    "basket",
    "billing",
    "catalog",
    "checkout",
    "consumer",
    "exporter",
    "frontend",
    "gateway",
    "indexer",
    "inventory",
    "mailer",
    "notifier",
    "orders",
    "pricing",
    "profile",
    "proxy",
    "ranking",
    "reviews",
    "sessions",
    "shipping",
    "web",
    "worker",
];
/// Services come in variants, once there are more of them than names.
const VARIANTS: [&str; 3] = ["", "-internal", "-canary"];
const JOBS: [&str; 12] = [
    "backup",
    "cleanup",
    "digest",
    "export",
    "heartbeat",
    "import",
    "reconcile",
    "refresh",
    "report",
    "rollup",
    "sync",
    "thumbnails",
];

/// A node.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) name: Text,
    pub(super) uid: Text,
    pub(super) address: String,
}

/// A Deployment with its newest `ReplicaSet` and the pods of it.
#[derive(Debug, Clone)]
pub(super) struct Deployment {
    pub(super) namespace: Text,
    pub(super) name: Text,
    pub(super) uid: Text,
    pub(super) replica_set: Owner,
    pub(super) version: (usize, usize),
    pub(super) pods: Vec<Pod>,
    /// Its pods are being changed until then.
    pub(super) busy_until: Timestamp,
}

/// A `CronJob`.
#[derive(Debug, Clone)]
pub(super) struct CronJob {
    pub(super) namespace: Text,
    pub(super) name: Text,
    pub(super) uid: Text,
    /// The minute that the newest Job is named after.
    pub(super) minute: i64,
}

/// What manages a pod.
#[derive(Debug, Clone, Default)]
pub(super) struct Owner {
    pub(super) api_version: &'static str,
    pub(super) kind: &'static str,
    pub(super) name: Text,
    pub(super) uid: Text,
}

/// A pod.
#[derive(Debug, Clone)]
pub(super) struct Pod {
    pub(super) namespace: Text,
    pub(super) name: Text,
    pub(super) uid: Text,
    pub(super) node: Node,
    pub(super) app: Text,
    pub(super) image: String,
    pub(super) owner: Owner,
    pub(super) containers: Vec<Text>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct World {
    pub(super) namespaces: Vec<Text>,
    pub(super) nodes: Vec<Node>,
    pub(super) deployments: Vec<Deployment>,
    pub(super) cron_jobs: Vec<CronJob>,
    pub(super) scheduler: Text,
}

impl World {
    pub(super) fn new(cluster: Cluster, random: &mut Random) -> Self {
        let (nodes, namespaces, services): (usize, Vec<Text>, usize) = match cluster {
            Cluster::Stable => (10, STABLE_NAMESPACES.map(Text::from).to_vec(), 4),
            Cluster::Busy => {
                let names =
                    TEAMS.iter().flat_map(|team| STAGES.map(|s| format!("{team}-{s}").into()));
                (200, names.collect(), 60)
            }
        };
        let nodes = (0..nodes).map(|number| Node::new(number, random)).collect();
        let mut world = Self {
            namespaces,
            nodes,
            deployments: Vec::new(),
            cron_jobs: Vec::new(),
            scheduler: "default-scheduler-control-plane-1".into(),
        };
        for namespace in world.namespaces.clone() {
            let first = random.below(SERVICES.len());
            for number in 0..services {
                let name = SERVICES[(first + number) % SERVICES.len()];
                let name = format!("{name}{}", VARIANTS[number / SERVICES.len() % VARIANTS.len()]);
                let deployment = world.new_deployment(&namespace, &name, random);
                world.deployments.push(deployment);
            }
            let first = random.below(JOBS.len());
            for number in 0..5 {
                let name = format!("{}-{}", JOBS[(first + number) % JOBS.len()], namespace);
                let uid = random.uuid().into();
                world.cron_jobs.push(CronJob {
                    namespace: namespace.clone(),
                    name: name.into(),
                    uid,
                    minute: 0,
                });
            }
        }
        world
    }

    fn new_deployment(&self, namespace: &Text, name: &str, random: &mut Random) -> Deployment {
        let mut deployment = Deployment {
            namespace: namespace.clone(),
            name: name.into(),
            uid: random.uuid().into(),
            replica_set: Owner::default(),
            version: (random.between(1, 9), random.between(0, 40)),
            pods: Vec::new(),
            busy_until: Timestamp::MIN,
        };
        deployment.replica_set = deployment.next_replica_set(random);
        for _ in 0..random.between(2, 5) {
            let pod = self.new_pod_of(&deployment, random);
            deployment.pods.push(pod);
        }
        deployment
    }

    /// A new pod of a Deployment's newest `ReplicaSet`, on some node.
    pub(super) fn new_pod_of(&self, of: &Deployment, random: &mut Random) -> Pod {
        let mut containers = vec![of.name.clone()];
        if of.name.len() == 5 {
            containers.push("istio-proxy".into());
        }
        Pod {
            namespace: of.namespace.clone(),
            name: format!("{}-{}", of.replica_set.name, random.suffix(5)).into(),
            uid: random.uuid().into(),
            node: random.pick(&self.nodes).clone(),
            app: of.name.clone(),
            image: of.image(),
            owner: of.replica_set.clone(),
            containers,
        }
    }

    /// Everything that is there when the day begins.
    pub(super) fn furniture(&self) -> Vec<Write> {
        let namespaces = self.namespaces.iter().map(|name| {
            let labels = json!({"kubernetes.io/metadata.name": name.as_str()});
            object(
                "namespaces",
                json!({
                    "metadata": {"name": name.as_str(), "labels": labels},
                    "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
                }),
            )
        });
        let nodes = self.nodes.iter().map(Node::object);
        let cron_jobs = self.cron_jobs.iter().map(CronJob::object);
        let deployments = self.deployments.iter().flat_map(|deployment| {
            let pods = deployment.pods.iter().map(Pod::object);
            [deployment.object(), deployment.replica_set_object()].into_iter().chain(pods)
        });
        namespaces.chain(nodes).chain(cron_jobs).chain(deployments).collect()
    }
}

fn object(resource: &'static str, object: Value) -> Write {
    Write::Object { resource, object }
}

fn removal(resource: &'static str, namespace: &Text, name: &Text) -> Write {
    Write::Remove { resource, namespace: namespace.clone(), name: name.clone() }
}

/// A reference as recorders write it.
pub(super) fn reference(
    kind: &str,
    api_version: &str,
    namespace: &str,
    name: &str,
    uid: &str,
) -> ObjectRef {
    ObjectRef {
        kind: kind.into(),
        namespace: namespace.into(),
        name: name.into(),
        uid: uid.into(),
        api_version: api_version.into(),
        ..ObjectRef::default()
    }
}

impl Node {
    fn new(number: usize, random: &mut Random) -> Self {
        let pool = ["general", "general", "memory", "spot"][number % 4];
        Self {
            name: format!("{pool}-{}", random.suffix(5)).into(),
            uid: random.uuid().into(),
            address: format!("10.0.{}.{}", number / 200, 10 + number % 200),
        }
    }

    pub(super) fn reference(&self) -> ObjectRef {
        // The kubelet refers to its node by name, in the uid too.
        reference("Node", "", "", &self.name, &self.name)
    }

    /// As controllers refer to it.
    pub(super) fn real_reference(&self) -> ObjectRef {
        reference("Node", "v1", "", &self.name, &self.uid)
    }

    fn object(&self) -> Write {
        let labels = json!({"kubernetes.io/hostname": self.name.as_str(), "kubernetes.io/arch": "amd64",
            "topology.kubernetes.io/zone": "eu-west-1a"});
        object(
            "nodes",
            json!({"metadata": {"name": self.name.as_str(), "uid": self.uid.as_str(), "labels": labels},
            "status": {"addresses": [{"type": "InternalIP", "address": self.address}]}}),
        )
    }
}

impl Deployment {
    /// The next `ReplicaSet`, as of a new version.
    pub(super) fn next_replica_set(&mut self, random: &mut Random) -> Owner {
        self.version.1 += 1;
        Owner {
            api_version: "apps/v1",
            kind: "ReplicaSet",
            name: format!("{}-{}", self.name, random.suffix(10)).into(),
            uid: random.uuid().into(),
        }
    }

    pub(super) fn image(&self) -> String {
        let (major, minor) = self.version;
        format!("registry.example.com/{}/{}:{major}.{minor}.0", self.namespace, self.name)
    }

    pub(super) fn reference(&self) -> ObjectRef {
        reference("Deployment", "apps/v1", &self.namespace, &self.name, &self.uid)
    }

    fn owner(&self) -> Owner {
        Owner {
            api_version: "apps/v1",
            kind: "Deployment",
            name: self.name.clone(),
            uid: self.uid.clone(),
        }
    }

    pub(super) fn object(&self) -> Write {
        let metadata = json!({"name": self.name.as_str(), "namespace": self.namespace.as_str(), "uid": self.uid.as_str(),
            "labels": {"app": self.name.as_str(), "team": self.namespace.as_str()}});
        object("deployments", json!({"metadata": metadata, "spec": {"replicas": self.pods.len()}}))
    }

    pub(super) fn replica_set_object(&self) -> Write {
        self.replica_set.object("replicasets", &self.namespace, &self.name, &self.owner())
    }

    pub(super) fn replica_set_removal(&self, name: &Text) -> Write {
        removal("replicasets", &self.namespace, name)
    }
}

impl CronJob {
    pub(super) fn reference(&self) -> ObjectRef {
        reference("CronJob", "batch/v1", &self.namespace, &self.name, &self.uid)
    }

    pub(super) fn owner(&self) -> Owner {
        Owner {
            api_version: "batch/v1",
            kind: "CronJob",
            name: self.name.clone(),
            uid: self.uid.clone(),
        }
    }

    fn object(&self) -> Write {
        object(
            "cronjobs",
            json!({"metadata": {"name": self.name.as_str(), "namespace": self.namespace.as_str(),
            "uid": self.uid.as_str(), "labels": {"app": self.name.as_str()}}, "spec": {"schedule": "*/5 * * * *"}}),
        )
    }

    /// The Job of one run; its name ends in the minute, as the cronjob controller has it.
    pub(super) fn job(&mut self, now: Timestamp, random: &mut Random) -> Owner {
        self.minute = (self.minute + 1).max(now.as_second() / 60);
        Owner {
            api_version: "batch/v1",
            kind: "Job",
            name: format!("{}-{}", self.name, self.minute).into(),
            uid: random.uuid().into(),
        }
    }
}

impl Owner {
    pub(super) fn reference(&self, namespace: &str) -> ObjectRef {
        reference(self.kind, self.api_version, namespace, &self.name, &self.uid)
    }

    fn as_owner(&self) -> Value {
        json!([{"apiVersion": self.api_version, "kind": self.kind, "name": self.name.as_str(), "uid": self.uid.as_str(),
            "controller": true, "blockOwnerDeletion": true}])
    }

    /// The owner as an object, itself owned.
    pub(super) fn object(
        &self,
        resource: &'static str,
        namespace: &Text,
        app: &Text,
        by: &Self,
    ) -> Write {
        object(
            resource,
            json!({"metadata": {"name": self.name.as_str(), "namespace": namespace.as_str(),
            "uid": self.uid.as_str(), "labels": {"app": app.as_str()}, "ownerReferences": by.as_owner()}}),
        )
    }
}

impl Pod {
    pub(super) fn reference(&self) -> ObjectRef {
        reference("Pod", "v1", &self.namespace, &self.name, &self.uid)
    }

    /// One of its containers, as the kubelet refers to it.
    pub(super) fn container(&self, name: &str) -> ObjectRef {
        ObjectRef { field_path: format!("spec.containers{{{name}}}").into(), ..self.reference() }
    }

    /// `name_namespace(uid)`, as the kubelet writes pods into messages.
    pub(super) fn formatted(&self) -> String {
        format!("{}_{}({})", self.name, self.namespace, self.uid)
    }

    pub(super) fn object(&self) -> Write {
        let labels = json!({"app": self.app.as_str(), "team": self.namespace.as_str()});
        let mut metadata = json!({"name": self.name.as_str(), "namespace": self.namespace.as_str(),
            "uid": self.uid.as_str(), "labels": labels});
        if !self.owner.kind.is_empty() {
            metadata["ownerReferences"] = self.owner.as_owner();
        }
        object(
            "pods",
            json!({"metadata": metadata, "spec": {"nodeName": self.node.name.as_str()},
            "status": {"phase": "Running"}}),
        )
    }

    pub(super) fn removal(&self) -> Write {
        removal("pods", &self.namespace, &self.name)
    }
}

/// The end of a Job.
pub(super) fn job_removal(namespace: &Text, job: &Owner) -> Write {
    removal("jobs", namespace, &job.name)
}
