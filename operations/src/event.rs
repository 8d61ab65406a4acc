//! Typed input: an event's CloudEvents JSON as the facts that live state follows.
//!
//! Events were validated before the log, so that reading is lenient: ids may be JSON numbers, decimals text or numbers
//! (taken by their own text), and unknown fields are passed over.

use std::borrow::Cow;

use mizan_events::{Decimal, EventTime};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::value::RawValue;

/// An event as the log or the lake gives it.
#[derive(Clone, Debug)]
pub struct LoggedEvent<'a> {
    /// Its place in the log.
    pub position: u64,
    /// When it was taken in.
    pub received_at: EventTime,
    /// The event as CloudEvents JSON.
    pub json: Cow<'a, str>,
}

/// An event, read.
pub(crate) struct Incoming<'a> {
    pub(crate) position: i64,
    pub(crate) received_at: i64,
    pub(crate) at: i64,
    pub(crate) id: Cow<'a, str>,
    pub(crate) source: Cow<'a, str>,
    pub(crate) kind: &'static str,
    pub(crate) shop: Cow<'a, str>,
    pub(crate) fact: Fact<'a>,
}

impl Incoming<'_> {
    /// Names it for people.
    pub(crate) fn identity(&self) -> String {
        format!("{}/{}", self.source, self.id)
    }

    /// Which of two events at the same time comes later: by source, then by id. No source contains the character
    /// between them.
    pub(crate) fn tie(&self) -> String {
        format!("{}\u{1}{}", self.source, self.id)
    }
}

