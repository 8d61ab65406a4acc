//! `mizan completions`.

use std::process::ExitCode;

use clap::CommandFactory;

use crate::cli::Cli;

pub fn run(shell: clap_complete::Shell) -> ExitCode {
    clap_complete::generate(shell, &mut Cli::command(), "mizan", &mut std::io::stdout());
    ExitCode::SUCCESS
}
