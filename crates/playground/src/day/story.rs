//! What happens how often: the stories that make up the mix of reasons of a stable and of a busy
//! cluster.

/// Something that happens again and again, each time to other objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Story {
    /// A `CronJob` runs a Job of some pods.
    CronRun,
    /// The cronjob controller removes an old Job.
    JobRemoved,
    /// The cronjob controller meets a Job that it does not know.
    UnexpectedJob,
    /// A Job takes too long.
    JobTooLate,
    /// A disruption budget covers pods that nobody manages.
    UnmanagedPods,
    /// A disruption budget cannot be reckoned.
    UnknownScale,
    /// An autoscaler changes a Deployment's size by one.
    Rescale,
    /// A new version of a Deployment replaces its pods one by one.
    Rollout,
    /// A pipeline starts a Job of one pod.
    PipelineJob,
    /// Somebody starts a pod that nothing manages, and stops it.
    BarePod,
    /// A container fails again and again.
    CrashLoop,
    /// A probe fails for a while, until the container is restarted or recovers.
    FailingProbe,
    /// A container is restarted with another definition.
    Restart,
    /// A pod makes room for a more important one.
    Preemption,
    /// One of many things that happen now and then.
    Rare,
}

/// Stories in a hundred events of a stable cluster.
pub(super) const STABLE: &[(Story, f64)] = &[
    (Story::CronRun, 4.73),
    (Story::JobRemoved, 0.36),
    (Story::UnexpectedJob, 0.0203),
    (Story::JobTooLate, 0.003),
    (Story::UnmanagedPods, 2.17),
    (Story::UnknownScale, 0.0421),
    (Story::Rescale, 0.0468),
    (Story::Rare, 0.06),
];

/// Stories in a hundred events of a busy cluster.
pub(super) const BUSY: &[(Story, f64)] = &[
    (Story::Rollout, 0.63),
    (Story::PipelineJob, 2.2),
    (Story::BarePod, 1.0),
    (Story::CrashLoop, 1.02),
    (Story::FailingProbe, 0.92),
    (Story::Restart, 1.2),
    (Story::Preemption, 0.73),
    (Story::Rare, 17.0),
];
