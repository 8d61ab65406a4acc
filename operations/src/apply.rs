//! Following the log: events in, state and position on in one transaction.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnection, SqlitePool};

use crate::error::{Doing, OperationsError};
use crate::event::{Fact, Incoming, LoggedEvent, read};
use crate::keys::Recent;
use crate::settings::{Checked, Settings};
use crate::shop::ShopWork;
use crate::store::{self, Durability};

const READERS: u32 = 4;

/// Live state. Clones share the file.
#[derive(Clone, Debug)]
pub struct Operations {
    /// One connection: SQLite has one writer.
    writer: SqlitePool,
    readers: SqlitePool,
    secret: Arc<[u8]>,
    settings: Arc<Checked>,
    keys: Arc<Recent>,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Events that changed state, or could have.
    pub applied: u64,
    /// Events that had been applied before.
    pub ignored: u64,
    /// Events that could not be read; they are kept aside in `unreadable_events`.
    pub unreadable: u64,
    /// Invoices and credit notes issued.
    pub documents: u64,
    /// The position now.
    pub position: u64,
}

impl Operations {
    /// Opens the file, or makes it, and brings its tables up to date.
    ///
    /// # Errors
    /// When a setting is wrong, or the file cannot be opened or was written by a newer version.
    pub async fn open(path: &Path, settings: Settings) -> Result<Operations, OperationsError> {
        Operations::open_with(path, &settings, Durability::Full).await
    }

    pub(crate) async fn open_with(
        path: &Path,
        settings: &Settings,
        durability: Durability,
    ) -> Result<Operations, OperationsError> {
        let settings = Arc::new(Checked::new(settings)?);
        let writer = store::open_pool(path, store::write_options(path, durability), 1).await?;
        store::migrate(&writer, path).await?;
        let secret = {
            let mut connection = writer.acquire().await.doing("open its writer")?;
            store::secret(&mut connection).await?
        };
        let readers = store::open_pool(path, store::read_only_options(path), READERS).await?;
        let keys = Arc::new(Recent::beside(path));
        Ok(Operations { writer, readers, secret: secret.into_bytes().into(), settings, keys })
    }

    pub(crate) fn recent_keys(&self) -> &Recent {
        &self.keys
    }

    /// Closes every connection; what is committed stays.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// The position of the last event that state includes; 0 when there is none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn position(&self) -> Result<u64, OperationsError> {
        let mut connection = self.readers.acquire().await.doing("read its position")?;
        position(&mut connection).await
    }

    /// Applies events in log order, all in one transaction together with the new position. Events at or below the
    /// position are ignored. Storefront events change nothing and need not be given.
    ///
    /// # Errors
    /// When the file cannot be written, or the events are out of order; then nothing of the batch is in the state.
    pub async fn apply(&self, events: &[LoggedEvent<'_>]) -> Result<Applied, OperationsError> {
        let Some(last) = check_order(events)? else {
            return Ok(Applied { position: self.position().await?, ..Applied::default() });
        };
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.doing("begin a change")?;
        let from = position(&mut transaction).await?;
        let mut applied = Applied { position: from.max(last), ..Applied::default() };
        let mut incoming = Vec::with_capacity(events.len());
        for logged in events {
            if logged.position <= from {
                applied.ignored += 1;
                continue;
            }
            match read(logged) {
                Ok(event) => incoming.push(event),
                Err(reason) => {
                    applied.unreadable += 1;
                    set_aside(&mut transaction, logged.position, &reason).await?;
                }
            }
        }
        applied.applied = incoming.len() as u64;
        applied.documents = self.apply_shops(&mut transaction, &incoming).await?;
        if last > from {
            set_position(&mut transaction, last).await?;
        }
        transaction.commit().await.doing("commit a change")?;
        Ok(applied)
    }

    /// Moves the position over events that need not be given, such as those of the storefront.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn advance(&self, position: u64) -> Result<(), OperationsError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.doing("begin a change")?;
        if self::position(&mut transaction).await? < position {
            set_position(&mut transaction, position).await?;
        }
        transaction.commit().await.doing("commit a change")
    }

    async fn apply_shops(
        &self,
        connection: &mut SqliteConnection,
        incoming: &[Incoming<'_>],
    ) -> Result<u64, OperationsError> {
        let mut shops: BTreeMap<&str, Vec<&Incoming<'_>>> = BTreeMap::new();
        for event in incoming.iter().filter(|event| !matches!(event.fact, Fact::Other)) {
            shops.entry(&event.shop).or_default().push(event);
        }
        let mut documents = 0;
        for (name, events) in shops {
            let mut work = ShopWork::new(name, self.settings.shop(name), self.settings.invoice_max_age_us);
            store::load(connection, &mut work, &events).await?;
            for event in events {
                work.take(event);
            }
            store::save(connection, &mut work, &self.secret).await?;
            documents += work.documents.len() as u64;
        }
        Ok(documents)
    }

    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    pub(crate) fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    pub(crate) fn settings(&self) -> &Checked {
        &self.settings
    }
}

/// The last position, once positions are known to rise.
fn check_order(events: &[LoggedEvent<'_>]) -> Result<Option<u64>, OperationsError> {
    for pair in events.windows(2) {
        if pair[1].position <= pair[0].position {
            return Err(OperationsError::OutOfOrder { position: pair[1].position, after: pair[0].position });
        }
    }
    Ok(events.last().map(|event| event.position))
}

async fn position(connection: &mut SqliteConnection) -> Result<u64, OperationsError> {
    let text: Option<String> = sqlx::query_scalar("SELECT value FROM meta WHERE name = 'position'")
        .fetch_optional(connection)
        .await
        .doing("read its position")?;
    match text {
        None => Ok(0),
        Some(text) => text.parse().map_err(|_| OperationsError::Damaged { what: "the position", value: text }),
    }
}

async fn set_position(connection: &mut SqliteConnection, position: u64) -> Result<(), OperationsError> {
    sqlx::query(
        "INSERT INTO meta (name, value) VALUES ('position', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )
    .bind(position.to_string())
    .execute(connection)
    .await
    .doing("write its position")?;
    Ok(())
}

/// One event that cannot be read must not stop all that come after it; it is told and kept in sight.
async fn set_aside(connection: &mut SqliteConnection, position: u64, reason: &str) -> Result<(), OperationsError> {
    tracing::error!(position, reason, "event cannot be read and is not in the live state");
    sqlx::query("INSERT INTO unreadable_events (position, reason) VALUES (?, ?)")
        .bind(i64::try_from(position).unwrap_or(i64::MAX))
        .bind(reason)
        .execute(connection)
        .await
        .doing("set an event aside")?;
    Ok(())
}
