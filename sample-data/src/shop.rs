//! The clock and the queue: what happens next, and the iterator that tells it.

use std::collections::VecDeque;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::calendar;
use crate::catalogue::{PRODUCTS, Product};
use crate::config::ShopConfig;
use crate::data::write_text;
use crate::fulfilment::Stage;
use crate::order::Order;
use crate::people::{Customer, Visitor};
use crate::random::{Random, code, mix};
use crate::schedule::{DAY, HOUR, Instant, Schedule};
use crate::stockroom::Stockroom;
use crate::visit::Visit;

/// One event of the simulated shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShopEvent {
    /// Unique and the same on every run of the same configuration.
    pub id: String,
    /// Such as `order.placed`.
    pub event_type: &'static str,
    /// When it happens.
    pub time: Timestamp,
    /// The whole event: one line of CloudEvents JSON.
    pub json: String,
}

/// A simulated shop: an endless iterator of its events in the order of their times.
pub struct Shop {
    pub(crate) config: ShopConfig,
    pub(crate) catalogue: &'static [Product],
    /// Tells the random numbers and names of this configuration from those of any other.
    pub(crate) key: u64,
    pub(crate) schedule: Schedule<Action>,
    pub(crate) visitors: Vec<Visitor>,
    pub(crate) customers: Vec<Customer>,
    pub(crate) orders: Vec<Order>,
    pub(crate) stockroom: Stockroom,
    pub(crate) visits: u64,
    pub(crate) carts: u64,
    pub(crate) checkouts: u64,
    run: String,
    told: u64,
    ready: VecDeque<ShopEvent>,
}

/// Something that happens at a moment.
pub(crate) enum Action {
    /// A day begins, this many after the first.
    Day(i64),
    /// Somebody comes by.
    Arrival,
    /// Somebody comes back to the cart that they left.
    Reminded(usize),
    /// The next step of a visit.
    Visit(Box<Visit>),
    /// The next step of an order.
    Order(usize, Stage),
    /// The merchant goes through the shelves, this many days after the first.
    Shelves(i64),
    /// A purchase order arrives, or is called off.
    Supply { order: usize, cancelled: bool },
    /// An event that was decided earlier.
    Tell(&'static str, String),
}

impl Shop {
    /// A shop at the beginning of its first day.
    pub fn new(config: ShopConfig) -> Shop {
        let key = key(&config);
        let products = (config.products.max(1) as usize).min(PRODUCTS.len());
        let mut shop = Shop {
            catalogue: &PRODUCTS[..products],
            key,
            schedule: Schedule::new(),
            visitors: Vec::new(),
            customers: Vec::new(),
            orders: Vec::new(),
            stockroom: Stockroom::new(products),
            visits: 0,
            carts: 0,
            checkouts: 0,
            run: code(key, 0),
            told: 0,
            ready: VecDeque::new(),
            config,
        };
        let opening = shop.midnight(0);
        shop.schedule.at(opening, Action::Day(0));
        shop
    }

    /// What decides the events.
    pub fn config(&self) -> &ShopConfig {
        &self.config
    }

    /// When the next event happens.
    pub fn next_time(&mut self) -> Option<Timestamp> {
        self.prepare();
        self.ready.front().map(|event| event.time)
    }

    /// The events up to and including an instant that were not taken yet; those after it stay for later calls. The
    /// history of a shop is `until(now)` on a fresh one, and its live feed is the same call again as time goes on.
    pub fn until(&mut self, instant: Timestamp) -> impl Iterator<Item = ShopEvent> + '_ {
        std::iter::from_fn(move || {
            self.prepare();
            self.ready.pop_front_if(|event| event.time <= instant)
        })
    }

    /// Goes past every event up to and including an instant, without giving them: a feed that stopped goes on here.
    /// Takes as long as simulating them, since stock and carts depend on all that went before.
    pub fn skip_past(&mut self, instant: Timestamp) {
        self.until(instant).for_each(drop);
    }

