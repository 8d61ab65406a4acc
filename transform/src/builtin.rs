//! The models that come with Mizan, compiled in.

/// One built-in model: its name and the text of its three files.
pub(crate) struct Builtin {
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
    pub(crate) fixture: &'static str,
    pub(crate) check: &'static str,
}

macro_rules! builtin {
    ($($name:literal),+ $(,)?) => {
        &[$(Builtin {
            name: $name,
            sql: include_str!(concat!("../models/", $name, ".sql")),
            fixture: include_str!(concat!("../models/", $name, ".test.yml")),
            check: include_str!(concat!("../models/", $name, ".check.sql")),
        }),+]
    };
}

/// Every file of `models/`, which a test compares with the folder.
pub(crate) static BUILTIN: &[Builtin] = builtin![
    "abandonment_daily",
    "carts",
    "checkouts",
    "cod_orders",
    "demand_daily",
    "fee_changes",
    "fee_lines",
    "funnel_daily",
    "order_lines",
    "order_payments",
    "ordered_lines",
    "orders",
    "payment_attempts",
    "payment_fees",
    "payments",
    "payments_daily",
    "payments_monthly",
    "product_supply",
    "provider_cells",
    "provider_costs",
    "provider_what_if",
    "reconciliation",
    "reorder",
    "returned_lines",
    "sales_daily",
    "sessions",
    "stock_daily",
    "stock_levels",
    "stock_movements",
    "stock_service_daily",
    "stockout_intervals",
];

#[cfg(test)]
mod tests {
    use super::BUILTIN;

    #[test]
    fn every_file_in_the_folder_is_built_in() {
        let mut in_folder: Vec<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/models"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        in_folder.sort();
        let mut built_in: Vec<String> = BUILTIN
            .iter()
            .flat_map(|model| ["sql", "test.yml", "check.sql"].map(|ending| format!("{}.{ending}", model.name)))
            .collect();
        built_in.sort();
        assert_eq!(in_folder, built_in);
    }
}
