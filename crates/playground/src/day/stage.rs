//! What stories work with: the world, chance, and ways to plan what components will say.

use event::ObjectRef;
use jiff::Timestamp;

use super::{
    Agenda, Plan, Reporter, Saying, Write, seconds,
    world::{CronJob, Pod, World, reference},
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

    pub(super) fn cron(
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

    pub(super) fn cron_job(&mut self) -> CronJob {
        self.random.pick(&self.world.cron_jobs).clone()
    }

    /// A disruption budget and a pod that it covers.
    pub(super) fn budget(&mut self) -> (ObjectRef, String) {
        let deployment = self.some_deployment();
        let of = &self.world.deployments[deployment];
        let budget =
            reference("PodDisruptionBudget", "policy/v1", &of.namespace, &of.name, &of.uid);
        (budget, format!("{}-debug", of.name))
    }
}
