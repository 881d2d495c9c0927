//! How the stories go: each plans, in order and with realistic waits, what the components will say.

use event::ObjectRef;
use jiff::Timestamp;

use super::{
    Agenda, Plan, Reporter, Saying, Write, rare, seconds,
    story::Story,
    world::{CronJob, Deployment, Owner, Pod, World, job_removal, reference},
};
use crate::random::Random;

/// What a story works with. Times are seconds from now.
pub(super) struct Stage<'a> {
    pub(super) now: Timestamp,
    pub(super) agenda: &'a mut Agenda,
    pub(super) world: &'a mut World,
    pub(super) random: &'a mut Random,
}

pub(super) const NORMAL: &str = "Normal";
pub(super) const WARNING: &str = "Warning";

pub(super) fn tell(story: Story, stage: &mut Stage<'_>) {
    match story {
        Story::CronRun => cron_run(stage),
        Story::JobRemoved => {
            let cron_job = stage.cron_job();
            let minute = stage.now.as_second() / 60 - 15;
            let text = format!("Deleted job {}-{minute}", cron_job.name);
            stage.cron(0.0, &cron_job, (NORMAL, "SuccessfulDelete"), text);
        }
        Story::UnexpectedJob => {
            let cron_job = stage.cron_job();
            let text = format!(
                "Saw a job that the controller did not create or forgot: {}-manual-{}",
                cron_job.name,
                stage.random.suffix(3)
            );
            stage.cron(0.0, &cron_job, (WARNING, "UnexpectedJob"), text);
        }
        Story::JobTooLate => {
            let mut cron_job = stage.cron_job();
            let job = cron_job.job(stage.now, stage.random).reference(&cron_job.namespace);
            let text = "Job was active longer than specified deadline".into();
            stage.controller(0.0, "job-controller", job, (WARNING, "DeadlineExceeded"), text);
        }
        Story::UnmanagedPods => {
            let (budget, pod) = stage.budget();
            let text = format!("found no controllers for pod \"{pod}\"");
            stage.controller(0.0, "controllermanager", budget, (WARNING, "NoControllers"), text);
        }
        Story::UnknownScale => {
            let (budget, pod) = stage.budget();
            let text = format!(
                "Failed to calculate the number of expected pods: found no controllers for pod \"{pod}\""
            );
            let what = (WARNING, "CalculateExpectedPodCountFailed");
            stage.controller(0.0, "controllermanager", budget, what, text);
        }
        Story::Rescale => rescale(stage),
        Story::Rollout => rollout(stage),
        Story::PipelineJob => pipeline_job(stage),
        Story::BarePod => bare_pod(stage),
        Story::CrashLoop => crash_loop(stage),
        Story::FailingProbe => failing_probe(stage),
        Story::Preemption => preemption(stage),
        Story::Rare => rare::tell(stage),
    }
}

