//! One object of an API: looked at by its fields, given on as it came.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use mizan_events::EventTime;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::error::PullError;
use crate::connectors::Pulled;

/// A JSON object. Fields that are not [set](Object::set) keep their own text, numbers their own digits.
#[derive(Clone, Debug)]
pub(super) struct Object {
    fields: BTreeMap<String, Box<RawValue>>,
    /// The same, for looking at.
    pub(super) value: Value,
}

impl Object {
    pub(super) fn parse(json: &RawValue, path: &str) -> Result<Object, PullError> {
        let read = serde_json::from_str(json.get()).and_then(|fields| {
            let value = serde_json::from_str(json.get())?;
            Ok(Object { fields, value })
        });
        read.map_err(|error| unreadable(path, &error))
    }

    /// A field as text; numbers too. None when it is absent, null or something else.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        text(&self.value[name])
    }

    /// A field that is a time in RFC 3339.
    pub(super) fn time(&self, name: &str) -> Option<EventTime> {
        self.value[name].as_str().and_then(|text| EventTime::parse(text).ok())
    }

    /// A field that is a time in Unix seconds.
    pub(super) fn unix(&self, name: &str) -> Option<i64> {
        self.value[name].as_i64()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        !self.value[name].is_null()
    }

    /// The elements of a field, as they came; none when it is no list.
    pub(super) fn list(&self, name: &str) -> Vec<Box<RawValue>> {
        self.fields.get(name).and_then(|list| serde_json::from_str(list.get()).ok()).unwrap_or_default()
    }

    pub(super) fn set(&mut self, name: &str, value: impl Serialize) {
        if let Ok(raw) = to_raw_value(&value) {
            self.value[name] = serde_json::from_str(raw.get()).unwrap_or_default();
            self.fields.insert(name.to_owned(), raw);
        }
    }

    pub(super) fn to_json(&self) -> String {
        // Names and valid JSON always have a JSON form.
        serde_json::to_string(&self.fields).unwrap_or_default()
    }
}

/// A value as text; numbers too.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A body under the header that says its topic.
pub(super) fn topic(header: &'static str, topic: &'static str, body: String) -> Pulled {
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static(header), HeaderValue::from_static(topic));
    Pulled { headers, body }
}

pub(super) fn unreadable(path: &str, error: &dyn std::fmt::Display) -> PullError {
    PullError::Unreadable { path: path.to_owned(), reason: error.to_string() }
}
