//! Events for the tests, with answers that can be worked out by hand.

/// A storefront event.
pub fn page_view(id: &str, time: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"test","type":"storefront.page_view","time":"{time}","data":{{"session_id":"s-{id}","device":"mobile"}}}}"#
    )
}

/// An order of one line: `quantity` pieces of `sku` at `price` in KWD.
pub fn placed(order: &str, sku: &str, quantity: u32, price: &str, time: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"placed-{order}","source":"test","type":"order.placed","time":"{time}","data":{{"order_id":"{order}","currency":"KWD","customer":{{"id":"c-{order}","email":"someone-{order}@example.com","name":"ليلى"}},"lines":[{{"line_id":"1","sku":"{sku}","name":"Oud","quantity":{quantity},"unit_price":"{price}"}}]}}}}"#
    )
}

/// A payment of an order, in KWD.
pub fn captured(order: &str, amount: &str, time: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"captured-{order}","source":"test","type":"payment.captured","time":"{time}","data":{{"payment_id":"p-{order}","order_id":"{order}","provider":"tap","method":"knet","amount":"{amount}","currency":"KWD","fee":"0.100"}}}}"#
    )
}

/// Stock that came in.
pub fn received(id: &str, sku: &str, quantity: u32, time: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"test","type":"inventory.received","time":"{time}","data":{{"sku":"{sku}","quantity":{quantity}}}}}"#
    )
}

/// This moment, as events write it.
pub fn now() -> String {
    mizan_events::EventTime::now().to_string()
}
