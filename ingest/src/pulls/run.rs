//! The pull itself: page after page, stored before it is left behind.

use std::collections::BTreeMap;
use std::path::Path;

use mizan_events::EventTime;

use super::error::PullError;
use super::object::unreadable;
use super::provider::{Ask, Place, Provider};
use super::state::{State, Step};
use crate::connectors::Connector;
use crate::intake::Intake;

/// What to pull.
#[derive(Clone, Copy, Debug, Default)]
pub struct PullOptions {
    /// What happened from then on; without it, what followed the last pull, or everything.
    pub since: Option<EventTime>,
    /// Only what happened before.
    pub until: Option<EventTime>,
    /// Begin anew, whatever was pulled before.
    pub again: bool,
}

/// What came of a pull.
#[derive(Clone, Debug, Default)]
pub struct PullSummary {
    /// From when; none is the beginning.
    pub since: Option<EventTime>,
    /// Whether it went on with one that was cut.
    pub resumed: bool,
    /// Objects read, by what they are.
    pub objects: BTreeMap<&'static str, u64>,
    /// Events that nothing had brought before, by type: the webhooks that never came, or history.
    pub new: BTreeMap<&'static str, u64>,
    /// Events that were known already.
    pub duplicates: u64,
    /// Webhooks' worth of objects that could not be mapped; they lie in the rejected store.
    pub rejected: u64,
    /// What was passed over because this account has none of it or the key may not read it, with the reason.
    pub passed_over: BTreeMap<&'static str, String>,
}

/// Pulls, and reports after each page. Nobody else may write into `data` meanwhile, but through `intake`.
///
/// # Errors
/// When the provider cannot be read or its data not stored. What was read until then is stored.
pub async fn pull(
    connector: &Connector,
    provider: &Provider,
    intake: &Intake,
    data: &Path,
    options: PullOptions,
    told: &mut (dyn FnMut(&PullSummary) + Send),
) -> Result<PullSummary, PullError> {
    let mut state = State::open(data, connector.name(), provider.client.address())?;
    let micros = |time: Option<EventTime>| time.map(EventTime::micros);
    let (run, resumed) =
        state.begin(micros(options.since), micros(options.until), options.again, EventTime::now().micros())?;
    let since = run.since.map(EventTime::from_micros);
    let until = run.until.map(EventTime::from_micros);
    let started = EventTime::from_micros(run.started);
    let mut summary = PullSummary { since, resumed, ..PullSummary::default() };
    told(&summary);
    for &objects in provider.objects() {
        let mut at = match state.step(objects) {
            Some(Step::Done) => continue,
            Some(Step::At(saved)) => Some(Place { saved: saved.clone(), live: None }),
            None => None,
        };
        loop {
            let ask = Ask { since, until, started, at: at.as_ref() };
            let page = match provider.page(objects, &ask).await {
                Err(error) if error.is_closed() && provider.is_optional(objects) => {
                    summary.passed_over.insert(objects, error.to_string());
                    state.keep(objects, Step::Done)?;
                    break;
                }
                page => page?,
            };
            let offered = connector.offer(intake, &page.pulled, state.refused(), EventTime::now()).await?;
            *summary.objects.entry(objects).or_default() += page.objects;
            for (event_type, count) in offered.new {
                *summary.new.entry(event_type).or_default() += count;
            }
            summary.duplicates += offered.duplicates;
            summary.rejected += offered.rejected;
            if page.next.is_some() && page.next == at {
                return Err(unreadable(objects, &"its pages go round in a circle"));
            }
            at = page.next;
            state.keep(objects, at.as_ref().map_or(Step::Done, |place| Step::At(place.saved.clone())))?;
            told(&summary);
            if at.is_none() {
                break;
            }
        }
    }
    state.finish()?;
    Ok(summary)
}
