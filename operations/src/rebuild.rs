//! Making the state again from the events: into a new file beside the old, which then takes its place.
//!
//! Keys and the tracking secret do not follow from the log and are carried over. So are the documents already issued:
//! the customer has them, and settings changed since must not change them. Everything else is made again.

use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use futures::{Stream, StreamExt};
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use crate::apply::{Applied, Operations};
use crate::error::{Doing, OperationsError};
use crate::event::LoggedEvent;
use crate::settings::Settings;
use crate::store::{self, Durability};

const BATCH: usize = 5_000;

/// Makes the state at `path` again from all events, in log order. The old file, if there is one, serves until the new
/// one is whole and on the disk; whatever stops the rebuild leaves it untouched.
///
/// # Errors
/// When another process has the file open, when the events cannot be read, or a file cannot be written.
pub async fn rebuild(
    path: &Path,
    settings: Settings,
    events: impl Stream<Item = Result<LoggedEvent<'static>, Box<dyn Error + Send + Sync>>>,
) -> Result<Applied, OperationsError> {
    let beside = beside(path, ".rebuild");
    remove(&beside)?;
    remove_companions(&beside)?;
    if path.exists() {
        settle(path).await?;
    }
    let fresh = Operations::open_with(&beside, &settings, Durability::None).await?;
    if path.exists() {
        carry_over(&fresh, path).await?;
    }
    fresh.close().await;
    // Opened again, so that it works with the secret that was carried over.
    let fresh = Operations::open_with(&beside, &settings, Durability::None).await?;
    let applied = replay(&fresh, events).await;
    fresh.close().await;
    let applied = applied?;
    settle(&beside).await?;
    if path.exists() {
        settle(path).await?;
    }
    take_place(&beside, path)?;
    Ok(applied)
}

async fn replay(
    fresh: &Operations,
    events: impl Stream<Item = Result<LoggedEvent<'static>, Box<dyn Error + Send + Sync>>>,
) -> Result<Applied, OperationsError> {
    let mut sum = Applied::default();
    let mut batches = std::pin::pin!(events.chunks(BATCH));
    while let Some(batch) = batches.next().await {
        let batch = batch.into_iter().collect::<Result<Vec<_>, _>>().map_err(OperationsError::Events)?;
        let applied = fresh.apply(&batch).await?;
        sum.applied += applied.applied;
        sum.ignored += applied.ignored;
        sum.unreadable += applied.unreadable;
        sum.documents += applied.documents;
        sum.position = applied.position;
    }
    Ok(sum)
}

async fn carry_over(fresh: &Operations, old: &Path) -> Result<(), OperationsError> {
    let mut connection = fresh.writer().acquire().await.doing("carry over keys")?;
    sqlx::query("ATTACH DATABASE ? AS old")
        .bind(old.to_string_lossy().into_owned())
        .execute(&mut *connection)
        .await
        .doing("open the old state")?;
    for copy in [
        "INSERT OR REPLACE INTO main.meta SELECT name, value FROM old.meta WHERE name = 'secret'",
        "INSERT INTO main.keys SELECT hash, name, scopes, shop, created_at, revoked_at FROM old.keys",
        "INSERT INTO main.invoices SELECT shop, number, kind, order_id, position, total, document FROM old.invoices",
        "INSERT INTO main.invoice_numbers SELECT shop, series, year, last FROM old.invoice_numbers",
    ] {
        sqlx::query(copy).execute(&mut *connection).await.doing("carry over keys and issued documents")?;
    }
    sqlx::query("DETACH DATABASE old").execute(&mut *connection).await.doing("close the old state")?;
    Ok(())
}

/// Brings a database into its one file, with no write-ahead log beside it: SQLite would play a log left there into
/// whatever file bears the name. It refuses while another process has the file open.
async fn settle(path: &Path) -> Result<(), OperationsError> {
    let in_use = || OperationsError::InUse { path: path.to_owned() };
    let options = store::write_options(path, Durability::Full).create_if_missing(false);
    let mut connection = SqliteConnection::connect_with(&options.busy_timeout(std::time::Duration::from_secs(1)))
        .await
        .map_err(|source| OperationsError::Open { path: path.to_owned(), source })?;
    let mode: Result<String, sqlx::Error> =
        sqlx::query_scalar("PRAGMA journal_mode = DELETE").fetch_one(&mut connection).await;
    connection.close().await.doing("close its file")?;
    match mode {
        Ok(mode) if mode == "delete" => Ok(()),
        Ok(_) => Err(in_use()),
        Err(sqlx::Error::Database(error)) if error.message().contains("locked") => Err(in_use()),
        Err(source) => Err(OperationsError::Database { doing: "settle its file", source }),
    }
}

fn take_place(beside: &Path, path: &Path) -> Result<(), OperationsError> {
    let failed = |doing, path: &Path| {
        let path = path.to_owned();
        move |source| OperationsError::File { doing, path, source }
    };
    File::open(beside).and_then(|file| file.sync_all()).map_err(failed("bring to the disk", beside))?;
    remove_companions(path)?;
    fs::rename(beside, path).map_err(failed("put in place", path))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("bring to the disk", folder))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn remove_companions(path: &Path) -> Result<(), OperationsError> {
    for suffix in ["-wal", "-shm", "-journal"] {
        remove(&beside(path, suffix))?;
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), OperationsError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(OperationsError::File { doing: "remove", path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}
