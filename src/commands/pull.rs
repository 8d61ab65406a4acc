//! `mizan pull`: history from a provider's API, and the webhooks that never came.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mizan_events::{EventTime, Unknown};
use mizan_ingest::Intake;
use mizan_ingest::connectors::{Connector, ConnectorSettings};
use mizan_ingest::pulls::{Provider, PullError, PullOptions, PullSummary, pull};
use serde::Serialize;

use super::{Context, print_json, print_text};
use crate::cli;
use crate::exit::{Code, Failure, OrFail};
use crate::output::{grouped, spinner};
use crate::rooms::{self, Rooms};

/// What came of it, for scripts.
#[derive(Serialize)]
struct Report<'a> {
    connector: &'a str,
    since: Option<String>,
    resumed: bool,
    objects: &'a BTreeMap<&'static str, u64>,
    accepted: u64,
    new: &'a BTreeMap<&'static str, u64>,
    /// Those of them that a webhook should have brought.
    missed: u64,
    duplicates: u64,
    rejected: u64,
    passed_over: &'a BTreeMap<&'static str, String>,
    seconds: f64,
}

pub async fn run(context: Context, options: cli::Pull) -> Result<ExitCode, Failure> {
    let name = options.name.as_str();
    let settings = context.settings.connectors.get(name).ok_or_else(|| unknown(&context, name))?;
    let provider = rooms::provider(name, settings)?;
    let mut connectors = rooms::connectors(&context)?;
    let connector = connectors.remove(name).ok_or_else(|| unknown(&context, name))?;
    let time = |text: Option<&str>, what| text.map(|text| moment(&context, settings, text, what)).transpose();
    let since = time(options.since.as_deref(), "--since")?;
    let until = time(options.until.as_deref(), "--until")?;
    if since.zip(until).is_some_and(|(since, until)| since >= until) {
        return Err(Failure::new(Code::Usage, "--since is not before --until"));
    }
    let rooms = Rooms::open(&context).await.map_err(|failure| match failure.code() {
        Code::Unavailable => failure.hint(format!(
            "stop `mizan serve` for the pull, or set pull_every_minutes in [connectors.{name}]: then it pulls by itself"
        )),
        _ => failure,
    })?;

    let started = Instant::now();
    let bar = spinner(&format!("pulling {name}"));
    let shown = bar.clone();
    let intake = rooms.intake(Unknown::Keep);
    let wanted = PullOptions { since, until, again: options.again };
    let mut told = move |summary: &PullSummary| shown.set_message(listed(&summary.objects));
    let pulled = pull(&connector, &provider, &intake, context.data.root(), wanted, &mut told).await;
    bar.finish_and_clear();
    // What came before a failure is there to be used, too.
    rooms.settle(&context).await?;
    mizan_operations::catch_up(&rooms.operations, &rooms.log).await.or_fail(Code::Io)?;
    rooms::trim(&rooms.log, &rooms.operations).await?;
    rooms.log.close();
    let summary = pulled.map_err(|error| failed(name, &error))?;
    report(&context, name, &provider, &summary, started.elapsed())
}

fn unknown(context: &Context, name: &str) -> Failure {
    let names: Vec<&str> = context.settings.connectors.keys().map(String::as_str).collect();
    let failure = Failure::new(Code::Configuration, format!("settings: there is no [connectors.{name}]"));
    if names.is_empty() {
        failure.hint("docs/pull.md shows how to set one up")
    } else {
        failure.hint(format!("there are: {}", names.join(", ")))
    }
}

/// A moment, or the beginning of a day in the zone of the connector's shop.
fn moment(context: &Context, connector: &ConnectorSettings, text: &str, what: &str) -> Result<EventTime, Failure> {
    if let Ok(time) = EventTime::parse(text) {
        return Ok(time);
    }
    let zone = context.settings.shops.get(&connector.shop).map_or("UTC", |shop| shop.timezone.as_str());
    let day = text.parse::<jiff::civil::Date>().and_then(|day| day.in_tz(zone));
    let day = day.map_err(|_| {
        Failure::new(
            Code::Usage,
            format!("{what}: {text:?} is neither a day such as 2026-01-01 nor a time with a zone"),
        )
    })?;
    Ok(EventTime::from_micros(day.timestamp().as_microsecond()))
}

fn failed(name: &str, error: &PullError) -> Failure {
    let go_on = format!("what was read is stored; `mizan pull {name}` goes on there");
    match error {
        PullError::Refused { .. } | PullError::Redirect { .. } => {
            Failure::new(Code::Configuration, error).hint("docs/pull.md tells what the key must be allowed to read")
        }
        PullError::Unavailable { .. } | PullError::Status { .. } => Failure::new(Code::Unavailable, error).hint(go_on),
        PullError::Unreadable { .. } | PullError::TooLong { .. } => Failure::new(Code::BadData, error)
            .hint(format!("is connectors.{name}.api.url the address of the provider's API?")),
        PullError::State { .. } | PullError::Offer(_) => Failure::new(Code::Io, error).hint(go_on),
    }
}

