//! The store under the tables: local files that are on disk when a write returns.
//!
//! The stock local store never calls fsync, so a power cut can leave a commit that is empty or gone. Here a whole
//! object is written to a staging file, synced, published by an atomic link or rename, and then the folder is synced,
//! with every folder that had to be made for it: an object is never visible before its bytes are on disk. Uploads in
//! parts, which only data files use, are synced when they complete, before any commit can name them.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::ops::Range;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};

const STORE: &str = "DurableStore";

/// A local object store whose writes survive a power cut.
#[derive(Debug, Clone)]
pub struct DurableStore {
    inner: Arc<LocalFileSystem>,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    staged: AtomicU64,
    file_syncs: AtomicU64,
    folder_syncs: AtomicU64,
    #[cfg(test)]
    faults: Faults,
}

/// Failures that tests ask for: the n-th coming one of each kind.
#[cfg(test)]
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// Before the commit is visible.
    pub(crate) commit_staging: AtomicU64,
    /// After the commit is visible, when its folder is synced.
    pub(crate) commit_folder: AtomicU64,
}

impl Default for DurableStore {
    fn default() -> DurableStore {
        DurableStore::new()
    }
}

impl DurableStore {
    /// A store whose paths begin at the root of the file system.
    pub fn new() -> DurableStore {
        DurableStore { inner: Arc::new(LocalFileSystem::new()), counters: Arc::default() }
    }

    /// How many files were synced so far.
    pub fn file_syncs(&self) -> u64 {
        self.counters.file_syncs.load(Ordering::Relaxed)
    }

    /// How many folders were synced so far.
    pub fn folder_syncs(&self) -> u64 {
        self.counters.folder_syncs.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(crate) fn faults(&self) -> &Faults {
        &self.counters.faults
    }

    /// Syncs a folder that earlier runs may have published into without reaching their own sync.
    pub(crate) async fn settle(&self, folder: &Path) -> Result<()> {
        let folder = self.inner.path_to_filesystem(folder)?;
        self.blocking(move |store| if folder.is_dir() { store.sync_folder(&folder) } else { Ok(()) }).await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&DurableStore) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let store = self.clone();
        let outcome = tokio::task::spawn_blocking(move || work(&store)).await?;
        outcome.map_err(|source| match source.kind() {
            ErrorKind::NotFound => Error::NotFound { path: String::new(), source: Box::new(source) },
            _ => Error::Generic { store: STORE, source: Box::new(source) },
        })
    }

    fn sync_file(&self, path: &FsPath) -> std::io::Result<()> {
        self.counters.file_syncs.fetch_add(1, Ordering::Relaxed);
        File::open(path)?.sync_all()
    }

    fn sync_folder(&self, folder: &FsPath) -> std::io::Result<()> {
        #[cfg(test)]
        fail_once(&self.counters.faults.commit_folder, folder.ends_with("_delta_log"))?;
        self.counters.folder_syncs.fetch_add(1, Ordering::Relaxed);
        File::open(folder)?.sync_all()
    }

    /// Syncs the folder of a new entry.
    fn sync_entry(&self, path: &FsPath) -> std::io::Result<()> {
        path.parent().map_or(Ok(()), |folder| self.sync_folder(folder))
    }

    /// Makes a folder and those above it; each new one is synced into its parent.
    fn make_folders(&self, folder: &FsPath) -> std::io::Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        if let Some(parent) = folder.parent() {
            self.make_folders(parent)?;
        }
        match std::fs::create_dir(folder) {
            Ok(()) => self.sync_entry(folder),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A staging name beside the target. The local store leaves names that end in `#digits` out of its listings.
    fn staging(&self, path: &FsPath) -> PathBuf {
        let number = self.counters.staged.fetch_add(1, Ordering::Relaxed);
        let mut staged = path.as_os_str().to_owned();
        staged.push(format!("#{}{number:08}", std::process::id()));
        staged.into()
    }

    fn write_whole(&self, path: &FsPath, payload: &PutPayload, create: bool) -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(FsPath::new("/"));
        self.make_folders(folder)?;
        let staged = self.staging(path);
        let published = self
            .stage(&staged, payload)
            .and_then(|()| if create { std::fs::hard_link(&staged, path) } else { std::fs::rename(&staged, path) });
        if create || published.is_err() {
            // A staging file that stays behind is only litter: no listing shows it, vacuum removes it.
            let _ = std::fs::remove_file(&staged);
        }
        published?;
        self.sync_folder(folder)
    }

    fn stage(&self, staged: &FsPath, payload: &PutPayload) -> std::io::Result<()> {
        #[cfg(test)]
        fail_once(&self.counters.faults.commit_staging, staged.parent().is_some_and(|f| f.ends_with("_delta_log")))?;
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(staged)?;
        for chunk in payload {
            file.write_all(chunk)?;
        }
        self.counters.file_syncs.fetch_add(1, Ordering::Relaxed);
        file.sync_all()
    }

    async fn sync_published(&self, location: &Path) -> Result<()> {
        let path = self.inner.path_to_filesystem(location)?;
        self.blocking(move |store| {
            store.sync_file(&path)?;
            // The inner store may have made folders; syncing the whole chain up costs little and misses none.
            for folder in path.ancestors().skip(1).take(3) {
                store.sync_folder(folder)?;
            }
            Ok(())
        })
        .await
    }
}

/// Counts down at each fitting call and fails when it gets to the end.
#[cfg(test)]
fn fail_once(countdown: &AtomicU64, fits: bool) -> std::io::Result<()> {
    if fits && countdown.load(Ordering::SeqCst) > 0 && countdown.fetch_sub(1, Ordering::SeqCst) == 1 {
        return Err(std::io::Error::other("a failure that the test asked for"));
    }
    Ok(())
}

impl fmt::Display for DurableStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{STORE}({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for DurableStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let create = match options.mode {
            PutMode::Create => true,
            PutMode::Overwrite => false,
            PutMode::Update(_) => {
                return Err(Error::NotImplemented {
                    operation: "`put_opts` with mode `PutMode::Update`".into(),
                    implementer: STORE.into(),
                });
            }
        };
        let path = self.inner.path_to_filesystem(location)?;
        let shown = location.to_string();
        let store = self.clone();
        let written = tokio::task::spawn_blocking(move || store.write_whole(&path, &payload, create)).await?;
        written.map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => Error::AlreadyExists { path: shown, source: Box::new(source) },
            ErrorKind::PermissionDenied => Error::PermissionDenied { path: shown, source: Box::new(source) },
            _ => Error::Generic { store: STORE, source: Box::new(source) },
        })?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let path = self.inner.path_to_filesystem(location)?;
        self.blocking(move |store| path.parent().map_or(Ok(()), |folder| store.make_folders(folder))).await?;
        let upload = self.inner.put_multipart_opts(location, options).await?;
        Ok(Box::new(DurableUpload { upload, store: self.clone(), location: location.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        // A deletion that a power cut undoes leaves a file nobody refers to, which the next vacuum finds.
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await?;
        self.sync_published(to).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.inner.rename_opts(from, to, options).await?;
        self.sync_published(to).await
    }
}

/// An upload in parts that is on disk once it is complete.
#[derive(Debug)]
struct DurableUpload {
    upload: Box<dyn MultipartUpload>,
    store: DurableStore,
    location: Path,
}

#[async_trait]
impl MultipartUpload for DurableUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.upload.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let result = self.upload.complete().await?;
        self.store.sync_published(&self.location).await?;
        Ok(result)
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}
