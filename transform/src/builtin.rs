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

/// One built-in reference table: its name and the text of its two files.
pub(crate) struct BuiltinTable {
    pub(crate) name: &'static str,
    pub(crate) yml: &'static str,
    pub(crate) csv: &'static str,
}

macro_rules! tables {
    ($($name:literal),* $(,)?) => {
        &[$(BuiltinTable {
            name: $name,
            yml: include_str!(concat!("../models/tables/", $name, ".yml")),
            csv: include_str!(concat!("../models/tables/", $name, ".csv")),
        }),*]
    };
}

/// Every table of `models/tables/`, which a test compares with the folder.
pub(crate) static TABLES: &[BuiltinTable] =
    tables!["currencies", "decline_codes", "fx_rates", "provider_terms", "reorder_policy",];

/// Every file of `models/`, which a test compares with the folder.
pub(crate) static BUILTIN: &[Builtin] = builtin![
    "abandonment_daily",
    "abandonment_reasons",
    "attribution",
    "baskets",
    "cart_items",
    "cart_stock",
    "carts",
    "checkouts",
    "cod_orders",
    "cohorts",
    "customers",
    "demand_daily",
    "fee_changes",
    "fee_lines",
    "funnel_daily",
    "funnel_steps_daily",
    "order_lines",
    "order_payments",
    "order_rates",
    "order_touches",
    "ordered_lines",
    "orders",
    "payment_attempts",
    "payment_coverage",
    "payment_fees",
    "payments",
    "payments_daily",
    "payments_monthly",
    "product_interest_daily",
    "product_pairs",
    "product_supply",
    "products",
    "products_daily",
    "provider_cells",
    "provider_costs",
    "provider_what_if",
    "reconciliation",
    "reorder",
    "repeat_monthly",
    "returned_lines",
    "rfm",
    "sales_daily",
    "sales_movements",
    "sessions",
    "stock_daily",
    "stock_levels",
    "stock_movements",
    "stock_service_daily",
    "stockout_intervals",
];

#[cfg(test)]
mod tests {
    use super::{BUILTIN, TABLES};

    fn files_in(folder: &str) -> Vec<String> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/models").to_owned() + folder;
        let mut files: Vec<String> = (std::fs::read_dir(folder).into_iter().flatten())
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.file_type().unwrap().is_file())
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        files.sort();
        files
    }

    #[test]
    fn every_file_in_the_folder_is_built_in() {
        let mut built_in: Vec<String> = BUILTIN
            .iter()
            .flat_map(|model| ["sql", "test.yml", "check.sql"].map(|ending| format!("{}.{ending}", model.name)))
            .collect();
        built_in.sort();
        assert_eq!(files_in(""), built_in);
        let mut tables: Vec<String> =
            TABLES.iter().flat_map(|table| ["yml", "csv"].map(|ending| format!("{}.{ending}", table.name))).collect();
        tables.sort();
        assert_eq!(files_in("/tables"), tables);
    }

    /// The list of ISO 4217 stands in `events`; models need it as a table.
    #[test]
    fn the_table_of_currencies_says_what_events_are_checked_against() {
        let table = TABLES.iter().find(|table| table.name == "currencies").unwrap();
        for line in table.csv.lines().skip(1) {
            let (code, exponent) = line.split_once(',').unwrap();
            let known = mizan_events::Currency::from_code(code).unwrap();
            assert_eq!(exponent, known.exponent().to_string(), "{code}");
        }
        assert!(table.csv.lines().count() > 150);
    }
}
