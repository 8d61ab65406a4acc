//! Live state through real files: what is promised to merchant and customer, and what holds it.
#![allow(clippy::unwrap_used)]

mod disorder;
mod following;
mod invoices;
mod keys;
mod orders;
mod reorder;
mod shop;
mod stock;
