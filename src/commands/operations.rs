//! `mizan operations`: live state.

use std::process::ExitCode;

use super::{Context, print_json};
use crate::cli;
use crate::exit::{Code, Failure, OrFail};
use crate::output::grouped;
use crate::rooms::{self, Rooms};

pub async fn run(context: Context, options: cli::Operations) -> Result<ExitCode, Failure> {
    let cli::Operations::Rebuild = options;
    context.data.must_exist()?;
    let rooms = Rooms::open(&context).await?;
    // What the log still holds goes into the lake first, so that the lake alone has everything.
    rooms.settle(&context).await?;
    rooms.operations.close().await;
    let events = mizan_operations::events_of(&rooms.lake).await.map_err(|error| Failure::new(Code::Io, error))?;
    let settings = rooms::operations_settings(&context);
    let rebuilt = mizan_operations::rebuild(&context.data.operations(), settings, events).await.or_fail(Code::Io)?;
    let operations = rooms::operations(&context).await?;
    mizan_operations::catch_up(&operations, &rooms.log).await.or_fail(Code::Io)?;
    rooms.log.close();
    if context.json {
        print_json(&serde_json::json!({ "applied": rebuilt.applied, "documents": rebuilt.documents }))?;
    } else {
        eprintln!("Made live state anew from {} events of the lake.", grouped(rebuilt.applied));
    }
    Ok(ExitCode::SUCCESS)
}
