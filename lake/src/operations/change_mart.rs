//! Change some rows of a model's table: those of some keys go, others come, in one commit.
//!
//! Files that hold rows of the keys are written again without them; the others stay. New rows go into the files in
//! whose stretch of time they lie, the rest into new ones, so that rows stay together as they were laid.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::{SortColumn, concat_batches, filter_record_batch, lexsort_to_indices, take_record_batch};
use arrow::datatypes::SchemaRef;
use arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::catalog::TableProvider;
use datafusion::prelude::SessionContext;
use deltalake_core::kernel::Add;
use futures::StreamExt;
use object_store::path::Path;

use crate::encode::file::FileWriter;
use crate::encode::properties::mart_properties;
use crate::error::LakeError;
use crate::operations::replace_mart::{Exchange, FILE_ROWS, MartInfo, MartVersion, commit, stored_schema};
use crate::pinned::{DataFile, Pinned};
use crate::schema::{Shape, cast_batch};
use crate::table::Table;

/// Files this much smaller than they may be count as small.
const SMALL_ROWS: usize = FILE_ROWS / 8;
/// Small files that a table may have before a change joins them.
const SMALL_FILES_MAX: usize = 8;

/// Rows to exchange in a model's table.
#[derive(Clone, Debug)]
pub struct MartChange {
    /// The version that the rows were computed against.
    pub base: u64,
    /// The keys, by columns of the table: all rows that have one of them go. NULL equals NULL.
    pub keys: RecordBatch,
    /// Rows that come, under the schema of the table.
    pub rows: RecordBatch,
}

/// Reads files of the table.
pub(crate) trait Reads {
    /// These files as a table.
    fn of(&self, files: Vec<Arc<DataFile>>) -> Arc<dyn TableProvider>;
}

/// Exchanges the rows.
pub(crate) async fn change_mart(
    table: &Table,
    reads: &impl Reads,
    context: &SessionContext,
    change: MartChange,
    info: &MartInfo,
) -> Result<MartVersion, LakeError> {
    let _alone = table.rewriting.lock().await;
    let pinned = table.pin().await?;
    let schema = stored_schema(&table.name, change.rows.schema_ref(), info)?;
    let shape = Arc::new(Shape::new(Arc::clone(&schema), false));
    if !same_columns(&shape.files, &pinned.shape.files) {
        return Err(LakeError::batch(&table.name, "it has other columns than the table"));
    }
    let new_rows = sorted(&cast_batch(&change.rows, &shape.files)?, &info.order)?;
    let keys = KeySet::new(&change.keys, &shape.files)?;
    let touched = touched(&pinned, reads, context, &keys).await?;
    let mut writer = Rewriting { table, shape: &shape, order: &info.order, adds: Vec::new() };
    let mut removed = touched.clone();
    // Small files are joined with what comes; those that are touched anyway are written again by themselves.
    let is_touched: HashSet<&Path> = touched.iter().map(|file| &file.path).collect();
    let small: Vec<Arc<DataFile>> = pinned
        .files
        .iter()
        .filter(|file| file.statistics.rows.is_some_and(|rows| rows < SMALL_ROWS) && !is_touched.contains(&file.path))
        .cloned()
        .collect();
    let joined = if !change_is_empty(&change) && small.len() > SMALL_FILES_MAX { small } else { Vec::new() };
    let mut rest = new_rows;
    for file in &touched {
        let rows = read(reads, context, vec![Arc::clone(file)], &shape.files).await?;
        let kept = filter_record_batch(&rows, &keys.among(&rows, false)?)?;
        let (here, elsewhere) = within(&rows, &rest, info.order.first())?;
        rest = elsewhere;
        writer.put(&[kept, here]).await?;
    }
    let mut last = vec![rest];
    if !joined.is_empty() {
        last.push(read(reads, context, joined.clone(), &shape.files).await?);
        removed.extend(joined);
    }
    writer.put(&last).await?;
    let exchange = Exchange { base: Some(change.base), removed: Some(removed), adds: writer.adds };
    let (version, _) = commit(table, &schema, &shape, exchange, info).await?;
    let now = table.pin().await?;
    Ok(MartVersion {
        version,
        rows: now.rows().unwrap_or(0),
        files: now.files.len(),
        bytes: now.files.iter().map(|file| file.size).sum(),
    })
}

fn change_is_empty(change: &MartChange) -> bool {
    change.keys.num_rows() == 0 && change.rows.num_rows() == 0
}

fn same_columns(one: &SchemaRef, other: &SchemaRef) -> bool {
    let plain = |schema: &SchemaRef| -> Vec<_> {
        schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect()
    };
    plain(one) == plain(other)
}

/// The files that hold rows of these keys.
async fn touched(
    pinned: &Pinned,
    reads: &impl Reads,
    context: &SessionContext,
    keys: &KeySet,
) -> Result<Vec<Arc<DataFile>>, LakeError> {
    if keys.known.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<&str> = keys.names.iter().map(String::as_str).collect();
    let mut found = Vec::new();
    for file in pinned.files.iter() {
        let rows = context.read_table(reads.of(vec![Arc::clone(file)]))?.select_columns(&names)?;
        let mut rows = rows.execute_stream().await?;
        while let Some(batch) = rows.next().await {
            if keys.among(&batch?, true)?.true_count() > 0 {
                found.push(Arc::clone(file));
                break;
            }
        }
    }
    Ok(found)
}

