//! `mizan sql`: questions at the command line.

use std::fs::File;
use std::io::{IsTerminal, Read, Write};
use std::process::ExitCode;

use mizan_query::{ErrorKind, Format, QueryError, WriteError, write};

use super::Context;
use crate::cli;
use crate::exit::{Code, Failure};
use crate::rooms;

pub async fn run(mut context: Context, options: cli::Sql) -> Result<ExitCode, Failure> {
    let format = format_of(&options, context.json);
    let query = match options.query.as_str() {
        "-" => {
            let mut query = String::new();
            std::io::stdin()
                .read_to_string(&mut query)
                .map_err(|error| Failure::io("cannot read the query", &error))?;
            query
        }
        query => query.to_owned(),
    };
    // A file has room for every row; a person's screen has not.
    if options.output.is_some() || !matches!(format, Format::Table) {
        context.settings.sql.max_rows = usize::MAX;
    }
    let lake = rooms::lake_for_reading(&context).await?;
    let engine = rooms::engine(&context, lake)?;
    let result = engine.query(&query, Vec::new()).await.map_err(|error| failed(&error))?;
    let written = match &options.output {
        Some(path) => {
            let mut file = File::create(path).map_err(|error| Failure::io(&path.display().to_string(), &error))?;
            let written = write(result, format, &mut file).await;
            file.sync_all().map_err(|error| Failure::io(&path.display().to_string(), &error))?;
            written
        }
        None => {
            let mut out = std::io::BufWriter::new(std::io::stdout());
            let written = write(result, format, &mut out).await;
            let flushed = out.flush();
            written.and_then(|written| flushed.map(|()| written).map_err(WriteError::Io))
        }
    };
    let written = match written {
        Ok(written) => written,
        Err(WriteError::Query(error)) => return Err(failed(&error)),
        // `mizan sql … | head` is no fault.
        Err(WriteError::Io(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
        Err(WriteError::Io(error)) => return Err(Failure::io("cannot write the answer", &error)),
    };
    if written.truncated {
        eprintln!("Only the first {} rows; --format csv or --output FILE gives all of them.", written.rows);
    }
    Ok(ExitCode::SUCCESS)
}

fn format_of(options: &cli::Sql, json: bool) -> Format {
    match options.format {
        Some(cli::Format::Table) => Format::Table,
        Some(cli::Format::Csv) => Format::Csv,
        Some(cli::Format::Json) => Format::Json,
        Some(cli::Format::Ndjson) => Format::NdJson,
        Some(cli::Format::Parquet) => Format::Parquet,
        Some(cli::Format::Arrow) => Format::Arrow,
        None if json => Format::Json,
        None if options.output.is_none() && std::io::stdout().is_terminal() => Format::Table,
        None => Format::Csv,
    }
}

fn failed(error: &QueryError) -> Failure {
    match error.kind() {
        ErrorKind::Statement | ErrorKind::Refused | ErrorKind::Limit => Failure::new(Code::Usage, error),
        ErrorKind::Busy => Failure::new(Code::Unavailable, error),
        ErrorKind::Internal => Failure::new(Code::Io, error),
    }
}
