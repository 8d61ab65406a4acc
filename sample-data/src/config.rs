//! What kind of shop is simulated.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Everything that decides the events of a simulated shop. Keep it beside the data that it made: a feed that goes on
/// needs the very same values, since each of them changes every event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShopConfig {
    /// The `shop` of every event.
    pub shop: String,
    /// Another seed, other events.
    pub seed: u64,
    /// Where the shop is.
    pub market: Market,
    /// The first day, in the shop's time zone.
    #[serde(with = "day")]
    pub start: Date,
    /// Visits on an ordinary day at the start; about four storefront events each.
    pub sessions_per_day: u32,
    /// Growth of visits: per mille of the first day's, for every day since.
    pub growth_per_mille: u32,
    /// How many products are sold, at most 36.
    pub products: u32,
    /// How willing visitors are to buy: 100 is a believable shop (2 to 3 orders in 100 visits). Small samples take more,
    /// so that few events show everything.
    pub willingness_percent: u32,
}

/// A place with its currency, time zone, taxes, providers and neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Market {
    /// Saudi riyals, two decimals, 15 % VAT on top of prices.
    Riyadh,
    /// Kuwaiti dinars, three decimals, no VAT.
    Kuwait,
}

impl ShopConfig {
    /// A shop of a thousand visits a day: about four thousand events a day in all.
    pub fn new(market: Market, seed: u64, start: Date) -> ShopConfig {
        ShopConfig {
            shop: "default".to_owned(),
            seed,
            market,
            start,
            sessions_per_day: 1000,
            growth_per_mille: 2,
            products: 36,
            willingness_percent: 100,
        }
    }
}

impl Market {
    /// ISO 4217 code of every amount.
    pub fn currency(self) -> &'static str {
        match self {
            Market::Riyadh => "SAR",
            Market::Kuwait => "KWD",
        }
    }

    /// IANA name of the zone whose days and hours the shop lives in.
    pub fn timezone(self) -> &'static str {
        match self {
            Market::Riyadh => "Asia/Riyadh",
            Market::Kuwait => "Asia/Kuwait",
        }
    }

    /// The shop's name, Arabic first.
    pub fn shop_name(self) -> &'static str {
        match self {
            Market::Riyadh => "بيت العود · Bayt Al Oud",
            Market::Kuwait => "دكان المسك · Dukkan Al Misk",
        }
    }

    /// Hours that the shop's clock is ahead of UTC. Neither zone has changed it since 1950.
    pub(crate) fn hours_ahead(self) -> i64 {
        3
    }

    pub(crate) fn country(self) -> &'static str {
        match self {
            Market::Riyadh => "SA",
            Market::Kuwait => "KW",
        }
    }

    pub(crate) fn host(self) -> &'static str {
        match self {
            Market::Riyadh => "https://baytaloud.example",
            Market::Kuwait => "https://dukkanalmisk.example",
        }
    }

    pub(crate) fn decimals(self) -> usize {
        match self {
            Market::Riyadh => 2,
            Market::Kuwait => 3,
        }
    }

    pub(crate) fn tax_percent(self) -> i64 {
        match self {
            Market::Riyadh => 15,
            Market::Kuwait => 0,
        }
    }

    /// An amount of the catalogue, which is in halalas, as minor units of this market; prices end on round figures.
    pub(crate) fn local(self, halalas: i64) -> i64 {
        match self {
            Market::Riyadh => halalas,
            // A riyal is about 0.082 dinar; a dinar has 1000 fils and shops price in steps of fifty.
            Market::Kuwait => (halalas * 82 / 100 + 25) / 50 * 50,
        }
    }

    /// Minor units as decimal text with the currency's decimals.
    pub(crate) fn text(self, minor: i64) -> String {
        let unit = 10_u64.pow(self.decimals() as u32);
        let sign = if minor < 0 { "-" } else { "" };
        let magnitude = minor.unsigned_abs();
        format!("{sign}{}.{:0width$}", magnitude / unit, magnitude % unit, width = self.decimals())
    }
}

mod day {
    use jiff::civil::Date;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(date: &Date, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(date)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minor_units_become_text_with_the_currencys_decimals() {
        assert_eq!(Market::Riyadh.text(1250), "12.50");
        assert_eq!(Market::Riyadh.text(5), "0.05");
        assert_eq!(Market::Kuwait.text(12_500), "12.500");
        assert_eq!(Market::Kuwait.text(-70), "-0.070");
    }

    #[test]
    fn a_config_survives_being_written_down() {
        let config = ShopConfig::new(Market::Kuwait, 7, "2026-03-01".parse().unwrap());
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<ShopConfig>(&text).unwrap(), config);
        assert!(text.contains(r#""start":"2026-03-01""#), "{text}");
    }
}
