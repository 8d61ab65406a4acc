//! Who told a field: of two events that tell the same field, the one that happened later stands, however they arrive.
//!
//! One time for a whole row is not enough: where the name is told on Monday and the price on Wednesday, a name of Tuesday
//! that arrives last is still the newest name.

use std::fmt::Write as _;

/// Time and event of the standing word on each field. Most fields of a row were told by one event, so that it is a
/// list of events, each with the fields that are its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told(Vec<Teller>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Teller {
    at: i64,
    by: String,
    /// A bit a field.
    fields: u32,
}

/// Which word on a field stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    First,
    Last,
}

impl Told {
    /// Whether the field has been told at all.
    pub(crate) fn knows(&self, field: u32) -> bool {
        self.0.iter().any(|teller| teller.fields & (1 << field) != 0)
    }

    /// Takes what one event says, over older words and under newer ones.
    pub(crate) fn newest<T>(&mut self, field: u32, known: &mut Option<T>, said: Option<T>, at: i64, by: &str) {
        if said.is_some() && self.stands(field, at, by, Standing::Last) {
            *known = said;
        }
    }

    /// Takes what one event says, unless an older one said something.
    pub(crate) fn first<T>(&mut self, field: u32, known: &mut Option<T>, said: Option<T>, at: i64, by: &str) {
        if said.is_some() && self.stands(field, at, by, Standing::First) {
            *known = said;
        }
    }

    fn stands(&mut self, field: u32, at: i64, by: &str, which: Standing) -> bool {
        let bit = 1 << field;
        if let Some(place) = self.0.iter().position(|teller| teller.fields & bit != 0) {
            let known = (self.0[place].at, self.0[place].by.as_str());
            if (which == Standing::Last && known > (at, by)) || (which == Standing::First && known <= (at, by)) {
                return false;
            }
            self.0[place].fields &= !bit;
            if self.0[place].fields == 0 {
                self.0.remove(place);
            }
        }
        // Kept in order, so that the same words are the same text whatever order they came in.
        match self.0.binary_search_by(|teller| (teller.at, teller.by.as_str()).cmp(&(at, by))) {
            Ok(place) => self.0[place].fields |= bit,
            Err(place) => self.0.insert(place, Teller { at, by: by.to_owned(), fields: bit }),
        }
        true
    }

    /// As it is stored.
    pub(crate) fn text(&self) -> String {
        let mut text = "[".to_owned();
        for (place, Teller { at, by, fields }) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            // Writing to text cannot fail.
            let _ = write!(text, "{comma}[{at},{},{fields}]", serde_json::Value::from(by.as_str()));
        }
        text.push(']');
        text
    }
}

impl TryFrom<String> for Told {
    type Error = serde_json::Error;

    fn try_from(text: String) -> Result<Told, serde_json::Error> {
        let rows: Vec<(i64, String, u32)> = serde_json::from_str(&text)?;
        let mut tellers: Vec<Teller> = rows.into_iter().map(|(at, by, fields)| Teller { at, by, fields }).collect();
        tellers.sort();
        Ok(Told(tellers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_keeps_its_own_newest_word() {
        // Name on Monday, price on Wednesday, another name on Tuesday that arrives last.
        let (mut told, mut name, mut price) = (Told::default(), None, None);
        told.newest(0, &mut name, Some("x"), 1, "a");
        told.newest(1, &mut price, Some(7), 3, "c");
        told.newest(0, &mut name, Some("y"), 2, "b");
        assert_eq!((name, price), (Some("y"), Some(7)));
        told.newest(0, &mut name, Some("old"), 1, "z");
        told.newest(0, &mut name, None, 9, "z");
        assert_eq!(name, Some("y"));
        // At the same time the greater event stands.
        told.newest(0, &mut name, Some("a"), 2, "a");
        assert_eq!(name, Some("y"));
        told.newest(0, &mut name, Some("c"), 2, "c");
        assert_eq!(name, Some("c"));
        assert_eq!(told.text(), r#"[[2,"c",1],[3,"c",2]]"#);
        assert_eq!(Told::try_from(told.text()).unwrap(), told);
    }

    #[test]
    fn the_first_word_stands_until_an_earlier_one_comes() {
        let (mut told, mut order) = (Told::default(), None);
        told.first(0, &mut order, Some("b"), 5, "b");
        told.first(0, &mut order, Some("c"), 6, "a");
        assert_eq!(order, Some("b"));
        told.first(0, &mut order, Some("a"), 5, "a");
        assert_eq!((order, told.text().as_str()), (Some("a"), r#"[[5,"a",1]]"#));
    }
}
