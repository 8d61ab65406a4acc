//! Invoices and credit notes: the document as it is kept and shown, and how it is made.

mod document;
mod issue;

pub use document::{Invoice, InvoiceKind, InvoiceLine, Party, Totals};
pub(crate) use issue::{Issue, Issued, Numbers, credit_note, invoice};
