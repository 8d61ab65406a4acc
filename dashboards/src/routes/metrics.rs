//! `GET /v1/metrics`: which metrics there are, and each as a series.

use axum::Json;
use axum::extract::{Path, Query, State as Extract};
use mizan_query::Param;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::sql::{rows, told};
use crate::auth::MayRead;
use crate::metrics::{METRICS, Metric, by_name};
use crate::problem::Problem;
use crate::state::State;

/// The metrics there are.
#[derive(Serialize, ToSchema)]
pub(crate) struct Listed {
    metrics: Vec<Described>,
}

/// One metric, described.
#[derive(Serialize, ToSchema)]
pub(crate) struct Described {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    formula: &'static str,
    /// money, count or rate.
    unit: &'static str,
    /// What `by` and `filter` may name.
    dimensions: &'static [&'static str],
}

fn describe(metric: &'static Metric) -> Described {
    let Metric { name, title, description, formula, unit, dimensions, .. } = metric;
    Described { name, title, description, formula, unit, dimensions }
}

/// Which part of a metric.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    /// First day, such as 2026-03-01; days are days in the shop's time zone.
    from: Option<String>,
    /// Last day.
    to: Option<String>,
    /// day, week, month or all.
    grain: Option<String>,
    /// A dimension to part by; several with commas.
    by: Option<String>,
    /// `dimension:value`; several with commas.
    filter: Option<String>,
}

/// The metrics that can be asked for, with definition and formula.
#[utoipa::path(get, path = "/v1/metrics", tag = "metrics", responses((status = 200, body = Listed)))]
pub(crate) async fn list_metrics(MayRead(_key): MayRead) -> Json<Listed> {
    Json(Listed { metrics: METRICS.iter().map(describe).collect() })
}

/// A metric as a series. Money comes as exact text, parted by currency.
#[utoipa::path(
    get,
    path = "/v1/metrics/{name}",
    tag = "metrics",
    params(("name" = String, Path, description = "A name of /v1/metrics"), Part),
    responses(
        (status = 200, body = serde_json::Value),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_metric(
    Extract(state): Extract<State>,
    MayRead(key): MayRead,
    Path(name): Path<String>,
    Query(part): Query<Part>,
) -> Result<Json<serde_json::Value>, Problem> {
    let metric = by_name(&name)
        .ok_or_else(|| Problem::not_found(format!("there is no metric {name:?}; GET /v1/metrics lists them")))?;
    let (sql, params) = compile(metric, &part, key.shop.as_deref())?;
    let rows = rows(&state, &sql, params).await.map_err(|error| told(&error))?;
    Ok(Json(serde_json::json!({ "metric": describe(metric), "rows": rows })))
}

/// The SQL of one part of a metric. Names come from our own table of metrics, values go in as parameters.
fn compile(metric: &'static Metric, part: &Part, shop: Option<&str>) -> Result<(String, Vec<Param>), Problem> {
    let dimension = |asked: &str| {
        metric.dimensions.iter().copied().find(|known| *known == asked.trim()).ok_or_else(|| {
            Problem::bad_request(format!(
                "{asked:?} does not part {}; use one of {}",
                metric.name,
                metric.dimensions.join(", ")
            ))
        })
    };
    let mut columns: Vec<String> = Vec::new();
    match part.grain.as_deref().unwrap_or("day") {
        "day" => columns.push("day AS period".to_owned()),
        grain @ ("week" | "month") => columns.push(format!("CAST(date_trunc('{grain}', day) AS DATE) AS period")),
        "all" => {}
        other => return Err(Problem::bad_request(format!("grain {other:?} is not day, week, month or all"))),
    }
    let mut parted: Vec<&str> = Vec::new();
    if metric.in_currency {
        parted.push("currency");
    }
    for asked in part.by.iter().flat_map(|by| by.split(',')) {
        let known = dimension(asked)?;
        if !parted.contains(&known) {
            parted.push(known);
        }
    }
    columns.extend(parted.iter().map(|column| (*column).to_owned()));

    let mut params = Vec::new();
    let mut conditions: Vec<String> = metric.only.iter().map(|only| (*only).to_owned()).collect();
    let mut bound = |condition: String, value: &str| {
        params.push(Param::Text(value.to_owned()));
        conditions.push(condition.replace('?', &format!("${}", params.len())));
    };
    for (day, operator) in [(&part.from, ">="), (&part.to, "<=")] {
        if let Some(day) = day {
            day.parse::<jiff::civil::Date>()
                .map_err(|_| Problem::bad_request(format!("{day:?} is not a day such as 2026-03-01")))?;
            bound(format!("day {operator} CAST(? AS DATE)"), day);
        }
    }
    for filter in part.filter.iter().flat_map(|filter| filter.split(',')) {
        let (column, value) = filter
            .split_once(':')
            .ok_or_else(|| Problem::bad_request(format!("filter {filter:?} is not of the form dimension:value")))?;
        bound(format!("{} = ?", dimension(column)?), value);
    }
    if let Some(shop) = shop {
        bound("shop = ?".to_owned(), shop);
    }
    let places: Vec<String> = (1..=columns.len()).map(|place| place.to_string()).collect();
    let mut sql = format!(
        "SELECT {} FROM {}",
        [columns, vec![format!("{} AS value", metric.value)]].concat().join(", "),
        metric.mart
    );
    if !conditions.is_empty() {
        sql = format!("{sql} WHERE {}", conditions.join(" AND "));
    }
    if !places.is_empty() {
        let places = places.join(", ");
        sql = format!("{sql} GROUP BY {places} ORDER BY {places}");
    }
    Ok((sql, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part() -> Part {
        Part { from: None, to: None, grain: None, by: None, filter: None }
    }

    #[test]
    fn values_are_bound_and_names_come_from_the_table() {
        let asked = Part {
            from: Some("2026-03-01".into()),
            filter: Some("channel:o'neil".into()),
            by: Some("device".into()),
            ..part()
        };
        let (sql, params) = compile(by_name("conversion_rate").unwrap(), &asked, Some("riyadh")).unwrap();
        assert!(sql.contains("channel = $2") && sql.contains("shop = $3") && !sql.contains("neil"), "{sql}");
        assert_eq!(params.len(), 3);
    }

    #[test]
    fn what_does_not_part_a_metric_is_refused() {
        for asked in [
            Part { by: Some("customer".into()), ..part() },
            Part { grain: Some("hour".into()), ..part() },
            Part { from: Some("yesterday".into()), ..part() },
            Part { filter: Some("1=1".into()), ..part() },
        ] {
            assert!(compile(by_name("net_sales").unwrap(), &asked, None).is_err());
        }
    }
}
