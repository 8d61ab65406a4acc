//! What a person is told.

use super::support::{ask, engine};
use crate::{ErrorKind, Position, QueryError};

#[tokio::test]
async fn a_slip_is_pointed_at_and_the_nearest_name_offered() {
    let engine = engine();
    let error = ask(&engine, "SELECT order_id,\n  net_sale FROM marts.orders").await.unwrap_err();
    assert_eq!(error.to_string(), "unknown column 'net_sale' at line 2, column 3; did you mean 'net_sales'?");
    assert_eq!(error.kind(), ErrorKind::Statement);
    let error = ask(&engine, "SELECT 1 FROM marts.oders").await.unwrap_err();
    assert_eq!(error.to_string(), "unknown table 'marts.oders' at line 1, column 15; did you mean 'marts.orders'?");
    let error = ask(&engine, "SELECT 1 FROM orders").await.unwrap_err();
    assert_eq!(error.to_string(), "unknown table 'orders' at line 1, column 15; did you mean 'marts.orders'?");
    let error = ask(&engine, "DESCRIBE marts.ordrs").await.unwrap_err();
    assert_eq!(error.to_string(), "unknown table 'marts.ordrs'; did you mean 'marts.orders'?");
    let error = ask(&engine, "SELECT cuont(order_id) FROM marts.orders").await.unwrap_err();
    assert!(error.to_string().starts_with("unknown function 'cuont'"), "{error}");
    assert!(error.to_string().ends_with("did you mean 'count'?"), "{error}");
}

#[tokio::test]
async fn a_syntax_error_says_where() {
    let engine = engine();
    let error = ask(&engine, "SELECT order_id\nFORM marts.orders").await.unwrap_err();
    assert!(matches!(&error, QueryError::Syntax { position: Some(Position { line: 2, .. }), .. }), "{error:?}");
    let error = ask(&engine, "SELECT 'open").await.unwrap_err();
    assert_eq!(error.position(), Some(Position { line: 1, column: 8 }), "{error:?}");
    for empty in ["", "   ", ";", "-- only a comment"] {
        assert!(matches!(ask(&engine, empty).await, Err(QueryError::Syntax { .. })), "{empty:?}");
    }
}

#[tokio::test]
async fn rows_at_fault_are_told_from_wrong_statements() {
    let engine = engine();
    for sql in ["SELECT 1 / (units - 2) FROM marts.orders", "SELECT CAST(customer_name AS BIGINT) FROM marts.orders"] {
        let error = ask(&engine, sql).await.unwrap_err();
        assert!(matches!(error, QueryError::Data { .. }), "{sql}: {error:?}");
    }
    for sql in [
        "SELECT sum(customer_name) FROM marts.orders",
        "SELECT order_id FROM marts.orders a JOIN marts.orders b ON a.units = b.units",
        "SELECT units, count(*) FROM marts.orders",
    ] {
        let error = ask(&engine, sql).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Statement, "{sql}: {error:?}");
        assert!(!error.to_string().contains("bug"), "{error}");
    }
}
