//! `tidings check --probe`: asks each destination whether it would take something from us.

use std::{fmt, time::Duration};

use event::{AnySink, Text};

use crate::settings::Receiver;

/// How long a destination may think about it.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a destination said.
#[derive(Debug)]
pub(crate) struct Probed {
    pub(crate) name: Text,
    pub(crate) kind: &'static str,
    pub(crate) answer: Answer,
}

/// What it said.
#[derive(Debug)]
pub(crate) enum Answer {
    Fine(String),
    /// This kind cannot be asked anything without being sent something.
    Unasked,
    Failed(String),
}

/// Asks all of them at once.
pub(crate) async fn ask(receivers: &[(Receiver, AnySink)]) -> Vec<Probed> {
    let asked = receivers.iter().map(|(receiver, sink)| async move {
        let answer = match tokio::time::timeout(PATIENCE, sink.probe()).await {
            Ok(Ok(Some(answer))) => Answer::Fine(answer),
            Ok(Ok(None)) => Answer::Unasked,
            Ok(Err(error)) => Answer::Failed(error.to_string()),
            Err(_) => Answer::Failed(format!("no answer within {PATIENCE:?}")),
        };
        sink.close().await;
        Probed { name: receiver.name.clone(), kind: receiver.kind.name, answer }
    });
    futures::future::join_all(asked).await
}

impl Probed {
    pub(crate) fn is_failed(&self) -> bool {
        matches!(self.answer, Answer::Failed(_))
    }
}

impl fmt::Display for Probed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "receiver {} ({}): ", self.name, self.kind)?;
        match &self.answer {
            Answer::Fine(answer) => f.write_str(answer),
            Answer::Unasked => f.write_str("cannot be asked without sending an event"),
            Answer::Failed(why) => f.write_str(why),
        }
    }
}
