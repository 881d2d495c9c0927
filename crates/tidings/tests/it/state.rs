//! The state folder: who owns it, what it remembers, and what happens when it is not what it was.

use std::{fs, process::Stdio};

use crate::support::{
    Cluster, Hook, Scene, TO_A_FILE, assert_like, core, document, names, nowhere,
};

const WATCH: &str = "run --config config.yaml --kubeconfig kubeconfig --state state";
const READ: &str = "run --config config.yaml --source input --state state";

#[tokio::test]
async fn a_second_process_waits_and_takes_over_and_nothing_is_delivered_twice() {
    let cluster = Cluster::start().await;
    let scene = Scene::with_cluster(TO_A_FILE, &cluster);
    let first = scene.start(WATCH);
    first.says("INFO watching").await;
    cluster.create("a");
    scene.has(1).await;
    let second = scene.start(WATCH);
    let owner = format!("WARN the state folder is in use by process {} on ", first.id());
    second.says(&owner).await;
    second.says("; waiting until it is released\n").await;
    cluster.create("b");
    scene.has(2).await;
    first.stops().await;
    second.says("INFO watching").await;
    cluster.create("c");
    scene.has(3).await;
    let ended = second.stops().await;
    assert_eq!(names(&scene.events()), ["a", "b", "c"]);
    assert_eq!(ended.lines_with("is in use by").len(), 1, "{}", ended.log);
    assert!(!ended.log.contains("baseline"), "{}", ended.log);
}

#[tokio::test]
async fn a_second_process_that_is_stopped_while_it_waits_says_so() {
    let scene = Scene::new(TO_A_FILE);
    let first =
        scene.start_with("run --config config.yaml --source - --state state", Stdio::piped());
    first.says("receiver file (file) ok").await;
    scene.write("input", "");
    let second = scene.start(READ);
    second.says("waiting until it is released").await;
    second.terminate();
    let ended = second.ends().await;
    assert_eq!(ended.code, Some(4));
    assert!(
        ended.log.ends_with("error: stopped while waiting for the state folder\n"),
        "{}",
        ended.log
    );
}

#[tokio::test]
async fn a_restart_repeats_nothing_and_misses_nothing_of_the_time_between() {
    let cluster = Cluster::start().await;
    let scene = Scene::with_cluster(TO_A_FILE, &cluster);
    let first = scene.start(WATCH);
    first.says("INFO watching").await;
    cluster.create("a");
    cluster.create("b");
    scene.has(2).await;
    first.stops().await;
    cluster.create("c");
    cluster.repeat("a");
    cluster.repeat("a");
    let second = scene.start(WATCH);
    second.says("INFO watching").await;
    cluster.create("d");
    scene.has(6).await;
    second.stops().await;
    assert_eq!(names(&scene.events()), ["a", "b", "c", "a×2", "a×3", "d"]);
}

#[tokio::test]
async fn a_restart_after_a_compaction_repeats_nothing_and_misses_nothing() {
    let cluster = Cluster::start().await;
    let scene = Scene::with_cluster(TO_A_FILE, &cluster);
    let first = scene.start(WATCH);
    first.says("INFO watching").await;
    cluster.create("a");
    cluster.create("b");
    scene.has(2).await;
    first.stops().await;
    cluster.create("c");
    cluster.repeat("a");
    cluster.repeat("a");
    cluster.playground.compact();
    let second = scene.start(WATCH);
    scene.has(4).await;
    cluster.create("d");
    scene.has(5).await;
    let ended = second.stops().await;
    let mut delivered = names(&scene.events());
    delivered[2..4].sort();
    assert_eq!(delivered, ["a", "b", "a×3", "c", "d"], "{}", ended.log);
    assert!(ended.log.contains("INFO made up for a break; nothing was missed"), "{}", ended.log);
}

#[tokio::test]
async fn what_waits_for_a_webhook_goes_out_after_a_restart() {
    let address = nowhere();
    let scene = Scene::new(&format!(
        "
route: {{match: [{{receiver: hook}}]}}
receivers:
- {{name: hook, webhook: {{endpoint: 'http://{address}/'}}}}
"
    ));
    scene.write("input", core("a", 5, 1) + &core("b", 6, 3));
    let ended = scene.run(&format!("{READ} --drain-timeout 0")).await;
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    let hook = Hook::start_at(address, |_| 200).await;
    scene.write("input", core("a", 5, 1) + &core("c", 7, 1));
    let ended = scene.run(READ).await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("receiver hook (webhook) ok waiting=2\n"), "{}", ended.log);
    assert_eq!(hook.taken(), [document("a", 5, 1), document("b", 6, 3), document("c", 7, 1)]);
}

/// A state folder after a good run, with this many events in its journal.
async fn after_a_run(events: u64) -> Scene {
    let scene = Scene::new(TO_A_FILE);
    let input: String = (0..events).map(|i| core(&format!("old-{i}"), 100 + i, 1)).collect();
    scene.write("input", input);
    let ended = scene.run(READ).await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    scene
}

