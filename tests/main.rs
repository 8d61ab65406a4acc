//! Whole-program tests: everything here goes through the binary and its ports, as a user would.
//!
//! Tests that need another program (Python's readers, Chromium) or the real data sets beside the repository say so when
//! those are absent. With `MIZAN_TEST_REQUIRE_ALL` set, a missing program fails the test instead.
#![allow(clippy::unwrap_used, unreachable_pub, missing_docs)]

mod api;
mod architecture;
mod bad_input;
mod browser;
mod crash;
mod disorder;
mod freshness;
mod hostile;
mod import;
mod oracles;
mod pull;
mod pull_shops;
mod readers;
mod real_shops;
mod rebuild;
mod reference;
mod storefront;
mod support;
mod watch;
mod watch_faults;
mod webhooks;
