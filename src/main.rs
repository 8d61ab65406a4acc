//! `mizan`: the command line. It reads settings, opens the rooms and joins them; what they do is theirs.
#![cfg_attr(test, allow(clippy::unwrap_used))]
#![allow(unreachable_pub, reason = "a binary has no outside to reach")]

mod cli;
mod commands;
mod data_dir;
mod exit;
mod memory;
mod output;
mod rooms;
mod settings;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    memory::share_arenas();
    let cli = cli::Cli::parse();
    output::start_logging(cli.global.verbose, cli.global.log_json);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::Failure::io("cannot start threads", &error).report(cli.global.json),
    };
    let json = cli.global.json;
    match runtime.block_on(commands::run(cli)) {
        Ok(code) => code,
        Err(failure) => failure.report(json),
    }
}
