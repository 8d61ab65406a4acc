//! Payments: the facts told about one, and what follows from them.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::FromRow;

use crate::amount;
use crate::event::{Incoming, PaymentData, PaymentFact, kept, said};
use crate::order::{Order, Timeline};
use crate::told::Told;

/// One payment, with its single amounts.
#[derive(Debug, Default)]
pub(crate) struct Payment {
    pub(crate) row: PaymentRow,
    /// Captures, refunds and fees by kind and fact: one told twice counts once, as it was told first.
    pub(crate) amounts: BTreeMap<(String, String), Amount>,
    /// Of them, those that are not stored like this yet.
    pub(crate) fresh: BTreeSet<(String, String)>,
    pub(crate) dirty: bool,
}

/// One capture, refund or fee, with time and event that told it first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) units: i64,
    pub(crate) told_at: i64,
    pub(crate) told_by: String,
}

/// The payment's own columns.
#[derive(Clone, Debug, Default, FromRow)]
pub(crate) struct PaymentRow {
    pub(crate) provider: String,
    pub(crate) payment_id: String,
    pub(crate) order_id: Option<String>,
    pub(crate) method: Option<String>,
    pub(crate) currency: Option<String>,
    pub(crate) authorized: i64,
    pub(crate) captured: i64,
    pub(crate) refunded: i64,
    pub(crate) fee: i64,
    pub(crate) failures: i64,
    pub(crate) first_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) captured_at: Option<i64>,
    pub(crate) voided_at: Option<i64>,
    pub(crate) failed_at: Option<i64>,
    pub(crate) decline_code: Option<String>,
    pub(crate) disputed_at: Option<i64>,
    pub(crate) dispute_closed_at: Option<i64>,
    /// Who told order, currency, method and decline code.
    #[sqlx(try_from = "String")]
    pub(crate) told: Told,
}

impl PaymentRow {
    /// What became of it, as a function of the facts.
    pub(crate) fn status(&self) -> &'static str {
        if self.disputed_at.is_some() && self.dispute_closed_at.is_none_or(|closed| Some(closed) < self.disputed_at) {
            "disputed"
        } else if self.captured > 0 && self.refunded >= self.captured {
            "refunded"
        } else if self.refunded > 0 {
            "partially_refunded"
        } else if self.captured_at.is_some() {
            "captured"
        } else if self.voided_at.is_some() {
            "voided"
        } else if self.authorized > 0 {
            "authorized"
        } else if self.failed_at.is_some() {
            "failed"
        } else {
            "pending"
        }
    }

    /// Whether money is held for the order without being taken yet.
    pub(crate) fn is_authorized(&self) -> bool {
        self.authorized > 0 && self.voided_at.is_none()
    }
}

fn later(known: &mut Option<i64>, at: i64) {
    *known = (*known).max(Some(at));
}

impl Payment {
    pub(crate) fn new(provider: &str, payment_id: &str) -> Payment {
        let row =
            PaymentRow { provider: provider.to_owned(), payment_id: payment_id.to_owned(), ..PaymentRow::default() };
        Payment { row, ..Payment::default() }
    }

    /// Takes one payment event into the facts.
    pub(crate) fn take(&mut self, fact: PaymentFact, data: &PaymentData<'_>, event: &Incoming<'_>) {
        let row = &mut self.row;
        let new = row.first_at == 0 && row.updated_at == 0;
        row.first_at = if new { event.at } else { row.first_at.min(event.at) };
        row.updated_at = if new { event.at } else { row.updated_at.max(event.at) };
        let (at, by) = (event.at, event.tie());
        // A payment keeps to the order that it was first told to pay, and to the currency.
        row.told.first(0, &mut row.order_id, kept(&data.order_id), at, &by);
        row.told.first(1, &mut row.currency, kept(&data.currency), at, &by);
        row.told.newest(3, &mut row.method, kept(&data.method), at, &by);
        self.dirty = true;
        let told = data.amount.map_or(0, |units| units.0);
        match fact {
            PaymentFact::Initiated | PaymentFact::Settled => {}
            PaymentFact::Authorized => self.row.authorized = self.row.authorized.max(told),
            PaymentFact::Captured => {
                // The same try with the same amount is the same capture; another amount is a further part of it.
                let once = match said(&data.attempt_id) {
                    Some(attempt) => format!("{attempt}:{told}"),
                    None => event.identity(),
                };
                self.count("captured", &once, told, event);
                self.count_fee(&once, data, event);
            }
            PaymentFact::Refunded => {
                let once = kept(&data.refund_id).unwrap_or_else(|| event.identity());
                self.count("refunded", &once, told, event);
            }
            PaymentFact::Fee => self.count_fee(&event.identity(), data, event),
            PaymentFact::Failed => {
                self.row.failures += 1;
                later(&mut self.row.failed_at, event.at);
                // The latest failure stands also where it gives no code.
                let decline = data.decline.as_ref();
                let code = decline.and_then(|decline| kept(&decline.code).or_else(|| kept(&decline.network_code)));
                let mut standing = None;
                self.row.told.newest(2, &mut standing, Some(code), at, &by);
                self.row.decline_code = standing.unwrap_or(self.row.decline_code.take());
            }
            PaymentFact::Voided => {
                later(&mut self.row.voided_at, event.at);
            }
            PaymentFact::Disputed => {
                later(&mut self.row.disputed_at, event.at);
            }
            PaymentFact::DisputeClosed => {
                later(&mut self.row.dispute_closed_at, event.at);
            }
        }
    }

    /// Adds an amount unless this fact was counted before. Of two tellings the earlier stands.
    fn count(&mut self, kind: &str, once: &str, units: i64, event: &Incoming<'_>) {
        let key = (kind.to_owned(), once.to_owned());
        let told = Amount { units, told_at: event.at, told_by: event.tie() };
        let known = self.amounts.get(&key);
        if known.is_some_and(|known| (known.told_at, &known.told_by) <= (told.told_at, &told.told_by)) {
            return;
        }
        self.amounts.insert(key.clone(), told);
        self.fresh.insert(key);
        let of_kind = || self.amounts.iter().filter(|((of, _), _)| of == kind).map(|(_, amount)| amount);
        let sum = amount::sum(of_kind().map(|amount| amount.units));
        match kind {
            "captured" => {
                self.row.captured_at = of_kind().map(|amount| amount.told_at).max();
                self.row.captured = sum;
            }
            "refunded" => self.row.refunded = sum,
            _ => self.row.fee = sum,
        }
    }

    fn count_fee(&mut self, once: &str, data: &PaymentData<'_>, event: &Incoming<'_>) {
        if let Some(fee) = data.fee {
            self.count("fee", once, fee.0, event);
        }
    }
}

/// The entry that a payment event makes in its order's timeline.
pub(crate) fn timeline(order: &Order, data: &PaymentData<'_>, event: &Incoming<'_>) -> Timeline {
    Timeline {
        order_id: order.row.order_id.clone(),
        position: event.position,
        event_time: event.at,
        kind: event.kind,
        source: event.source.to_string(),
        event_id: event.id.to_string(),
        parcel_id: None,
        carrier: None,
        tracking_number: None,
        reason: kept(&data.reason).or_else(|| data.decline.as_ref().and_then(|decline| kept(&decline.code))),
        provider: kept(&data.provider),
        method: kept(&data.method),
        amount: data.amount.map(|units| units.0),
        currency: kept(&data.currency),
    }
}
