//! One of several replicas leads: it alone collects and sends, and it writes down how far it has come, so that
//! another goes on from there, with or without what the first had on its disk.
//!
//! The lock is a Lease of `coordination.k8s.io/v1`, taken and renewed as client-go does it, so that
//! kubernetes-event-exporter and Tidings wait for each other. [`Election`] decides, and knows neither network nor
//! clock; [`Lock`] asks the API server; [`Fence`] keeps the lanes of a replica that could not renew from sending;
//! [`Progress`] is what is written down, [`Account`] finds it out, and [`Resume`] goes on from it.

mod account;

mod api;

mod election;

mod fence;

mod lock;

mod progress;

mod record;

mod resume;

pub use self::{
    account::{Account, Claims},
    api::{LeaseApi, LeaseError, Leases},
    election::{Election, Move, Timing},
    fence::{Fence, Gate},
    lock::{End, Lock, Standing, Won},
    progress::{LIMIT, Point, Progress},
    record::Lease,
    resume::{Floor, Floors, Resume, Start},
};
