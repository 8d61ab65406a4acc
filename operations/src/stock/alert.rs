//! Alerts: raised once when a line is crossed, closed when it is crossed back.

use sqlx::FromRow;

use super::reorder::{Outlook, demand_text};
use crate::amount::{self, ONE};

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AlertKind {
    /// Nothing left to sell.
    StockOut,
    /// More sold than was there.
    Oversold,
    /// Position at or below the reorder point.
    Reorder,
}

impl AlertKind {
    pub(crate) const ALL: [AlertKind; 3] = [AlertKind::StockOut, AlertKind::Oversold, AlertKind::Reorder];

    pub(crate) fn name(self) -> &'static str {
        match self {
            AlertKind::StockOut => "stock_out",
            AlertKind::Oversold => "oversold",
            AlertKind::Reorder => "reorder",
        }
    }

    pub(crate) fn is_due(self, outlook: &Outlook) -> bool {
        match self {
            AlertKind::StockOut => outlook.available <= 0,
            AlertKind::Oversold => outlook.available < 0,
            AlertKind::Reorder => outlook.is_due(),
        }
    }
}

/// One alert. Its figures follow the stock while it is open, and stay as they were when it closed.
#[derive(Clone, Debug, Default, PartialEq, Eq, FromRow)]
pub(crate) struct Alert {
    pub(crate) kind: String,
    pub(crate) sku: String,
    pub(crate) location: String,
    pub(crate) raised_position: i64,
    pub(crate) raised_at: i64,
    pub(crate) raised_by: String,
    pub(crate) closed_position: Option<i64>,
    pub(crate) closed_at: Option<i64>,
    pub(crate) available: i64,
    pub(crate) incoming: i64,
    pub(crate) reorder_point: Option<i64>,
    pub(crate) sold_30_days: i64,
    pub(crate) lead_time_days: i64,
    pub(crate) suggested_quantity: Option<i64>,
    #[sqlx(skip)]
    pub(crate) dirty: bool,
}

impl Alert {
    pub(crate) fn follow(&mut self, outlook: &Outlook) {
        self.available = outlook.available;
        self.incoming = outlook.incoming;
        self.reorder_point = outlook.reorder_point;
        self.sold_30_days = outlook.sold;
        self.lead_time_days = outlook.lead_time_days;
        self.suggested_quantity = outlook.suggested;
        self.dirty = true;
    }
}

/// The alert in words.
pub(crate) fn message(alert: &Alert) -> String {
    let left = amount::text(alert.available, 0);
    match alert.kind.as_str() {
        "oversold" => format!("{} more sold than there are", amount::text(-alert.available, 0)),
        "stock_out" => "nothing left to sell".to_owned(),
        _ => {
            let days =
                if alert.lead_time_days == 1 { "1 day".to_owned() } else { format!("{} days", alert.lead_time_days) };
            let on_the_way = if alert.incoming > 0 {
                format!(", {} on the way", amount::text(alert.incoming, 0))
            } else {
                String::new()
            };
            let order = amount::text(alert.suggested_quantity.unwrap_or(ONE), 0);
            if alert.sold_30_days > 0 {
                let demand = demand_text(alert.sold_30_days);
                format!("sells {demand} a day, {left} left{on_the_way}, supplier needs {days}: order {order}")
            } else {
                let point = amount::text(alert.reorder_point.unwrap_or(0), 0);
                format!("{left} left{on_the_way}, reorder point {point}: order {order}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_told_in_words() {
        let mut alert = Alert {
            kind: "reorder".to_owned(),
            available: 9 * ONE,
            sold_30_days: 372 * ONE,
            lead_time_days: 7,
            suggested_quantity: Some(120 * ONE),
            ..Alert::default()
        };
        assert_eq!(message(&alert), "sells 12.4 a day, 9 left, supplier needs 7 days: order 120");
        alert.incoming = 5 * ONE;
        alert.lead_time_days = 1;
        assert_eq!(message(&alert), "sells 12.4 a day, 9 left, 5 on the way, supplier needs 1 day: order 120");
        alert.sold_30_days = 0;
        alert.reorder_point = Some(20 * ONE);
        assert_eq!(message(&alert), "9 left, 5 on the way, reorder point 20: order 120");
    }
}
