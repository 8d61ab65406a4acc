//! Lookups: what the merchant and the customer are shown. Amounts and quantities are decimal text, times RFC 3339.

mod invoice;
mod order;
mod stock;
mod track;

pub use invoice::InvoiceQuery;
pub use order::{LineView, OrderCursor, OrderSummary, OrderView, ParcelView, PaymentView, TimelineEntry};
pub use stock::{AlertRow, MovementRow, ReorderRow, StockFilter, StockRow, StockState};
pub use track::{TrackingLine, TrackingParcel, TrackingStep, TrackingView};

fn time(micros: i64) -> String {
    mizan_events::EventTime::from_micros(micros).to_string()
}
