//! What a merchant may set, and how a shop without settings is treated.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil::Date};

use crate::error::OperationsError;

/// Settings of live state.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The shops by the name that events carry. A shop that is not here is treated as [`ShopSettings::default`].
    pub shops: BTreeMap<String, ShopSettings>,
    /// An order that became paid longer ago than this when the event arrives is history and gets no invoice.
    /// `None` makes an invoice for every paid order, however old.
    pub invoice_max_age_days: Option<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { shops: BTreeMap::new(), invoice_max_age_days: Some(30) }
    }
}

/// Settings of one shop.
#[derive(Clone, Debug)]
pub struct ShopSettings {
    /// The seller's name on invoices; the shop's own key where empty.
    pub name: String,
    /// ISO 4217 code of the main currency.
    pub currency: String,
    /// IANA name of the zone in which the shop's days are counted.
    pub timezone: String,
    /// Whether prices and line discounts include tax.
    pub prices_include_tax: bool,
    /// The seller's tax number, for invoices.
    pub tax_id: Option<String>,
    /// The seller's address, for invoices.
    pub address: Option<String>,
}

impl Default for ShopSettings {
    fn default() -> Self {
        ShopSettings {
            name: String::new(),
            currency: "USD".to_owned(),
            timezone: "UTC".to_owned(),
            prices_include_tax: false,
            tax_id: None,
            address: None,
        }
    }
}

/// A shop's settings, checked.
#[derive(Debug)]
pub(crate) struct Shop {
    pub(crate) seller: String,
    pub(crate) zone: TimeZone,
    pub(crate) prices_include_tax: bool,
    pub(crate) tax_id: Option<String>,
    pub(crate) address: Option<String>,
}

impl Shop {
    fn new(name: &str, settings: &ShopSettings) -> Result<Shop, OperationsError> {
        let wrong = |field, value: &str, rule| OperationsError::Setting {
            shop: name.to_owned(),
            field,
            value: value.to_owned(),
            rule,
        };
        if mizan_events::Currency::from_code(&settings.currency).is_none() {
            return Err(wrong("currency", &settings.currency, "is not an ISO 4217 currency code such as SAR or KWD"));
        }
        let zone = TimeZone::get(&settings.timezone).map_err(|_| {
            wrong("timezone", &settings.timezone, "is not an IANA time zone known here, such as Asia/Riyadh")
        })?;
        let seller = if settings.name.is_empty() { name } else { &settings.name };
        Ok(Shop {
            seller: seller.to_owned(),
            zone,
            prices_include_tax: settings.prices_include_tax,
            tax_id: settings.tax_id.clone(),
            address: settings.address.clone(),
        })
    }

    /// The shop's date at an instant.
    pub(crate) fn date(&self, micros: i64) -> Date {
        let timestamp = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH);
        self.zone.to_datetime(timestamp).date()
    }

    /// The shop's day at an instant, counted from 1970-01-01.
    pub(crate) fn day(&self, micros: i64) -> i64 {
        let timestamp = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH);
        (timestamp.as_second() + i64::from(self.zone.to_offset(timestamp).seconds())).div_euclid(86_400)
    }
}

/// All settings, checked.
#[derive(Debug)]
pub(crate) struct Checked {
    shops: HashMap<String, Arc<Shop>>,
    pub(crate) invoice_max_age_us: Option<i64>,
}

impl Checked {
    pub(crate) fn new(settings: &Settings) -> Result<Checked, OperationsError> {
        let mut shops = HashMap::new();
        for (name, shop) in &settings.shops {
            shops.insert(name.clone(), Arc::new(Shop::new(name, shop)?));
        }
        let invoice_max_age_us = settings.invoice_max_age_days.map(|days| i64::from(days) * 86_400_000_000);
        Ok(Checked { shops, invoice_max_age_us })
    }

    pub(crate) fn shop(&self, name: &str) -> Arc<Shop> {
        self.shops.get(name).cloned().unwrap_or_else(|| {
            Arc::new(Shop {
                seller: name.to_owned(),
                zone: TimeZone::UTC,
                prices_include_tax: false,
                tax_id: None,
                address: None,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mizan_events::EventTime;

    #[test]
    fn a_shops_day_ends_at_its_own_midnight() {
        let settings = ShopSettings { timezone: "Asia/Riyadh".to_owned(), ..ShopSettings::default() };
        let shop = Shop::new("oud", &settings).unwrap();
        let before = EventTime::parse("2026-02-28T20:59:59Z").unwrap().micros();
        assert_eq!(shop.date(before).to_string(), "2026-02-28");
        assert_eq!(shop.date(before + 1_000_000).to_string(), "2026-03-01");
        // 2026-03-01 is day 20,513 since 1970.
        assert_eq!((shop.day(before), shop.day(before + 1_000_000)), (20_512, 20_513));
    }

    #[test]
    fn a_wrong_setting_is_named() {
        let shops = BTreeMap::from([(
            "oud".to_owned(),
            ShopSettings { timezone: "Asia/Riad".to_owned(), ..ShopSettings::default() },
        )]);
        let error = Checked::new(&Settings { shops, ..Settings::default() }).unwrap_err();
        assert_eq!(
            error.to_string(),
            "shops.oud.timezone: \"Asia/Riad\" is not an IANA time zone known here, such as Asia/Riyadh"
        );
    }
}