    fn prepare(&mut self) {
        while self.ready.is_empty() {
            let Some((at, action)) = self.schedule.next() else { return };
            match action {
                Action::Day(day) => self.open_day(day, at),
                Action::Arrival => self.arrive(at),
                Action::Reminded(visitor) => self.come_back(visitor, at),
                Action::Visit(visit) => self.go_on(visit, at),
                Action::Order(order, stage) => self.carry_on(order, stage, at),
                Action::Shelves(day) => self.go_through_shelves(day, at),
                Action::Supply { order, cancelled } => self.supply(order, cancelled, at),
                Action::Tell(event_type, data) => self.tell(event_type, &data, at),
            }
        }
    }

    fn open_day(&mut self, day: i64, at: Instant) {
        if day == 0 {
            self.stock_up(at);
        }
        let mut random = Random::of(self.key, 1, day.unsigned_abs());
        let date = self.date(day);
        let visits =
            calendar::visits(date, day, self.config.sessions_per_day, self.config.growth_per_mille, &mut random);
        for _ in 0..visits {
            let arrival = at + calendar::moment(date, &mut random);
            self.schedule.at(arrival, Action::Arrival);
        }
        self.schedule.at(at + 9 * HOUR, Action::Shelves(day));
        self.schedule.at(at + DAY, Action::Day(day + 1));
    }

    /// An event that happens now.
    pub(crate) fn tell(&mut self, event_type: &'static str, data: &str, at: Instant) {
        self.told += 1;
        let id = format!("{}-{}", self.run, self.told);
        let time = Timestamp::from_millisecond(at).unwrap_or(Timestamp::MAX);
        let mut json = format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"shop-demo","type":"{event_type}","time":"{time}","shop":"#
        );
        write_text(&mut json, &self.config.shop);
        json.push_str(r#","data":"#);
        json.push_str(data);
        json.push('}');
        self.ready.push_back(ShopEvent { id, event_type, time, json });
    }

    /// An event that happens later.
    pub(crate) fn tell_at(&mut self, at: Instant, event_type: &'static str, data: String) {
        self.schedule.at(at, Action::Tell(event_type, data));
    }

    /// The shop's midnight at the beginning of a day.
    pub(crate) fn midnight(&self, day: i64) -> Instant {
        (days_since_1970(self.config.start) + day) * DAY - self.config.market.hours_ahead() * HOUR
    }

    /// The shop's date at an instant.
    pub(crate) fn date_at(&self, at: Instant) -> Date {
        self.date((at - self.midnight(0)).div_euclid(DAY))
    }

    /// The date of a day after the first; the last date there is for days beyond the calendar.
    fn date(&self, day: i64) -> Date {
        self.config.start.checked_add(jiff::Span::new().days(day.clamp(-400_000, 400_000))).unwrap_or(Date::MAX)
    }

    /// The first moment from `since` on when the packers are at work.
    pub(crate) fn working(&self, since: Instant) -> Instant {
        let ahead = self.config.market.hours_ahead() * HOUR;
        let start = days_since_1970(self.config.start);
        calendar::next_working_moment(since + ahead, |day| self.date(day - start).weekday()) - ahead
    }
}

impl Iterator for Shop {
    type Item = ShopEvent;

    fn next(&mut self) -> Option<ShopEvent> {
        self.prepare();
        self.ready.pop_front()
    }
}

/// Two configurations that differ anywhere have different keys.
fn key(config: &ShopConfig) -> u64 {
    let numbers = [
        config.seed,
        config.market.decimals() as u64,
        days_since_1970(config.start).unsigned_abs(),
        u64::from(config.sessions_per_day),
        u64::from(config.growth_per_mille),
        u64::from(config.products),
        u64::from(config.willingness_percent),
    ];
    let shop = config.shop.bytes().map(u64::from);
    numbers.into_iter().chain(shop).fold(0x006d_697a_616e, |key, number| mix(key ^ mix(number)))
}

fn days_since_1970(date: Date) -> i64 {
    const EPOCH: Date = Date::constant(1970, 1, 1);
    date.duration_since(EPOCH).as_hours() / 24
}
