//! Bad days on command: incidents with a beginning, a middle and an end, as post-mortems tell them.

use event::Text;
use serde::{Deserialize, Serialize};

use super::{
    Reporter,
    pod_life::{deleted_by, scaled, start, stop},
    stage::{NORMAL, Stage, WARNING},
    world::Pod,
};

/// Something that goes wrong in the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Incident {
    /// A Deployment is rolled out with an image that does not exist, and rolled back after 12 minutes.
    BadImage,
    /// A node stops answering; after 5 minutes its pods are moved, after 20 it is back.
    NodeNotReady,
    /// A container outgrows its memory again and again for a quarter of an hour.
    OutOfMemory,
}

pub(super) fn happen(incident: Incident, stage: &mut Stage<'_>) {
    match incident {
        Incident::BadImage => bad_image(stage),
        Incident::NodeNotReady => node_not_ready(stage),
        Incident::OutOfMemory => out_of_memory(stage),
    }
}

fn bad_image(stage: &mut Stage<'_>) {
    const ROLLED_BACK: f64 = 720.0;
    let place = stage.some_deployment();
    stage.reserve(place, ROLLED_BACK + 61.0);
    let mut of = stage.world.deployments[place].clone();
    let set = of.next_replica_set(stage.random);
    of.replica_set = set.clone();
    stage.write(0.0, of.object());
    stage.write(0.0, of.replica_set_object());
    scaled(stage, 0.0, &of, "up", &set, (0, 2));
    for _ in 0..2 {
        let mut pod = stage.world.new_pod_of(&of, stage.random);
        pod.image.push_str("-rc.l");
        stage.write(0.1, pod.object());
        let text = format!("Created pod: {}", pod.name);
        let about = set.reference(&pod.namespace);
        stage.controller(0.1, "replicaset-controller", about, (NORMAL, "SuccessfulCreate"), text);
        let text =
            format!("Successfully assigned {}/{} to {}", pod.namespace, pod.name, pod.node.name);
        stage.scheduler(0.2, &pod, (NORMAL, "Scheduled"), "Binding", text);
        failing_pull(stage, &pod, ROLLED_BACK);
        deleted_by(stage, ROLLED_BACK + 0.5, &set, &pod);
        stage.write(ROLLED_BACK + 3.0, pod.removal());
    }
    scaled(stage, ROLLED_BACK, &of, "down", &set, (2, 0));
    stage.write(ROLLED_BACK + 60.0, of.replica_set_removal(&set.name));
    // The Deployment keeps the pods that it had, and its next version is another one.
    stage.world.deployments[place].version = of.version;
}

fn failing_pull(stage: &mut Stage<'_>, pod: &Pod, until: f64) {
    let container = pod.containers[0].clone();
    let image = &pod.image;
    let pulling = format!("Pulling image \"{image}\"");
    let failed = format!(
        "Failed to pull image \"{image}\": rpc error: code = NotFound desc = failed to pull and unpack image \
         \"{image}\": failed to resolve reference \"{image}\": {image}: not found"
    );
    let back_off = format!("Back-off pulling image \"{image}\"");
    let (mut at, mut wait) = (1.0, 10.0_f64);
    while at < until {
        stage.container(at, pod, &container, (NORMAL, "Pulling"), &pulling);
        at += 0.6 + stage.random.unit();
        stage.container(at, pod, &container, (WARNING, "Failed"), &failed);
        stage.container(at, pod, &container, (WARNING, "Failed"), "Error: ErrImagePull");
        let next = at + wait;
        while at + 12.0 < next.min(until) {
            at += 12.0;
            stage.container(at, pod, &container, (NORMAL, "BackOff"), &back_off);
            stage.container(at, pod, &container, (WARNING, "Failed"), "Error: ImagePullBackOff");
        }
        at = next;
        wait = (wait * 2.0).min(300.0);
    }
}

