//! What comes back.

use futures::StreamExt;

use super::support::{ask, ask_with, engine, engine_with};
use crate::{Limits, Param, QueryError};

#[tokio::test]
async fn numbers_are_decimal_unless_someone_asks_for_a_float() {
    let engine = engine();
    assert_eq!(ask(&engine, "SELECT 0.1 + 0.2 = 0.3, 0.1 + 0.2").await.unwrap(), "true|0.3");
    assert_eq!(ask(&engine, "SELECT sum(net_sales) FROM marts.orders").await.unwrap(), "12.1667");
}

#[tokio::test]
async fn tables_answer_to_both_of_their_names() {
    let engine = engine();
    assert_eq!(ask(&engine, "SELECT count(*) FROM events.orders").await.unwrap(), "3");
    assert_eq!(ask(&engine, "SELECT count(*) FROM mizan.marts.orders").await.unwrap(), "3");
}

#[tokio::test]
async fn a_sum_that_leaves_its_type_is_an_error_and_not_another_number() {
    let engine = engine();
    let overflow = |error: QueryError| {
        assert!(matches!(error, QueryError::Data { .. }), "{error:?}");
        error.to_string()
    };
    let said = overflow(ask(&engine, "SELECT sum(units) FROM marts.orders").await.unwrap_err());
    assert!(said.contains("does not fit a whole number of 64 bits"), "{said}");
    for sql in [
        "SELECT order_id > 'a', sum(units) FROM marts.orders GROUP BY 1",
        "SELECT sum(DISTINCT units), count(DISTINCT order_id) FROM marts.orders",
        "SELECT sum(units) OVER (ORDER BY order_id) FROM marts.orders",
        "SELECT sum(units) OVER (ORDER BY order_id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM marts.orders",
        "SELECT sum(x) FROM (SELECT CAST('99999999999999999999999999999999999999' AS DECIMAL(38,0)) AS x FROM generate_series(1, 3))",
    ] {
        let answer = ask(&engine, sql).await;
        assert!(answer.is_err(), "{sql} gave {answer:?}");
    }
    // Cancelling parts fit, whatever their order; the wider type holds the rest.
    assert_eq!(
        ask(&engine, "SELECT sum(x) FROM (VALUES (9223372036854775807), (5), (-10)) t(x)").await.unwrap(),
        "9223372036854775802"
    );
    assert_eq!(
        ask(&engine, "SELECT sum(CAST(units AS DECIMAL(38,0))) FROM marts.orders").await.unwrap(),
        "9223372036854775810"
    );
}

#[tokio::test]
async fn checked_sums_agree_with_known_ones_in_every_shape() {
    let engine = engine();
    let answer = ask(
        &engine,
        "SELECT v % 3 AS g, sum(v), sum(v) FILTER (WHERE v > 50), sum(DISTINCT v % 5), sum(d), sum(f) \
         FROM (SELECT value AS v, CAST(value AS DECIMAL(10,2)) AS d, CAST(value AS DOUBLE) AS f FROM generate_series(1, 100)) GROUP BY 1 ORDER BY 1",
    )
    .await
    .unwrap();
    // 3+6+…+99, 1+4+…+100, 2+5+…+98; their parts over 50; 0+1+2+3+4
    assert_eq!(answer, "0|1683|1275|10|1683.00|1683.0;1|1717|1292|10|1717.00|1717.0;2|1650|1208|10|1650.00|1650.0");
    assert_eq!(ask(&engine, "SELECT sum(x) FROM (VALUES (CAST(NULL AS BIGINT))) t(x)").await.unwrap(), "NULL");
    assert_eq!(ask(&engine, "SELECT sum(v) FROM generate_series(1, 0) t(v)").await.unwrap(), "NULL");
    assert_eq!(
        ask(&engine, "SELECT sum(v) OVER (ORDER BY v ROWS 1 PRECEDING) FROM generate_series(1, 4) t(v)").await.unwrap(),
        "1;3;5;7"
    );
}

