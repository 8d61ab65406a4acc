//! Shops and the time zones their days are counted in.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use arrow::array::timezone::Tz;
use chrono::{DateTime, Offset, TimeZone};

use crate::error::LakeError;
use crate::session::Shop;

const SECONDS_PER_HOUR: i64 = 3600;
const MICROS_PER_SECOND: i64 = 1_000_000;
/// Offsets remembered while a column is converted.
const REMEMBERED: usize = 1024;

/// The time zone of every shop.
#[derive(Clone, Debug)]
pub(crate) struct Zones {
    by_shop: HashMap<String, usize>,
    zones: Vec<(String, Tz)>,
    default: usize,
}

impl Zones {
    /// Zones of these shops; a shop that is not among them has that of `default_shop`, or UTC without one.
    pub(crate) fn new(shops: &[Shop], default_shop: &str) -> Result<Zones, LakeError> {
        let mut zones = Zones { by_shop: HashMap::new(), zones: Vec::new(), default: 0 };
        zones.default = zones.place("default", "UTC")?;
        for shop in shops {
            let place = zones.place(&shop.shop, &shop.timezone)?;
            zones.by_shop.insert(shop.shop.clone(), place);
        }
        if let Some(place) = zones.by_shop.get(default_shop) {
            zones.default = *place;
        }
        Ok(zones)
    }

    fn place(&mut self, shop: &str, name: &str) -> Result<usize, LakeError> {
        if let Some(place) = self.zones.iter().position(|(known, _)| known == name) {
            return Ok(place);
        }
        let unknown = || LakeError::TimeZone { shop: shop.to_owned(), zone: name.to_owned() };
        // Arrow also takes bare offsets such as +03:00; a shop's zone is a place, whose rules change.
        if name.starts_with(['+', '-']) {
            return Err(unknown());
        }
        let zone = Tz::from_str(name).map_err(|_| unknown())?;
        self.zones.push((name.to_owned(), zone));
        Ok(self.zones.len() - 1)
    }

    /// A converter for one column.
    pub(crate) fn converter(&self) -> Converter<'_> {
        Converter { zones: self, remembered: vec![(usize::MAX, i64::MIN, 0); REMEMBERED] }
    }

    fn of(&self, shop: &str) -> usize {
        self.by_shop.get(shop).copied().unwrap_or(self.default)
    }

    /// What makes two sets of zones the same.
    fn key(&self) -> (Vec<(&String, &str)>, &str) {
        let mut shops: Vec<_> =
            self.by_shop.iter().map(|(shop, place)| (shop, self.zones[*place].0.as_str())).collect();
        shops.sort_unstable();
        (shops, self.zones[self.default].0.as_str())
    }
}

impl PartialEq for Zones {
    fn eq(&self, other: &Zones) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Zones {}

impl Hash for Zones {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// Turns instants into wall-clock times of shops, remembering the offsets it met.
pub(crate) struct Converter<'a> {
    zones: &'a Zones,
    /// Zone, hour since 1970 and offset in seconds, by hour.
    remembered: Vec<(usize, i64, i64)>,
}

impl Converter<'_> {
    /// The zone of a shop, to be asked once for many rows of the same shop.
    pub(crate) fn zone(&self, shop: Option<&str>) -> usize {
        shop.map_or(self.zones.default, |shop| self.zones.of(shop))
    }

    /// Microseconds of the wall clock in a zone, counted as if they were UTC.
    pub(crate) fn local(&mut self, zone: usize, micros: i64) -> i64 {
        let second = micros.div_euclid(MICROS_PER_SECOND);
        let hour = second.div_euclid(SECONDS_PER_HOUR);
        let place = hour.rem_euclid(REMEMBERED as i64) as usize;
        let known = self.remembered[place];
        if known.0 == zone && known.1 == hour {
            return micros + known.2 * MICROS_PER_SECOND;
        }
        let start = self.offset(zone, hour * SECONDS_PER_HOUR);
        let end = self.offset(zone, (hour + 1) * SECONDS_PER_HOUR - 1);
        if start != end {
            // The clocks change within this hour.
            return micros + self.offset(zone, second) * MICROS_PER_SECOND;
        }
        self.remembered[place] = (zone, hour, start);
        micros + start * MICROS_PER_SECOND
    }

    fn offset(&self, zone: usize, second: i64) -> i64 {
        let Some(instant) = DateTime::from_timestamp(second, 0) else { return 0 };
        let (_, zone) = &self.zones.zones[zone];
        i64::from(zone.offset_from_utc_datetime(&instant.naive_utc()).fix().local_minus_utc())
    }
}
