//! The command line's shape. `mizan <command> --help` is the reference.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Keeps a shop's payments, orders and stock in balance.
#[derive(Parser, Debug)]
#[command(name = "mizan", version, about, arg_required_else_help = true)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Args, Debug, Clone)]
pub struct Global {
    /// Data directory [default: ./mizan-data]
    #[arg(long, env = "MIZAN_DATA", value_name = "DIR", global = true)]
    pub data: Option<PathBuf>,
    /// Settings file [default: ./mizan.toml, if there is one]
    #[arg(long, env = "MIZAN_CONFIG", value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Say more on stderr; twice for all of it
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Log lines as JSON
    #[arg(long, env = "MIZAN_LOG_JSON", global = true)]
    pub log_json: bool,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Simulate a shop, feed it through the real path, and serve its dashboard
    Demo(Demo),
    /// Take events, serve the API and the dashboard
    Serve(Serve),
    /// Import files: CSV, Excel, NDJSON and Parquet, also compressed
    Import(Import),
    /// Pull history from a provider's API, and the webhooks that never came
    Pull(Pull),
    /// Bring the models (marts) up to date
    Run(Run),
    /// Test the models: what their heads promise, their fixtures, their checks
    Test(Test),
    /// Query the lake, also while a server runs on it
    Sql(Sql),
    /// Try a mapping on samples
    #[command(subcommand)]
    Map(Map),
    /// Look at what was refused, and try it again
    #[command(subcommand)]
    Rejected(Rejected),
    /// Create, list and revoke API keys
    #[command(subcommand)]
    Keys(Keys),
    /// Live state: orders, stock, invoices, alerts
    #[command(subcommand)]
    Operations(Operations),
    /// Check log, lake and positions for damage
    Verify,
    /// Show the settings in force
    #[command(subcommand)]
    Config(Config),
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// Simulate a shop.
#[derive(Args, Debug)]
pub struct Demo {
    /// Address to serve on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub http: SocketAddr,
    /// Days of history to simulate
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=730))]
    pub days: u32,
    /// Another number gives another shop
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Live events run this many times faster than the clock
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub speed: u32,
}

/// Serve.
#[derive(Args, Debug)]
pub struct Serve {
    /// Address to serve HTTP on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub http: Option<SocketAddr>,
}

/// Import files.
#[derive(Args, Debug)]
pub struct Import {
    /// Files, folders or patterns
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// A mapping in jq that makes events of rows; without it the files hold CloudEvents, one a line
    #[arg(long, value_name = "MAP")]
    pub map: Option<PathBuf>,
    /// Read finished files again; events that are known stay single all the same
    #[arg(long)]
    pub again: bool,
    /// Stop at the first row that is refused
    #[arg(long)]
    pub strict: bool,
}

/// Pull from a provider's API.
#[derive(Args, Debug)]
pub struct Pull {
    /// The connector: NAME of [connectors.NAME] in the settings, which holds `api`
    pub name: String,
    /// From this day on (or 2026-01-01T08:00:00Z); without it, what followed the last pull, or everything
    #[arg(long, value_name = "DAY")]
    pub since: Option<String>,
    /// Up to the beginning of this day
    #[arg(long, value_name = "DAY")]
    pub until: Option<String>,
    /// Begin anew, whatever was pulled before; events that are known stay single all the same
    #[arg(long)]
    pub again: bool,
}

/// Bring models up to date.
#[derive(Args, Debug)]
pub struct Run {
    /// Models to run, with what they read; all when none is named
    #[arg(value_name = "MODEL")]
    pub models: Vec<String>,
    /// Rebuild from nothing
    #[arg(long)]
    pub full: bool,
    /// Only say what would be recomputed, and why
    #[arg(long)]
    pub explain: bool,
}

/// Test models.
#[derive(Args, Debug)]
pub struct Test {
    /// Models to test; all when none is named
    #[arg(value_name = "MODEL")]
    pub models: Vec<String>,
}

/// Query.
#[derive(Args, Debug)]
pub struct Sql {
    /// The query; `-` reads it from stdin
    pub query: String,
    /// How to print the answer
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Write the answer to a file
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Forms of an answer.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A table for people
    Table,
    /// RFC 4180
    Csv,
    /// One JSON document
    Json,
    /// One JSON object a line
    Ndjson,
    /// A Parquet file
    Parquet,
    /// An Arrow IPC stream
    Arrow,
}

/// Mappings.
#[derive(Subcommand, Debug)]
pub enum Map {
    /// Show the events that a mapping makes of samples, or what is wrong; nothing is stored
    Test {
        /// A mapping file, or the name of a ready connector such as stripe
        map: String,
        /// Samples: files of rows; for a webhook its body, or an object of headers and body
        #[arg(required = true, value_name = "SAMPLE")]
        samples: Vec<PathBuf>,
        /// A header of the webhook, such as `x-shopify-topic: orders/create`
        #[arg(long, short = 'H', value_name = "NAME: VALUE")]
        header: Vec<String>,
        /// Most rows of a file
        #[arg(long, default_value_t = 10)]
        rows: usize,
    },
}

/// What was refused.
#[derive(Subcommand, Debug)]
pub enum Rejected {
    /// List what was refused, newest first
    List {
        /// Most rows
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Offer refused events again, for example after a mapping was mended
    Replay {
        /// Ids from `rejected list`; all when none is named
        ids: Vec<String>,
        /// The mapping to read refused rows with
        #[arg(long, value_name = "MAP")]
        map: Option<PathBuf>,
    },
}

/// API keys.
#[derive(Subcommand, Debug)]
pub enum Keys {
    /// Create a key and print it, once
    Create {
        /// What to call it
        name: String,
        /// What it may do: collect (visits, from a web page), ingest, read, admin
        #[arg(long, value_delimiter = ',', default_value = "read")]
        scope: Vec<String>,
        /// Only this shop
        #[arg(long)]
        shop: Option<String>,
    },
    /// List the keys, without their secrets
    List,
    /// Make a key useless
    Revoke {
        /// Its name
        name: String,
    },
}

/// Live state.
#[derive(Subcommand, Debug)]
pub enum Operations {
    /// Make live state anew from the lake; keys stay
    Rebuild,
}

/// Settings.
#[derive(Subcommand, Debug)]
pub enum Config {
    /// Print every setting with its value
    Show,
}
