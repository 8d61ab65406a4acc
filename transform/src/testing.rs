//! What the tests of this room share: a session with the shop functions, a random shop, and runs into memory.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::prelude::{SessionConfig, SessionContext};
use mizan_events::{BatchBuilder, EventTime, Family, Unknown, parse};
use mizan_lake::SessionSettings;
use serde_json::{Value, json};

use crate::project::{Project, Selection};
use crate::rows::{self, Row};
use crate::run::{RunReport, Runner};
use crate::session::{self, sql_context};
use crate::target::Memory;

/// The instant that test runs take for now.
pub(crate) const AS_OF: &str = "2026-04-15T00:00:00Z";

pub(crate) fn settings() -> SessionSettings {
    SessionSettings { config: SessionConfig::new().with_target_partitions(2), ..SessionSettings::default() }
}

pub(crate) fn moment(text: &str) -> EventTime {
    EventTime::parse(text).unwrap()
}

/// A random shop of these visits, as CloudEvents in order of arrival. The same seed gives the same shop.
pub(crate) fn random_shop(seed: u64, visits: u64) -> Vec<Value> {
    let mut shop = RandomShop { dice: Dice::new(seed), events: Vec::new() };
    for sku in 0..12 {
        shop.tell(0, "inventory.received", json!({"sku": format!("sku{sku}"), "quantity": "500"}));
    }
    for visit in 0..visits {
        shop.visit(visit);
    }
    for day in 0..40 {
        shop.warehouse(day);
    }
    shop.tell(20 * DAY, "inventory.counted", json!({"sku": "sku11", "on_hand": "0"}));
    shop.events
}

/// A small generator of its own, so that a seed means the same shop for ever.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }

    pub(crate) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

struct RandomShop {
    dice: Dice,
    events: Vec<Value>,
}

const START_US: i64 = 1_772_323_200_000_000; // 2026-03-01T00:00:00Z
const MINUTE: i64 = 60;
const DAY: i64 = 86_400;

impl RandomShop {
    /// Adds an event at so many seconds after the start; fields that are NULL are left out.
    fn tell(&mut self, second: i64, event_type: &str, mut data: Value) {
        data.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let id = format!("e{}", self.events.len());
        let time = EventTime::from_micros(START_US + second * 1_000_000).to_string();
        self.events.push(
            json!({"specversion": "1.0", "id": id, "source": "test", "type": event_type, "time": time, "data": data}),
        );
    }

    fn or_none(&mut self, one_in: u64, text: String) -> Value {
        if self.dice.one_in(one_in) { Value::Null } else { Value::from(text) }
    }

    fn sku(&mut self) -> String {
        format!("sku{}", self.dice.below(12))
    }

    fn price(sku: &str) -> String {
        format!("{}.{}5", sku.len() * 7, sku.bytes().last().unwrap() % 10)
    }

    fn visit(&mut self, visit: u64) {
        let mut at = i64::try_from(self.dice.below(40 * 86_400)).unwrap();
        let visitor = format!("v{}", self.dice.below(visit / 2 + 1));
        let session = self.or_none(4, format!("s{visit}"));
        let (cart, checkout) = (self.or_none(5, format!("k{visit}")), self.or_none(5, format!("c{visit}")));
        let device = self.dice.pick(&["mobile", "desktop"]);
        self.tell(at, "storefront.page_view", json!({"session_id": session, "visitor_id": visitor, "device": device}));
        let mut wanted = Vec::new();
        for _ in 0..self.dice.below(8) {
            at += [0, 5, 60, 300, 1800, 2500, 6000][usize::try_from(self.dice.below(7)).unwrap()];
            let kinds = [
                "view_item",
                "view_item",
                "add_to_cart",
                "add_to_cart",
                "remove_from_cart",
                "begin_checkout",
                "add_payment_info",
                "purchase",
            ];
            let (kind, sku) = (self.dice.pick(&kinds), self.sku());
            let mut data = json!({"session_id": session, "visitor_id": visitor, "device": device});
            if kind != "view_item" {
                data["cart_id"] = cart.clone();
            }
            match kind {
                "view_item" | "add_to_cart" | "remove_from_cart" => {
                    data["sku"] = Value::from(sku.as_str());
                    data["quantity"] = Value::from("1");
                    data["unit_price"] = Value::from(Self::price(&sku));
                    data["currency"] = Value::from("KWD");
                }
                "purchase" => data["order_id"] = Value::from(format!("p{visit}")),
                _ => data["checkout_id"] = checkout.clone(),
            }
            if kind == "add_to_cart" {
                wanted.push(sku);
            }
            self.tell(at, &format!("storefront.{kind}"), data);
        }
        if !wanted.is_empty() && !self.dice.one_in(3) {
            self.order(visit, at + 30, &wanted, cart, checkout);
        }
    }