impl Stage<'_> {
    pub(super) fn plan(&mut self, after: f64, plan: Plan) {
        self.agenda.plan(self.now + seconds(after), plan);
    }

    pub(super) fn write(&mut self, after: f64, write: Write) {
        self.plan(after, Plan::Write(write));
    }

    pub(super) fn say(
        &mut self,
        after: f64,
        by: Reporter,
        about: ObjectRef,
        (kind, reason): (&'static str, &'static str),
        message: String,
    ) {
        let saying = Saying { by, about, related: None, kind, reason, action: "", message };
        self.plan(after, Plan::Say(Box::new(saying)));
    }

    pub(super) fn controller(
        &mut self,
        after: f64,
        name: &'static str,
        about: ObjectRef,
        what: (&'static str, &'static str),
        message: String,
    ) {
        self.say(after, Reporter::Controller(name), about, what, message);
    }

    fn cron(
        &mut self,
        after: f64,
        cron_job: &CronJob,
        what: (&'static str, &'static str),
        message: String,
    ) {
        self.controller(after, "cronjob-controller", cron_job.reference(), what, message);
    }

    /// Says something about a pod, by the kubelet of its node.
    pub(super) fn pod(
        &mut self,
        after: f64,
        pod: &Pod,
        what: (&'static str, &'static str),
        message: String,
    ) {
        let by = Reporter::Kubelet { node: pod.node.name.clone() };
        self.say(after, by, pod.reference(), what, message);
    }

    /// Says something about a container.
    pub(super) fn container(
        &mut self,
        after: f64,
        pod: &Pod,
        container: &str,
        what: (&'static str, &'static str),
        message: &str,
    ) {
        let by = Reporter::Kubelet { node: pod.node.name.clone() };
        self.say(after, by, pod.container(container), what, message.to_owned());
    }

    pub(super) fn scheduler(
        &mut self,
        after: f64,
        pod: &Pod,
        what: (&'static str, &'static str),
        action: &'static str,
        message: String,
    ) {
        let saying = Saying {
            by: Reporter::Scheduler { instance: self.world.scheduler.clone() },
            about: pod.reference(),
            related: None,
            kind: what.0,
            reason: what.1,
            action,
            message,
        };
        self.plan(after, Plan::Say(Box::new(saying)));
    }

    /// The place of a Deployment that no other story is busy with, if one is found soon.
    pub(super) fn some_deployment(&mut self) -> usize {
        let mut place = 0;
        for _ in 0..20 {
            place = self.random.below(self.world.deployments.len());
            if self.is_idle(place) {
                break;
            }
        }
        place
    }

    pub(super) fn is_idle(&self, place: usize) -> bool {
        let of = &self.world.deployments[place];
        of.busy_until <= self.now && !of.pods.is_empty()
    }

    /// Keeps other stories away from a Deployment.
    pub(super) fn reserve(&mut self, place: usize, for_seconds: f64) {
        self.world.deployments[place].busy_until = self.now + seconds(for_seconds);
    }

    pub(super) fn some_pod(&mut self) -> Pod {
        loop {
            let deployment = self.some_deployment();
            let pods = &self.world.deployments[deployment].pods;
            if !pods.is_empty() {
                return self.random.pick(pods).clone();
            }
        }
    }

    fn cron_job(&mut self) -> CronJob {
        self.random.pick(&self.world.cron_jobs).clone()
    }

    /// A disruption budget and a pod that it covers.
    fn budget(&mut self) -> (ObjectRef, String) {
        let deployment = self.some_deployment();
        let of = &self.world.deployments[deployment];
        let budget =
            reference("PodDisruptionBudget", "policy/v1", &of.namespace, &of.name, &of.uid);
        (budget, format!("{}-debug", of.name))
    }
}

/// A run of a `CronJob`: about four pods, one event each for creation, and four for each start.
fn cron_run(stage: &mut Stage<'_>) {
    let place = stage.random.below(stage.world.cron_jobs.len());
    let job = stage.world.cron_jobs[place].job(stage.now, stage.random);
    let cron_job = stage.world.cron_jobs[place].clone();
    stage.write(0.0, job.object("jobs", &cron_job.namespace, &cron_job.name, &cron_job.owner()));
    stage.cron(0.0, &cron_job, (NORMAL, "SuccessfulCreate"), format!("Created job {}", job.name));
    let pods = if stage.random.chance(0.78) { 4 } else { 3 };
    let mut done: f64 = 0.0;
    for number in 0..pods {
        let after = 0.05 + f64::from(number) * 0.02;
        let pod = job_pod(stage, &cron_job, &job);
        created_by(stage, after, "job-controller", &job, &pod);
        let started = start_cached(stage, after + 0.01, &pod);
        let ends = started + 5.0 + stage.random.wait(0.02);
        stage.write(ends + 600.0, pod.removal());
        done = done.max(ends);
    }
    let text = format!("Saw completed job: {}, condition: Complete", job.name);
    stage.cron(done + 1.0, &cron_job, (NORMAL, "SawCompletedJob"), text);
    stage.write(done + 605.0, job_removal(&cron_job.namespace, &job));
}

