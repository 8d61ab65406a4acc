//! `mizan run`: the marts, brought up to date.

use std::process::ExitCode;

use mizan_events::EventTime;
use mizan_transform::{Outcome, Progress, RunReport, Runner, Selection};

use super::{Context, print_json, print_text};
use crate::cli;
use crate::exit::{Code, Failure, OrFail};
use crate::output::{grouped, step_bar};
use crate::rooms::{self, Rooms};

pub async fn run(context: Context, options: cli::Run) -> Result<ExitCode, Failure> {
    context.data.must_exist()?;
    let project = rooms::project(&context)?;
    let rooms = Rooms::open(&context).await?;
    // What the log holds beyond the lake belongs into the marts as well.
    rooms.settle(&context).await?;
    let bar = step_bar(0, "models");
    let mut progress = |progress: Progress<'_>| match progress {
        Progress::Started { model, place, of } => {
            bar.set_length(of as u64);
            bar.set_position(place.saturating_sub(1) as u64);
            bar.set_message(model.to_owned());
        }
        Progress::Finished { .. } => {}
    };
    let runner = Runner::new(&project);
    let selection = selection(options.models);
    let settings = rooms::session_settings(&context);
    let report = runner.run(&rooms.lake, settings, &selection, EventTime::now(), &mut progress).await;
    bar.finish_and_clear();
    rooms.log.close();
    tell(&context, &report.or_fail(Code::Usage)?)
}

/// The models named, or all of them.
pub fn selection(models: Vec<String>) -> Selection {
    if models.is_empty() { Selection::All } else { Selection::Named(models) }
}

fn tell(context: &Context, report: &RunReport) -> Result<ExitCode, Failure> {
    if context.json {
        let models: Vec<_> = report
            .models
            .iter()
            .map(|run| {
                let (outcome, rows, error) = match &run.outcome {
                    Outcome::Built { rows } => ("built", Some(*rows), None),
                    Outcome::Failed(error) => ("failed", None, Some(error.to_string())),
                    Outcome::Skipped { because } => ("skipped", None, Some(format!("{because} failed"))),
                };
                serde_json::json!({ "model": run.model, "outcome": outcome, "rows": rows, "error": error, "seconds": run.took.as_secs_f64() })
            })
            .collect();
        print_json(&serde_json::json!({ "models": models }))?;
    } else {
        let mut text = String::new();
        for run in &report.models {
            let told = match &run.outcome {
                Outcome::Built { rows } => format!("{:>12} rows", grouped(*rows)),
                Outcome::Failed(error) => format!("      failed: {error}"),
                Outcome::Skipped { because } => format!("     skipped: {because} failed"),
            };
            text.push_str(&format!("{:24}{told}  {:>7.2} s\n", run.model, run.took.as_secs_f64()));
        }
        print_text(&text)?;
    }
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::from(Code::Findings as u8) })
}
