//! Writes the `data` of an event as JSON, fields in the order in which they are given.

use crate::config::Market;

/// A JSON object that is being written.
pub(crate) struct Data {
    json: String,
    market: Market,
}

impl Data {
    pub(crate) fn new(market: Market) -> Data {
        Data { json: String::from("{"), market }
    }

    pub(crate) fn text(&mut self, name: &str, value: &str) -> &mut Data {
        self.name(name);
        write_text(&mut self.json, value);
        self
    }

    /// Nothing for an empty text: an absent field, rather than an empty one.
    pub(crate) fn known(&mut self, name: &str, value: &str) -> &mut Data {
        if value.is_empty() { self } else { self.text(name, value) }
    }

    /// Minor units as decimal text.
    pub(crate) fn money(&mut self, name: &str, minor: i64) -> &mut Data {
        let text = self.market.text(minor);
        self.text(name, &text)
    }

    pub(crate) fn currency(&mut self) -> &mut Data {
        let code = self.market.currency();
        self.text("currency", code)
    }

    /// Pieces, as text like every other number that is added up.
    pub(crate) fn quantity(&mut self, name: &str, pieces: i64) -> &mut Data {
        self.text(name, &pieces.to_string())
    }

    pub(crate) fn whole(&mut self, name: &str, value: i64) -> &mut Data {
        self.name(name);
        self.json.push_str(&value.to_string());
        self
    }

    pub(crate) fn object(&mut self, name: &str, fill: impl FnOnce(&mut Data)) -> &mut Data {
        let mut inner = Data::new(self.market);
        fill(&mut inner);
        self.name(name);
        self.json.push_str(&inner.finish());
        self
    }

    pub(crate) fn list<T>(&mut self, name: &str, items: &[T], mut fill: impl FnMut(usize, &T, &mut Data)) -> &mut Data {
        self.name(name);
        self.json.push('[');
        for (place, item) in items.iter().enumerate() {
            let mut inner = Data::new(self.market);
            fill(place, item, &mut inner);
            if place > 0 {
                self.json.push(',');
            }
            self.json.push_str(&inner.finish());
        }
        self.json.push(']');
        self
    }

    pub(crate) fn finish(mut self) -> String {
        self.json.push('}');
        self.json
    }

    fn name(&mut self, name: &str) {
        if !self.json.ends_with('{') {
            self.json.push(',');
        }
        write_text(&mut self.json, name);
        self.json.push(':');
    }
}

/// A JSON string. Everything the shop says is plain text, so that quotes, backslashes and controls are all there is to escape.
pub(crate) fn write_text(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            control if control.is_control() => json.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => json.push(other),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_json_that_reads_back() {
        let mut data = Data::new(Market::Kuwait);
        data.text("name", "قهوة \"سعودية\"\n\\").money("amount", 1250).known("absent", "").whole("days", 7);
        data.list("lines", &[1, 2], |place, pieces, line| {
            line.quantity("quantity", *pieces).whole("place", place as i64);
        });
        let read: serde_json::Value = serde_json::from_str(&data.finish()).unwrap();
        assert_eq!(read["name"], "قهوة \"سعودية\"\n\\");
        assert_eq!(read["amount"], "1.250");
        assert_eq!(read["lines"][1]["quantity"], "2");
        assert!(read.get("absent").is_none());
    }
}
