//! Every word that the demo says, as pure functions.

use std::{fmt::Write, time::Duration};

use super::tally::Numbers;

/// Whether colours are understood and wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Paint(pub(super) bool);

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.0 && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    fn good(self, text: &str) -> String {
        self.with("1;32", text)
    }

    fn bad(self, text: &str) -> String {
        self.with("1;31", text)
    }

    fn caption(self, text: &str) -> String {
        self.with("1;36", text)
    }

    /// Green when it is well, red when it is not.
    fn verdict(self, well: bool, text: &str) -> String {
        if well { self.good(text) } else { self.bad(text) }
    }
}

/// What is simulated and where.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    pub(super) api: &'a str,
    pub(super) webhook: &'a str,
    pub(super) kubeconfig: &'a str,
    /// Nodes of the cluster.
    pub(super) nodes: usize,
    /// Events a second, about.
    pub(super) rate: u64,
    /// Events that are there before anybody looks.
    pub(super) before: usize,
}

/// What this is, where it is, and how to end it.
pub(super) fn banner(scene: &Scene<'_>, paint: Paint) -> String {
    let Scene { api, webhook, kubeconfig, nodes, rate, before } = scene;
    let title = paint.bold("Tidings · a demo in one minute");
    let ctrl_c = paint.bold("Ctrl-C");
    format!(
        "{title}\n\
         \n\
         \x20 cluster   {api:<26} pretended: {nodes} nodes, about {rate} events a second\n\
         \x20 worker    {worker:<26} this program, watching that cluster, in a process of its own\n\
         \x20 webhook   {webhook:<26} gets every event, and counts\n\
         \n\
         \x20 Nothing leaves this machine and no real cluster is touched. {ctrl_c} ends it and cleans up.\n\
         \x20 {before} events are there already. They are noted, and not sent unless they are only seconds old.\n\
         \x20 Look around:  kubectl --kubeconfig {kubeconfig} get events -A -w\n",
        worker = "tidings run",
    )
}

/// The worker has begun to watch.
pub(super) fn watching(revision: Option<u64>, paint: Paint) -> String {
    let from = revision.map_or_else(String::new, |revision| format!(" from rv {revision}"));
    paint.dim(&format!("watching{from}; from here on every event counts"))
}

/// A new scene of the story, so long after its beginning.
pub(super) fn caption(after: Duration, text: &str, paint: Paint) -> String {
    format!("\n{}", paint.caption(&format!("── {}  {text}", minutes(after))))
}

/// `0:15`
fn minutes(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// How many events there was no room for.
pub(super) fn not_shown(number: u64, paint: Paint) -> String {
    paint.dim(&format!("… and {number} more"))
}

/// While the webhook is dead.
pub(super) fn webhook_down(now: Numbers, paint: Paint) -> String {
    let down = paint.bad("webhook down");
    format!("{down} · {} waiting · {}", now.waiting, lost(now.lost, paint))
}

/// The webhook has got what had piled up: `delivered` of it, with `waiting` still to come.
pub(super) fn webhook_back(delivered: u64, waiting: u64, now: Numbers, paint: Paint) -> String {
    let back = paint.good("webhook back");
    let still = if waiting == 0 { String::new() } else { format!(" · {waiting} still waiting") };
    format!("{back} · {delivered} delivered{still} · {}", lost(now.lost, paint))
}

fn lost(number: u64, paint: Paint) -> String {
    paint.verdict(number == 0, &format!("{number} lost"))
}

/// While the worker is dead.
pub(super) fn worker_dead(waiting: u64, paint: Paint) -> String {
    let killed = paint.bad("worker killed");
    format!("{killed} · nobody is watching · {waiting} waiting")
}

/// How the worker came back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Comeback {
    /// Without a worker.
    pub(super) dead: Duration,
    /// Where it went on, if it said so.
    pub(super) resumed_at: Option<u64>,
    /// Of what was written before it was back, not delivered.
    pub(super) missing: u64,
    /// Delivered a second time, since it was killed.
    pub(super) repeated: u64,
}

