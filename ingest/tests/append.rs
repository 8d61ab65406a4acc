//! Files into the log alone, as beside a running server: stopped, gone on with, and once.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;
use std::sync::Arc;

use mizan_events::Unknown;
use mizan_ingest::Intake;
use mizan_ingest::files::Source;
use mizan_ingest::import::{ImportError, ImportOptions, ImportSummary, Stop, append};
use mizan_ingest::mapping::Mapping;
use mizan_ingest::rejected::RejectedStore;
use mizan_log::Log;

const ROWS: u64 = 30_000;

fn intake(dir: &Path) -> Intake {
    let (log, _) = Log::open(dir.join("log"), mizan_log::Options::default()).unwrap();
    Intake::new(log, Arc::new(RejectedStore::open(dir).unwrap()), Unknown::Keep)
}

#[test]
fn an_import_that_was_asked_to_stop_goes_on_at_the_very_next_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("views.csv");
    let rows: String = (0..ROWS).map(|n| format!("{n}\n")).collect();
    std::fs::write(&path, format!("n\n{rows}")).unwrap();
    let source = Source::open([&path]).unwrap();
    let mapping = r#"{type: "storefront.page_view", id: .n, time: "2026-03-01T10:00:00Z", data: {session_id: "s"}}"#;
    let mapping = Mapping::parse("views", mapping).unwrap();
    let options =
        ImportOptions { data: folder.path().to_owned(), again: false, strict: false, shop: Some("riyadh".to_owned()) };
    let intake = intake(folder.path());
    let run = |stop: &Stop| append(&intake, &source, Some(&mapping), &options, stop);

    let stop = Stop::default();
    let stopped = std::thread::scope(|scope| {
        let running = scope.spawn(|| run(&stop));
        while intake.log().last_position() == 0 {
            std::thread::yield_now();
        }
        stop.ask();
        running.join().unwrap()
    });
    assert!(matches!(stopped, Err(ImportError::Stopped)), "{stopped:?}");
    let before = intake.log().last_position();
    assert!((1..ROWS).contains(&before), "{before}");

    let rest = run(&Stop::default()).unwrap();
    let expected = ImportSummary { files: 1, accepted: ROWS - before, ..ImportSummary::default() };
    assert_eq!(rest, expected);
    let again = run(&Stop::default()).unwrap();
    assert_eq!(again, ImportSummary { skipped_files: 1, ..ImportSummary::default() });

    let first = intake.log().reader(0).next(1 << 10).unwrap().unwrap();
    let event = std::str::from_utf8(&first[0].bytes).unwrap();
    assert!(event.contains(r#""shop":"riyadh""#) && event.contains(r#""source":"views""#), "{event}");
}
