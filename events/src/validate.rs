//! Rules that need the whole event: required fields, currencies, signs, limits of time.

use std::sync::LazyLock;

use crate::columns::{Column, Kind};
use crate::currency::Currency;
use crate::error::{Problem, shown};
use crate::event::Event;
use crate::family::Family;
use crate::money::Decimal;
use crate::time::EventTime;
use crate::value::{Row, Value};

/// A sender's clock may be ahead of ours by this much.
const FUTURE_ALLOWED_US: i64 = 24 * 3600 * 1_000_000;
/// 2000-01-01T00:00:00Z: before it, a time is a unit mistaken (seconds for milliseconds) rather than history.
const EARLIEST: EventTime = EventTime::from_micros(946_684_800_000_000);

pub(crate) fn validate(event: &Event<'_>, now: EventTime, problems: &mut Vec<Problem>) {
    check_time(event.time, now, problems);
    check_required(event, problems);
    check_currency(event, problems);
    check_quantities(event, problems);
}

fn check_time(time: EventTime, now: EventTime, problems: &mut Vec<Problem>) {
    let rule = if time.micros() > now.micros() + FUTURE_ALLOWED_US {
        format!("is more than 24 hours ahead of this machine's clock ({now})")
    } else if time < EARLIEST {
        "is before the year 2000; is its unit right?".to_owned()
    } else {
        return;
    };
    problems.push(Problem::Rule { field: "time".to_owned(), value: time.to_string(), rule });
}

fn check_required(event: &Event<'_>, problems: &mut Vec<Problem>) {
    for (places, required) in event.event_type.required_places.iter().zip(event.event_type.required) {
        let present = places.iter().any(|place| match &event.row[*place] {
            Value::Null => false,
            Value::Rows(rows) => !rows.is_empty(),
            _ => true,
        });
        if !present
            && !problems
                .iter()
                .any(|problem| required.split('|').any(|field| problem.field() == format!("data.{field}")))
        {
            let field = required.split('|').map(|field| format!("data.{field}")).collect::<Vec<_>>().join(" or ");
            problems.push(Problem::Missing { field, hint: format!("; {} needs it", event.event_type.name) });
        }
    }
}

/// Places of the columns that rules read.
struct Places {
    currency: Option<usize>,
    quantity: Option<usize>,
    lines: Option<usize>,
    /// Columns that hold money, or rows with money.
    money: Vec<usize>,
}

fn places(family: Family) -> &'static Places {
    static ALL: LazyLock<[Places; Family::COUNT]> = LazyLock::new(|| {
        Family::ALL.map(|family| {
            let place = |name| family.columns().iter().position(|column| column.name == name);
            let money = (0..family.columns().len()).filter(|place| holds_money(&family.columns()[*place]));
            Places {
                currency: place("currency"),
                quantity: place("quantity"),
                lines: place("lines"),
                money: money.collect(),
            }
        })
    });
    &ALL[family.index()]
}

fn holds_money(column: &Column) -> bool {
    match column.kind {
        Kind::Amount | Kind::Price => true,
        Kind::Struct(inner) | Kind::Flat(inner) | Kind::List(inner) => inner.iter().any(holds_money),
        _ => false,
    }
}

fn value_at<'e, 'a>(event: &'e Event<'a>, place: Option<usize>) -> &'e Value<'a> {
    place.map_or(&Value::Null, |place| &event.row[place])
}

fn check_currency(event: &Event<'_>, problems: &mut Vec<Problem>) {
    let columns = event.family().columns();
    let currency = match value_at(event, places(event.family()).currency) {
        Value::Text(code) => match Currency::from_code(code) {
            Some(currency) => Some(currency),
            None => {
                let rule = "is not an ISO 4217 currency code such as SAR or KWD".to_owned();
                problems.push(Problem::Rule { field: "data.currency".to_owned(), value: shown(code), rule });
                return;
            }
        },
        _ => None,
    };
    // Paths are spelled out only when something is wrong: millions of good events pass here.
    let wrong = |amount: Decimal, kind: Kind| match currency {
        None => true,
        Some(currency) => kind == Kind::Amount && !amount.fits_exponent(currency.exponent()),
    };
    let money = &places(event.family()).money;
    if !money.iter().any(|place| any_amount(&columns[*place], &event.row[*place], &wrong)) {
        return;
    }
    let mut without_currency = None;
    each_amount(columns, &event.row, "data", &mut |path, amount, kind| match currency {
        None => {
            without_currency.get_or_insert(path);
        }
        Some(currency) if wrong(amount, kind) => problems.push(Problem::Exponent {
            field: path,
            value: amount.to_string(),
            currency: currency.code().to_owned(),
            exponent: currency.exponent(),
        }),
        Some(_) => {}
    });
    let required_anyway = event.event_type.required.contains(&"currency");
    if let Some(path) = without_currency
        && !required_anyway
    {
        problems.push(Problem::Missing {
            field: "data.currency".to_owned(),
            hint: format!("; {path} is money and needs it"),
        });
    }
}

