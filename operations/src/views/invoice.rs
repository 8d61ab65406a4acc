//! Invoices and credit notes by number or order.

use crate::apply::Operations;
use crate::error::{Doing, OperationsError};
use crate::invoice::{Invoice, InvoiceKind};

/// Which document.
#[derive(Clone, Copy, Debug)]
pub enum InvoiceQuery<'q> {
    /// The invoice of an order.
    OfOrder {
        /// The shop.
        shop: &'q str,
        /// The order.
        order_id: &'q str,
    },
    /// An invoice or credit note by its number.
    Numbered {
        /// The shop.
        shop: &'q str,
        /// Such as `INV-2026-000001`.
        number: &'q str,
    },
}

impl Operations {
    /// An invoice or credit note, as it was issued.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn invoice(&self, query: InvoiceQuery<'_>) -> Result<Option<Invoice>, OperationsError> {
        let text: Option<String> = match query {
            InvoiceQuery::OfOrder { shop, order_id } => {
                sqlx::query_scalar(
                    "SELECT document FROM invoices INDEXED BY invoices_by_order
                     WHERE shop = ? AND order_id = ? AND kind = ?",
                )
                .bind(shop)
                .bind(order_id)
                .bind(InvoiceKind::Invoice.name())
                .fetch_optional(self.readers())
                .await
            }
            InvoiceQuery::Numbered { shop, number } => {
                sqlx::query_scalar("SELECT document FROM invoices WHERE shop = ? AND number = ?")
                    .bind(shop)
                    .bind(number)
                    .fetch_optional(self.readers())
                    .await
            }
        }
        .doing("look up an invoice")?;
        text.map(|text| {
            serde_json::from_str(&text)
                .map_err(|error| OperationsError::Damaged { what: "an invoice", value: error.to_string() })
        })
        .transpose()
    }
}
