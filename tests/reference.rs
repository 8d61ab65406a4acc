//! Pages that are made from the code equal what the code says. `MIZAN_TEST_ACCEPT=1` writes them anew.

use std::fmt::Write;

use mizan_events::{Column, ENVELOPE, EventType, Family, Kind};

use crate::support::tools::repository;

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Id => "identifier",
        Kind::Amount => "amount",
        Kind::Price => "price",
        Kind::Quantity => "quantity",
        Kind::Integer => "whole number",
        Kind::Currency => "currency",
        Kind::Time => "time",
        Kind::Struct(_) | Kind::Flat(_) => "object",
        Kind::List(_) => "list of objects",
    }
}

fn rows(page: &mut String, columns: &[Column], prefix: &str) {
    for column in columns {
        let personal = if column.personal { " *(personal)*" } else { "" };
        writeln!(page, "| `{prefix}{}` | {} | {}{personal} |", column.name, kind(column.kind), column.comment).unwrap();
        match column.kind {
            Kind::Struct(inner) | Kind::Flat(inner) => rows(page, inner, &format!("{prefix}{}.", column.name)),
            Kind::List(inner) => rows(page, inner, &format!("{prefix}{}[].", column.name)),
            _ => {}
        }
    }
}

fn events_page() -> String {
    let mut page = String::from(
        "# Events\n\n\
         <!-- Made from the code by tests/reference.rs; change the code, then run MIZAN_TEST_ACCEPT=1 cargo test --test whole reference -->\n\n\
         Events are [CloudEvents 1.0](https://cloudevents.io) in JSON: `specversion` (\"1.0\"), `id`, `source`, `type`, `time` (RFC 3339 with\n\
         zone), `shop` (\"default\" where absent) and `data`. `(source, id)` is the identity: the same one is stored once, for ever.\n\n\
         Amounts are decimal text (`\"12.500\"`; a JSON number is taken by its own text) and must fit the minor unit of `currency`. Prices and\n\
         quantities have up to four decimals. Unknown fields are kept in the column `extra`, except from a mapping, where they are a mistake.\n\n\
         Each family is one table in SQL. Every table begins with these columns:\n\n| column | |\n|---|---|\n",
    );
    for (name, comment) in ENVELOPE {
        writeln!(page, "| `{name}` | {comment} |").unwrap();
    }
    for family in Family::ALL {
        writeln!(page, "\n## `events.{}`\n\n{}.\n\n| type | needs |\n|---|---|", family.table(), family.comment())
            .unwrap();
        for event_type in EventType::all().iter().filter(|event_type| event_type.family == family) {
            let needs =
                event_type.required.iter().map(|field| field.replace('|', " or ")).collect::<Vec<_>>().join(", ");
            writeln!(page, "| `{}` | {needs} |", event_type.name).unwrap();
        }
        page.push_str("\n| field of `data` | kind | |\n|---|---|---|\n");
        rows(&mut page, family.columns(), "");
    }
    page.push_str(
        "\nThe fields of `customer` are columns of their own in SQL: `customer_id`, `customer_email`, … Other objects stay nested:\n\
         `lines[1]['sku']`, `card['last4']`, or `unnest(lines)`.\n",
    );
    page
}

#[test]
fn the_page_of_events_says_what_the_code_says() {
    let path = repository().join("docs/events.md");
    let page = events_page();
    if std::env::var_os("MIZAN_TEST_ACCEPT").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/events.md is behind the code; MIZAN_TEST_ACCEPT=1 writes it anew");
}
