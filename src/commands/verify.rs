//! `mizan verify`: damage, looked for before it is met.

use std::process::ExitCode;

use mizan_lake::Lake;

use super::{Context, print_json, print_text};
use crate::exit::{Code, Failure, OrFail};
use crate::output::grouped;

pub async fn run(context: Context) -> Result<ExitCode, Failure> {
    context.data.must_exist()?;
    let lake = Lake::open_read_only(&context.data.lake()).await.or_fail(Code::Io)?;
    let mut problems: Vec<String> = lake.verify().await.or_fail(Code::Io)?.iter().map(ToString::to_string).collect();
    let records = match mizan_log::verify(&context.data.log()) {
        Ok(verified) => verified.records,
        Err(error) => {
            problems.push(error.to_string());
            0
        }
    };
    let tables = lake.tables().await.or_fail(Code::Io)?;
    if context.json {
        let tables: Vec<_> = tables
            .iter()
            .map(|table| serde_json::json!({ "table": table.family.table(), "rows": table.rows, "files": table.files, "bytes": table.bytes }))
            .collect();
        print_json(&serde_json::json!({ "log_records": records, "tables": tables, "problems": problems }))?;
    } else {
        let mut text = format!("{:20}{:>12} records still in the log\n", "log", grouped(records));
        for table in tables {
            let (rows, files) = (grouped(table.rows as u64), grouped(table.files as u64));
            text.push_str(&format!(
                "{:20}{rows:>12} rows in {files} files\n",
                format!("events.{}", table.family.table())
            ));
        }
        for problem in &problems {
            text.push_str(&format!("DAMAGED  {problem}\n"));
        }
        text.push_str(if problems.is_empty() { "All is well.\n" } else { "" });
        print_text(&text)?;
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(Code::Findings as u8) })
}