async fn read(
    reads: &impl Reads,
    context: &SessionContext,
    files: Vec<Arc<DataFile>>,
    schema: &SchemaRef,
) -> Result<RecordBatch, LakeError> {
    let batches = context.read_table(reads.of(files))?.collect().await?;
    let batches = batches.iter().map(|batch| cast_batch(batch, schema)).collect::<Result<Vec<_>, _>>()?;
    Ok(concat_batches(schema, &batches)?)
}

/// A set of keys, NULL equal to NULL.
#[derive(Debug)]
pub struct KeySet {
    names: Vec<String>,
    schema: SchemaRef,
    converter: RowConverter,
    known: HashSet<OwnedRow>,
}

impl KeySet {
    /// The keys of these rows, whose columns are columns of `table`.
    pub fn new(keys: &RecordBatch, table: &SchemaRef) -> Result<KeySet, LakeError> {
        let names: Vec<String> = keys.schema().fields().iter().map(|field| field.name().clone()).collect();
        let places = names.iter().map(|name| table.index_of(name)).collect::<Result<Vec<_>, _>>()?;
        let schema: SchemaRef = Arc::new(table.project(&places)?);
        let fields = schema.fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
        let converter = RowConverter::new(fields)?;
        let rows = converter.convert_columns(cast_batch(keys, &schema)?.columns())?;
        let known = rows.iter().map(|row| row.owned()).collect();
        Ok(KeySet { names, schema, converter, known })
    }

    /// Which rows have one of the keys, or have none of them.
    pub fn among(&self, rows: &RecordBatch, wanted: bool) -> Result<BooleanArray, LakeError> {
        let places = self.names.iter().map(|name| rows.schema().index_of(name)).collect::<Result<Vec<_>, _>>()?;
        let columns = cast_batch(&rows.project(&places)?, &self.schema)?;
        let rows = self.converter.convert_columns(columns.columns())?;
        Ok(rows.iter().map(|row| Some(self.known.contains(&row.owned()) == wanted)).collect())
    }
}

/// Splits `rows` into those that lie in the stretch of `file` by this column, and the others.
fn within(
    file: &RecordBatch,
    rows: &RecordBatch,
    by: Option<&String>,
) -> Result<(RecordBatch, RecordBatch), LakeError> {
    let column = by.and_then(|name| Some((file.column_by_name(name)?, rows.column_by_name(name)?)));
    let Some((of_file, of_rows)) = column.filter(|_| rows.num_rows() > 0) else {
        return Ok((rows.slice(0, 0), rows.clone()));
    };
    let converter = RowConverter::new(vec![SortField::new(of_file.data_type().clone())])?;
    let stretch = converter.convert_columns(&[Arc::clone(of_file)])?;
    let (Some(first), Some(last)) = (stretch.iter().min(), stretch.iter().max()) else {
        return Ok((rows.slice(0, 0), rows.clone()));
    };
    let places = converter.convert_columns(&[Arc::clone(of_rows)])?;
    let inside: BooleanArray = places.iter().map(|row| Some(first <= row && row <= last)).collect();
    let outside: BooleanArray = inside.iter().map(|is| is.map(|is| !is)).collect();
    Ok((filter_record_batch(rows, &inside)?, filter_record_batch(rows, &outside)?))
}

/// Rows in the order in which the table keeps them.
fn sorted(rows: &RecordBatch, order: &[String]) -> Result<RecordBatch, LakeError> {
    let columns: Vec<SortColumn> = order
        .iter()
        .filter_map(|name| rows.column_by_name(name))
        .map(|column| SortColumn { values: Arc::clone(column) as ArrayRef, options: None })
        .collect();
    if columns.is_empty() || rows.num_rows() < 2 {
        return Ok(rows.clone());
    }
    let indices: UInt32Array = lexsort_to_indices(&columns, None)?;
    Ok(take_record_batch(rows, &indices)?)
}

struct Rewriting<'a> {
    table: &'a Table,
    shape: &'a Arc<Shape>,
    order: &'a [String],
    adds: Vec<Add>,
}

impl Rewriting<'_> {
    /// Writes these rows in order, into files of like size.
    async fn put(&mut self, parts: &[RecordBatch]) -> Result<(), LakeError> {
        let rows = sorted(&concat_batches(&self.shape.files, parts)?, self.order)?;
        let files = rows.num_rows().div_ceil(FILE_ROWS + FILE_ROWS / 2);
        if files == 0 {
            return Ok(());
        }
        let each = rows.num_rows().div_ceil(files);
        for start in (0..rows.num_rows()).step_by(each) {
            let part = rows.slice(start, each.min(rows.num_rows() - start));
            let path = Path::from(format!("part-{}.parquet", uuid::Uuid::now_v7().simple()));
            let mut writer = FileWriter::new(self.table.files(), path, self.shape, mart_properties())?;
            writer.write(&part).await?;
            self.adds.push(writer.finish(None, true).await?);
        }
        Ok(())
    }
}
