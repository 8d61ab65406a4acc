//! `mizan keys`: create, list, revoke.

use std::process::ExitCode;

use mizan_operations::Scope;

use super::{Context, print_json, print_text};
use crate::cli;
use crate::exit::{Code, Failure, OrFail};
use crate::rooms;

pub async fn run(context: Context, options: cli::Keys) -> Result<ExitCode, Failure> {
    // SQLite keeps two writers apart, so that keys can be made while a server runs.
    let operations = rooms::operations(&context).await?;
    match options {
        cli::Keys::Create { name, scope, shop } => {
            let scopes =
                scope.iter().map(|scope| scope.parse::<Scope>()).collect::<Result<Vec<_>, _>>().or_fail(Code::Usage)?;
            let key = operations.create_key(&name, &scopes, shop.as_deref()).await.or_fail(Code::BadData)?;
            if context.json {
                print_json(&serde_json::json!({ "name": name, "key": key.secret, "scopes": scope, "shop": shop }))?;
            } else {
                eprintln!("This key is shown once; keep it safe:");
                print_text(&format!("{}\n", key.secret))?;
            }
        }
        cli::Keys::List => {
            let keys = operations.list_keys().await.or_fail(Code::Io)?;
            if context.json {
                print_json(&keys)?;
            } else if keys.is_empty() {
                eprintln!("No keys yet. `mizan keys create NAME --scope ingest,read` makes one.");
            } else {
                let mut text = format!("{:24} {:20} {:12} {}\n", "name", "scopes", "shop", "created");
                for key in keys {
                    let scopes = key.scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
                    let shop = key.shop.as_deref().unwrap_or("every");
                    let revoked = if key.revoked_at.is_some() { "  revoked" } else { "" };
                    text.push_str(&format!("{:24} {scopes:20} {shop:12} {}{revoked}\n", key.name, key.created_at));
                }
                print_text(&text)?;
            }
        }
        cli::Keys::Revoke { name } => {
            operations.revoke_key(&name).await.or_fail(Code::BadData)?;
            eprintln!("The key {name:?} is useless from now on.");
        }
    }
    Ok(ExitCode::SUCCESS)
}
