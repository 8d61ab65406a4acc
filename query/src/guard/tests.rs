//! What is let through and what is not.

use super::{Passed, check};
use crate::tests::support;
use crate::{Limits, QueryError};

/// Everything here would write, read files, change settings, or show the machine.
const FORBIDDEN: &[&str] = &[
    "INSERT INTO marts.orders VALUES (1)",
    "INSERT INTO marts.orders SELECT * FROM marts.orders",
    "insert overwrite marts.orders select 1",
    "UPDATE marts.orders SET units = 0",
    "DELETE FROM marts.orders",
    "MERGE INTO marts.orders USING marts.orders o ON true WHEN MATCHED THEN DELETE",
    "REPLACE INTO marts.orders VALUES (1)",
    "TRUNCATE TABLE marts.orders",
    "CREATE TABLE t (a INT)",
    "CREATE TABLE t AS SELECT 1",
    "CREATE OR REPLACE TABLE t AS SELECT 1",
    "CREATE TEMPORARY TABLE t (a INT)",
    "CREATE VIEW v AS SELECT 1",
    "CREATE MATERIALIZED VIEW v AS SELECT 1",
    "CREATE SCHEMA s",
    "CREATE DATABASE d",
    "CREATE INDEX i ON marts.orders (order_id)",
    "CREATE FUNCTION f(INT) RETURNS INT RETURN $1",
    "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
    "CREATE UNBOUNDED EXTERNAL TABLE t STORED AS CSV LOCATION 's3://bucket/x'",
    "CREATE ROLE r",
    "CREATE USER u",
    "CREATE SEQUENCE s",
    "CREATE TRIGGER t AFTER INSERT ON marts.orders EXECUTE FUNCTION f()",
    "CREATE EXTENSION e",
    "DROP TABLE marts.orders",
    "DROP TABLE IF EXISTS marts.orders",
    "DROP VIEW v",
    "DROP SCHEMA marts CASCADE",
    "DROP FUNCTION f",
    "ALTER TABLE marts.orders ADD COLUMN a INT",
    "ALTER TABLE marts.orders RENAME TO o",
    "ALTER ROLE r SUPERUSER",
    "COPY marts.orders TO '/tmp/mizan-stolen.csv'",
    "COPY (SELECT 1) TO '/tmp/mizan-stolen.parquet' STORED AS PARQUET",
    "COPY marts.orders FROM '/etc/passwd'",
    "SET datafusion.runtime.memory_limit = '100G'",
    "SET TIME ZONE 'UTC'",
    "SET ROLE admin",
    "RESET datafusion.runtime.memory_limit",
    "SHOW ALL",
    "SHOW datafusion.execution.batch_size",
    "SHOW VARIABLES",
    "SHOW STATUS",
    "SHOW FUNCTIONS",
    "SHOW CREATE TABLE marts.orders",
    "SHOW TABLES FROM marts",
    "SHOW TABLES LIKE '%x%'",
    "SHOW COLUMNS FROM marts.orders LIKE 'x'",
    "EXPLAIN ANALYZE SELECT 1",
    "EXPLAIN VERBOSE SELECT 1",
    "EXPLAIN ANALYZE VERBOSE SELECT 1",
    "EXPLAIN DELETE FROM marts.orders",
    "EXPLAIN COPY marts.orders TO '/tmp/mizan-stolen.csv'",
    "EXPLAIN CREATE TABLE t AS SELECT 1",
    "EXPLAIN EXPLAIN SELECT 1",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "EXECUTE IMMEDIATE 'DROP TABLE marts.orders'",
    "DEALLOCATE p",
    "DECLARE c CURSOR FOR SELECT 1",
    "FETCH NEXT FROM c",
    "CLOSE c",
    "BEGIN",
    "START TRANSACTION",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT s",
    "GRANT ALL ON marts.orders TO public",
    "REVOKE ALL ON marts.orders FROM public",
    "CALL f()",
    "USE marts",
    "ANALYZE TABLE marts.orders",
    "VACUUM",
    "OPTIMIZE TABLE marts.orders",
    "KILL 1",
    "LOCK TABLES marts.orders WRITE",
    "UNLOCK TABLES",
    "LOAD DATA INPATH '/etc/passwd' INTO TABLE t",
    "UNLOAD (SELECT 1) TO 's3://bucket/x'",
    "ATTACH DATABASE '/tmp/x' AS x",
    "DETACH x",
    "PRAGMA table_info(x)",
    "LISTEN c",
    "NOTIFY c",
    "DISCARD ALL",
    "COMMENT ON TABLE marts.orders IS 'x'",
    "MSCK REPAIR TABLE marts.orders",
    "CACHE TABLE t AS SELECT 1",
    "INSTALL httpfs",
    "LOAD httpfs",
    "EXPORT DATA OPTIONS(uri='gs://x') AS SELECT 1",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE marts.orders",
    "SELECT * INTO t FROM marts.orders",
    "SELECT * FROM marts.orders FOR UPDATE",
    "SELECT * FROM marts.orders FOR SHARE",
    "SELECT * FROM marts.orders SETTINGS max_threads = 1",
    "SELECT * FROM marts.orders FORMAT CSV",
    "WITH x AS (INSERT INTO marts.orders VALUES (1)) SELECT * FROM x",
    "WITH x AS (DELETE FROM marts.orders) SELECT * FROM x",
    "WITH x AS (UPDATE marts.orders SET units = 0) SELECT * FROM x",
    "WITH x AS (SELECT 1) INSERT INTO marts.orders SELECT * FROM x",
    "WITH x AS (SELECT 1) DELETE FROM marts.orders",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM \"/etc/passwd.csv\"",
    "SELECT * FROM 'file:///etc/passwd'",
    "SELECT * FROM \"https://example.com/x.parquet\"",
    "SELECT * FROM \"s3://bucket/x.parquet\"",
    "SELECT * FROM '../../x.csv'",
    "SELECT * FROM marts.'orders'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_parquet('/tmp/x.parquet')",
    "SELECT * FROM parquet_metadata('/tmp/x.parquet')",
    "SELECT * FROM url('http://example.com')",
    "SELECT * FROM metadata_cache()",
    "SELECT * FROM statistics_cache()",
    "SELECT * FROM list_files_cache()",
    "SELECT * FROM TABLE(read_csv('/etc/passwd'))",
    "SELECT * FROM LATERAL read_csv('/etc/passwd') x",
    "SELECT * FROM marts.orders, read_csv('/etc/passwd')",
    "SELECT (SELECT count(*) FROM read_csv('/etc/passwd'))",
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM read_csv('/etc/passwd'))",
    "SELECT 1 UNION ALL SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM information_schema.df_settings",
    "SELECT * FROM mizan.information_schema.\"DF_SETTINGS\"",
    "SELECT * FROM marts.orders FOR SYSTEM_TIME AS OF '2020-01-01'",
    "SELECT * FROM marts.orders WITH (NOLOCK)",
];

