//! How pods come and go, in the words of those who have a part in it.

use super::{
    stage::{NORMAL, Stage, WARNING},
    world::{Deployment, Owner, Pod},
};

pub(super) fn created_by(
    stage: &mut Stage<'_>,
    after: f64,
    controller: &'static str,
    owner: &Owner,
    pod: &Pod,
) {
    stage.write(after, pod.object());
    let about = owner.reference(&pod.namespace);
    let text = format!("Created pod: {}", pod.name);
    stage.controller(after, controller, about, (NORMAL, "SuccessfulCreate"), text);
}

/// A start with an image that the node has; gives when it is done.
pub(super) fn start_cached(stage: &mut Stage<'_>, after: f64, pod: &Pod) -> f64 {
    scheduled(stage, after, pod);
    let mut at = after + 0.6 + stage.random.unit();
    for container in &pod.containers {
        let text = format!(
            "Container image \"{}\" already present on machine and can be accessed by the pod",
            pod.image
        );
        stage.container(at, pod, container, (NORMAL, "Pulled"), &text);
        stage.container(at + 0.05, pod, container, (NORMAL, "Created"), "Container created");
        stage.container(at + 0.2, pod, container, (NORMAL, "Started"), "Container started");
        at += 0.3;
    }
    at
}

pub(super) fn scheduled(stage: &mut Stage<'_>, after: f64, pod: &Pod) {
    let text = format!("Successfully assigned {}/{} to {}", pod.namespace, pod.name, pod.node.name);
    stage.scheduler(after, pod, (NORMAL, "Scheduled"), "Binding", text);
}

/// A start in a busy cluster, with all that can delay it; gives when it is done.
pub(super) fn start(stage: &mut Stage<'_>, after: f64, pod: &Pod) -> f64 {
    let mut at = after;
    if stage.random.chance(0.53) {
        at = pending(stage, at, pod);
    }
    scheduled(stage, at, pod);
    at += 0.5;
    if stage.random.chance(0.12) {
        at = broken_sandbox(stage, at, pod);
    }
    for container in &pod.containers {
        let took = 0.4 + stage.random.wait(0.5);
        let size = 20_000_000 + stage.random.below(300_000_000);
        let text = format!("Pulling image \"{}\"", pod.image);
        stage.container(at, pod, container, (NORMAL, "Pulling"), &text);
        at += took;
        let text = format!(
            "Successfully pulled image \"{}\" in {took:.3}s ({took:.3}s including waiting). Image size: {size} bytes.",
            pod.image
        );
        stage.container(at, pod, container, (NORMAL, "Pulled"), &text);
        stage.container(at + 0.05, pod, container, (NORMAL, "Created"), "Container created");
        stage.container(at + 0.2, pod, container, (NORMAL, "Started"), "Container started");
        at += 0.3;
    }
    at
}

/// Until there is room: the scheduler fails twice, the autoscaler adds a node or does not.
fn pending(stage: &mut Stage<'_>, after: f64, pod: &Pod) -> f64 {
    let nodes = stage.world.nodes.len();
    let full = stage.random.between(nodes / 2, nodes);
    let text = format!(
        "0/{nodes} nodes are available: {} node(s) had untolerated taint {{dedicated: ci}}, {full} Insufficient cpu. \
         no new claims to deallocate, preemption: 0/{nodes} nodes are available: {} Preemption is not helpful for \
         scheduling, {full} No preemption victims found for incoming pod.",
        nodes - full,
        nodes - full,
    );
    stage.scheduler(after, pod, (WARNING, "FailedScheduling"), "Scheduling", text.clone());
    let again = after + 2.0 + stage.random.unit() * 20.0;
    stage.scheduler(again, pod, (WARNING, "FailedScheduling"), "Scheduling", text);
    let chance = stage.random.unit();
    let autoscaler = "cluster-autoscaler";
    if chance < 0.23 {
        let text = "pod triggered scale-up: [{general 57->58 (max: 120)}]".into();
        stage.controller(
            after + 1.5,
            autoscaler,
            pod.reference(),
            (NORMAL, "TriggeredScaleUp"),
            text,
        );
        return again + 30.0;
    }
    if chance < 0.60 {
        let text = "pod didn't trigger scale-up: 2 max node group size reached, 1 node(s) had untolerated taint {spot: true}";
        stage.controller(
            after + 1.5,
            autoscaler,
            pod.reference(),
            (NORMAL, "NotTriggerScaleUp"),
            text.into(),
        );
    }
    again + 5.0
}

fn broken_sandbox(stage: &mut Stage<'_>, after: f64, pod: &Pod) -> f64 {
    let mut at = after;
    for _ in 0..2 {
        let (one, two) = (stage.random.bits(), stage.random.bits());
        let text = format!(
            "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox \
             \"{one:016x}{two:016x}{two:016x}{one:016x}\": plugin type=\"calico\" failed (add): error getting \
             ClusterInformation: connection is unauthorized: Unauthorized"
        );
        stage.pod(at, pod, (WARNING, "FailedCreatePodSandBox"), text);
        at += 12.0;
        let text = "Pod sandbox changed, it will be killed and re-created.".into();
        stage.pod(at, pod, (NORMAL, "SandboxChanged"), text);
        at += 0.5;
    }
    at
}

pub(super) fn stop(stage: &mut Stage<'_>, after: f64, pod: &Pod) {
    for container in &pod.containers {
        let text = format!("Stopping container {container}");
        stage.container(after, pod, container, (NORMAL, "Killing"), &text);
    }
    stage.write(after + 2.0, pod.removal());
}

pub(super) fn scaled(
    stage: &mut Stage<'_>,
    after: f64,
    of: &Deployment,
    way: &str,
    set: &Owner,
    (from, to): (usize, usize),
) {
    let text = format!("Scaled {way} replica set {} from {from} to {to}", set.name);
    let what = (NORMAL, "ScalingReplicaSet");
    stage.controller(after, "deployment-controller", of.reference(), what, text);
}

pub(super) fn deleted_by(stage: &mut Stage<'_>, after: f64, set: &Owner, pod: &Pod) {
    let text = format!("Deleted pod: {}", pod.name);
    let about = set.reference(&pod.namespace);
    stage.controller(after, "replicaset-controller", about, (NORMAL, "SuccessfulDelete"), text);
}