/// The worker runs again and has caught up, or has not.
pub(super) fn worker_back(comeback: &Comeback, paint: Paint) -> String {
    let Comeback { dead, resumed_at, missing, repeated } = comeback;
    let place = resumed_at.map_or_else(|| "resumed".into(), |at| format!("resumed at rv {at}"));
    let none_missing = paint.verdict(*missing == 0, &format!("{missing} missing"));
    let why = if *repeated == 0 { "" } else { " (same id: a receiver can tell)" };
    format!(
        "worker killed for {} · {} · {none_missing} · {repeated} repeated{why}",
        tenths(*dead),
        paint.good(&place),
    )
}

fn tenths(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// Everything that is to be told in the end.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ledger {
    /// The webhook's side.
    pub(super) webhook: Numbers,
    /// What the screen got: what the worker has seen.
    pub(super) seen: u64,
    /// Writes that tell nothing.
    pub(super) quiet: u64,
    /// How often the worker was killed.
    pub(super) kills: u32,
    /// Without a worker.
    pub(super) dead: Duration,
    /// Without a webhook.
    pub(super) down: Duration,
}

/// The ledger, one line for each number; each with its newline.
pub(super) fn ledger(ledger: &Ledger, paint: Paint) -> String {
    let numbers = ledger.webhook;
    let mut text = String::new();
    let mut row = |what: &str, number: &str, note: &str| {
        let line = format!("  {what:<26}{number:>9}   {}", paint.dim(note));
        writeln!(text, "{}", line.trim_end()).expect("a string takes every write");
    };
    row("written by the cluster", &numbers.written.to_string(), "new events and repeats");
    row("seen by the worker", &ledger.seen.to_string(), "");
    row("delivered to the webhook", &numbers.delivered.to_string(), "");
    row(
        "waiting",
        &numbers.waiting.to_string(),
        "safe in the journal, or to be read from the cluster",
    );
    row("lost", &numbers.lost.to_string(), "");
    row("repeated", &numbers.repeated.to_string(), "delivered twice, with the same id");
    if numbers.unexpected > 0 {
        row(
            "not expected",
            &numbers.unexpected.to_string(),
            "delivered, though nothing new happened",
        );
    }
    if ledger.quiet > 0 {
        row("nothing to tell", &ledger.quiet.to_string(), "events removed, or rewritten unchanged");
    }
    if ledger.kills > 0 {
        let without = format!("SIGKILL, {} without a worker", tenths(ledger.dead));
        row("worker killed", &ledger.kills.to_string(), &without);
    }
    if !ledger.down.is_zero() {
        row("webhook down", &tenths(ledger.down), "");
    }
    text
}

/// In one line, now and then.
pub(super) fn summary(after: Duration, webhook: Numbers, paint: Paint) -> String {
    format!(
        "{} written {} · delivered {} · {} waiting · {} · {} repeated",
        paint.caption(&format!("── {} ", minutes(after))),
        webhook.written,
        webhook.delivered,
        webhook.waiting,
        lost(webhook.lost, paint),
        webhook.repeated,
    )
}

/// What to try after the story.
pub(super) fn next_steps(kubeconfig: &str, paint: Paint) -> String {
    let (one, two, three) = (
        paint.bold(&format!("tidings run --kubeconfig {kubeconfig}")),
        paint.bold("tidings playground"),
        paint.bold(
            "kubectl get events -A -o json --watch --output-watch-events | tidings run --source -",
        ),
    );
    format!(
        "\n  Try next:\n\
         \x20   {one}\n        this cluster, in another terminal; without --kubeconfig, yours\n\
         \x20   {two}\n        a pretended cluster that stays, for your own config\n\
         \x20   {three}\n        the events of any cluster that kubectl can reach, readable\n\
         \n  It goes on quietly; {} ends it.\n",
        paint.bold("Ctrl-C"),
    )
}

/// The worker ended by itself, `how`, and this is what it said last.
pub(super) fn worker_failed(how: &str, last_lines: &[String]) -> String {
    let mut text = format!("the worker ended by itself ({how})");
    if last_lines.is_empty() {
        text += " and said nothing";
    } else {
        text += "; it said last:";
        for line in last_lines {
            text += "\n  ";
            text += line;
        }
    }
    text
}

#[cfg(test)]
mod tests;
