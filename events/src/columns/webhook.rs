//! Columns of `events.webhooks`.

use super::{Column, Kind, column, personal};

/// Data of the family `webhook`.
pub static WEBHOOK: &[Column] = &[
    column("connector", Kind::Text, "The connector that it came to, as the settings name it"),
    column("kind", Kind::Text, "The connector's kind, such as stripe"),
    column("events", Kind::Integer, "How many events were made of it; none where it was rejected or told nothing"),
    personal("headers", Kind::Text, "Its headers as a JSON object, without those that prove the sender"),
    personal("body", Kind::Text, "Its body as it came, card data and secrets cut"),
];