#[tokio::test]
async fn a_foreign_file_in_the_journals_place_is_not_touched() {
    let scene = Scene::new(TO_A_FILE);
    scene.write("input", "");
    fs::create_dir(scene.path("state")).unwrap();
    let foreign = b"my diary\n".repeat(1000);
    scene.write("state/journal.db", &foreign);
    let ended = scene.run(READ).await;
    assert_eq!(ended.code, Some(4));
    let error = &ended.log[ended.log.find("error:").unwrap()..];
    assert_eq!(
        error,
        "error: journal `FOLDER/state/journal.db`\n  \
         because: `FOLDER/state/journal.db` is not a Tidings journal: move it away, or name another state folder\n\
         hint: give another folder with --state, or move this file away to begin anew\n"
    );
    assert_eq!(fs::read(scene.path("state/journal.db")).unwrap(), foreign);
}

#[tokio::test]
async fn a_journal_of_a_newer_tidings_is_not_touched() {
    let scene = after_a_run(10).await;
    let mut bytes = fs::read(scene.path("state/journal.db")).unwrap();
    bytes[60..64].copy_from_slice(&4_u32.to_be_bytes());
    let mark = b"tidings journal, schema 3";
    let at = bytes.windows(mark.len()).position(|window| window == mark).unwrap();
    bytes[at + mark.len() - 1] = b'4';
    scene.write("state/journal.db", &bytes);
    let ended = scene.run(READ).await;
    assert_eq!(ended.code, Some(4));
    let error = &ended.log[ended.log.find("error:").unwrap()..];
    assert_eq!(
        error,
        "error: journal `FOLDER/state/journal.db`\n  \
         because: `FOLDER/state/journal.db` was written by a newer Tidings (schema 4, this one reads 3): run that version again; to go back, let it write what waits with `tidings state export`, then move the file away with `tidings state reset`\n\
         hint: give another folder with --state, or move this file away to begin anew\n"
    );
    assert_eq!(fs::read(scene.path("state/journal.db")).unwrap(), bytes);
}

#[tokio::test]
async fn a_journal_that_was_cut_off_says_once_what_was_lost_and_goes_on() {
    let whole = after_a_run(300).await;
    let bytes = fs::read(whole.path("state/journal.db")).unwrap();
    let length = bytes.len();
    for cut in [512, 4096, 4097, length / 4, length / 2, length * 3 / 4, length - 4096, length - 1]
    {
        let scene = Scene::new(TO_A_FILE);
        fs::create_dir(scene.path("state")).unwrap();
        scene.write("state/journal.db", &bytes[..cut]);
        scene.write("input", core("new", 1000, 1));
        let ended = scene.run(READ).await;
        assert_eq!(ended.code, Some(0), "cut at {cut} of {length}: {}", ended.log);
        let lost = ended.lines_with("WARN ");
        // The last byte may be one that nobody needs.
        assert_eq!(lost.len(), usize::from(cut < length - 1), "at {cut}: {}", ended.log);
        for line in lost {
            assert_like(
                line,
                "WARN the journal was damaged: *; the damaged file is kept as `journal.db.damaged-*Z`",
            );
        }
        assert!(scene.events().contains(&document("new", 1000, 1)), "cut at {cut}");

        scene.write("input", core("new", 1000, 1) + &core("newer", 1001, 1));
        let before = scene.events().len();
        let ended = scene.run(READ).await;
        assert_eq!((ended.code, ended.lines_with("WARN ").len()), (Some(0), 0), "{}", ended.log);
        assert_eq!(scene.events()[before..], [document("newer", 1001, 1)], "cut at {cut}");
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_a_warning_and_events_are_delivered() {
    let scene = Scene::new(TO_A_FILE);
    scene.write("file", "in the way");
    scene.write("input", core("a", 5, 1));
    let ended = scene.run("run --config config.yaml --source input --state file/state").await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(scene.events(), [document("a", 5, 1)]);
    assert_eq!(
        ended.lines_with("state"),
        [
            "WARN the state folder `file/state` cannot be written: Not a directory (os error 20); mount a writable volume there; going on in memory",
            "INFO state in memory: what is not delivered when this process ends is lost",
        ]
    );
}

#[tokio::test]
async fn without_any_folder_to_write_to_the_command_line_of_the_original_delivers_from_memory() {
    let cluster = Cluster::start().await;
    let scene = Scene::with_cluster(TO_A_FILE, &cluster);
    // No home, as for a user that the image does not know.
    scene.write("home", "in the way");
    let life = scene.start("-conf=config.yaml -kubeconfig=kubeconfig");
    life.says("INFO watching").await;
    cluster.create("a");
    scene.has(1).await;
    let ended = life.stops().await;
    assert_eq!(names(&scene.events()), ["a"]);
    let warnings = ended.lines_with("WARN");
    assert_eq!(warnings.len(), 1, "{}", ended.log);
    assert_like(
        warnings[0],
        "WARN the state folder `FOLDER/home/.local/state/tidings/*` cannot be written: Not a directory (os error 20); mount a writable volume there; going on in memory",
    );
}

#[tokio::test]
async fn a_file_in_the_place_of_the_folder_is_a_warning_too() {
    let scene = Scene::new(TO_A_FILE);
    scene.write("state", "in the way");
    scene.write("input", core("a", 5, 1));
    let ended = scene.run(READ).await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(scene.events(), [document("a", 5, 1)]);
    assert_like(
        ended.lines_with("WARN")[0],
        "WARN the state folder `state` cannot be written: *; mount a writable volume there; going on in memory",
    );
    assert_eq!(fs::read(scene.path("state")).unwrap(), b"in the way");
}
