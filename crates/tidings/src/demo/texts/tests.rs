use super::*;

const PLAIN: Paint = Paint(false);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn the_banner_says_what_is_pretended_and_how_to_end_it() {
    let scene = Scene {
        api: "http://127.0.0.1:41234",
        webhook: "http://127.0.0.1:41235",
        kubeconfig: "/tmp/tidings-demo-x/kubeconfig",
        nodes: 200,
        rate: 31,
        before: 6012,
    };
    assert_eq!(
        banner(&scene, PLAIN),
        "\
Tidings · a demo in one minute

  cluster   http://127.0.0.1:41234     pretended: 200 nodes, about 31 events a second
  worker    tidings run                this program, watching that cluster, in a process of its own
  webhook   http://127.0.0.1:41235     gets every event, and counts

  Nothing leaves this machine and no real cluster is touched. Ctrl-C ends it and cleans up.
  6012 events are there already. They are noted, and not sent unless they are only seconds old.
  Look around:  kubectl --kubeconfig /tmp/tidings-demo-x/kubeconfig get events -A -w
"
    );
}

#[test]
fn the_watch_begins_where_the_worker_says() {
    assert_eq!(
        watching(Some(48_211), PLAIN),
        "watching from rv 48211; from here on every event counts"
    );
    assert_eq!(watching(None, PLAIN), "watching; from here on every event counts");
}

#[test]
fn captions_and_what_was_not_shown() {
    assert_eq!(caption(seconds(75), "the webhook dies", PLAIN), "\n── 1:15  the webhook dies");
    assert_eq!(not_shown(37, PLAIN), "… and 37 more");
}

#[test]
fn the_webhook_goes_and_comes() {
    let now = Numbers { waiting: 312, ..Numbers::default() };
    assert_eq!(webhook_down(now, PLAIN), "webhook down · 312 waiting · 0 lost");
    assert_eq!(
        webhook_back(312, 0, Numbers::default(), PLAIN),
        "webhook back · 312 delivered · 0 lost"
    );
    let late = Numbers { lost: 2, ..Numbers::default() };
    assert_eq!(
        webhook_back(300, 12, late, PLAIN),
        "webhook back · 300 delivered · 12 still waiting · 2 lost"
    );
}

#[test]
fn the_worker_goes_and_comes() {
    assert_eq!(worker_dead(96, PLAIN), "worker killed · nobody is watching · 96 waiting");
    let comeback = Comeback {
        dead: Duration::from_millis(3049),
        resumed_at: Some(48_211),
        missing: 0,
        repeated: 0,
    };
    assert_eq!(
        worker_back(&comeback, PLAIN),
        "worker killed for 3.0 s · resumed at rv 48211 · 0 missing · 0 repeated"
    );
    let worse = Comeback { resumed_at: None, missing: 4, repeated: 17, ..comeback };
    assert_eq!(
        worker_back(&worse, PLAIN),
        "worker killed for 3.0 s · resumed · 4 missing · 17 repeated (same id: a receiver can tell)"
    );
}

#[test]
fn the_ledger_has_a_line_for_each_number() {
    let webhook = Numbers { written: 1912, delivered: 1909, waiting: 3, ..Numbers::default() };
    let numbers = Ledger {
        webhook,
        seen: 1912,
        kills: 1,
        dead: Duration::from_millis(3100),
        down: Duration::from_millis(9040),
        ..Ledger::default()
    };
    assert_eq!(
        ledger(&numbers, PLAIN),
        "  written by the cluster         1912   new events and repeats
  seen by the worker             1912
  delivered to the webhook       1909
  waiting                           3   safe in the journal, or to be read from the cluster
  lost                              0
  repeated                          0   delivered twice, with the same id
  worker killed                     1   SIGKILL, 3.1 s without a worker
  webhook down                  9.0 s
"
    );
    let strange = Numbers { unexpected: 5, ..webhook };
    let text = ledger(&Ledger { webhook: strange, quiet: 12, ..numbers }, PLAIN);
    assert!(text.contains("not expected                      5   delivered, though"), "{text}");
    let calm = ledger(&Ledger { kills: 0, down: Duration::ZERO, ..numbers }, PLAIN);
    assert!(!calm.contains("killed") && !calm.contains("down"), "{calm}");
    assert!(text.contains("nothing to tell                  12   events removed"), "{text}");
}

#[test]
fn the_summary_is_one_line() {
    let webhook = Numbers { written: 5000, delivered: 4990, waiting: 10, ..Numbers::default() };
    assert_eq!(
        summary(seconds(120), webhook, PLAIN),
        "── 2:00  written 5000 · delivered 4990 · 10 waiting · 0 lost · 0 repeated"
    );
}

#[test]
fn the_next_steps_are_three_commands() {
    assert_eq!(
        next_steps("/tmp/k", PLAIN),
        "
  Try next:
    tidings run --kubeconfig /tmp/k
        this cluster, in another terminal; without --kubeconfig, yours
    tidings playground
        a pretended cluster that stays, for your own config
    kubectl get events -A -o json --watch --output-watch-events | tidings run --source -
        the events of any cluster that kubectl can reach, readable

  It goes on quietly; Ctrl-C ends it.
"
    );
}

#[test]
fn a_worker_that_ends_is_quoted() {
    let said = ["error: the config is wrong".to_owned(), "hint: mend it".to_owned()];
    assert_eq!(
        worker_failed("exit status: 3", &said),
        "the worker ended by itself (exit status: 3); it said last:\n  \
         error: the config is wrong\n  hint: mend it"
    );
    assert_eq!(
        worker_failed("signal: 9 (SIGKILL)", &[]),
        "the worker ended by itself (signal: 9 (SIGKILL)) and said nothing"
    );
}

#[test]
fn colours_are_there_only_when_they_are_wanted() {
    let lost = Numbers { lost: 1, ..Numbers::default() };
    assert_eq!(
        webhook_down(lost, Paint(true)),
        "\x1b[1;31mwebhook down\x1b[0m · 0 waiting · \x1b[1;31m1 lost\x1b[0m"
    );
    let colours = ledger(&Ledger::default(), Paint(true));
    assert!(colours.lines().all(|line| !line.ends_with(' ')), "{colours:?}");
    assert!(!banner(&EMPTY, PLAIN).contains('\x1b'));
    assert!(banner(&EMPTY, Paint(true)).contains("\x1b[1mCtrl-C\x1b[0m"));
}

const EMPTY: Scene<'_> =
    Scene { api: "", webhook: "", kubeconfig: "", nodes: 0, rate: 0, before: 0 };
