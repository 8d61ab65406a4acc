//! The marts by another road: each metric once more in Python, with its own decimals, from the raw events.

use std::process::{Command, Stdio};

use mizan_events::{EventTime, Family};

use crate::support::Mizan;
use crate::support::tools::{python, repository};

const ORACLES: [&str; 6] = ["behaviour", "customers", "payments", "providers", "sales", "stock"];

#[test]
fn every_metric_of_a_random_shop_comes_out_in_python_as_well() {
    let Some(python) = python("duckdb") else { return };
    let mizan = Mizan::new();
    let folder = tempfile::tempdir().unwrap();
    let oracles = repository().join("tests/oracle");
    // The shop has 120 days, and models look at the last 90 before the run: so it ends yesterday.
    let start = EventTime::from_micros(EventTime::now().micros() - 121 * 86_400_000_000).to_string();
    let events = folder.path().join("events.ndjson");
    let made = Command::new(&python)
        .arg(oracles.join("random_shop.py"))
        .args(["11", &start[..10]])
        .stdout(Stdio::from(std::fs::File::create(&events).unwrap()))
        .status()
        .unwrap();
    assert!(made.success());
    mizan.ok(&["import", events.to_str().unwrap()]);
    let run: serde_json::Value = serde_json::from_str(&mizan.ok(&["run", "--json"])).unwrap();
    std::fs::write(folder.path().join("as_of.txt"), run["as_of"].as_str().unwrap()).unwrap();

    let marts = run["models"].as_array().unwrap().iter().map(|run| format!("marts.{}", run["model"].as_str().unwrap()));
    let events = Family::ALL.into_iter().filter(|family| *family != Family::Webhook);
    let events = events.map(|family| format!("events.{}", family.table()));
    let settings = ["settings.shops", "settings.fx_rates"].map(str::to_owned);
    for table in marts.chain(events).chain(settings) {
        let file = folder.path().join(format!("{table}.parquet"));
        let query = format!("SELECT * FROM {table}");
        mizan.ok(&["sql", &query, "--format", "parquet", "--output", file.to_str().unwrap()]);
    }
    for oracle in ORACLES {
        let told =
            Command::new(&python).arg(oracles.join(format!("oracle_{oracle}.py"))).arg(folder.path()).output().unwrap();
        let text = String::from_utf8_lossy(&told.stdout).into_owned() + &String::from_utf8_lossy(&told.stderr);
        assert!(told.status.success(), "{oracle}:\n{text}");
    }
}