#[test]
fn what_would_do_something_is_refused_before_planning() {
    let limits = Limits::default();
    for sql in FORBIDDEN {
        let refused = check(sql, &limits);
        assert!(
            matches!(refused, Err(QueryError::Refused { .. } | QueryError::Syntax { .. })),
            "{sql} was read as {refused:?}"
        );
    }
    assert!(FORBIDDEN.len() >= 60);
}

/// Statements whose first word gives them away are refused by name, however their rest is written.
#[test]
fn a_refusal_names_what_was_asked_and_what_is_possible() {
    let said = check("drop table marts.orders", &Limits::default()).unwrap_err().to_string();
    assert_eq!(
        said,
        "DROP TABLE is not allowed here: this engine only reads (SELECT, WITH, VALUES, EXPLAIN, SHOW TABLES, SHOW COLUMNS, DESCRIBE)"
    );
    let syntax =
        FORBIDDEN.iter().filter(|sql| matches!(check(sql, &Limits::default()), Err(QueryError::Syntax { .. })));
    let syntax: Vec<_> = syntax.collect();
    assert!(syntax.len() <= 12, "too many are taken for slips of the pen: {syntax:#?}");
}

#[tokio::test]
async fn nothing_forbidden_leaves_a_trace() {
    let engine = support::engine();
    for sql in FORBIDDEN {
        assert!(support::ask(&engine, sql).await.is_err(), "{sql}");
    }
    for stolen in ["/tmp/mizan-stolen.csv", "/tmp/mizan-stolen.parquet"] {
        assert!(!std::path::Path::new(stolen).exists(), "{stolen}");
    }
    assert_eq!(support::ask(&engine, "SELECT count(*), sum(units % 10) FROM marts.orders").await.unwrap(), "3|10");
    let settings =
        support::ask(&engine, "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'marts'").await;
    assert_eq!(settings.unwrap(), "1");
}

