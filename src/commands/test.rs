//! `mizan test`: what the models promise, held against the data.

use std::process::ExitCode;

use mizan_transform::Tester;

use super::{Context, print_json, print_text};
use crate::cli;
use crate::exit::{Code, Failure, OrFail};
use crate::rooms;

pub async fn run(context: Context, options: cli::Test) -> Result<ExitCode, Failure> {
    context.data.must_exist()?;
    let project = rooms::project(&context)?;
    let lake = rooms::lake_for_reading(&context).await?;
    let report = Tester::new(&project, rooms::session_settings(&context)).test(&lake, &options.models).await.or_fail(Code::Usage)?;
    if context.json {
        print_json(&report)?;
    } else {
        print_text(&report.to_string())?;
    }
    Ok(if report.passed() { ExitCode::SUCCESS } else { ExitCode::from(Code::Findings as u8) })
}