    fn order(&mut self, visit: u64, at: i64, wanted: &[String], cart: Value, checkout: Value) {
        let (order, payment, currency) = (format!("o{visit}"), format!("pay{visit}"), self.dice.pick(&["KWD", "SAR"]));
        let mut lines = Vec::new();
        for sku in wanted.iter().chain(wanted.first()) {
            let quantity = self.dice.pick(&["1", "2", "3", "0.5"]);
            let mut line = json!({"sku": sku, "quantity": quantity, "unit_price": Self::price(sku)});
            if self.dice.one_in(4) {
                line["discount"] = Value::from("0.75");
            }
            lines.push(line);
        }
        let discount = if self.dice.one_in(3) { Value::from("3.33") } else { Value::Null };
        let (cart, checkout) = if self.dice.one_in(2) { (cart, Value::Null) } else { (Value::Null, checkout) };
        let pay = |amount: &str| json!({"payment_id": payment, "provider": "tap", "order_id": order, "amount": amount, "currency": currency});
        self.tell(at - 5, "payment.initiated", pay("10"));
        if self.dice.one_in(4) {
            let code = self.dice.pick(&["51", "14"]);
            let data = json!({"payment_id": payment, "attempt_id": format!("{payment}-1"), "provider": "tap", "order_id": order, "decline": {"network_code": code}});
            self.tell(at - 4, "payment.failed", data);
        }
        // A guest now and then; the others come again.
        let customer = if visit.is_multiple_of(7) { Value::Null } else { json!({"id": format!("u{}", visit % 40)}) };
        let mut placed = json!({"order_id": order, "currency": currency, "lines": lines, "discount": discount, "tax": "1.23", "shipping": "5",
            "cart_id": cart, "checkout_id": checkout});
        if !customer.is_null() {
            placed["customer"] = customer;
        }
        let is_cash = visit % 5 == 3;
        if is_cash {
            placed["payment_method"] = Value::from("cod");
        }
        self.tell(at, "order.placed", placed);
        if is_cash {
            self.tell(at + DAY / 2, "order.shipped", json!({"order_id": order}));
        }
        if !self.dice.one_in(3) {
            let mut captured = pay("10");
            captured["fee"] = Value::from("0.35");
            captured["attempt_id"] = Value::from(format!("{payment}-2"));
            self.tell(at + MINUTE, "payment.captured", captured);
        }
        if self.dice.one_in(6) {
            lines.truncate(1);
            lines.push(json!({"sku": "sku1", "quantity": "4", "unit_price": "2.125"}));
            self.tell(
                at + 60 * MINUTE,
                "order.edited",
                json!({"order_id": order, "currency": currency, "lines": lines}),
            );
        }
        if self.dice.one_in(5) {
            let named = if self.dice.one_in(3) { Value::Null } else { Value::from(order.as_str()) };
            self.tell(at, "inventory.sold", json!({"sku": wanted[0], "quantity": "-1", "order_id": named}));
        }
        self.afterwards(&order, at + DAY * (1 + i64::try_from(self.dice.0 % 9).unwrap()), &lines, currency);
    }

    fn afterwards(&mut self, order: &str, at: i64, lines: &[Value], currency: &str) {
        let some = json!({"sku": lines[0]["sku"], "quantity": self.dice.pick(&["0.5", "1", "9"])});
        match self.dice.below(9) {
            0 => self.tell(at, "order.cancelled", json!({"order_id": order})),
            1 => self.tell(at, "order.returned", json!({"order_id": order, "lines": [some]})),
            2 => {
                self.tell(at, "order.returned", json!({"order_id": order, "lines": [some]}));
                self.tell(at, "order.cancelled", json!({"order_id": order}));
            }
            3 => self.tell(at, "order.returned", json!({"order_id": order, "shipping": "5", "currency": currency})),
            4 => {
                let line = json!({"sku": "sku3", "quantity": "2", "unit_price": "7.77"});
                self.tell(
                    at,
                    "order.returned",
                    json!({"order_id": format!("C{order}"), "currency": currency, "lines": [line]}),
                );
            }
            _ => self.tell(at, "order.delivered", json!({"order_id": order})),
        }
    }

