//! `mizan config`: the settings in force.

use std::process::ExitCode;

use super::{Context, print_json, print_text};
use crate::cli;
use crate::exit::{Code, Failure, OrFail};

pub fn run(context: Context, options: cli::Config) -> Result<ExitCode, Failure> {
    let cli::Config::Show = options;
    if context.json {
        print_json(&context.settings)?;
    } else {
        print_text(&toml::to_string_pretty(&context.settings).or_fail(Code::Software)?)?;
    }
    Ok(ExitCode::SUCCESS)
}
