//! What ARCHITECTURE.md promises of the structure.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::support::tools::repository;

/// Which room may import which.
const EDGES: &[(&str, &[&str])] = &[
    ("events", &[]),
    ("log", &["events"]),
    ("lake", &["events"]),
    ("ingest", &["events", "log", "lake"]),
    ("operations", &["events", "log", "lake"]),
    ("transform", &["events", "lake"]),
    ("query", &["events", "lake"]),
    ("sample-data", &["events"]),
    ("fuzz", &["events", "log", "ingest"]),
    ("dashboards", &["events", "log", "lake", "ingest", "operations", "transform", "query"]),
];

#[test]
fn rooms_import_one_way() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(repository())
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    for (room, allowed) in EDGES {
        let package = packages.iter().find(|package| package["name"] == format!("mizan-{room}")).unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            let Some(name) = dependency["name"].as_str().unwrap().strip_prefix("mizan-") else { continue };
            assert!(allowed.contains(&name), "{room} imports {name}, which ARCHITECTURE.md does not allow");
        }
    }
    assert_eq!(packages.len(), EDGES.len() + 1, "a room is missing from the table of edges");
}

fn each_source(folder: &Path, check: &mut impl FnMut(&Path, &str)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir()
            && !name.starts_with('.')
            && !["target", "node_modules", "dist", "mizan-data", "mizan-demo"].contains(&&*name)
        {
            each_source(&path, check);
        } else if name.ends_with(".rs") {
            check(&path, &std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_module_says_what_it_is_for_and_stays_small() {
    let mut faults = BTreeSet::new();
    each_source(&repository(), &mut |path, text| {
        let shown = path.strip_prefix(repository()).unwrap().display().to_string();
        let is_test = shown.contains("tests");
        if !text.starts_with("//!") && !is_test {
            faults.insert(format!("{shown} does not open with what it is for"));
        }
        if text.lines().count() > 600 {
            faults.insert(format!("{shown} has {} lines", text.lines().count()));
        }
    });
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn money_is_never_a_float_in_a_table() {
    use arrow::datatypes::{DataType, Field};
    fn visit(field: &Field) {
        assert!(!field.data_type().is_floating(), "{} is a float", field.name());
        match field.data_type() {
            DataType::Struct(fields) => fields.iter().for_each(|field| visit(field)),
            DataType::List(item) => visit(item),
            _ => {}
        }
    }
    for family in mizan_events::Family::ALL {
        mizan_events::schema(family).fields().iter().for_each(|field| visit(field));
    }
}

#[test]
fn every_route_is_in_the_description() {
    let description = mizan_dashboards::openapi().to_json().unwrap();
    let description: serde_json::Value = serde_json::from_str(&description).unwrap();
    for route in [
        "/v1/events",
        "/v1/sql",
        "/v1/metrics",
        "/v1/metrics/{name}",
        "/v1/orders/{order_id}",
        "/v1/stock",
        "/v1/alerts",
        "/livez",
        "/readyz",
        "/metrics",
        "/version",
    ] {
        assert!(description["paths"].get(route).is_some(), "{route} is not described");
    }
}
