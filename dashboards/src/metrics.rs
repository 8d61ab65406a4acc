//! The metrics that pages and programs ask for by name: each written down once, with its formula.
//!
//! A metric reads one mart at one grain, so that no join can inflate it; ratios are sums over sums, never means of
//! ratios; a ratio of nothing is NULL.

/// One metric.
pub(crate) struct Metric {
    /// Name in the route.
    pub(crate) name: &'static str,
    /// Name for people.
    pub(crate) title: &'static str,
    /// What it says.
    pub(crate) description: &'static str,
    /// How it is computed, for people.
    pub(crate) formula: &'static str,
    /// money, count or rate.
    pub(crate) unit: &'static str,
    /// The mart it reads.
    pub(crate) mart: &'static str,
    /// The aggregate over the mart's rows.
    pub(crate) value: &'static str,
    /// A condition that is part of the definition.
    pub(crate) only: Option<&'static str>,
    /// Columns that may part or filter it.
    pub(crate) dimensions: &'static [&'static str],
    /// Whether it is in a currency, which then parts it always.
    pub(crate) in_currency: bool,
}

const FUNNEL: &[&str] = &["shop", "channel", "device", "country"];

/// A rate with NULL for a denominator of nothing.
macro_rules! rate {
    ($numerator:literal, $denominator:literal) => {
        concat!(
            "CAST(sum(",
            $numerator,
            ") AS DECIMAL(38,0)) * 1.000000 / nullif(CAST(sum(",
            $denominator,
            ") AS DECIMAL(38,0)), 0)"
        )
    };
}

macro_rules! sales {
    ($name:literal, $title:literal, $description:literal, $formula:literal, $value:literal) => {
        Metric {
            name: $name,
            title: $title,
            description: $description,
            formula: $formula,
            unit: "money",
            mart: "marts.sales_daily",
            value: $value,
            only: None,
            dimensions: &["shop", "currency"],
            in_currency: true,
        }
    };
}

macro_rules! step {
    ($name:literal, $title:literal, $description:literal, $formula:literal, $numerator:literal, $denominator:literal) => {
        Metric {
            name: $name,
            title: $title,
            description: $description,
            formula: $formula,
            unit: "rate",
            mart: "marts.funnel_daily",
            value: rate!($numerator, $denominator),
            only: None,
            dimensions: FUNNEL,
            in_currency: false,
        }
    };
}

macro_rules! abandonment {
    ($name:literal, $title:literal, $description:literal, $population:literal) => {
        Metric {
            name: $name,
            title: $title,
            description: $description,
            formula: "abandoned / (abandoned + converted); open and emptied ones are in neither",
            unit: "rate",
            mart: "marts.abandonment_daily",
            value: rate!("abandoned", "abandoned + converted"),
            only: Some(concat!("population = '", $population, "'")),
            dimensions: &["shop"],
            in_currency: false,
        }
    };
}

/// Every metric, by name.
pub(crate) static METRICS: &[Metric] = &[
    sales!(
        "net_sales",
        "Net sales",
        "What was sold, after discounts and returns",
        "gross sales − discounts − returns",
        "sum(net_sales)"
    ),
    sales!(
        "gross_sales",
        "Gross sales",
        "What was sold at list price",
        "Σ unit price × quantity, before discount, tax and shipping",
        "sum(gross_sales)"
    ),
    sales!(
        "returns",
        "Returns",
        "Product value that went back",
        "Σ refunded product value, without tax and shipping",
        "sum(\"returns\")"
    ),
    sales!("discounts", "Discounts", "What was taken off list prices", "Σ line and order discounts", "sum(discounts)"),
    Metric {
        name: "orders",
        title: "Orders",
        description: "Orders placed",
        formula: "number of orders by the day they were placed",
        unit: "count",
        mart: "marts.sales_daily",
        value: "sum(orders)",
        only: None,
        dimensions: &["shop", "currency"],
        in_currency: false,
    },
    Metric {
        name: "sessions",
        title: "Sessions",
        description: "Visits to the shop",
        formula: "number of visits; 30 minutes of silence end one",
        unit: "count",
        mart: "marts.funnel_daily",
        value: "sum(sessions)",
        only: None,
        dimensions: FUNNEL,
        in_currency: false,
    },
    step!(
        "conversion_rate",
        "Conversion rate",
        "Visits that end in a purchase",
        "sessions that reached purchase / sessions",
        "purchase",
        "sessions"
    ),
    step!(
        "product_view_rate",
        "Product views",
        "Visits that look at a product",
        "sessions that reached product view / sessions",
        "product_view",
        "sessions"
    ),
    step!(
        "add_to_cart_rate",
        "Add to cart",
        "Visits with a product view that add one",
        "sessions that reached add to cart / product view",
        "add_to_cart",
        "product_view"
    ),
    step!(
        "begin_checkout_rate",
        "Begin checkout",
        "Visits with a cart that go to the checkout",
        "sessions that reached begin checkout / add to cart",
        "begin_checkout",
        "add_to_cart"
    ),
    step!(
        "payment_attempt_rate",
        "Payment attempt",
        "Checkouts that try to pay",
        "sessions that reached payment attempt / begin checkout",
        "payment_attempt",
        "begin_checkout"
    ),
    step!(
        "purchase_rate",
        "Purchase",
        "Payment attempts that end in a purchase",
        "sessions that reached purchase / payment attempt",
        "purchase",
        "payment_attempt"
    ),
    abandonment!("cart_abandonment_rate", "Cart abandonment", "Carts left behind", "cart"),
    abandonment!("checkout_abandonment_rate", "Checkout abandonment", "Checkouts left behind", "checkout"),
    abandonment!("payment_abandonment_rate", "Payment abandonment", "Payments walked away from", "payment"),
];

/// The metric with this name.
pub(crate) fn by_name(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}
