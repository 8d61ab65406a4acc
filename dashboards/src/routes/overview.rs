//! `GET /v1/overview`: what the first page shows, in one answer.

use axum::Json;
use axum::extract::{Query, State as Extract};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use mizan_query::{Param, QueryError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::sql::{rows, told};
use crate::auth::{MayRead, shop_of};
use crate::problem::Problem;
use crate::state::State;

/// Which days.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// The shop; `default` where absent.
    shop: Option<String>,
    /// The last so many days; 0 is all of them.
    days: Option<u32>,
    /// ISO 4217 code; the shop's own where absent.
    currency: Option<String>,
}

/// What the first page shows.
#[derive(Serialize, ToSchema)]
pub(crate) struct Overview {
    shop: ShopView,
    /// When this was computed.
    as_of: String,
    /// First day.
    from: String,
    /// Last day.
    to: String,
    /// The currency of every amount.
    currency: String,
    /// Currencies that the shop has sold in.
    currencies: Vec<String>,
    /// Sales by day.
    #[schema(value_type = Vec<serde_json::Value>)]
    sales: Vec<Map<String, Value>>,
    /// The same number of days before.
    #[schema(value_type = serde_json::Value)]
    previous: Map<String, Value>,
    /// Sessions that reached each step, in order.
    #[schema(value_type = serde_json::Value)]
    funnel: Map<String, Value>,
    /// Sessions and purchases by day.
    #[schema(value_type = Vec<serde_json::Value>)]
    funnel_days: Vec<Map<String, Value>>,
    /// Carts, checkouts and payments begun and left.
    #[schema(value_type = Vec<serde_json::Value>)]
    abandonment: Vec<Map<String, Value>>,
    /// Carts left and carts that became orders, by day.
    #[schema(value_type = Vec<serde_json::Value>)]
    abandonment_days: Vec<Map<String, Value>>,
}

/// Whose figures.
#[derive(Serialize, ToSchema)]
pub(crate) struct ShopView {
    name: String,
    currency: String,
    timezone: String,
}

