//! The threads of an import and the order between them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use mizan_events::{EventTime, Unknown};
use mizan_log::{Entry, Offered, Outcome};
use tokio::runtime::Handle;

use super::block::{DecodedBlock, ReadBlock, RefusedRow, blocks, decode};
use super::{ImportError, ImportOptions, ImportProgress, ImportSummary, Stop};
use crate::decode::{Decoded, Decoder};
use crate::files::{FileError, ImportState, Position, Source};
use crate::intake::Intake;
use crate::mapping::Mapping;
use crate::rejected::{Origin, Reject};
use crate::worker::{Columns, Worker, WorkerError};

/// Blocks that may wait between two steps: memory is bounded by this many blocks of a few megabytes each.
const WAITING: usize = 4;
/// Blocks that may be on their way into the log: while some are written, the next are put together.
const OFFERED: usize = 4;
/// A file's position is kept after so many blocks; a crash repeats those, which the log then knows.
const SAVE_EVERY: u64 = 8;

/// A block on its way, with its place in the whole import.
struct Numbered<T> {
    number: u64,
    /// Place among the files to do.
    file: usize,
    position: Position,
    ends_file: bool,
    content: T,
}

/// What is to be done.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) intake: &'a Intake,
    pub(super) source: &'a Source,
    pub(super) mapping: Option<&'a Mapping>,
    pub(super) options: &'a ImportOptions,
    pub(super) progress: &'a ImportProgress,
    pub(super) stop: &'a Stop,
}

/// Where columns go that are ready; without it they are left to whoever follows the log.
pub(super) struct ToLake<'a> {
    pub(super) worker: &'a mut Worker,
    pub(super) runtime: &'a Handle,
}

pub(super) fn run(
    job: &Job<'_>,
    lake: Option<ToLake<'_>>,
    todo: Vec<(usize, ImportState)>,
    summary: &mut ImportSummary,
) -> Result<(), ImportError> {
    let shop = job.options.shop.as_deref();
    let mapping = match (job.mapping, shop) {
        (Some(mapping), Some(shop)) => Some(&mapping.for_shop(shop)),
        (mapping, _) => mapping,
    };
    let job = &Job { mapping, ..*job };
    let decoders = std::thread::available_parallelism().map_or(2, usize::from).clamp(1, 16);
    let (send_read, receive_read) = sync_channel::<Numbered<Option<ReadBlock>>>(WAITING);
    let (send_decoded, receive_decoded) = sync_channel::<Numbered<Option<DecodedBlock>>>(WAITING);
    let receive_read = Arc::new(Mutex::new(receive_read));
    let starts: Vec<(usize, Position)> = todo.iter().map(|(index, state)| (*index, state.position())).collect();
    let received_at = EventTime::now();
    // In what a mapping makes, an unknown field is a slip of the pen.
    let unknown = if mapping.is_some() { Unknown::Refuse } else { Unknown::Keep };

    std::thread::scope(|scope| {
        let named = |name: &str| std::thread::Builder::new().name(format!("mizan-{name}"));
        let reader =
            named("read").spawn_scoped(scope, move || read(job, &starts, &send_read)).map_err(ImportError::Start)?;
        for _ in 0..decoders {
            let (receive, send) = (Arc::clone(&receive_read), send_decoded.clone());
            let decoder = move || {
                let mut decoder = Decoder::new(unknown, received_at);
                loop {
                    // The lock is held while waiting, so that blocks are taken in turn.
                    let taken = receive.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(Numbered { number, file, position, ends_file, content }) = taken else { break };
                    let content = content.map(|read| decode(read.block, mapping, shop, &mut decoder));
                    if send.send(Numbered { number, file, position, ends_file, content }).is_err() {
                        break;
                    }
                }
            };
            named("decode").spawn_scoped(scope, decoder).map_err(ImportError::Start)?;
        }
        drop(send_decoded);
        drop(receive_read);
        let mut sink = Sink {
            job,
            lake,
            todo,
            received_at,
            summary,
            next: 0,
            early: BTreeMap::new(),
            offered: VecDeque::new(),
            unsaved: None,
        };
        let stored = sink.drain(&receive_decoded);
        // When storing failed, the other threads end because nobody takes their blocks any more.
        drop(receive_decoded);
        let read = reader.join().unwrap_or(Err(ImportError::Thread("reading")));
        stored.and(read)
    })
}

fn read(
    job: &Job<'_>,
    starts: &[(usize, Position)],
    send: &SyncSender<Numbered<Option<ReadBlock>>>,
) -> Result<(), ImportError> {
    let Job { source, mapping, progress, stop, .. } = *job;
    let mut number = 0;
    let mut before: u64 = 0;
    for (file, (index, start)) in starts.iter().enumerate() {
        let described = &source.files[*index];
        let mut position = *start;
        for block in blocks(described, mapping, *start, *index)? {
            let block: ReadBlock = block.map_err(|error: FileError| error)?;
            if stop.is_asked() {
                return Err(ImportError::Stopped);
            }
            position = block.position;
            let numbered = Numbered { number, file, position, ends_file: false, content: Some(block) };
            if send.send(numbered).is_err() {
                return Ok(());
            }
            number += 1;
            progress.set(before + position.bytes.min(described.bytes));
        }
        if send.send(Numbered { number, file, position, ends_file: true, content: None }).is_err() {
            return Ok(());
        }
        number += 1;
        before += described.bytes;
        progress.set(before);
    }
    Ok(())
}

