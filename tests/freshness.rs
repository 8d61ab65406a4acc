//! An event is visible to SQL before the lake has it, and exactly once all along.

use std::time::{Duration, Instant};

use crate::support::Mizan;
use crate::support::events::{now, page_view};

#[test]
fn an_event_is_visible_before_it_is_in_the_lake() {
    let mizan = Mizan::new();
    let server = mizan.serve_with(&[("MIZAN_INGEST__FLUSH_SECONDS", "3600")]);
    assert_eq!(server.events(&page_view("fresh", &now())).json()["accepted"], 1);
    let deadline = Instant::now() + Duration::from_secs(5);
    while server.value("SELECT count(*) FROM events.storefront WHERE event_id = 'fresh'") != "1" {
        assert!(Instant::now() < deadline, "not visible after five seconds");
    }
    let files = data_files(&mizan.data.join("lake/events/storefront"));
    assert_eq!(files, 0, "the lake already has it, so that the tail was not what answered");
    // Another process beside the server sees it too.
    assert_eq!(mizan.value("SELECT count(*) FROM events.storefront WHERE event_id = 'fresh'"), "1");
}

#[test]
fn a_count_never_goes_down_or_too_far_up_while_events_move_into_the_lake() {
    let mizan = Mizan::new();
    let server = mizan.serve_with(&[("MIZAN_INGEST__FLUSH_SECONDS", "1"), ("MIZAN_TRANSFORM__EVERY_SECONDS", "0")]);
    let time = now();
    let mut sent = 0;
    let mut seen = 0;
    let deadline = Instant::now() + Duration::from_secs(6);
    while Instant::now() < deadline {
        let lines: Vec<String> = (sent..sent + 7).map(|number| page_view(&format!("e{number}"), &time)).collect();
        assert_eq!(server.events(&lines.join("\n")).json()["accepted"], 7);
        sent += 7;
        let count: usize = server.value("SELECT count(*) FROM events.storefront").parse().unwrap();
        assert!(count >= seen && count <= sent, "{count} rows of {sent}, after {seen} were seen");
        seen = count;
    }
    assert!(data_files(&mizan.data.join("lake/events/storefront")) > 1, "nothing was committed meanwhile");
    assert!(server.value("SELECT count(DISTINCT event_id) FROM events.storefront").parse::<usize>().unwrap() >= seen);
    assert_eq!(server.interrupt(), Some(0));
    assert_eq!(mizan.value("SELECT count(*) FROM events.storefront"), sent.to_string());
}

pub fn data_files(folder: &std::path::Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            if path.is_dir() {
                data_files(&path)
            } else {
                usize::from(path.extension().is_some_and(|e| e == "parquet"))
            }
        })
        .sum()
}
