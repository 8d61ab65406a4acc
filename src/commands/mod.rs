//! One file a subcommand.

mod completions;
mod config;
mod demo;
mod import;
mod keys;
mod map;
mod operations;
mod pull;
mod rejected;
mod run;
mod serve;
mod sql;
mod test;
mod verify;

use std::process::ExitCode;

use crate::cli::{Cli, Command, Global};
use crate::data_dir::DataDir;
use crate::exit::Failure;
use crate::settings::{self, Settings};

/// What every command has at hand.
pub struct Context {
    /// Settings in force, flags included.
    pub settings: Settings,
    /// The data directory.
    pub data: DataDir,
    /// Answer in JSON.
    pub json: bool,
}

impl Context {
    fn new(global: &Global) -> Result<Context, Failure> {
        let mut settings = settings::load(global.config.as_deref())?;
        if let Some(data) = &global.data {
            settings.data.clone_from(data);
        }
        Ok(Context { data: DataDir::new(&settings.data), settings, json: global.json })
    }
}

/// Runs one command.
pub async fn run(cli: Cli) -> Result<ExitCode, Failure> {
    if let Command::Completions { shell } = cli.command {
        return Ok(completions::run(shell));
    }
    let context = Context::new(&cli.global)?;
    match cli.command {
        Command::Demo(options) => demo::run(context, options).await,
        Command::Serve(options) => serve::run(context, options).await,
        Command::Import(options) => import::run(context, options).await,
        Command::Pull(options) => pull::run(context, options).await,
        Command::Run(options) => run::run(context, options).await,
        Command::Test(options) => test::run(context, options).await,
        Command::Sql(options) => sql::run(context, options).await,
        Command::Map(options) => map::run(&context, options),
        Command::Rejected(options) => rejected::run(context, options).await,
        Command::Keys(options) => keys::run(context, options).await,
        Command::Operations(options) => operations::run(context, options).await,
        Command::Verify => verify::run(context).await,
        Command::Config(options) => config::run(context, options),
        Command::Completions { shell } => Ok(completions::run(shell)),
    }
}

/// Prints what scripts read: one JSON document on stdout.
pub fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let written = serde_json::to_writer(&mut out, value).map_err(std::io::Error::from).and_then(|()| writeln!(out));
    written.map_err(|error| Failure::io("cannot write the answer", &error))
}

/// Prints lines for a person on stdout.
pub fn print_text(text: &str) -> Result<(), Failure> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).map_err(|error| Failure::io("cannot write the answer", &error))
}
