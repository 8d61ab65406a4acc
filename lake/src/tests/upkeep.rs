//! Verification, and folders with unusual names.

use mizan_events::Family;
use tempfile::TempDir;

use std::sync::Arc;

use arrow::datatypes::{Fields, Schema};
use url::Url;

use super::{data_file, number, open, orders, sql, texts};
use crate::store::DurableStore;
use crate::table::Table;
use crate::{Fault, Lake, LakeError, LakeOptions};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verification_finds_what_is_missing_cut_or_changed() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    for step in 0..4 {
        lake.append(Family::Order, vec![orders(step * 10 + 1, step * 10 + 11)], step * 10, step * 10 + 10)
            .await
            .unwrap();
    }
    assert!(lake.verify().await.unwrap().is_empty());
    std::fs::remove_file(data_file(folder.path(), "part-0-10-0")).unwrap();
    let cut = data_file(folder.path(), "part-10-20-0");
    let bytes = std::fs::read(&cut).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() - 1]).unwrap();
    let changed = data_file(folder.path(), "part-20-30-0");
    let mut bytes = std::fs::read(&changed).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&changed, bytes).unwrap();
    let mut findings = lake.verify().await.unwrap();
    findings.sort_by(|a, b| a.path.cmp(&b.path));
    let faults: Vec<&Fault> = findings.iter().map(|finding| &finding.fault).collect();
    assert!(matches!(faults.as_slice(), [Fault::Missing, Fault::Size { .. }, Fault::Checksum { .. }]), "{findings:?}");
    assert!(findings[0].to_string().starts_with("events.orders event_date=2026-03-01/part-0-10-0-"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_with_spaces_and_arabic_letters_works() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("my shop 100% ميزان");
    let lake = open(&root).await;
    lake.append(Family::Order, vec![orders(1, 11)], 0, 10).await.unwrap();
    assert_eq!(number(&sql(&open(&root).await).await, "SELECT count(DISTINCT order_id) FROM events.orders").await, 10);
    assert!(data_file(&root, "part-0-10-0").starts_with(&root));
    assert!(lake.verify().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_stay_readable_by_everybody() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    lake.append(Family::Order, vec![orders(1, 3)], 0, 2).await.unwrap();
    for table in ["storefront", "orders", "payments", "inventory"] {
        let first = folder.path().join(format!("events/{table}/_delta_log/00000000000000000000.json"));
        let text = std::fs::read_to_string(first).unwrap();
        let protocol = text.lines().find(|line| line.starts_with("{\"protocol\":")).unwrap();
        let protocol: serde_json::Value = serde_json::from_str(protocol).unwrap();
        assert_eq!(protocol["protocol"]["minReaderVersion"], 1);
        assert_eq!(protocol["protocol"]["minWriterVersion"], 2);
    }
}

/// A table of orders as an older version of the program made it, with one column less or another type.
async fn older_table(folder: &TempDir, change: impl Fn(&Fields) -> Fields) {
    let url = Url::from_directory_path(folder.path()).unwrap();
    let schema = Arc::new(Schema::new(change(mizan_events::schema(Family::Order).fields())));
    let table = Table::events(&url, &DurableStore::new(), "orders", Arc::clone(&schema)).unwrap();
    table.create(&schema, "Orders", Default::default(), Vec::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_of_an_older_version_gets_the_new_columns() {
    let folder = TempDir::new().unwrap();
    older_table(&folder, |fields| fields.iter().filter(|field| field.name() != "carrier").cloned().collect()).await;
    let lake = open(folder.path()).await;
    lake.append(Family::Order, vec![orders(1, 3)], 0, 2).await.unwrap();
    for lake in [lake, open(folder.path()).await] {
        let seen = texts(&sql(&lake).await, "SELECT order_id, carrier FROM events.orders ORDER BY 1").await;
        assert_eq!(seen, ["1 ", "2 "]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_with_another_type_is_refused_by_name() {
    let folder = TempDir::new().unwrap();
    older_table(&folder, |fields| {
        let text = |field: &arrow::datatypes::FieldRef| {
            Arc::new(field.as_ref().clone().with_data_type(arrow::datatypes::DataType::Utf8))
        };
        fields.iter().map(|field| if field.name() == "total" { text(field) } else { Arc::clone(field) }).collect()
    })
    .await;
    let refused = Lake::open(folder.path(), LakeOptions::default()).await.unwrap_err();
    assert!(matches!(&refused, LakeError::Schema { column, .. } if column == "total"), "{refused}");
}
