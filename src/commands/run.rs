//! `mizan run`: the marts, brought up to date.

use std::process::ExitCode;

use mizan_events::EventTime;
use mizan_transform::{Outcome, Plan, Progress, RunReport, Runner, Selection};

use super::{Context, print_json, print_text};
use crate::cli;
use crate::exit::{Code, Failure, OrFail};
use crate::output::{grouped, step_bar};
use crate::rooms::{self, Rooms};

pub async fn run(context: Context, options: cli::Run) -> Result<ExitCode, Failure> {
    if options.explain {
        return explain(&context, options).await;
    }
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
    let runner = Runner::new(&project).full(options.full);
    let selection = selection(options.models);
    let settings = rooms::session_settings(&context);
    let as_of = EventTime::now();
    let report = runner.run(&rooms.lake, settings, &selection, as_of, &mut progress).await;
    bar.finish_and_clear();
    rooms.log.close();
    tell(&context, as_of, &report.or_fail(Code::Usage)?)
}

/// What a run would do, beside a server as well: nothing is written.
async fn explain(context: &Context, options: cli::Run) -> Result<ExitCode, Failure> {
    let project = rooms::project(context)?;
    let lake = rooms::lake_for_reading(context).await?;
    let runner = Runner::new(&project).full(options.full);
    let settings = rooms::session_settings(context);
    let plans = runner.explain(&lake, settings, &selection(options.models), EventTime::now()).await;
    let plans = plans.or_fail(Code::Usage)?;
    if context.json {
        let models: Vec<_> = plans
            .iter()
            .map(|(model, plan)| match plan {
                Plan::UpToDate => serde_json::json!({ "model": model, "plan": "up_to_date" }),
                Plan::Keys { keys, why } => {
                    serde_json::json!({ "model": model, "plan": "keys", "keys": keys, "why": why })
                }
                Plan::After(models) => serde_json::json!({ "model": model, "plan": "after", "models": models }),
                Plan::Whole(why) => serde_json::json!({ "model": model, "plan": "whole", "why": why }),
            })
            .collect();
        print_json(&serde_json::json!({ "models": models }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = String::new();
    for (model, plan) in plans {
        let told = match plan {
            Plan::UpToDate => "up to date".to_owned(),
            Plan::Keys { keys, why } if why.is_empty() => format!("{} keys", grouped(keys)),
            Plan::Keys { keys, why } => format!("{} keys: {why}", grouped(keys)),
            Plan::After(models) => format!("what changes in {} touches", models.join(", ")),
            Plan::Whole(why) => format!("whole: {why}"),
        };
        text.push_str(&format!("{model:24}{told}\n"));
    }
    print_text(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The models named, or all of them.
pub fn selection(models: Vec<String>) -> Selection {
    if models.is_empty() { Selection::All } else { Selection::Named(models) }
}

fn tell(context: &Context, as_of: EventTime, report: &RunReport) -> Result<ExitCode, Failure> {
    if context.json {
        let models: Vec<_> = report
            .models
            .iter()
            .map(|run| {
                let (outcome, rows, error) = match &run.outcome {
                    Outcome::UpToDate => ("up_to_date", None, None),
                    Outcome::Built { rows, keys: None, .. } => ("built", Some(*rows), None),
                    Outcome::Built { rows, .. } => ("updated", Some(*rows), None),
                    Outcome::Failed(error) => ("failed", None, Some(error.to_string())),
                    Outcome::Skipped { because } => ("skipped", None, Some(format!("{because} failed"))),
                };
                let (keys, why) = match &run.outcome {
                    Outcome::Built { keys, why, .. } => (*keys, Some(why)),
                    _ => (None, None),
                };
                serde_json::json!({
                    "model": run.model, "outcome": outcome, "rows": rows, "keys": keys, "why": why, "error": error,
                    "seconds": run.took.as_secs_f64(),
                })
            })
            .collect();
        print_json(&serde_json::json!({ "as_of": as_of.to_string(), "models": models }))?;
    } else {
        let mut text = String::new();
        for run in &report.models {
            let told = match &run.outcome {
                Outcome::UpToDate => "       up to date".to_owned(),
                Outcome::Built { rows, keys: None, .. } => format!("{:>12} rows, whole", grouped(*rows)),
                Outcome::Built { rows, keys: Some(keys), .. } => {
                    format!("{:>12} rows of {} keys", grouped(*rows), grouped(*keys))
                }
                Outcome::Failed(error) => format!("      failed: {error}"),
                Outcome::Skipped { because } => format!("     skipped: {because} failed"),
            };
            text.push_str(&format!("{:24}{told:32}  {:>7.2} s\n", run.model, run.took.as_secs_f64()));
        }
        print_text(&text)?;
    }
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::from(Code::Findings as u8) })
}
