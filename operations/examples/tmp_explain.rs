use sqlx::{Connection, Row};
#[tokio::main]
async fn main() {
    let mut c = sqlx::sqlite::SqliteConnection::connect("sqlite:/tmp/q.db").await.unwrap();
    let text = std::fs::read_to_string("/tmp/q.sql").unwrap();
    for q in text.split(";\n").filter(|q| q.contains("EXPLAIN")) {
        println!("{}", &q[..q.len().min(150)].replace("EXPLAIN QUERY PLAN ", ""));
        for row in sqlx::query(sqlx::AssertSqlSafe(q.to_owned())).fetch_all(&mut c).await.unwrap() { println!("    {}", row.get::<String, _>(3)); }
    }
}