/// What an event says.
pub(crate) enum Fact<'a> {
    Order(OrderFact, Box<OrderData<'a>>),
    Payment(PaymentFact, Box<PaymentData<'a>>),
    Inventory(InventoryFact, Box<InventoryData<'a>>),
    /// Nothing for live state.
    Other,
}

macro_rules! facts {
    ($name:ident: $($variant:ident $text:literal),+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name { $($variant),+ }

        impl $name {
            pub(crate) fn from_name(name: &str) -> Option<($name, &'static str)> {
                match name {
                    $($text => Some(($name::$variant, $text)),)+
                    _ => None,
                }
            }
        }
    };
}

facts! { OrderFact:
Placed "order.placed", Edited "order.edited", Paid "order.paid", Cancelled "order.cancelled",
Packed "order.packed", Shipped "order.shipped", OutForDelivery "order.out_for_delivery",
Delivered "order.delivered", DeliveryFailed "order.delivery_failed", Returned "order.returned" }

facts! { PaymentFact:
Initiated "payment.initiated", Authorized "payment.authorized", Captured "payment.captured",
Failed "payment.failed", Voided "payment.voided", Refunded "payment.refunded", Disputed "payment.disputed",
DisputeClosed "payment.dispute_closed", Fee "payment.fee", Settled "payment.settled" }

facts! { InventoryFact:
Received "inventory.received", Sold "inventory.sold", Returned "inventory.returned",
Adjusted "inventory.adjusted", Counted "inventory.counted", Reserved "inventory.reserved",
Released "inventory.released", Transferred "inventory.transferred", Product "product.upserted",
Supplier "supplier.upserted", PurchasePlaced "purchase_order.placed",
PurchaseReceived "purchase_order.received", PurchaseCancelled "purchase_order.cancelled" }

/// Reads an event; the error says what could not be read.
pub(crate) fn read<'a>(logged: &'a LoggedEvent<'_>) -> Result<Incoming<'a>, String> {
    let envelope: Envelope<'a> = serde_json::from_str(&logged.json).map_err(|error| error.to_string())?;
    let at = EventTime::parse(&envelope.time.0).map_err(|error| format!("time {error}"))?.micros();
    let data = envelope.data.map_or("{}", RawValue::get);
    let name = &*envelope.kind.0;
    let (kind, fact) = if let Some((fact, kind)) = OrderFact::from_name(name) {
        (kind, Fact::Order(fact, data_of(data)?))
    } else if let Some((fact, kind)) = PaymentFact::from_name(name) {
        (kind, Fact::Payment(fact, data_of(data)?))
    } else if let Some((fact, kind)) = InventoryFact::from_name(name) {
        (kind, Fact::Inventory(fact, data_of(data)?))
    } else {
        ("", Fact::Other)
    };
    Ok(Incoming {
        position: i64::try_from(logged.position).map_err(|_| "position is beyond 63 bits".to_owned())?,
        received_at: logged.received_at.micros(),
        at,
        id: envelope.id.0,
        source: envelope.source.0,
        kind,
        shop: envelope.shop.map_or(Cow::Borrowed("default"), |shop| shop.0),
        fact,
    })
}

fn data_of<'a, T: Deserialize<'a>>(json: &'a str) -> Result<Box<T>, String> {
    serde_json::from_str(json).map(Box::new).map_err(|error| format!("data: {error}"))
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    source: Text<'a>,
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    time: Text<'a>,
    #[serde(borrow, default)]
    shop: Option<Text<'a>>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// Text, or a number by its own text. Errors never quote the value, since they are logged and it may be personal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&'de RawValue>::deserialize(deserializer)?.get();
        match json.as_bytes() {
            [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') => Ok(Text(Cow::Borrowed(&json[1..json.len() - 1]))),
            [b'"', ..] => serde_json::from_str(json).map(|text| Text(Cow::Owned(text))).map_err(D::Error::custom),
            [b'-' | b'0'..=b'9', ..] => Ok(Text(Cow::Borrowed(json))),
            _ => Err(D::Error::custom("a value is neither text nor a number")),
        }
    }
}

/// The text, unless it is absent or empty: "" says nothing.
pub(crate) fn said<'t>(text: &'t Option<Text<'_>>) -> Option<&'t str> {
    text.as_ref().map(|text| &*text.0).filter(|text| !text.is_empty())
}

/// The same, to keep.
pub(crate) fn kept(text: &Option<Text<'_>>) -> Option<String> {
    said(text).map(str::to_owned)
}

/// A decimal as ten-thousandths, from text or from a number's own text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Units(pub(crate) i64);

impl<'de> Deserialize<'de> for Units {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        Decimal::parse(&text.0)
            .map(|decimal| Units(decimal.units()))
            .map_err(|rule| D::Error::custom(format!("an amount {rule}")))
    }
}

/// A whole number, from text or number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whole(pub(crate) i64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        text.0.parse().map(Whole).map_err(|_| D::Error::custom("a number of days is not whole"))
    }
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct OrderData<'a> {
    pub(crate) order_id: Option<Text<'a>>,
    pub(crate) customer: Option<CustomerData<'a>>,
    pub(crate) lines: Option<Vec<LineData<'a>>>,
    pub(crate) subtotal: Option<Units>,
    pub(crate) discount: Option<Units>,
    pub(crate) shipping: Option<Units>,
    pub(crate) tax: Option<Units>,
    pub(crate) total: Option<Units>,
    pub(crate) currency: Option<Text<'a>>,
    pub(crate) payment_method: Option<Text<'a>>,
    pub(crate) checkout_id: Option<Text<'a>>,
    pub(crate) cart_id: Option<Text<'a>>,
    pub(crate) session_id: Option<Text<'a>>,
    pub(crate) channel: Option<Text<'a>>,
    pub(crate) carrier: Option<Text<'a>>,
    pub(crate) tracking_number: Option<Text<'a>>,
    pub(crate) tracking_url: Option<Text<'a>>,
    pub(crate) parcel_id: Option<Text<'a>>,
    pub(crate) reason: Option<Text<'a>>,
    pub(crate) shipping_address: Option<&'a RawValue>,
    pub(crate) billing_address: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct CustomerData<'a> {
    pub(crate) id: Option<Text<'a>>,
    pub(crate) email: Option<Text<'a>>,
    pub(crate) phone: Option<Text<'a>>,
    pub(crate) name: Option<Text<'a>>,
    pub(crate) tax_id: Option<Text<'a>>,
    pub(crate) language: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(crate) struct LineData<'a> {
    #[serde(default)]
    pub(crate) line_id: Option<Text<'a>>,
    pub(crate) sku: Text<'a>,
    #[serde(default)]
    pub(crate) name: Option<Text<'a>>,
    pub(crate) quantity: Units,
    #[serde(default)]
    pub(crate) unit_price: Option<Units>,
    #[serde(default)]
    pub(crate) discount: Option<Units>,
    #[serde(default)]
    pub(crate) tax: Option<Units>,
    #[serde(default)]
    pub(crate) tax_rate: Option<Units>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct PaymentData<'a> {
    pub(crate) payment_id: Option<Text<'a>>,
    pub(crate) attempt_id: Option<Text<'a>>,
    pub(crate) order_id: Option<Text<'a>>,
    pub(crate) provider: Option<Text<'a>>,
    pub(crate) method: Option<Text<'a>>,
    pub(crate) amount: Option<Units>,
    pub(crate) currency: Option<Text<'a>>,
    pub(crate) fee: Option<Units>,
    pub(crate) decline: Option<DeclineData<'a>>,
    pub(crate) refund_id: Option<Text<'a>>,
    pub(crate) reason: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct DeclineData<'a> {
    pub(crate) code: Option<Text<'a>>,
    pub(crate) network_code: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct InventoryData<'a> {
    pub(crate) sku: Option<Text<'a>>,
    pub(crate) location: Option<Text<'a>>,
    pub(crate) quantity: Option<Units>,
    pub(crate) on_hand: Option<Units>,
    pub(crate) reason: Option<Text<'a>>,
    pub(crate) order_id: Option<Text<'a>>,
    pub(crate) unit_cost: Option<Units>,
    pub(crate) unit_price: Option<Units>,
    pub(crate) currency: Option<Text<'a>>,
    pub(crate) supplier: Option<Text<'a>>,
    pub(crate) lead_time_days: Option<Whole>,
    pub(crate) min_order_qty: Option<Units>,
    pub(crate) pack_size: Option<Units>,
    pub(crate) eta: Option<Text<'a>>,
    pub(crate) name: Option<Text<'a>>,
    pub(crate) category: Option<Text<'a>>,
    pub(crate) purchase_order_id: Option<Text<'a>>,
    pub(crate) reorder_point: Option<Units>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(json: &str) -> LoggedEvent<'_> {
        LoggedEvent { position: 1, received_at: EventTime::from_micros(0), json: Cow::Borrowed(json) }
    }

    #[test]
    fn numbers_and_text_are_read_alike_and_exactly() {
        let event = logged(
            r#"{"specversion":"1.0","id":7,"source":"s","type":"order.placed","time":"2026-03-01T10:00:00Z","data":
            {"order_id":1001,"total":0.1,"currency":"KWD","channel":"","surprise":[1],"customer":null,
             "lines":[{"sku":"a\"b","quantity":2,"unit_price":"12.345"}]}}"#,
        );
        let read = read(&event).unwrap();
        let Fact::Order(OrderFact::Placed, data) = read.fact else { panic!("not an order") };
        assert_eq!((&*read.id, &*read.shop), ("7", "default"));
        assert_eq!(said(&data.order_id), Some("1001"));
        assert_eq!(data.total, Some(Units(1_000)));
        assert_eq!(said(&data.channel), None);
        let lines = data.lines.unwrap();
        assert_eq!(
            (&*lines[0].sku.0, lines[0].quantity, lines[0].unit_price),
            ("a\"b", Units(20_000), Some(Units(123_450)))
        );
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (json, reason) in [
            ("7", "invalid type"),
            (r#"{"id":"1","source":"s","type":"order.paid","time":"soon"}"#, "time is not an RFC 3339 time"),
            (
                r#"{"id":"1","source":"s","type":"order.paid","time":"2026-03-01T10:00:00Z","data":{"total":"1e3"}}"#,
                "an amount is not a plain decimal",
            ),
        ] {
            let error = read(&logged(json)).err().unwrap();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn other_families_say_nothing_to_live_state() {
        let event = logged(r#"{"id":"1","source":"s","type":"storefront.page_view","time":"2026-03-01T10:00:00Z"}"#);
        assert!(matches!(read(&event).unwrap().fact, Fact::Other));
    }
}