/// Where blocks end up, in their order.
struct Sink<'a> {
    job: &'a Job<'a>,
    lake: Option<ToLake<'a>>,
    todo: Vec<(usize, ImportState)>,
    received_at: EventTime,
    summary: &'a mut ImportSummary,
    next: u64,
    early: BTreeMap<u64, Numbered<Option<DecodedBlock>>>,
    offered: VecDeque<Numbered<Option<OfferedBlock>>>,
    /// How far a file has come beyond what is kept on disk.
    unsaved: Option<(usize, Position)>,
}

/// A block on its way into the log.
struct OfferedBlock {
    offered: Offered,
    columns: Columns,
    /// The families of its entries.
    tags: Vec<u8>,
}

impl Sink<'_> {
    fn drain(&mut self, receive: &Receiver<Numbered<Option<DecodedBlock>>>) -> Result<(), ImportError> {
        loop {
            let block = match receive.try_recv() {
                Ok(block) => block,
                // Nothing to offer just now: time to see what became of what was.
                Err(TryRecvError::Empty) if !self.offered.is_empty() => {
                    self.settle_oldest()?;
                    continue;
                }
                Err(_) => match receive.recv() {
                    Ok(block) => block,
                    Err(_) => break,
                },
            };
            self.early.insert(block.number, block);
            while let Some(block) = self.early.remove(&self.next) {
                self.next += 1;
                self.offer(block)?;
                if self.offered.len() == OFFERED {
                    self.settle_oldest()?;
                }
            }
        }
        while !self.offered.is_empty() {
            self.settle_oldest()?;
        }
        // The reader was asked to stop, or can read no further: the next import goes on right here.
        if let Some((file, position)) = self.unsaved.take() {
            self.todo[file].1.save(position)?;
        }
        Ok(())
    }

    /// A block in its turn: refused rows kept, events offered to the log.
    fn offer(&mut self, block: Numbered<Option<DecodedBlock>>) -> Result<(), ImportError> {
        let Numbered { number, file, position, ends_file, content } = block;
        let mut offered = None;
        if let Some(DecodedBlock { decoded, refused }) = content {
            self.keep_refused(file, refused)?;
            let (entries, columns, _) = decoded.into_parts();
            let tags: Vec<u8> = entries.iter().map(|entry: &Entry| entry.tag).collect();
            if !entries.is_empty() {
                let answer = self.job.intake.log().offer_blocking(self.received_at.micros(), entries)?;
                offered = Some(OfferedBlock { offered: answer, columns, tags });
            }
        }
        self.offered.push_back(Numbered { number, file, position, ends_file, content: offered });
        Ok(())
    }

    /// The block that was offered first, once it is on disk: columns handed on, position kept.
    fn settle_oldest(&mut self) -> Result<(), ImportError> {
        let Some(Numbered { number, file, position, ends_file, content }) = self.offered.pop_front() else {
            return Ok(());
        };
        if let Some(OfferedBlock { offered, columns, tags }) = content {
            let outcomes = offered.wait()?;
            self.hand_on(columns, &tags, &outcomes)?;
        }
        let state = &mut self.todo[file].1;
        self.unsaved = None;
        if ends_file {
            state.finish()?;
        } else if number % SAVE_EVERY == SAVE_EVERY - 1 {
            state.save(position)?;
        } else {
            self.unsaved = Some((file, position));
        }
        Ok(())
    }

    fn hand_on(&mut self, columns: Columns, tags: &[u8], outcomes: &[Outcome]) -> Result<(), ImportError> {
        let mut last = None;
        for outcome in outcomes {
            match outcome {
                Outcome::Stored(position) => {
                    self.summary.accepted += 1;
                    last = Some(*position);
                }
                Outcome::Duplicate => self.summary.duplicates += 1,
                Outcome::Conflict => self.summary.conflicts += 1,
            }
        }
        let (Some(last), Some(lake)) = (last, &mut self.lake) else { return Ok(()) };
        let columns = Decoded::positioned(columns, tags, outcomes, self.received_at).map_err(WorkerError::from)?;
        lake.runtime.block_on(lake.worker.push(columns, last))?;
        Ok(())
    }

    fn keep_refused(&mut self, file: usize, refused: Vec<RefusedRow>) -> Result<(), ImportError> {
        if refused.is_empty() {
            return Ok(());
        }
        let path = self.job.source.files[self.todo[file].0].path.display().to_string();
        if let (true, Some(first)) = (self.job.options.strict, refused.first()) {
            return Err(ImportError::Refused { file: path, line: first.line, reason: first.reason.clone() });
        }
        self.summary.rejected += refused.len() as u64;
        let rejects = refused.into_iter().map(|row| {
            let origin = Origin {
                kind: "import".to_owned(),
                file: Some(path.clone()),
                line: Some(row.line),
                ..Origin::default()
            };
            Reject::new(origin, row.reason, row.body)
        });
        self.job.intake.rejected().append(rejects.collect())?;
        Ok(())
    }
}
