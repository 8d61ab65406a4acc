//! Every data column of every family, written down once.
//!
//! Parser, Arrow schema, builder, export and documentation all read these tables, so a column is added here and
//! nowhere else. Columns may be added at the end of a family; they are never renamed or given another kind.

mod inventory;
mod name;
mod order;
mod payment;
mod storefront;
mod webhook;

pub use inventory::INVENTORY;
pub(crate) use name::NameKey;
pub use order::ORDER;
pub use payment::PAYMENT;
pub use storefront::STOREFRONT;
pub use webhook::WEBHOOK;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Free text.
    Text,
    /// An identifier: text that other rows refer to. Cut only where it can hardly be anything but a card number, since that
    /// breaks the link.
    Id,
    /// Money that must fit the minor unit of the row's currency.
    Amount,
    /// Money for one piece, up to four decimals.
    Price,
    /// Pieces, kilograms, metres: up to four decimals.
    Quantity,
    /// A whole number.
    Integer,
    /// An ISO 4217 code.
    Currency,
    /// An instant.
    Time,
    /// One nested object.
    Struct(&'static [Column]),
    /// One nested object whose fields are columns of the table themselves, as `<name>_<field>`.
    Flat(&'static [Column]),
    /// A list of objects.
    List(&'static [Column]),
}

/// One column: its name on the wire and in SQL, what it holds, and what it means.
#[derive(Debug, PartialEq, Eq)]
pub struct Column {
    /// Name, the same on the wire and in SQL.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What it means, shown in SQL and in the documentation.
    pub comment: &'static str,
    /// Tells who a person is: never in statistics, file names or log lines.
    pub personal: bool,
    /// Worth minimum and maximum per file, because queries look rows up by it.
    pub statistics: bool,
    /// The name, as it is found in text.
    key: NameKey,
}

impl Column {
    /// Whether this is its name.
    #[inline]
    pub(crate) fn is_named(&self, name: &[u8]) -> bool {
        self.key == NameKey::of(name) && (self.key.is_whole() || self.name.as_bytes() == name)
    }
}

/// The place of the column with this name. Senders write their fields in one order, mostly ours, so the search begins at
/// the column after the last one.
#[inline]
pub(crate) fn find(columns: &[Column], name: &str, expected: usize) -> Option<usize> {
    let key = NameKey::of(name.as_bytes());
    let is_it = |column: &Column| column.key == key && (key.is_whole() || column.name == name);
    let (before, ahead) = columns.split_at(expected);
    match ahead.iter().position(is_it) {
        Some(place) => Some(expected + place),
        None => before.iter().position(is_it),
    }
}

/// The place of a column that is known to be there, found while compiling.
pub(crate) const fn place_in(columns: &[Column], name: &str) -> usize {
    let mut place = 0;
    while !is_same(columns[place].name.as_bytes(), name.as_bytes()) {
        place += 1;
    }
    place
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

const fn column(name: &'static str, kind: Kind, comment: &'static str) -> Column {
    Column { name, kind, comment, personal: false, statistics: false, key: NameKey::of(name.as_bytes()) }
}

/// A column that tells who a person is.
const fn personal(name: &'static str, kind: Kind, comment: &'static str) -> Column {
    Column { personal: true, ..column(name, kind, comment) }
}

/// A column whose range per file lets a query skip files.
const fn sought(name: &'static str, kind: Kind, comment: &'static str) -> Column {
    Column { statistics: true, ..column(name, kind, comment) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Family;
    use crate::redact::Context;

    fn visit(columns: &'static [Column], check: &mut impl FnMut(&'static Column)) {
        for column in columns {
            check(column);
            if let Kind::Struct(inner) | Kind::Flat(inner) | Kind::List(inner) = column.kind {
                visit(inner, check);
            }
        }
    }

    #[test]
    fn every_column_has_a_comment_and_personal_ones_have_no_statistics() {
        for family in Family::ALL {
            visit(family.columns(), &mut |column| {
                assert!(column.comment.len() > 3, "{family}.{} has no comment", column.name);
                assert!(
                    !(column.personal && column.statistics),
                    "{family}.{} would leak into the table's log",
                    column.name
                );
            });
        }
    }

    #[test]
    fn no_column_is_named_like_a_card_secret_since_only_unknown_names_are_looked_at() {
        for family in Family::ALL {
            visit(family.columns(), &mut |column| {
                let known = crate::redact::context(column.name);
                assert!(matches!(known, Context::Other | Context::Identifier), "{}", column.name);
            });
        }
    }

    #[test]
    fn names_are_unique_once_flat_objects_are_spread_out() {
        for family in Family::ALL {
            let schema = crate::schema(family);
            let mut names: Vec<_> = schema.fields().iter().map(|field| field.name().clone()).collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), schema.fields().len(), "{family}");
        }
    }
}