/// `12 charges, 3 refunds`.
fn listed(counts: &BTreeMap<&'static str, u64>) -> String {
    let counts = counts.iter().filter(|(_, count)| **count > 0);
    let counts: Vec<String> = counts.map(|(what, count)| format!("{} {what}", grouped(*count))).collect();
    counts.join(", ")
}

fn report(
    context: &Context,
    name: &str,
    provider: &Provider,
    summary: &PullSummary,
    took: Duration,
) -> Result<ExitCode, Failure> {
    let accepted: u64 = summary.new.values().sum();
    let missed = summary.new.iter().filter(|(event_type, _)| provider.has_webhook_for(event_type));
    let missed = missed.map(|(_, count)| count).sum();
    let seconds = took.as_secs_f64();
    if context.json {
        print_json(&Report {
            connector: name,
            since: summary.since.map(|since| since.to_string()),
            resumed: summary.resumed,
            objects: &summary.objects,
            accepted,
            new: &summary.new,
            missed,
            duplicates: summary.duplicates,
            rejected: summary.rejected,
            passed_over: &summary.passed_over,
            seconds,
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    let objects: u64 = summary.objects.values().sum();
    let since = summary.since.map_or_else(|| "the beginning".to_owned(), |since| since.to_string());
    let mut text = format!("{:>12} objects in {seconds:.1} s, changed since {since}", grouped(objects));
    if objects > 0 {
        text.push_str(&format!(": {}", listed(&summary.objects)));
    }
    text.push('\n');
    if accepted > 0 {
        text.push_str(&format!("{:>12} events are new: no webhook had brought them\n", grouped(accepted)));
        for (event_type, count) in &summary.new {
            let aside = if provider.has_webhook_for(event_type) { "" } else { " (no webhook tells it)" };
            text.push_str(&format!("{:>16} {event_type}{aside}\n", grouped(*count)));
        }
    } else {
        text.push_str(&format!("{:>12} events are new: nothing is missing\n", 0));
    }
    if summary.duplicates > 0 {
        text.push_str(&format!("{:>12} were known already\n", grouped(summary.duplicates)));
    }
    if summary.rejected > 0 {
        let rejected = grouped(summary.rejected);
        text.push_str(&format!("{rejected:>12} could not be mapped; `mizan rejected list` shows why\n"));
    }
    for (objects, reason) in &summary.passed_over {
        text.push_str(&format!("             {objects} were passed over: {reason}\n"));
    }
    print_text(&text)?;
    if accepted > 0 {
        eprintln!("Next: `mizan run` brings the marts up to date.");
    }
    Ok(ExitCode::SUCCESS)
}

/// Pulls beside a server, through the same gate.
pub struct Puller {
    connectors: Arc<BTreeMap<String, Connector>>,
    name: String,
    provider: Provider,
    intake: Intake,
    data: PathBuf,
    every: Duration,
}

/// Those that the settings ask for.
pub fn pullers(
    context: &Context,
    connectors: &Arc<BTreeMap<String, Connector>>,
    intake: &Intake,
) -> Result<Vec<Puller>, Failure> {
    let wanted = context.settings.connectors.iter().filter(|(_, settings)| settings.pull_every_minutes > 0);
    let pullers = wanted.map(|(name, settings)| {
        Ok(Puller {
            connectors: Arc::clone(connectors),
            name: name.clone(),
            provider: rooms::provider(name, settings)?,
            intake: intake.clone(),
            data: context.data.root().to_owned(),
            every: Duration::from_secs(settings.pull_every_minutes.saturating_mul(60)),
        })
    });
    pullers.collect()
}

impl Puller {
    /// Pulls at once and then ever again, until `stop` is done. A pull that fails is told, and goes on the next time.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Some(connector) = self.connectors.get(&self.name) else { return };
        let name = self.name.as_str();
        tokio::pin!(stop);
        loop {
            let mut told = |_: &PullSummary| {};
            let options = PullOptions::default();
            let pulling = pull(connector, &self.provider, &self.intake, &self.data, options, &mut told);
            let pulled = tokio::select! {
                // Cut where it is, it goes on there.
                () = &mut stop => return,
                pulled = pulling => pulled,
            };
            match pulled {
                Ok(summary) => {
                    let missed = summary.new.iter().filter(|(event_type, _)| self.provider.has_webhook_for(event_type));
                    for (event_type, count) in missed {
                        tracing::warn!(connector = name, event_type, count, "events that no webhook had brought");
                    }
                    for (objects, reason) in &summary.passed_over {
                        tracing::info!(connector = name, objects, reason, "passed over");
                    }
                    if summary.rejected > 0 {
                        tracing::warn!(connector = name, count = summary.rejected, "what was pulled cannot be mapped");
                    }
                }
                Err(error) => tracing::error!(connector = name, error = %error, "the pull ended early"),
            }
            tokio::select! {
                () = &mut stop => return,
                () = tokio::time::sleep(self.every) => {}
            }
        }
    }
}