fn any_amount(column: &'static Column, value: &Value<'_>, wrong: &impl Fn(Decimal, Kind) -> bool) -> bool {
    let any_of = |columns: &'static [Column], row: &Row<'_>| {
        columns.iter().zip(row).any(|(column, value)| any_amount(column, value, wrong))
    };
    match (column.kind, value) {
        (Kind::Amount | Kind::Price, Value::Decimal(amount)) => wrong(*amount, column.kind),
        (Kind::Struct(inner) | Kind::Flat(inner), Value::Row(row)) => any_of(inner, row),
        (Kind::List(inner), Value::Rows(rows)) => rows.iter().any(|row| any_of(inner, row)),
        _ => false,
    }
}

/// Calls back for every amount and price in a row, nested ones included.
fn each_amount(columns: &'static [Column], row: &Row<'_>, path: &str, visit: &mut impl FnMut(String, Decimal, Kind)) {
    for (column, value) in columns.iter().zip(row) {
        match (column.kind, value) {
            (Kind::Amount | Kind::Price, Value::Decimal(amount)) => {
                visit(format!("{path}.{}", column.name), *amount, column.kind)
            }
            (Kind::Struct(inner) | Kind::Flat(inner), Value::Row(row)) => {
                each_amount(inner, row, &format!("{path}.{}", column.name), visit);
            }
            (Kind::List(inner), Value::Rows(rows)) => {
                for (place, row) in rows.iter().enumerate() {
                    each_amount(inner, row, &format!("{path}.{}[{place}]", column.name), visit);
                }
            }
            _ => {}
        }
    }
}

fn check_quantities(event: &Event<'_>, problems: &mut Vec<Problem>) {
    let name = event.event_type.name;
    let quantity = value_at(event, places(event.family()).quantity).as_decimal();
    let rule = match name {
        "inventory.sold" => {
            quantity.filter(|q| *q >= Decimal::ZERO).map(|_| "must be below zero: quantity is the change of stock")
        }
        "inventory.received"
        | "inventory.reserved"
        | "inventory.released"
        | "purchase_order.placed"
        | "purchase_order.received" => quantity.filter(|q| *q <= Decimal::ZERO).map(|_| "must be above zero"),
        _ => None,
    };
    if let (Some(rule), Some(quantity)) = (rule, quantity) {
        problems.push(Problem::Rule {
            field: "data.quantity".to_owned(),
            value: quantity.to_string(),
            rule: rule.to_owned(),
        });
    }
    if let Value::Rows(lines) = value_at(event, places(event.family()).lines) {
        check_lines(event, lines, problems);
    }
}

fn check_lines(event: &Event<'_>, lines: &[Row<'_>], problems: &mut Vec<Problem>) {
    let Some(columns) = event.family().columns().iter().find_map(|column| match column.kind {
        Kind::List(inner) if column.name == "lines" => Some(inner),
        _ => None,
    }) else {
        return;
    };
    let place_of = |name: &str| columns.iter().position(|column| column.name == name);
    let (Some(sku), Some(quantity), Some(price)) = (place_of("sku"), place_of("quantity"), place_of("unit_price"))
    else {
        return;
    };
    let price_needed = event.event_type.name != "order.returned";
    for (place, line) in lines.iter().enumerate() {
        let mut missing = |name: &str, needed: bool, value: &Value<'_>| {
            let field = format!("data.lines[{place}].{name}");
            if needed && value.is_null() && !problems.iter().any(|problem| problem.field() == field) {
                problems.push(Problem::Missing { field, hint: "; every line needs it".to_owned() });
            }
        };
        missing("sku", true, &line[sku]);
        missing("quantity", true, &line[quantity]);
        missing("unit_price", price_needed, &line[price]);
        if let Some(found) = line[quantity].as_decimal()
            && found <= Decimal::ZERO
        {
            problems.push(Problem::Rule {
                field: format!("data.lines[{place}].quantity"),
                value: found.to_string(),
                rule: "must be above zero; what comes back is an order.returned".to_owned(),
            });
        }
    }
}
