//! Excel workbooks (`.xlsx`), read cell by cell.
//!
//! The sheet streams through: what stays in memory is the table of texts that its cells share. The reader of the cells
//! borrows the workbook, so both live on a thread of their own, which hands rows over through a short queue.

mod book;
mod text;

use std::fs::File;
use std::io::BufReader;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::vec;

use calamine::{Reader as _, SheetType, SheetVisible, Xlsx, XlsxCellReader, XlsxError};
use csv::StringRecord;

pub(super) use book::recognise;

use super::csv::column_names;
use super::error::FileError;
use super::input::Progress;
use super::record::{BadRow, Item, Position, Record, Row, Rows};
use super::source::{Compression, SourceFile};

/// Rows that are handed over together.
const BATCH_ROWS: usize = 256;
/// Batches that may wait.
const WAITING: usize = 4;
/// Columns of a sheet, as Excel itself allows; a place beyond them is damage.
const COLUMNS_MAX: u32 = 16_384;

/// The rows of one sheet of a workbook.
pub(super) struct Sheet {
    source: SourceFile,
    header: Arc<[String]>,
    receive: Receiver<Sent>,
    ready: vec::IntoIter<Line>,
    position: Position,
    progress: Progress,
    ended: bool,
}

/// What the thread hands over; the end is said, so that a thread that broke down is not taken for it.
enum Sent {
    Header(Vec<String>),
    Lines(Vec<Line>),
    Failed(FileError),
    End,
}

/// One row of the sheet that is not empty.
struct Line {
    /// Its number in the sheet, from 1.
    number: u64,
    cells: Vec<String>,
    /// What is wrong with it.
    problem: Option<String>,
}

type Cells<'a> = XlsxCellReader<'a, BufReader<File>>;

impl Sheet {
    pub(super) fn open(
        source: &SourceFile,
        sheet: Option<&str>,
        from: Position,
        progress: &Progress,
    ) -> Result<Self, FileError> {
        if source.compression != Compression::None {
            return Err(source.damaged("a workbook is packed already; take it out of the .gz or .zst"));
        }
        let (send, receive) = sync_channel(WAITING);
        let (described, sheet) = (source.clone(), sheet.map(str::to_owned));
        let work = move || {
            // The crate that reads the format stops at some damage with a panic.
            let read = catch_unwind(AssertUnwindSafe(|| read(&described, sheet.as_deref(), from.rows, &send)));
            let read = read.unwrap_or_else(|_| Err(described.damaged("the reader gave up on its content")));
            // Whoever does not wait for the end any more has taken what was wanted.
            let _ = send.send(read.err().map_or(Sent::End, Sent::Failed));
        };
        let thread = std::thread::Builder::new().name("mizan-sheet".to_owned()).spawn(work);
        thread.map_err(|error| source.failed(error))?;
        let mut opened = Self {
            source: source.clone(),
            header: Arc::new([]),
            receive,
            ready: Vec::new().into_iter(),
            position: from,
            progress: progress.clone(),
            ended: false,
        };
        match opened.receive()? {
            Sent::Header(names) => opened.header = names.into(),
            _ => opened.ended = true,
        }
        Ok(opened)
    }