fn job_pod(stage: &mut Stage<'_>, cron_job: &CronJob, job: &Owner) -> Pod {
    Pod {
        namespace: cron_job.namespace.clone(),
        name: format!("{}-{}", job.name, stage.random.suffix(5)).into(),
        uid: stage.random.uuid().into(),
        node: stage.random.pick(&stage.world.nodes).clone(),
        app: cron_job.name.clone(),
        image: format!("registry.example.com/{}/jobs:2.8.1", cron_job.namespace),
        owner: job.clone(),
        containers: vec!["main".into()],
    }
}

fn created_by(
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
fn start_cached(stage: &mut Stage<'_>, after: f64, pod: &Pod) -> f64 {
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

fn scheduled(stage: &mut Stage<'_>, after: f64, pod: &Pod) {
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

fn rescale(stage: &mut Stage<'_>) {
    let place = stage.some_deployment();
    if !stage.is_idle(place) {
        return;
    }
    stage.reserve(place, 30.0);
    let of = stage.world.deployments[place].clone();
    let size = of.pods.len();
    let scaler =
        reference("HorizontalPodAutoscaler", "autoscaling/v2", &of.namespace, &of.name, &of.uid);
    let controller = "horizontal-pod-autoscaler";
    if size < 5 {
        let text = format!(
            "New size: {}; reason: cpu resource utilization (percentage of request) above target",
            size + 1
        );
        stage.controller(0.0, controller, scaler, (NORMAL, "SuccessfulRescale"), text);
        scaled(stage, 0.4, &of, "up", &of.replica_set, (size, size + 1));
        let pod = stage.world.new_pod_of(&of, stage.random);
        created_by(stage, 0.5, "replicaset-controller", &of.replica_set, &pod);
        start_cached(stage, 0.6, &pod);
        stage.world.deployments[place].pods.push(pod);
    } else {
        let text = format!("New size: {}; reason: All metrics below target", size - 1);
        stage.controller(0.0, controller, scaler, (NORMAL, "SuccessfulRescale"), text);
        scaled(stage, 0.4, &of, "down", &of.replica_set, (size, size - 1));
        let pod = stage.world.deployments[place].pods.remove(0);
        deleted_by(stage, 0.5, &of.replica_set, &pod);
        stop(stage, 0.6, &pod);
    }
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

/// Replaces the pods of a Deployment one by one; the new ones fail their probe until they are warm.
fn rollout(stage: &mut Stage<'_>) {
    let place = stage.some_deployment();
    if !stage.is_idle(place) {
        return;
    }
    let mut of = stage.world.deployments[place].clone();
    let old = of.replica_set.clone();
    of.replica_set = of.next_replica_set(stage.random);
    stage.write(0.0, of.object());
    stage.write(0.0, of.replica_set_object());
    let pods = std::mem::take(&mut of.pods);
    let size = pods.len();
    let mut at = 0.0;
    for (number, gone) in pods.iter().enumerate() {
        scaled(stage, at, &of, "up", &of.replica_set, (number, number + 1));
        let pod = stage.world.new_pod_of(&of, stage.random);
        created_by(stage, at + 0.05, "replicaset-controller", &of.replica_set, &pod);
        at = start(stage, at + 0.1, &pod);
        for _ in 0..stage.random.between(0, 3) {
            at += 5.0;
            let text = "Readiness probe failed: HTTP probe failed with statuscode: 503";
            stage.container(at, &pod, &pod.containers[0], (WARNING, "Unhealthy"), text);
        }
        at += 3.0;
        of.pods.push(pod);
        scaled(stage, at, &of, "down", &old, (size - number, size - number - 1));
        deleted_by(stage, at + 0.1, &old, gone);
        stop(stage, at + 0.2, gone);
    }
    stage.write(at + 60.0, of.replica_set_removal(&old.name));
    stage.world.deployments[place] = of;
    stage.reserve(place, at + 61.0);
}

fn pipeline_job(stage: &mut Stage<'_>) {
    let mut cron_job = stage.cron_job();
    cron_job.name = format!("build-{}", stage.random.suffix(6)).into();
    let job = Owner { name: cron_job.name.clone(), ..cron_job.job(stage.now, stage.random) };
    stage.write(0.0, job.object("jobs", &cron_job.namespace, &cron_job.name, &Owner::default()));
    let pod = job_pod(stage, &cron_job, &job);
    created_by(stage, 0.0, "job-controller", &job, &pod);
    let started = start(stage, 0.05, &pod);
    let ends = started + stage.random.wait(0.01);
    stage.write(ends + 60.0, pod.removal());
    stage.write(ends + 61.0, job_removal(&cron_job.namespace, &job));
}

fn bare_pod(stage: &mut Stage<'_>) {
    let cron_job = stage.cron_job();
    let mut pod = job_pod(stage, &cron_job, &Owner::default());
    pod.name = format!("runner-{}", stage.random.suffix(8)).into();
    stage.write(0.0, pod.object());
    let started = start(stage, 0.05, &pod);
    let ends = started + 30.0 + stage.random.wait(0.01);
    stop(stage, ends, &pod);
}

/// A few restarts within some minutes; between them the kubelet says that it waits.
fn crash_loop(stage: &mut Stage<'_>) {
    let pod = stage.some_pod();
    let container = pod.containers[0].clone();
    let text =
        format!("Back-off restarting failed container {container} in pod {}", pod.formatted());
    let (mut at, mut wait) = (0.0, 10.0);
    for _ in 0..3 {
        let pulling = format!("Pulling image \"{}\"", pod.image);
        stage.container(at, &pod, &container, (NORMAL, "Pulling"), &pulling);
        let pulled = format!(
            "Successfully pulled image \"{}\" in 212ms (212ms including waiting). Image size: 73400320 bytes.",
            pod.image
        );
        stage.container(at + 0.2, &pod, &container, (NORMAL, "Pulled"), &pulled);
        stage.container(at + 0.3, &pod, &container, (NORMAL, "Created"), "Container created");
        stage.container(at + 0.5, &pod, &container, (NORMAL, "Started"), "Container started");
        at += 2.0;
        for _ in 0..4 {
            stage.container(at, &pod, &container, (WARNING, "BackOff"), &text);
            at += wait / 4.0 + stage.random.unit() * 3.0;
        }
        wait *= 2.0;
    }
}

fn failing_probe(stage: &mut Stage<'_>) {
    let pod = stage.some_pod();
    let container = pod.containers[0].clone();
    let address = format!(
        "10.{}.{}.{}",
        200 + stage.random.below(40),
        stage.random.below(250),
        2 + stage.random.below(250)
    );
    let text = match stage.random.below(3) {
        0 => "Liveness probe failed: HTTP probe failed with statuscode: 500".to_owned(),
        1 => {
            format!("Readiness probe failed: dial tcp {address}:8080: connect: connection refused")
        }
        _ => format!(
            "Readiness probe failed: Get \"http://{address}:8080/ready\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        ),
    };
    let times = stage.random.between(4, 16);
    for number in 0..times {
        let at = f64::from(u32::try_from(number).unwrap_or(0)) * 10.0;
        stage.container(at, &pod, &container, (WARNING, "Unhealthy"), &text);
    }
    if text.starts_with("Liveness") || stage.random.chance(0.7) {
        let text = format!("Container {container} failed liveness probe, will be restarted");
        stage.container(
            f64::from(u32::try_from(times).unwrap_or(0)) * 10.0,
            &pod,
            &container,
            (NORMAL, "Killing"),
            &text,
        );
    }
}

fn preemption(stage: &mut Stage<'_>) {
    let place = stage.some_deployment();
    if !stage.is_idle(place) {
        return;
    }
    stage.reserve(place, 5.0);
    let victim = stage.world.deployments[place].pods.remove(0);
    let of = stage.world.deployments[place].clone();
    let by = stage.random.uuid();
    let text = format!("Preempted by pod {by} on node {}", victim.node.name);
    stage.scheduler(0.0, &victim, (NORMAL, "Preempted"), "Preempting", text);
    stop(stage, 0.1, &victim);
    let pod = stage.world.new_pod_of(&of, stage.random);
    stage.write(1.0, pod.object());
    stage.world.deployments[place].pods.push(pod);
}