/// What the first page shows: sales, funnel and abandonment of the last days, and of the days before.
#[utoipa::path(
    get,
    path = "/v1/overview",
    tag = "metrics",
    params(Asked),
    responses((status = 200, body = Overview), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn get_overview(
    Extract(state): Extract<State>,
    MayRead(key): MayRead,
    Query(asked): Query<Asked>,
) -> Result<Json<Overview>, Problem> {
    let shop = shop_of(&key, asked.shop)?;
    let info = state.shops.get(&shop).ok_or_else(|| Problem::not_found(format!("there is no shop {shop:?}")))?;
    let zone = TimeZone::get(&info.timezone).unwrap_or(TimeZone::UTC);
    let now = Timestamp::now();
    let today = zone.to_datetime(now).date();
    let marts = Marts { state: &state, shop: &shop };

    let currencies =
        marts.texts("SELECT DISTINCT currency FROM marts.sales_daily WHERE shop = $1 ORDER BY 1", "currency").await?;
    let currency = match asked.currency {
        Some(currency) => currency,
        None if currencies.contains(&info.currency) || currencies.is_empty() => info.currency.clone(),
        None => currencies[0].clone(),
    };
    let (from, to) = match asked.days.unwrap_or(30) {
        0 => marts.all_days().await?.unwrap_or((today, today)),
        days => (today.saturating_sub(i64::from(days.min(3650) - 1).days()), today),
    };
    let length = i64::from(from.until(to).map_or(0, |span| span.get_days()) + 1);
    let before = (from.saturating_sub(length.days()), from.saturating_sub(1.days()));

    Ok(Json(Overview {
        sales: marts.rows(SALES_BY_DAY, from, to, Some(&currency)).await?,
        previous: previous(&marts, before, &currency).await?,
        funnel: marts.rows(FUNNEL, from, to, None).await?.pop().unwrap_or_default(),
        funnel_days: marts.rows(FUNNEL_BY_DAY, from, to, None).await?,
        abandonment: marts.rows(ABANDONMENT, from, to, Some(&currency)).await?,
        abandonment_days: marts.rows(CARTS_BY_DAY, from, to, None).await?,
        shop: ShopView { name: info.name.clone(), currency: info.currency.clone(), timezone: info.timezone.clone() },
        as_of: now.to_string(),
        from: from.to_string(),
        to: to.to_string(),
        currency,
        currencies,
    }))
}

const SALES_BY_DAY: &str = r#"SELECT day, sum(orders) AS orders, sum(units) AS units, sum(gross_sales) AS gross_sales,
    sum(discounts) AS discounts, sum("returns") AS "returns", sum(net_sales) AS net_sales, sum(shipping) AS shipping,
    sum(tax) AS tax, sum(total) AS total
  FROM marts.sales_daily
  WHERE shop = $1 AND day BETWEEN CAST($2 AS DATE) AND CAST($3 AS DATE) AND currency = $4
  GROUP BY day ORDER BY day"#;

const FUNNEL: &str = "SELECT coalesce(sum(sessions), 0) AS sessions, coalesce(sum(product_view), 0) AS product_view,
    coalesce(sum(add_to_cart), 0) AS add_to_cart, coalesce(sum(begin_checkout), 0) AS begin_checkout,
    coalesce(sum(payment_attempt), 0) AS payment_attempt, coalesce(sum(purchase), 0) AS purchase
  FROM marts.funnel_daily
  WHERE shop = $1 AND day BETWEEN CAST($2 AS DATE) AND CAST($3 AS DATE)";

const FUNNEL_BY_DAY: &str = "SELECT day, sum(sessions) AS sessions, sum(purchase) AS purchase
  FROM marts.funnel_daily
  WHERE shop = $1 AND day BETWEEN CAST($2 AS DATE) AND CAST($3 AS DATE)
  GROUP BY day ORDER BY day";

// Counts are over every currency; only the value is in the one asked for.
const ABANDONMENT: &str = "SELECT population, sum(started) AS started, sum(converted) AS converted,
    sum(abandoned) AS abandoned, sum(open) AS open, sum(emptied) AS emptied, sum(recovered) AS recovered,
    sum(CASE WHEN currency = $4 THEN value_abandoned END) AS value_abandoned
  FROM marts.abandonment_daily
  WHERE shop = $1 AND day BETWEEN CAST($2 AS DATE) AND CAST($3 AS DATE)
  GROUP BY population ORDER BY population";

const CARTS_BY_DAY: &str = "SELECT day, sum(abandoned) AS abandoned, sum(converted) AS converted
  FROM marts.abandonment_daily
  WHERE shop = $1 AND day BETWEEN CAST($2 AS DATE) AND CAST($3 AS DATE) AND population = 'cart'
  GROUP BY day ORDER BY day";

const SALES_TOTAL: &str = "SELECT coalesce(sum(orders), 0) AS orders, coalesce(sum(net_sales), 0) AS net_sales
  FROM marts.sales_daily
  WHERE shop = $1 AND day BETWEEN CAST($2 AS DATE) AND CAST($3 AS DATE) AND currency = $4";

/// The figures of the period before that the page compares with.
async fn previous(marts: &Marts<'_>, (from, to): (Date, Date), currency: &str) -> Result<Map<String, Value>, Problem> {
    let mut previous = marts.rows(SALES_TOTAL, from, to, Some(currency)).await?.pop().unwrap_or_default();
    let funnel = marts.rows(FUNNEL, from, to, None).await?.pop().unwrap_or_default();
    for (step, name) in [("sessions", "sessions"), ("purchase", "purchases")] {
        previous.insert(name.to_owned(), funnel.get(step).cloned().unwrap_or(Value::Null));
    }
    let carts = marts.rows(ABANDONMENT, from, to, Some(currency)).await?;
    let carts = carts.into_iter().find(|row| row.get("population").is_some_and(|population| population == "cart"));
    for name in ["abandoned", "converted"] {
        let count = carts.as_ref().and_then(|row| row.get(name)).cloned().unwrap_or_else(|| Value::from("0"));
        previous.insert(format!("carts_{name}"), count);
    }
    Ok(previous)
}

struct Marts<'a> {
    state: &'a State,
    shop: &'a str,
}

impl Marts<'_> {
    /// No rows as long as the models were never run.
    async fn ask(&self, sql: &str, mut params: Vec<Param>) -> Result<Vec<Map<String, Value>>, Problem> {
        params.insert(0, Param::Text(self.shop.to_owned()));
        match rows(self.state, sql, params).await {
            Ok(rows) => Ok(rows),
            Err(QueryError::Unknown { what: "table", .. }) => Ok(Vec::new()),
            Err(error) => Err(told(&error)),
        }
    }

    async fn rows(
        &self,
        sql: &str,
        from: Date,
        to: Date,
        currency: Option<&str>,
    ) -> Result<Vec<Map<String, Value>>, Problem> {
        let mut params = vec![Param::Text(from.to_string()), Param::Text(to.to_string())];
        params.extend(currency.map(|currency| Param::Text(currency.to_owned())));
        self.ask(sql, params).await
    }

    async fn texts(&self, sql: &str, column: &str) -> Result<Vec<String>, Problem> {
        let rows = self.ask(sql, Vec::new()).await?;
        Ok(rows.iter().filter_map(|row| row.get(column)?.as_str().map(str::to_owned)).collect())
    }

    /// First and last day that anything was sold or visited.
    async fn all_days(&self) -> Result<Option<(Date, Date)>, Problem> {
        const DAYS: &str = "SELECT CAST(min(day) AS VARCHAR) AS first, CAST(max(day) AS VARCHAR) AS last FROM (
            SELECT day FROM marts.sales_daily WHERE shop = $1 UNION ALL SELECT day FROM marts.funnel_daily WHERE shop = $1)";
        let rows = self.ask(DAYS, Vec::new()).await?;
        let day = |name: &str| rows.first()?.get(name)?.as_str()?.parse::<Date>().ok();
        Ok(day("first").zip(day("last")))
    }
}