    fn warehouse(&mut self, day: i64) {
        let (at, sku) = (day * DAY + 20 * 60 * MINUTE, self.sku());
        match self.dice.below(5) {
            0 => self.tell(at, "inventory.counted", json!({"sku": format!("sku{}", day % 3), "on_hand": "77"})),
            1 => {
                self.tell(at, "inventory.transferred", json!({"sku": sku, "location": "b", "quantity": "3"}));
                self.tell(at, "inventory.transferred", json!({"sku": sku, "location": "default", "quantity": "-3"}));
            }
            2 => self.tell(at, "inventory.adjusted", json!({"sku": sku, "quantity": "-1", "reason": "broken"})),
            _ => self.tell(at, "inventory.received", json!({"sku": sku, "quantity": "30"})),
        }
    }
}

/// Event tables of these events, each in batches of `batch` rows; positions are the places in the list.
pub(crate) fn event_tables<'a>(
    events: impl Iterator<Item = (u64, &'a str)>,
    batch: usize,
) -> Vec<(String, Arc<dyn TableProvider>)> {
    let now = moment("2027-01-01T00:00:00Z");
    let mut builders = Family::ALL.map(|family| (family, BatchBuilder::new(family), Vec::<RecordBatch>::new()));
    for (position, text) in events {
        let event = parse(text, Unknown::Refuse, now).unwrap();
        let (_, builder, batches) = builders.iter_mut().find(|(family, ..)| *family == event.family()).unwrap();
        builder.append(&event, position, now);
        if builder.len() >= batch {
            batches.push(builder.finish());
        }
    }
    let tables = builders.into_iter().map(|(family, mut builder, mut batches)| {
        batches.push(builder.finish());
        let table = MemTable::try_new(mizan_events::schema(family), vec![batches]).unwrap();
        (format!("events.{}", family.table()), Arc::new(table) as Arc<dyn TableProvider>)
    });
    tables.collect()
}

/// These events as one batch a family.
pub(crate) fn event_batches(events: &[(u64, String)]) -> Vec<(Family, RecordBatch)> {
    let now = moment("2027-01-01T00:00:00Z");
    let mut builders = Family::ALL.map(|family| (family, BatchBuilder::new(family)));
    for (position, text) in events {
        let event = parse(text, Unknown::Refuse, now).unwrap();
        let (_, builder) = builders.iter_mut().find(|(family, _)| *family == event.family()).unwrap();
        builder.append(&event, *position, now);
    }
    builders.map(|(family, mut builder)| (family, builder.finish())).into()
}

/// A context with these event tables and one shop.
pub(crate) fn shop_context(
    tables: Vec<(String, Arc<dyn TableProvider>)>,
    currency: &str,
    timezone: &str,
) -> SessionContext {
    let row = ["default", "Test", currency, timezone]
        .map(|text| Arc::new(datafusion::arrow::array::StringArray::from(vec![text])) as _);
    let shops = RecordBatch::try_new(Arc::new(session::shops_schema()), row.to_vec()).unwrap();
    let table = session::rows_table(&Arc::new(session::shops_schema()), Some(shops.clone())).unwrap();
    let tables = tables.into_iter().chain([("settings.shops".to_owned(), table)]);
    sql_context(&session::functions(&settings(), &shops).unwrap(), tables).unwrap()
}

/// Runs every model into memory.
pub(crate) async fn run_all(project: &Project, context: &SessionContext) -> RunReport {
    run_some(project, context, &Selection::All).await
}

/// Runs these models, and those they read, into memory.
pub(crate) async fn run_some(project: &Project, context: &SessionContext, selection: &Selection) -> RunReport {
    Runner::new(project).run_on(context, &Memory, selection, moment(AS_OF), &mut |_| {}).await.unwrap()
}

/// All rows of a query as sorted text.
pub(crate) async fn rows_of(context: &SessionContext, query: &str) -> Vec<Row> {
    let batches = context.sql(query).await.unwrap().collect().await.unwrap();
    let mut rows = rows::texts(&batches).unwrap();
    rows.sort();
    rows
}
