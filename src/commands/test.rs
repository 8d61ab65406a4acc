//! `mizan test`: what the models promise, held against fixtures and against the data.

use std::process::ExitCode;

use mizan_events::EventTime;
use mizan_transform::{Layer, Runner, TestReport, Tester};

use super::run::selection;
use super::{Context, print_json, print_text};
use crate::cli;
use crate::exit::{Code, Failure, OrFail};
use crate::rooms::{self, Rooms};

pub async fn run(context: Context, options: cli::Test) -> Result<ExitCode, Failure> {
    let project = rooms::project(&context)?;
    let selection = selection(options.models);
    let tester = Tester::new(&project, rooms::session_settings(&context));
    let mut report = tester.fixtures(&selection).await.or_fail(Code::Usage)?;
    if context.data.exists() {
        // The marts are built and tested at one instant: events that come meanwhile must not look like faults.
        let rooms = Rooms::open(&context).await?;
        rooms.settle(&context).await?;
        let settings = rooms::session_settings(&context);
        let runner = Runner::new(&project);
        let built =
            runner.run(&rooms.lake, settings, &selection, EventTime::now(), &mut |_| {}).await.or_fail(Code::Usage)?;
        if let Some((model, error, _)) = built.failures().next() {
            return Err(Failure::new(Code::Findings, format!("{model}: {error}")));
        }
        report.results.extend(tester.marts(&selection, built.session()).await.or_fail(Code::Usage)?.results);
        rooms.log.close();
    }
    tell(&context, &report)
}

fn tell(context: &Context, report: &TestReport) -> Result<ExitCode, Failure> {
    let failed = report.failures().count();
    if context.json {
        let results: Vec<_> = report
            .results
            .iter()
            .map(|result| {
                let (problem, rows) = match &result.finding {
                    Some(finding) => (Some(&finding.problem), Some(&finding.rows)),
                    None => (None, None),
                };
                serde_json::json!({
                    "model": result.model, "layer": layer(result.layer), "test": result.name,
                    "passed": result.finding.is_none(), "problem": problem, "rows": rows,
                })
            })
            .collect();
        print_json(&serde_json::json!({ "tests": report.results.len(), "failed": failed, "results": results }))?;
    } else {
        let mut text = String::new();
        for result in report.failures() {
            text.push_str(&format!("FAILED  {:20} {:8} {}\n", result.model, layer(result.layer), result.name));
            if let Some(finding) = &result.finding {
                text.push_str(&format!("        {}\n", finding.problem));
                for row in &finding.rows {
                    text.push_str(&format!("        {row}\n"));
                }
            }
        }
        text.push_str(&format!("{} tests passed, {failed} failed\n", report.results.len() - failed));
        print_text(&text)?;
        if !context.data.exists() {
            eprintln!("There is no data in {}, so only fixtures were tested.", context.data.root().display());
        }
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(Code::Findings as u8) })
}

fn layer(layer: Layer) -> &'static str {
    match layer {
        Layer::Fixture => "fixture",
        Layer::Head => "head",
        Layer::Check => "check",
    }
}
