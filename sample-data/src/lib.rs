//! A simulated shop: oud, incense, coffee and dates, sold online from Riyadh (SAR, VAT) or Kuwait City (KWD, no VAT).
//!
//! [`Shop`] is an endless iterator of CloudEvents in the order of their times: visits that mostly leave, carts that are
//! mostly abandoned, payments that are sometimes declined, parcels that sometimes come back, and a stockroom that runs
//! out now and then. It is a simulation in the strict sense: one clock, one queue, and stock that a sale really takes,
//! so that orders, payments and stock agree with each other to the last halala and the last piece.
//!
//! The same [`ShopConfig`] always gives the same events with the same ids, on every machine: the random numbers are our
//! own, nothing is computed with transcendental floating point, and money is whole minor units throughout. A feed that
//! stopped goes on by making the shop again and skipping what was already sent ([`Shop::skip_past`]).
//!
//! This room does no I/O and reads no clock: the caller pulls events and says what time it is.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod calendar;
mod catalogue;
mod channels;
mod config;
mod data;
mod fulfilment;
mod order;
mod payment;
mod people;
mod providers;
mod random;
mod sample;
mod schedule;
mod shop;
mod stockroom;
mod visit;

pub use config::{Market, ShopConfig};
pub use sample::{SAMPLE_FAMILIES, sample_config, sample_events};
pub use shop::{Shop, ShopEvent};

#[cfg(test)]
mod tests;
