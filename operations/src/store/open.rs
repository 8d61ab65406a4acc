//! Opening the file: one connection that writes, several that read.

use std::path::Path;
use std::time::Duration;

use rand::TryRng;
use sqlx::ConnectOptions;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use crate::error::{Doing, OperationsError};
use crate::hmac::hex;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// How hard a commit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// On the disk when it returns.
    Full,
    /// Whenever the system likes: for a file that is synced as a whole before it counts.
    None,
}

pub(crate) fn write_options(path: &Path, durability: Durability) -> SqliteConnectOptions {
    let synchronous = match durability {
        Durability::Full => SqliteSynchronous::Full,
        Durability::None => SqliteSynchronous::Off,
    };
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .busy_timeout(Duration::from_secs(10))
        // 64 MiB of pages, so that a batch does not spill before it commits.
        .pragma("cache_size", "-65536")
        .disable_statement_logging()
}

pub(crate) fn read_only_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(Duration::from_secs(10))
        .disable_statement_logging()
}

pub(crate) async fn open_pool(
    path: &Path,
    options: SqliteConnectOptions,
    connections: u32,
) -> Result<SqlitePool, OperationsError> {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .connect_with(options)
        .await
        .map_err(|source| OperationsError::Open { path: path.to_owned(), source })
}

pub(crate) async fn migrate(pool: &SqlitePool, path: &Path) -> Result<(), OperationsError> {
    MIGRATIONS.run(pool).await.map_err(|source| OperationsError::Migrate { path: path.to_owned(), source })
}

/// The secret of tracking tokens, made on first use and never changed.
pub(crate) async fn secret(connection: &mut SqliteConnection) -> Result<String, OperationsError> {
    let mut fresh = [0_u8; 32];
    rand::rngs::SysRng.try_fill_bytes(&mut fresh).map_err(|error| OperationsError::Random(error.to_string()))?;
    sqlx::query("INSERT INTO meta (name, value) VALUES ('secret', ?) ON CONFLICT (name) DO NOTHING")
        .bind(hex(&fresh))
        .execute(&mut *connection)
        .await
        .doing("write its secret")?;
    sqlx::query_scalar("SELECT value FROM meta WHERE name = 'secret'")
        .fetch_one(&mut *connection)
        .await
        .doing("read its secret")
}