#[tokio::test]
async fn parameters_are_values_and_never_text_of_the_statement() {
    let engine = engine();
    let named = |name: &str| vec![Param::Text(name.into())];
    let sql = "SELECT order_id FROM marts.orders WHERE customer_name = $1";
    assert_eq!(ask_with(&engine, sql, named("ليلى حسن")).await.unwrap(), "1001");
    assert_eq!(ask_with(&engine, sql, named("x' OR '1'='1")).await.unwrap(), "");
    let typed = "SELECT order_id FROM marts.orders WHERE net_sales >= $1 AND placed_at < $2 AND units = $3 AND $4";
    let params = vec![
        Param::Decimal("12.5".into()),
        Param::Text("2026-03-02T00:00:00Z".into()),
        Param::Int(2),
        Param::Bool(true),
    ];
    assert_eq!(ask_with(&engine, typed, params).await.unwrap(), "1001");
    assert_eq!(
        ask_with(&engine, "SELECT order_id FROM marts.orders WHERE units = $1", vec![Param::Null]).await.unwrap(),
        ""
    );
    assert_eq!(
        ask_with(&engine, "SELECT order_id FROM marts.orders ORDER BY 1 LIMIT $1", vec![Param::Int(1)]).await.unwrap(),
        "1001"
    );
    for (sql, params) in [(sql, vec![]), ("SELECT 1", named("x")), ("SELECT $2", named("x")), ("SELECT ?", named("x"))]
    {
        let error = ask_with(&engine, sql, params).await.unwrap_err();
        assert!(matches!(error, QueryError::Parameters { .. }), "{sql}: {error:?}");
    }
}

#[tokio::test]
async fn a_result_beyond_the_limit_is_cut_and_says_so() {
    let engine = engine_with(Limits { rows: 1_000, ..Limits::default() });
    for (sql, rows, truncated) in [
        ("SELECT * FROM generate_series(1, 1000)", 1_000, false),
        ("SELECT * FROM generate_series(1, 1001)", 1_000, true),
        ("SELECT * FROM generate_series(1, 1000000) ORDER BY 1 DESC", 1_000, true),
        ("SELECT 1 WHERE false", 0, false),
    ] {
        let mut result = engine.query(sql, vec![]).await.unwrap();
        let outcome = result.outcome();
        while let Some(batch) = result.next().await {
            batch.unwrap();
        }
        assert_eq!((outcome.rows(), outcome.truncated()), (rows, truncated), "{sql}");
    }
}

#[tokio::test]
async fn columns_of_one_name_are_told_apart() {
    let engine = engine();
    let result = engine
        .query("SELECT a.units, b.units FROM marts.orders a JOIN marts.orders b USING (order_id)", vec![])
        .await
        .unwrap();
    let names: Vec<String> = result.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["units", "units_2"]);
}

#[tokio::test]
async fn tables_and_columns_tell_what_they_are() {
    let engine = engine();
    let tables = ask(&engine, "SHOW TABLES").await.unwrap();
    assert!(tables.contains("marts|orders|One row an order"), "{tables}");
    assert!(tables.contains("settings|columns|Every column"), "{tables}");
    let columns = "order_id|text|The shop's own number of the order;customer_name|text|Who ordered;units|bigint|Pieces in the order;\
                   net_sales|decimal(18,4)|What was sold, less discounts and returns;placed_at|timestamp with time zone|When it was placed";
    for sql in ["DESCRIBE marts.orders", "DESC mizan.marts.orders", "SHOW COLUMNS FROM marts.orders"] {
        assert_eq!(ask(&engine, sql).await.unwrap(), columns, "{sql}");
    }
    let found = ask(
        &engine,
        "SELECT column_name FROM mizan.settings.columns WHERE comment LIKE '%returns' AND table_schema = 'marts'",
    );
    assert_eq!(found.await.unwrap(), "net_sales");
    let listed = ask(&engine, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'marts'").await;
    assert_eq!(listed.unwrap(), "orders");
}

#[tokio::test]
async fn explain_shows_the_plan_and_runs_nothing() {
    let engine = engine();
    let plan = ask(&engine, "EXPLAIN SELECT 1 / 0, order_id FROM marts.orders WHERE units > 1").await;
    let plan = plan.or(ask(&engine, "EXPLAIN SELECT order_id FROM marts.orders WHERE units > 1").await).unwrap();
    assert!(plan.starts_with("logical_plan|") && plan.contains("physical_plan|") && plan.contains("orders"), "{plan}");
}

#[tokio::test]
async fn texts_are_joined_as_ever() {
    let engine = engine();
    let sql = "SELECT 'a' || 'b', 1 || 'x', NULL || 'x', order_id || '-' || units, [1] || [2], $1 || '!' FROM marts.orders WHERE units = 2";
    assert_eq!(ask_with(&engine, sql, vec![Param::Text("س".into())]).await.unwrap(), "ab|1x|NULL|1001-2|[1, 2]|س!");
    let sql = "SELECT lpad('7', 3, '0'), repeat('ab', 2), replace('a-b', '-', '+'), concat_ws(', ', 'a', NULL, 'b'), range(1, 4)";
    assert_eq!(ask(&engine, sql).await.unwrap(), "007|abab|a+b|a, b|[1, 2, 3]");
}
