//! The document. It is stored as JSON when it is issued and never changes; amounts are decimal text with the places of
//! the currency, so that every reader sees the same digits.

use serde::{Deserialize, Serialize};

/// Which document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceKind {
    /// What the customer paid.
    Invoice,
    /// What the customer got back.
    CreditNote,
}

impl InvoiceKind {
    /// As it is stored.
    pub(crate) fn name(self) -> &'static str {
        match self {
            InvoiceKind::Invoice => "invoice",
            InvoiceKind::CreditNote => "credit_note",
        }
    }
}

/// An invoice or a credit note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// Which of the two.
    pub kind: InvoiceKind,
    /// Without gaps in each shop, series and year, such as `INV-2026-000001`.
    pub number: String,
    /// The shop.
    pub shop: String,
    /// The order.
    pub order_id: String,
    /// In a credit note, the number of the invoice that it credits.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub credits: Option<String>,
    /// In a credit note, why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The day of issue in the shop's time zone.
    pub issue_date: String,
    /// The moment of issue, RFC 3339.
    pub issued_at: String,
    /// ISO 4217 code of every amount; absent when no event named one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub currency: Option<String>,
    /// Whether unit prices and discounts include tax.
    pub prices_include_tax: bool,
    /// Who sells.
    pub seller: Party,
    /// Who buys.
    pub buyer: Party,
    /// What was sold, or came back.
    pub lines: Vec<InvoiceLine>,
    /// The sums.
    pub totals: Totals,
}

/// Seller or buyer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Party {
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Tax number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_id: Option<String>,
    /// The shop's number of the customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// E-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Telephone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Address: text, or an object as the order gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<serde_json::Value>,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceLine {
    /// The line of the order.
    pub line_id: String,
    /// The product.
    pub sku: String,
    /// Its name as sold.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// Pieces.
    pub quantity: String,
    /// Price of one piece; absent in a return that names none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit_price: Option<String>,
    /// Discount on the line.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub discount: Option<String>,
    /// Tax rate in percent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tax_rate: Option<String>,
    /// Without tax; absent where prices include tax and the line's tax was not told.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub net: Option<String>,
    /// Tax; absent where it was told for the whole order only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tax: Option<String>,
    /// Net and tax.
    pub total: String,
}

/// The sums. `lines − discount + shipping + tax + adjustment = total`, to the minor unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Lines without tax.
    pub lines: String,
    /// Discount on the order as a whole.
    pub discount: String,
    /// Shipping without tax.
    pub shipping: String,
    /// Tax.
    pub tax: String,
    /// What the shop's own total differs by from the sum of its parts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub adjustment: Option<String>,
    /// What is paid, or paid back.
    pub total: String,
}
