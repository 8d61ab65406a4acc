//! `mizan import`: files in.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use mizan_events::Unknown;
use mizan_ingest::files::Source;
use mizan_ingest::import::{ImportError, ImportOptions, ImportProgress, ImportSummary, import};
use mizan_ingest::mapping::Mapping;
use mizan_log::AppendError;
use serde::Serialize;

use super::{Context, print_json, print_text};
use crate::cli;
use crate::exit::{Code, Failure, OrFail};
use crate::output::{byte_bar, grouped};
use crate::rooms::{self, Rooms};

/// Between two looks at what the log need not hold any more.
const UPKEEP: Duration = Duration::from_millis(500);

/// What came of it, for scripts.
#[derive(Serialize)]
struct Report {
    files: usize,
    skipped_files: usize,
    accepted: u64,
    duplicates: u64,
    conflicts: u64,
    rejected: u64,
    bytes: u64,
    seconds: f64,
}

pub async fn run(context: Context, options: cli::Import) -> Result<ExitCode, Failure> {
    let mapping = match &options.map {
        Some(path) => Some(Mapping::load(path).map_err(|error| {
            Failure::new(Code::BadData, error)
                .hint(format!("the mapping is {}; docs/import.md shows how to write one", path.display()))
        })?),
        None => None,
    };
    let source = Source::open(&options.files).or_fail(Code::BadData)?;
    for skipped in &source.skipped {
        tracing::warn!(file = %skipped.display(), "not a kind of file that can be imported; passed over");
    }
    let rooms = Rooms::open(&context).await?;
    let mut worker = rooms.worker(&context).await?.without_showing();
    let intake = rooms.intake(Unknown::Keep);
    let import_options = ImportOptions {
        data: context.data.root().to_owned(),
        again: options.again,
        strict: options.strict,
        shop: None,
    };
    let progress = ImportProgress::default();
    let bytes = source.bytes();

    let bar = byte_bar(bytes, "importing");
    let ticker = {
        let (bar, progress) = (bar.clone(), progress.clone());
        tokio::spawn(async move {
            loop {
                bar.set_position(progress.bytes());
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })
    };
    let started = Instant::now();
    let runtime = tokio::runtime::Handle::current();
    let mut importing = tokio::task::spawn_blocking(move || {
        let done = import(&intake, &mut worker, &runtime, &source, mapping.as_ref(), &import_options, &progress);
        (done, worker)
    });
    let imported = loop {
        tokio::select! {
            imported = &mut importing => break imported,
            () = tokio::time::sleep(UPKEEP) => {
                // What fails here is tried again at the end, and told then.
                if let Err(failure) = upkeep(&rooms).await {
                    tracing::debug!(?failure, "the log was not trimmed yet");
                }
            }
        }
    };
    let (summary, worker) = imported.or_fail(Code::Software)?;
    ticker.abort();
    bar.finish_and_clear();
    let summary = summary.map_err(|error| failed(&error))?;
    // Live state follows, so that orders and stock are there when the command ends.
    mizan_operations::catch_up(&rooms.operations, &rooms.log).await.or_fail(Code::Io)?;
    drop(worker);
    rooms::trim(&rooms.log, &rooms.operations).await?;
    rooms.log.close();
    report(&context, &summary, bytes, started.elapsed())
}

/// Live state follows while the import goes on, so that the log holds a part of it at a time and little is left to delete at
/// the end.
async fn upkeep(rooms: &Rooms) -> Result<(), Failure> {
    mizan_operations::catch_up(&rooms.operations, &rooms.log).await.or_fail(Code::Io)?;
    rooms::trim_sealed(&rooms.log, &rooms.operations).await
}

fn failed(error: &ImportError) -> Failure {
    match error {
        ImportError::File(_) | ImportError::Refused { .. } => Failure::new(Code::BadData, error),
        ImportError::Log(AppendError::DiskFull) => Failure::new(Code::Io, error)
            .hint("free some space and run the same import again; it goes on where it stopped"),
        _ => Failure::new(Code::Io, error),
    }
}

fn report(context: &Context, summary: &ImportSummary, bytes: u64, took: Duration) -> Result<ExitCode, Failure> {
    let ImportSummary { files, skipped_files, accepted, duplicates, conflicts, rejected } = *summary;
    let seconds = took.as_secs_f64();
    if context.json {
        print_json(&Report { files, skipped_files, accepted, duplicates, conflicts, rejected, bytes, seconds })?;
        return Ok(ExitCode::SUCCESS);
    }
    let rate = (accepted + duplicates + conflicts) as f64 / seconds.max(0.001);
    let mut text = format!(
        "{:>12} events in {:.1} s ({} a second) from {} {}\n",
        grouped(accepted),
        seconds,
        grouped(rate as u64),
        files,
        if files == 1 { "file" } else { "files" },
    );
    let mut also = |count: u64, what: &str| {
        if count > 0 {
            text.push_str(&format!("{:>12} {what}\n", grouped(count)));
        }
    };
    also(duplicates, "were known already");
    also(conflicts, "were known with other content, which stays; a correction needs an id of its own");
    also(skipped_files as u64, "files were imported before (--again reads them anew)");
    also(rejected, "rows were refused; `mizan rejected list` shows why");
    print_text(&text)?;
    if accepted > 0 {
        eprintln!("Next: `mizan run` brings the marts up to date.");
    }
    Ok(ExitCode::SUCCESS)
}
