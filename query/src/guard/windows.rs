//! Window functions that would take the square of their rows.
//!
//! With `ORDER BY` in its window an aggregate is worked out anew for every row. That is nothing for a sum;
//! for a median it is all rows each time, in one step that nothing can stop, and for `array_agg` it is a
//! list of all rows on every row.

use datafusion::sql::sqlparser::ast::{DuplicateTreatment, Function, FunctionArguments, WindowType};

/// Functions whose next value follows from the last.
const CHEAP: &[&str] = &[
    "row_number",
    "rank",
    "dense_rank",
    "percent_rank",
    "cume_dist",
    "ntile",
    "lag",
    "lead",
    "first_value",
    "last_value",
    "nth_value",
    "sum",
    "count",
    "avg",
    "mean",
    "min",
    "max",
    "stddev",
    "stddev_samp",
    "stddev_pop",
    "var",
    "var_samp",
    "var_pop",
    "variance",
    "bool_and",
    "bool_or",
];

/// Why the call is not run, if it is one of these.
pub(super) fn objection(call: &Function) -> Option<String> {
    let ordered = match call.over.as_ref()? {
        WindowType::WindowSpec(spec) => {
            !spec.order_by.is_empty() || spec.window_frame.is_some() || spec.window_name.is_some()
        }
        WindowType::NamedWindow(_) => true,
    };
    let name = call.name.to_string().to_lowercase();
    let distinct = matches!(&call.args, FunctionArguments::List(list) if list.duplicate_treatment == Some(DuplicateTreatment::Distinct));
    let cheap = CHEAP.contains(&name.as_str()) && (!distinct || name == "count");
    let over_all = !matches!(name.as_str(), "array_agg" | "string_agg");
    if cheap || (!ordered && over_all) {
        return None;
    }
    let what = if distinct { format!("{name}(DISTINCT …)") } else { name };
    Some(format!(
        "{what} is not available over an ordered window: group first and join, or use sum, count, avg, min, max or a rank"
    ))
}
