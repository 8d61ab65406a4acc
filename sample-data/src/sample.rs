//! The small committed sample: one week of a tiny shop whose visitors buy more than people do.

use crate::config::{Market, ShopConfig};
use crate::schedule::DAY;
use crate::shop::{Shop, ShopEvent};

/// Files of the sample, by the first part of the types in them.
pub const SAMPLE_FAMILIES: [(&str, &[&str]); 4] = [
    ("storefront", &["storefront."]),
    ("orders", &["order."]),
    ("payments", &["payment."]),
    ("inventory", &["inventory.", "product.", "supplier.", "purchase_order."]),
];

/// The configuration of the committed sample.
pub fn sample_config() -> ShopConfig {
    ShopConfig {
        sessions_per_day: 10,
        products: 12,
        willingness_percent: 420,
        growth_per_mille: 0,
        ..ShopConfig::new(Market::Riyadh, 1107, jiff::civil::Date::constant(2026, 2, 19))
    }
}

/// The events of the committed sample: seven days in the order of their times.
pub fn sample_events() -> impl Iterator<Item = ShopEvent> {
    let mut shop = Shop::new(sample_config());
    let end = jiff::Timestamp::from_millisecond(shop.midnight(0) + 7 * DAY - 1).unwrap_or(jiff::Timestamp::MAX);
    let events: Vec<_> = shop.until(end).collect();
    events.into_iter()
}
