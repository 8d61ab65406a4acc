//! Columns of `events.orders`.

use super::{Column, Kind, column, personal, sought};

/// Data of the family `order`.
pub static ORDER: &[Column] = &[
    sought("order_id", Kind::Id, "The order, as the shop numbers it"),
    column("customer", Kind::Flat(CUSTOMER), "Who ordered"),
    column("lines", Kind::List(LINES), "What was ordered; in order.returned, what came back"),
    column("subtotal", Kind::Amount, "Sum of the lines before order discount, shipping and tax"),
    column("discount", Kind::Amount, "Discount on the order as a whole, zero or above"),
    column("shipping", Kind::Amount, "Shipping charged, before tax"),
    column("tax", Kind::Amount, "Tax charged"),
    column("total", Kind::Amount, "What the customer pays; in order.returned, what is paid back"),
    column("currency", Kind::Currency, "ISO 4217 code of every amount in the row"),
    column("payment_method", Kind::Text, "How the customer chose to pay, such as card or cod (cash on delivery)"),
    column("checkout_id", Kind::Id, "The checkout that led to the order"),
    column("cart_id", Kind::Id, "The cart that led to the order"),
    column("session_id", Kind::Id, "The visit that led to the order"),
    column("channel", Kind::Text, "Where it was sold: online, pos, marketplace"),
    column("carrier", Kind::Text, "Who carries the parcel"),
    personal("tracking_number", Kind::Id, "The carrier's number of the parcel"),
    column("tracking_url", Kind::Text, "The carrier's page about the parcel"),
    column("parcel_id", Kind::Id, "The parcel, where an order is sent in several"),
    column("reason", Kind::Text, "Why it was cancelled, returned or not delivered"),
    column("shipping_address", Kind::Struct(ADDRESS), "Where it is sent"),
    column("billing_address", Kind::Struct(ADDRESS), "Whom the invoice is for"),
];

static CUSTOMER: &[Column] = &[
    personal("id", Kind::Id, "The customer, as the shop numbers them"),
    personal("email", Kind::Text, "E-mail address"),
    personal("phone", Kind::Text, "Telephone number"),
    personal("name", Kind::Text, "Name"),
    personal("tax_id", Kind::Text, "Tax number of a business customer"),
    column("language", Kind::Text, "BCP 47 tag of the language to write to them in"),
];

static LINES: &[Column] = &[
    column("line_id", Kind::Id, "The line within the order; its place (1, 2, …) where absent"),
    column("sku", Kind::Id, "Product"),
    column("name", Kind::Text, "Product name as sold"),
    column("category", Kind::Text, "Category as sold"),
    column("quantity", Kind::Quantity, "Pieces, above zero"),
    column("unit_price", Kind::Price, "Price of one piece, before discount and tax"),
    column("discount", Kind::Amount, "Discount on the line, zero or above"),
    column("tax", Kind::Amount, "Tax on the line"),
    column("tax_rate", Kind::Quantity, "Tax rate in percent"),
];

static ADDRESS: &[Column] = &[
    personal("name", Kind::Text, "Name on the parcel"),
    personal("line1", Kind::Text, "Street and number"),
    personal("line2", Kind::Text, "More of the street address"),
    column("city", Kind::Text, "City"),
    column("region", Kind::Text, "Province or state"),
    personal("postcode", Kind::Text, "Postal code"),
    column("country", Kind::Text, "Country: ISO 3166 code, or as the source names it"),
];
