//! What is looked at now: it changes when this replica begins to lead, or leads no more.

use std::{fmt::Write, sync::Arc};

use pipeline::lease::Standing;
use tokio::sync::watch;

use super::{Sources, health};

/// Where the parts that run show themselves.
#[derive(Debug)]
pub(crate) struct Board(watch::Sender<View>);

/// The other side of the board.
pub(crate) type Shown = watch::Receiver<View>;

/// What there is to look at.
#[derive(Debug, Clone, Default)]
pub(crate) enum View {
    /// Nothing yet.
    #[default]
    Starting,
    /// Another replica leads.
    Waiting(Standing),
    /// This one collects and sends.
    Leading(Arc<Sources>),
}

impl Board {
    /// A board with nothing on it, and where it is seen.
    pub(crate) fn new() -> (Self, Shown) {
        let (sender, shown) = watch::channel(View::default());
        (Self(sender), shown)
    }

    /// This replica waits to lead.
    pub(crate) fn waits(&self, standing: Standing) {
        self.0.send_replace(View::Waiting(standing));
    }

    /// This replica leads, or is alone.
    pub(crate) fn leads(&self, sources: Sources) {
        self.0.send_replace(View::Leading(Arc::new(sources)));
    }
}

impl View {
    /// Whether this replica does what it is to do, and a line for each thing that was looked at.
    pub(super) fn ready(&self) -> (bool, String) {
        match self {
            Self::Starting => (false, "[-]starting\n".into()),
            Self::Waiting(Standing::Asking) => (false, "[-]standby: asking who leads\n".into()),
            Self::Waiting(Standing::Behind(leader)) => {
                (true, format!("[+]standby: {leader} leads\n"))
            }
            Self::Waiting(Standing::Troubled(why)) => {
                (false, format!("[-]standby: the Lease cannot be had ({why})\n"))
            }
            Self::Leading(sources) => {
                let (ready, mut text) = health::ready(sources);
                if sources.elected {
                    writeln!(text, "[+]leader").expect("a string takes it");
                }
                (ready, text)
            }
        }
    }
}
