//! How the stories go: each plans, in order and with realistic waits, what will happen.

use super::{
    pod_life::{created_by, deleted_by, scaled, start, start_cached, stop},
    rare,
    stage::{NORMAL, Stage, WARNING},
    story::Story,
    world::{CronJob, Owner, Pod, job_removal, reference},
};

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
        Story::Restart => {
            let pod = stage.some_pod();
            let container = &pod.containers[0];
            let text = format!("Container {container} definition changed, will be restarted");
            stage.container(0.0, &pod, container, (NORMAL, "Killing"), &text);
        }
        Story::Preemption => preemption(stage),
        Story::Rare => rare::tell(stage),
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
