//! Watched folders when things go wrong: a disk that is full for a while, a folder that is not there for a while.

use std::path::Path;
use std::time::Duration;

use crate::support::disk::SmallDisk;
use crate::support::events::{now, page_view};
use crate::support::{Mizan, Server};
use crate::watch::{finished, metric, wait_for};

/// A program whose only watched folder is this one.
fn watching(data: &Path, folder: &Path) -> (Mizan, Server) {
    std::fs::create_dir_all(folder).unwrap();
    let mizan = Mizan::at(data);
    let settings = format!("[[watch]]\nfolder = {:?}\n", folder.to_str().unwrap());
    std::fs::write(mizan.home().join("mizan.toml"), settings).unwrap();
    let server = mizan.serve_with(&[("MIZAN_INGEST__FLUSH_SECONDS", "1"), ("MIZAN_TRANSFORM__EVERY_SECONDS", "0")]);
    (mizan, server)
}

#[test]
fn a_disk_that_is_full_in_the_middle_of_a_watched_file_costs_no_event() {
    let Some(disk) = SmallDisk::mount("160m") else { return };
    let elsewhere = tempfile::tempdir().unwrap();
    let folder = elsewhere.path().join("incoming");
    let (_, server) = watching(&disk.path().join("data"), &folder);
    assert_eq!(server.events(&page_view("first", &now())).status, 200);
    // The file has more than 100 MB, so that it is taken in part.
    disk.fill_but(40 << 20);
    let filler = "x".repeat(4_000);
    let line =
        |number: usize| page_view(&format!("e{number}"), "2026-03-01T10:00:00Z").replace("mobile", &filler) + "\n";
    std::fs::write(folder.join("large.ndjson"), (0..25_000).map(line).collect::<String>()).unwrap();
    wait_for("the full disk is told", || metric(&server, "mizan_watch_failures_total") != "0");
    assert_eq!(metric(&server, "mizan_watch_files_total"), "0");
    let taken: usize = server.value("SELECT count(*) FROM events.storefront").parse().unwrap();
    assert!((100..25_000).contains(&taken), "{taken} events were taken: it was not in the middle");
    // It is tried again and again, and told once.
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(metric(&server, "mizan_watch_failures_total"), "1");
    assert_eq!(server.client().get("/livez", None).unwrap().status, 200);
    disk.free();
    wait_for("the file is taken", || metric(&server, "mizan_watch_files_total") == "1");
    wait_for("all of it is seen", || server.value("SELECT count(*) FROM events.storefront") == "25001");
    assert_eq!(server.value("SELECT count(DISTINCT event_id) FROM events.storefront"), "25001");
}

#[test]
fn a_watched_folder_that_goes_away_is_told_once_and_watched_again_when_it_is_back() {
    let home = tempfile::tempdir().unwrap();
    let (folder, away) = (home.path().join("incoming"), home.path().join("away"));
    let (mizan, server) = watching(&home.path().join("data"), &folder);
    std::fs::write(folder.join("a.ndjson"), page_view("a", "2026-03-01T10:00:00Z")).unwrap();
    wait_for("the first file is finished", || finished(&mizan) == 1);
    std::fs::rename(&folder, &away).unwrap();
    wait_for("it is told", || metric(&server, "mizan_watch_failures_total") == "1");
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(metric(&server, "mizan_watch_failures_total"), "1", "told at each look");
    assert_eq!(server.events(&page_view("meanwhile", &now())).status, 200);
    std::fs::write(away.join("b.ndjson"), page_view("b", "2026-03-01T10:00:00Z")).unwrap();
    std::fs::rename(&away, &folder).unwrap();
    wait_for("the second file is finished", || finished(&mizan) == 2);
    server.rows("SELECT event_id FROM events.storefront", 3);
    // What was taken before is not taken again.
    assert_eq!(metric(&server, "mizan_watch_files_total"), "2");
    assert_eq!(metric(&server, "mizan_events_duplicate_total"), "0");
    // Away when the program ends and starts: the start says so.
    std::fs::rename(&folder, &away).unwrap();
    assert_eq!(server.interrupt(), Some(0));
    let told = mizan.fails(&["serve", "--http", "127.0.0.1:0"], 78);
    assert!(told.contains("incoming"), "{told}");
}
