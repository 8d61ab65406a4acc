//! When people come: hours, weekdays, Ramadan, salary days and campaigns, in the shop's own days.

use jiff::civil::{Date, Weekday};

use crate::random::Random;

/// Share of the day's visits in each hour: quiet before dawn, busiest after the night prayer.
const HOURS: [u64; 24] = [38, 24, 15, 9, 7, 8, 12, 18, 27, 35, 40, 42, 44, 43, 41, 42, 46, 52, 58, 66, 76, 84, 80, 60];
/// In Ramadan the day turns: little before sunset, much until the meal before dawn.
const RAMADAN_HOURS: [u64; 24] =
    [86, 80, 66, 44, 18, 8, 6, 8, 14, 20, 26, 30, 34, 38, 42, 40, 30, 16, 26, 50, 72, 88, 94, 92];

/// First and last day of Ramadan, as announced or calculated (Umm al-Qura).
const RAMADANS: [(Date, Date); 5] = [
    (Date::constant(2024, 3, 11), Date::constant(2024, 4, 9)),
    (Date::constant(2025, 3, 1), Date::constant(2025, 3, 29)),
    (Date::constant(2026, 2, 18), Date::constant(2026, 3, 19)),
    (Date::constant(2027, 2, 8), Date::constant(2027, 3, 9)),
    (Date::constant(2028, 1, 28), Date::constant(2028, 2, 26)),
];

/// A campaign: what it is called in links, how much it draws, and what it takes off incense and oud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Campaign {
    pub(crate) name: &'static str,
    pub(crate) visits_per_mille: u64,
    pub(crate) discount_percent: i64,
}

/// The campaign that runs on a day, if one does.
pub(crate) fn campaign(day: Date) -> Option<Campaign> {
    let campaign =
        |name, visits_per_mille, discount_percent| Some(Campaign { name, visits_per_mille, discount_percent });
    match (day.month(), day.day()) {
        (2, 21..=23) => campaign("founding-day", 1450, 10),
        (9, 21..=24) => campaign("national-day", 1600, 15),
        (11, 24..=28) => campaign("white-friday", 2100, 25),
        _ if is_ramadan(day) => campaign("ramadan", 1350, 0),
        // Salaries are paid on the 27th.
        (_, 27..=28) => campaign("salary-week", 1250, 0),
        _ => None,
    }
}

/// How many visits a day has.
pub(crate) fn visits(day: Date, days_open: i64, ordinary: u32, growth_per_mille: u32, random: &mut Random) -> u64 {
    let weekday = match day.weekday() {
        Weekday::Sunday => 950,
        Weekday::Monday => 920,
        Weekday::Tuesday => 930,
        Weekday::Wednesday => 980,
        Weekday::Thursday => 1130,
        Weekday::Friday => 1120,
        Weekday::Saturday => 1000,
    };
    let grown = u64::from(ordinary) * (1000 + u64::from(growth_per_mille) * days_open.unsigned_abs()) / 1000;
    let drawn = campaign(day).map_or(1000, |campaign| campaign.visits_per_mille);
    let weather = random.between(920, 1080).unsigned_abs();
    (grown * weekday / 1000 * drawn / 1000 * weather / 1000).max(1)
}

/// A moment of the day for a visit to begin, in milliseconds since the shop's midnight.
pub(crate) fn moment(day: Date, random: &mut Random) -> i64 {
    let hours = if is_ramadan(day) { &RAMADAN_HOURS } else { &HOURS };
    let friday_noon = |hour: usize| day.weekday() == Weekday::Friday && (11..=13).contains(&hour);
    let weights = hours.iter().enumerate().map(|(hour, weight)| if friday_noon(hour) { weight / 3 } else { *weight });
    let hour = random.weighted(weights) as i64;
    hour * 3_600_000 + random.between(0, 3_599_999)
}

/// The first moment from `since` on, in milliseconds of local time, when the packers are at work.
pub(crate) fn next_working_moment(since: i64, weekday_of: impl Fn(i64) -> Weekday) -> i64 {
    const HOUR: i64 = 3_600_000;
    let mut at = since;
    loop {
        let day = at.div_euclid(24 * HOUR);
        let hour = at.rem_euclid(24 * HOUR) / HOUR;
        let opens = if weekday_of(day) == Weekday::Friday { 15 } else { 9 };
        if hour < opens {
            return day * 24 * HOUR + opens * HOUR + at.rem_euclid(HOUR);
        }
        if hour < 21 {
            return at;
        }
        at = (day + 1) * 24 * HOUR + at.rem_euclid(HOUR);
    }
}

fn is_ramadan(day: Date) -> bool {
    RAMADANS.iter().any(|(first, last)| (*first..=*last).contains(&day))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn packers_rest_at_night_and_on_friday_morning() {
        const HOUR: i64 = 3_600_000;
        let friday = |day: i64| if day == 1 { Weekday::Friday } else { Weekday::Monday };
        assert_eq!(next_working_moment(12 * HOUR, friday), 12 * HOUR);
        assert_eq!(next_working_moment(3 * HOUR, friday), 9 * HOUR);
        assert_eq!(next_working_moment(22 * HOUR, friday), (24 + 15) * HOUR);
    }

    #[test]
    fn a_campaign_draws_more_visits_than_the_same_weekday_without() {
        let visits = |day: &str| visits(date(day), 0, 1000, 0, &mut Random::of(1, 1, 1));
        assert!(visits("2026-11-27") > visits("2026-11-13") * 2 - 200);
        assert!(visits("2026-03-02") > visits("2026-04-06"));
    }
}
