//! WooCommerce: orders and products that changed, oldest change first.
//!
//! A list goes on from the time of the last change that was read, not by the number of its page: what changes meanwhile
//! moves to the end, and by number the ones behind it would be passed by. The second of that time is read again, since
//! `modified_after` means later and several may share it. Only where a whole page shares it do numbers help.
//! Times are sent without a zone: WordPress turns those with one into the shop's zone, even when told that they are UTC.

use mizan_events::EventTime;
use serde_json::value::RawValue;

use super::client::Client;
use super::error::PullError;
use super::object::{Object, topic, unreadable};
use super::provider::{Ask, Page, Place};

pub(super) const OBJECTS: &[&str] = &["orders", "products"];

const TOPIC: &str = "x-wc-webhook-topic";
const PAGE: usize = 100;
const SECOND_US: i64 = 1_000_000;

pub(super) async fn page(client: &Client, objects: &str, ask: &Ask<'_>) -> Result<Page, PullError> {
    let path = format!("/wp-json/wc/v3/{objects}");
    let here = match ask.at {
        Some(place) => Here::read(&place.saved).ok_or_else(|| unreadable(&path, &"the place kept for it is none"))?,
        // The first second counts too.
        None => Here { after: ask.since.map(|since| since.micros() - SECOND_US), page: 1 },
    };
    let mut query = vec![
        ("orderby", "modified".to_owned()),
        ("order", "asc".to_owned()),
        ("dates_are_gmt", "true".to_owned()),
        ("per_page", PAGE.to_string()),
        ("page", here.page.to_string()),
    ];
    query.extend(here.after.map(|after| ("modified_after", without_zone(after))));
    query.extend(ask.until.map(|until| ("modified_before", without_zone(until.micros()))));
    let answer = client.get(&path, &query).await?;
    let list: Vec<Box<RawValue>> = serde_json::from_str(&answer.body).map_err(|error| unreadable(&path, &error))?;

    let mut page = Page { objects: list.len() as u64, ..Page::default() };
    let mut last = None;
    for json in &list {
        let object = Object::parse(json, &path)?;
        let modified = object.text("date_modified_gmt");
        last = modified.as_deref().and_then(with_zone).or(last);
        let of = if objects == "products" {
            "product.updated"
        } else if modified.is_some() && modified == object.text("date_created_gmt") {
            // Nothing happened since: an update would tell of an edit that was none.
            "order.created"
        } else {
            "order.updated"
        };
        page.pulled.push(topic(TOPIC, of, json.get().to_owned()));
        if object.text("type").as_deref() == Some("variable") {
            variations(client, &object, &mut page).await?;
        }
    }
    if list.len() >= PAGE {
        page.next = Some(here.next(last).place());
    }
    Ok(page)
}

/// What is sold of a variable product: its webhooks tell each variation as a product.
async fn variations(client: &Client, product: &Object, page: &mut Page) -> Result<(), PullError> {
    let path = format!("/wp-json/wc/v3/products/{}/variations", product.text("id").unwrap_or_default());
    for number in 1_u64.. {
        let query = [("per_page", PAGE.to_string()), ("page", number.to_string())];
        let answer = client.get(&path, &query).await?;
        let list: Vec<Box<RawValue>> = serde_json::from_str(&answer.body).map_err(|error| unreadable(&path, &error))?;
        page.pulled.extend(list.iter().map(|json| topic(TOPIC, "product.updated", json.get().to_owned())));
        if list.len() < PAGE {
            break;
        }
    }
    Ok(())
}

/// Where a list is: changes after a moment, in microseconds, and the page of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Here {
    after: Option<i64>,
    page: u64,
}

impl Here {
    fn read(text: &str) -> Option<Here> {
        let (after, page) = text.split_once('|')?;
        let after = if after.is_empty() { None } else { Some(after.parse().ok()?) };
        Some(Here { after, page: page.parse().ok()? })
    }

    fn place(self) -> Place {
        let after = self.after.map_or_else(String::new, |after| after.to_string());
        Place { saved: format!("{after}|{}", self.page), live: None }
    }

    /// Where it goes on after a full page that ends with a change at `last`.
    fn next(self, last: Option<i64>) -> Here {
        match last.map(|last| last - SECOND_US) {
            Some(after) if self.after.is_none_or(|before| before < after) => Here { after: Some(after), page: 1 },
            _ => Here { page: self.page + 1, ..self },
        }
    }
}

fn without_zone(micros: i64) -> String {
    // Whole seconds, then the zone.
    let mut text = EventTime::from_micros(micros.max(0)).to_string();
    text.truncate("2026-03-01T10:04:07".len());
    text
}

fn with_zone(text: &str) -> Option<i64> {
    EventTime::parse(&format!("{}Z", text.trim_end_matches('Z'))).ok().map(EventTime::micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_goes_on_by_time_and_by_number_only_within_one_second() {
        let time = |text: &str| with_zone(text).unwrap();
        let first = Here { after: None, page: 1 };
        let second = first.next(Some(time("2026-03-01T10:00:05")));
        assert_eq!(second, Here { after: Some(time("2026-03-01T10:00:04")), page: 1 });
        // A whole page of changes in that second, and another.
        let third = second.next(Some(time("2026-03-01T10:00:05")));
        assert_eq!((third.after, third.page), (second.after, 2));
        let fourth = third.next(Some(time("2026-03-01T10:00:06")));
        assert_eq!(fourth, Here { after: Some(time("2026-03-01T10:00:05")), page: 1 });
        assert_eq!(Here::read(&fourth.place().saved), Some(fourth));
        assert_eq!(Here::read(&first.place().saved), Some(first));
        assert_eq!(without_zone(time("2026-03-01T10:00:04Z")), "2026-03-01T10:00:04");
    }
}