#[test]
fn what_only_reads_passes() {
    for sql in [
        "SELECT 1",
        "select 1;",
        "/* why */ SELECT 1 -- so",
        "(SELECT 1)",
        "VALUES (1), (2)",
        "FROM marts.orders SELECT order_id",
        "WITH x AS (SELECT 1 AS a) SELECT a FROM x ORDER BY a LIMIT 1",
        "SELECT 1 UNION SELECT 2 EXCEPT SELECT 3",
        "SELECT 'DROP TABLE x; DELETE FROM y' AS words",
        "SELECT \"update\" FROM marts.orders",
        "SELECT unnest(lines) FROM events.orders",
        "SELECT * FROM unnest([1, 2])",
        "SELECT * FROM generate_series(1, 10) s(n) CROSS JOIN range(3)",
        "SELECT sum(net_sales) FILTER (WHERE units > 1) OVER (PARTITION BY order_id) FROM marts.orders QUALIFY true",
        "SELECT * FROM information_schema.columns",
        "SELECT * FROM marts.orders a JOIN LATERAL (SELECT 1) b ON true",
    ] {
        assert!(
            matches!(check(sql, &Limits::default()), Ok(Passed::Run(_, 0))),
            "{sql}: {:?}",
            check(sql, &Limits::default())
        );
    }
    assert!(matches!(check("EXPLAIN SELECT $2", &Limits::default()), Ok(Passed::Explain(_, 2))));
    assert!(matches!(check("SHOW TABLES", &Limits::default()), Ok(Passed::Tables)));
    assert!(matches!(check("DESCRIBE marts.orders", &Limits::default()), Ok(Passed::Columns(_))));
    assert!(matches!(check("SHOW COLUMNS FROM marts.orders", &Limits::default()), Ok(Passed::Columns(_))));
}

/// A question as analysts ask it, with steps upon steps, is far from the limits of growth.
#[test]
fn real_questions_are_not_taken_for_attacks() {
    let channel = "CASE WHEN medium = 'cpc' THEN 'paid' WHEN medium = 'email' THEN 'email' WHEN medium IN ('social', 'sm') THEN 'social' \
                   WHEN medium = 'organic' THEN 'organic' WHEN medium IS NULL THEN 'direct' ELSE medium END";
    let sql = format!(
        "WITH visits AS (SELECT session_id, utm_medium AS medium FROM events.storefront), \
         named AS (SELECT session_id, {channel} AS medium FROM visits), \
         again AS (SELECT session_id, {channel} AS medium FROM named), \
         third AS (SELECT session_id, {channel} AS medium FROM again), \
         counted AS (SELECT medium, count(*) AS n FROM third GROUP BY medium) \
         SELECT a.medium, a.n, b.n FROM counted a JOIN counted b USING (medium)"
    );
    check(&sql, &Limits::default()).unwrap();
}