    /// The column names; none when no sheet holds anything.
    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    fn receive(&mut self) -> Result<Sent, FileError> {
        match self.receive.recv() {
            Ok(Sent::Failed(error)) => Err(error),
            Ok(sent) => Ok(sent),
            Err(_) => Err(self.source.damaged("its reading ended early")),
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<Item>, FileError> {
        loop {
            if let Some(line) = self.ready.next() {
                self.position.rows += 1;
                return Ok(Some(self.item(line)));
            }
            if self.ended {
                self.progress.set(self.source.bytes);
                return Ok(None);
            }
            match self.receive()? {
                Sent::Lines(lines) => self.ready = lines.into_iter(),
                Sent::Header(_) | Sent::Failed(_) => {}
                Sent::End => self.ended = true,
            }
        }
    }

    fn item(&self, line: Line) -> Item {
        let row = Row::Cells { header: Arc::clone(&self.header), cells: StringRecord::from(line.cells) };
        let position = self.position;
        match line.problem {
            None => Item::Record(Record { line: line.number, position, rows: Rows::One(row) }),
            Some(reason) => Item::Rejected(BadRow { line: line.number, position, reason, body: row.to_text() }),
        }
    }
}

/// The thread's work: header and rows of the sheet, without the first `skip` rows.
fn read(source: &SourceFile, sheet: Option<&str>, mut skip: u64, send: &SyncSender<Sent>) -> Result<(), FileError> {
    book::check(source)?;
    let file = File::open(&source.path).map_err(|error| source.failed(error))?;
    let failed = |error| failed(source, error);
    let mut workbook = Xlsx::new(BufReader::with_capacity(256 << 10, file)).map_err(failed)?;
    for name in candidates(source, &workbook, sheet)? {
        let mut lines =
            Lines { cells: workbook.worksheet_cells_reader(&name).map_err(failed)?, next: None, ended: false };
        let Some((_, first)) =
            lines.next(|cells| cells.iter().any(|cell| !cell.text.trim().is_empty())).map_err(failed)?
        else {
            continue;
        };
        let names = header(source, first)?;
        if send.send(Sent::Header(names.clone())).is_err() {
            return Ok(());
        }
        let mut batch = Vec::new();
        while let Some((number, cells)) = lines.next(|cells| !cells.is_empty()).map_err(failed)? {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            batch.push(line(number, cells, &names));
            if batch.len() == BATCH_ROWS && send.send(Sent::Lines(std::mem::take(&mut batch))).is_err() {
                return Ok(());
            }
        }
        let _ = send.send(Sent::Lines(batch));
        return Ok(());
    }
    Ok(())
}

fn failed(source: &SourceFile, error: XlsxError) -> FileError {
    match error {
        XlsxError::Io(error) => source.failed(error),
        XlsxError::Password => FileError::Protected { path: source.path.clone() },
        other => source.damaged(other),
    }
}

/// The sheets to look into: the one asked for, or all that a person sees.
fn candidates(
    source: &SourceFile,
    workbook: &Xlsx<BufReader<File>>,
    wanted: Option<&str>,
) -> Result<Vec<String>, FileError> {
    let sheets = workbook.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
    let Some(wanted) = wanted else {
        let visible = sheets.filter(|sheet| sheet.visible == SheetVisible::Visible);
        return Ok(visible.map(|sheet| sheet.name.clone()).collect());
    };
    let names: Vec<String> = sheets.map(|sheet| sheet.name.clone()).collect();
    // Excel itself takes names that differ only in case for the same.
    let same = |name: &&String| name.trim().to_lowercase() == wanted.to_lowercase();
    match names.iter().find(same) {
        Some(name) => Ok(vec![name.clone()]),
        None => Err(FileError::NoSheet {
            path: source.path.clone(),
            sheet: wanted.to_owned(),
            known: names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        }),
    }
}

/// A cell that is not empty.
struct Filled {
    row: u32,
    column: u32,
    text: String,
    problem: Option<String>,
}

/// Cells put together to rows.
struct Lines<'a> {
    cells: Cells<'a>,
    /// The first cell of the row after the one that was given.
    next: Option<Filled>,
    /// Whether the sheet has no more cells; beyond its end the reader finds fault.
    ended: bool,
}

impl Lines<'_> {
    /// The next row that is `wanted`, with its number from 1.
    fn next(&mut self, wanted: impl Fn(&[Filled]) -> bool) -> Result<Option<(u64, Vec<Filled>)>, XlsxError> {
        loop {
            let Some(first) = self.next.take().map_or_else(|| self.filled(), |cell| Ok(Some(cell)))? else {
                return Ok(None);
            };
            let row = first.row;
            let mut cells = vec![first];
            while let Some(cell) = self.filled()? {
                if cell.row != row {
                    self.next = Some(cell);
                    break;
                }
                cells.push(cell);
            }
            if wanted(&cells) {
                return Ok(Some((u64::from(row) + 1, cells)));
            }
        }
    }

    fn filled(&mut self) -> Result<Option<Filled>, XlsxError> {
        while !self.ended {
            let Some(cell) = self.cells.next_cell()? else {
                self.ended = true;
                break;
            };
            let (row, column) = cell.get_position();
            if column >= COLUMNS_MAX {
                return Err(XlsxError::ColumnNumberOverflow);
            }
            match text::of(cell.get_value()) {
                Ok(text) if text.is_empty() => {}
                Ok(text) => return Ok(Some(Filled { row, column, text, problem: None })),
                Err((text, problem)) => return Ok(Some(Filled { row, column, text, problem: Some(problem) })),
            }
        }
        Ok(None)
    }
}

/// The names of the columns, as far as the last cell that has one.
fn header(source: &SourceFile, cells: Vec<Filled>) -> Result<Vec<String>, FileError> {
    let mut names = Vec::new();
    for cell in cells.into_iter().filter(|cell| !cell.text.trim().is_empty()) {
        let place = text::place(cell.row, cell.column);
        if let Some(problem) = cell.problem {
            return Err(source.damaged(format!("{place} in its header {problem}")));
        }
        put(&mut names, cell);
    }
    column_names(source, names.iter().map(String::as_str))
}

fn put(cells: &mut Vec<String>, cell: Filled) {
    let column = cell.column as usize;
    if cells.len() <= column {
        cells.resize(column + 1, String::new());
    }
    cells[column] = cell.text;
}

fn line(number: u64, filled: Vec<Filled>, names: &[String]) -> Line {
    let mut problem = None;
    let mut cells = vec![String::new(); names.len()];
    for cell in filled {
        let place = text::place(cell.row, cell.column);
        let Some(name) = names.get(cell.column as usize) else {
            let text = excerpt(&cell.text);
            problem.get_or_insert_with(|| format!("{place} holds {text:?}, but its column has no name in the header"));
            continue;
        };
        if let Some(reason) = &cell.problem {
            problem.get_or_insert_with(|| format!("{place} (`{name}`) {reason}"));
        }
        put(&mut cells, cell);
    }
    Line { number, cells, problem }
}

fn excerpt(text: &str) -> String {
    text.chars().take(40).collect()
}