fn node_not_ready(stage: &mut Stage<'_>) {
    const NOTICED: f64 = 40.0;
    const EVICTED: f64 = 340.0;
    const BACK: f64 = 1200.0;
    let node = stage.some_pod().node;
    let text = format!("Node {} status is now: NodeNotReady", node.name);
    let about = node.real_reference();
    stage.controller(NOTICED, "node-controller", about, (NORMAL, "NodeNotReady"), text);
    for place in 0..stage.world.deployments.len() {
        if !stage.is_idle(place) {
            continue;
        }
        let of = stage.world.deployments[place].clone();
        let (lost, mut kept): (Vec<Pod>, Vec<Pod>) =
            of.pods.iter().cloned().partition(|pod| pod.node.name == node.name);
        if !lost.is_empty() {
            stage.reserve(place, EVICTED + 90.0);
        }
        for pod in lost {
            let text = "Node is not ready".into();
            stage.controller(
                NOTICED + 0.1,
                "node-controller",
                pod.reference(),
                (WARNING, "NodeNotReady"),
                text,
            );
            let text = format!("Marking for deletion Pod {}/{}", pod.namespace, pod.name);
            let what = (NORMAL, "TaintManagerEviction");
            stage.controller(EVICTED, "taint-eviction-controller", pod.reference(), what, text);
            stage.write(EVICTED + 30.0, pod.removal());
            let mut replacement = stage.world.new_pod_of(&of, stage.random);
            while replacement.node.name == node.name && stage.world.nodes.len() > 1 {
                replacement.node = stage.random.pick(&stage.world.nodes).clone();
            }
            stage.write(EVICTED + 0.5, replacement.object());
            let text = format!("Created pod: {}", replacement.name);
            let about = of.replica_set.reference(&of.namespace);
            stage.controller(
                EVICTED + 0.5,
                "replicaset-controller",
                about,
                (NORMAL, "SuccessfulCreate"),
                text,
            );
            start(stage, EVICTED + 0.6, &replacement);
            kept.push(replacement);
        }
        stage.world.deployments[place].pods = kept;
    }
    let kubelet = Reporter::Kubelet { node: node.name.clone() };
    let back: [(&str, &'static str, &'static str); 5] = [
        ("Starting kubelet.", NORMAL, "Starting"),
        ("has been rebooted, boot id: 6a1f0c3e-52d7-4f38-8c71-2f9d0e4b7a10", WARNING, "Rebooted"),
        ("", NORMAL, "NodeHasSufficientMemory"),
        ("", NORMAL, "NodeHasNoDiskPressure"),
        ("", NORMAL, "NodeReady"),
    ];
    for (text, kind, reason) in back {
        let text = match text {
            "" => format!("Node {} status is now: {reason}", node.name),
            text if kind == WARNING => format!("Node {} {text}", node.name),
            text => text.to_owned(),
        };
        stage.say(BACK, kubelet.clone(), node.reference(), (kind, reason), text);
    }
}

fn out_of_memory(stage: &mut Stage<'_>) {
    const ENDS: f64 = 900.0;
    let pod = stage.some_pod();
    let container: Text = pod.containers[0].clone();
    let node = &pod.node;
    let (mut at, mut wait) = (0.0, 10.0_f64);
    while at < ENDS {
        let process = stage.random.between(20_000, 99_999);
        let text = format!(
            "Memory cgroup out of memory: Killed process {process} ({container}) total-vm:2114{process}kB, \
             anon-rss:524288kB, file-rss:1024kB, shmem-rss:0kB, UID:1000 pgtables:1384kB oom_score_adj:968"
        );
        let monitor = Reporter::Agent { name: "kernel-monitor", node: node.name.clone() };
        stage.say(at, monitor, node.real_reference(), (WARNING, "OOMKilling"), text);
        let kubelet = Reporter::Kubelet { node: node.name.clone() };
        let text = format!("System OOM encountered, victim process: {container}, pid: {process}");
        stage.say(at + 0.1, kubelet, node.reference(), (WARNING, "SystemOOM"), text);
        let back_off =
            format!("Back-off restarting failed container {container} in pod {}", pod.formatted());
        stage.container(at + 1.0, &pod, &container, (WARNING, "BackOff"), &back_off);
        at += wait;
        let text = format!(
            "Container image \"{}\" already present on machine and can be accessed by the pod",
            pod.image
        );
        stage.container(at, &pod, &container, (NORMAL, "Pulled"), &text);
        stage.container(at + 0.1, &pod, &container, (NORMAL, "Created"), "Container created");
        stage.container(at + 0.3, &pod, &container, (NORMAL, "Started"), "Container started");
        at += 20.0 + stage.random.unit() * 20.0;
        wait = (wait * 2.0).min(160.0);
    }
    stop(stage, ENDS + 30.0, &pod);
}
