//! Columns of `events.storefront`. Names follow GA4's e-commerce events.

use super::{Column, Kind, column, personal, sought};

/// Data of the family `storefront`.
pub static STOREFRONT: &[Column] = &[
    sought("session_id", Kind::Id, "The visit, as the shop's own code numbers it"),
    column("visitor_id", Kind::Id, "The browser or app that visits, across sessions"),
    personal("customer_id", Kind::Id, "The customer, once signed in"),
    column("cart_id", Kind::Id, "The cart that the event touches"),
    column("checkout_id", Kind::Id, "The checkout that the event belongs to"),
    sought("order_id", Kind::Id, "The order that a purchase placed"),
    column("sku", Kind::Id, "The product that the event is about"),
    column("quantity", Kind::Quantity, "Pieces added, removed or bought"),
    column("unit_price", Kind::Price, "Price of one piece as the visitor saw it"),
    column("value", Kind::Amount, "Worth of the cart, checkout or purchase"),
    column("currency", Kind::Currency, "ISO 4217 code of every amount in the row"),
    column("items", Kind::List(ITEMS), "Products of the event where it is about several"),
    column("coupon", Kind::Text, "Coupon code applied, denied or removed"),
    column("page_url", Kind::Text, "Address of the page"),
    column("referrer", Kind::Text, "Address of the page before"),
    column("utm_source", Kind::Text, "Campaign source, such as google or newsletter"),
    column("utm_medium", Kind::Text, "Campaign medium, such as cpc, email or social"),
    column("utm_campaign", Kind::Text, "Campaign name"),
    column("utm_term", Kind::Text, "Paid search term"),
    column("utm_content", Kind::Text, "Which link of the campaign"),
    column("device", Kind::Text, "Kind of device: mobile, desktop, tablet"),
    column("country", Kind::Text, "ISO 3166 code of the visitor's country"),
    column("language", Kind::Text, "BCP 47 tag of the visitor's language"),
    column("search_term", Kind::Text, "What the visitor searched for"),
    column("payment_method", Kind::Text, "Payment method shown or chosen"),
    column("shipping", Kind::Amount, "Shipping cost shown at that moment"),
];

static ITEMS: &[Column] = &[
    column("sku", Kind::Id, "Product"),
    column("name", Kind::Text, "Product name as shown"),
    column("category", Kind::Text, "Category as shown"),
    column("quantity", Kind::Quantity, "Pieces"),
    column("unit_price", Kind::Price, "Price of one piece"),
    column("discount", Kind::Amount, "Discount on these pieces"),
];
