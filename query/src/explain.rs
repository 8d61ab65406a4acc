//! `EXPLAIN`: the plan as text, without the names of the files it would read.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, displayable};

use crate::QueryError;

/// Two rows, as the engine's own `EXPLAIN` gives them.
pub(crate) fn explain(logical: &LogicalPlan, physical: &dyn ExecutionPlan) -> Result<RecordBatch, QueryError> {
    let logical = logical.display_indent().to_string();
    let physical = without_files(&displayable(physical).indent(false).to_string());
    let kinds: ArrayRef = Arc::new(StringArray::from(vec!["logical_plan", "physical_plan"]));
    let plans: ArrayRef = Arc::new(StringArray::from(vec![logical, physical]));
    RecordBatch::try_from_iter([("plan_type", kinds), ("plan", plans)])
        .map_err(|error| QueryError::internal(error.to_string()))
}

/// Cuts the list of files after `file_groups={2 groups: [[…]]}`, keeping the count.
fn without_files(plan: &str) -> String {
    const MARK: &str = "file_groups={";
    let mut clean = String::with_capacity(plan.len());
    let mut rest = plan;
    while let Some(start) = rest.find(MARK) {
        let (before, list) = rest.split_at(start + MARK.len());
        clean.push_str(before);
        let end = closing(list);
        let count = list[..end].split(':').next().unwrap_or_default();
        clean.push_str(count);
        rest = &list[end..];
    }
    clean.push_str(rest);
    clean
}

/// Where the brace opened before `list` closes; the end of the line if nothing closes it.
fn closing(list: &str) -> usize {
    let mut open = 1_usize;
    for (at, character) in list.char_indices() {
        match character {
            '{' => open += 1,
            '}' => open -= 1,
            '\n' => return at,
            _ => {}
        }
        if open == 0 {
            return at;
        }
    }
    list.len()
}

#[cfg(test)]
mod tests {
    use super::without_files;

    #[test]
    fn a_plan_keeps_its_shape_and_loses_its_paths() {
        let plan = "A\n  DataSourceExec: file_groups={2 groups: [[srv/data/a.parquet], [srv/{x}/b.parquet]]}, projection=[a]\n  B: file_groups={1 group: [[c]]}";
        assert_eq!(
            without_files(plan),
            "A\n  DataSourceExec: file_groups={2 groups}, projection=[a]\n  B: file_groups={1 group}"
        );
        assert_eq!(without_files("file_groups={1 group: [[broken\nnext"), "file_groups={1 group\nnext");
    }
}
