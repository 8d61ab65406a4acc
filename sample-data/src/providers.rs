//! Payment providers: what they cost, how often they succeed, and how they say no.

use crate::config::Market;
use crate::random::Random;

/// What one provider takes for one method, and how well it does.
pub(crate) struct Rate {
    pub(crate) provider: &'static str,
    pub(crate) method: &'static str,
    /// Share of the method's payments that go this way.
    share: u64,
    /// Hundredths of a percent.
    basis_points: i64,
    /// Halalas on top of each payment; other markets convert.
    fixed: i64,
    /// How many of a thousand attempts are approved.
    pub(crate) approved: u64,
    /// Whether the money is only reserved until the parcel is packed.
    pub(crate) captured_later: bool,
}

#[rustfmt::skip]
const RIYADH: [Rate; 8] = [
    Rate { provider: "moyasar", method: "mada", share: 700, basis_points: 100, fixed: 100, approved: 925, captured_later: false },
    Rate { provider: "tap", method: "mada", share: 300, basis_points: 120, fixed: 100, approved: 900, captured_later: false },
    Rate { provider: "moyasar", method: "applepay", share: 650, basis_points: 150, fixed: 100, approved: 950, captured_later: false },
    Rate { provider: "tap", method: "applepay", share: 350, basis_points: 170, fixed: 100, approved: 930, captured_later: false },
    Rate { provider: "moyasar", method: "card", share: 400, basis_points: 220, fixed: 100, approved: 850, captured_later: false },
    Rate { provider: "tap", method: "card", share: 350, basis_points: 275, fixed: 100, approved: 830, captured_later: true },
    Rate { provider: "stripe", method: "card", share: 250, basis_points: 290, fixed: 100, approved: 790, captured_later: false },
    Rate { provider: "moyasar", method: "stcpay", share: 1000, basis_points: 170, fixed: 0, approved: 945, captured_later: false },
];

#[rustfmt::skip]
const KUWAIT: [Rate; 5] = [
    Rate { provider: "tap", method: "knet", share: 1000, basis_points: 150, fixed: 60, approved: 915, captured_later: false },
    Rate { provider: "tap", method: "applepay", share: 1000, basis_points: 180, fixed: 120, approved: 940, captured_later: false },
    Rate { provider: "tap", method: "card", share: 600, basis_points: 275, fixed: 120, approved: 835, captured_later: true },
    Rate { provider: "stripe", method: "card", share: 400, basis_points: 340, fixed: 120, approved: 785, captured_later: false },
    Rate { provider: "tap", method: "mada", share: 1000, basis_points: 250, fixed: 60, approved: 880, captured_later: false },
];

/// Halalas that the carrier keeps for collecting cash.
const CASH_FEE: i64 = 1200;

/// One way of saying no.
pub(crate) struct Decline {
    pub(crate) code: &'static str,
    pub(crate) network: &'static str,
    pub(crate) advice: &'static str,
    pub(crate) message: &'static str,
    share: u64,
}

#[rustfmt::skip]
const DECLINES: [Decline; 8] = [
    Decline { code: "insufficient_funds", network: "51", advice: "24", message: "Insufficient funds", share: 360 },
    Decline { code: "do_not_honor", network: "05", advice: "", message: "Do not honor", share: 220 },
    Decline { code: "authentication_failed", network: "1A", advice: "", message: "3-D Secure authentication failed", share: 180 },
    Decline { code: "expired_card", network: "54", advice: "01", message: "Expired card", share: 70 },
    Decline { code: "incorrect_cvc", network: "N7", advice: "", message: "The security code is incorrect", share: 70 },
    Decline { code: "issuer_unavailable", network: "91", advice: "02", message: "Issuer unavailable, try again later", share: 60 },
    Decline { code: "stolen_card", network: "43", advice: "03", message: "Pick up card", share: 20 },
    Decline { code: "withdrawal_limit", network: "61", advice: "25", message: "Exceeds withdrawal limit", share: 20 },
];

/// A method that a buyer chooses. Cash on delivery is offered at home only.
pub(crate) fn choose_method(market: Market, at_home: bool, random: &mut Random) -> &'static str {
    let (methods, shares): ([&str; 5], [u64; 5]) = match (market, at_home) {
        (Market::Riyadh, true) => (["cod", "mada", "applepay", "card", "stcpay"], [375, 215, 220, 135, 55]),
        (Market::Kuwait, true) => (["cod", "knet", "applepay", "card", "card"], [375, 375, 140, 110, 0]),
        (Market::Riyadh, false) => (["card", "applepay", "mada", "card", "card"], [620, 330, 50, 0, 0]),
        (Market::Kuwait, false) => (["card", "applepay", "mada", "card", "card"], [520, 280, 200, 0, 0]),
    };
    methods[random.weighted(shares.into_iter())]
}

/// The way that an online payment of a method goes.
pub(crate) fn route(market: Market, method: &str, random: &mut Random) -> &'static Rate {
    let rates: &'static [Rate] = match market {
        Market::Riyadh => &RIYADH,
        Market::Kuwait => &KUWAIT,
    };
    let fitting = rates.iter().filter(|rate| rate.method == method);
    let chosen = random.weighted(fitting.clone().map(|rate| rate.share));
    fitting.clone().nth(chosen).unwrap_or(&rates[0])
}

impl Rate {
    /// The fee on an amount, rounded half up to the minor unit.
    pub(crate) fn fee(&self, market: Market, amount: i64) -> i64 {
        (amount * self.basis_points + 5_000) / 10_000 + market.local(self.fixed)
    }
}

/// What the carrier keeps of cash on delivery.
pub(crate) fn cash_fee(market: Market) -> i64 {
    market.local(CASH_FEE)
}

/// A reason for a refusal.
pub(crate) fn decline(random: &mut Random) -> &'static Decline {
    &DECLINES[random.weighted(DECLINES.iter().map(|decline| decline.share))]
}

/// A card as a provider describes it: brand, funding, issuer's country, first six digits, last four.
pub(crate) struct Card {
    pub(crate) brand: &'static str,
    pub(crate) funding: &'static str,
    pub(crate) country: &'static str,
    pub(crate) bin: &'static str,
    pub(crate) last4: String,
}

/// The card behind a method, if there is one.
pub(crate) fn card(method: &str, country: &'static str, random: &mut Random) -> Option<Card> {
    let (brand, funding, bin) = match method {
        "mada" => ("mada", "debit", ["440647", "446404", "588845"][random.below(3) as usize]),
        "knet" => ("knet", "debit", "464452"),
        "card" | "applepay" => {
            [("visa", "credit", "411111"), ("visa", "debit", "400002"), ("mastercard", "credit", "555555")]
                [random.weighted([45, 25, 30].into_iter())]
        }
        _ => return None,
    };
    Some(Card { brand, funding, country, bin, last4: format!("{:04}", random.below(10_000)) })
}
