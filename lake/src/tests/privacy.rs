//! What tells who a person is never enters the table's log.

use mizan_events::Family;
use tempfile::TempDir;

use super::{files, open, orders};
use crate::VacuumLimits;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn personal_columns_leave_no_bytes_in_the_log() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    for step in 0..22 {
        lake.append(Family::Order, vec![orders(step + 1, step + 2)], step, step + 1).await.unwrap();
    }
    lake.vacuum(VacuumLimits::default()).await.unwrap();
    let log = files(&folder.path().join("events/orders/_delta_log"));
    assert!(log.iter().any(|path| path.to_string_lossy().contains("checkpoint.parquet")));
    for path in log {
        let bytes = std::fs::read(&path).unwrap();
        for secret in ["person", "example.com", "Layla", "Hidden Street", "cust_", "+965"] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret:?} is in {}", path.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_keep_no_bounds_of_personal_columns() {
    let folder = TempDir::new().unwrap();
    let lake = open(folder.path()).await;
    lake.append(Family::Order, vec![orders(1, 30)], 0, 29).await.unwrap();
    let path = files(&folder.path().join("events/orders"))
        .into_iter()
        .find(|path| path.extension().is_some_and(|end| end == "parquet"))
        .unwrap();
    let file = std::fs::File::open(path).unwrap();
    let footer = parquet::file::metadata::ParquetMetaDataReader::new().parse_and_finish(&file).unwrap();
    let mut personal = 0;
    for column in footer.row_group(0).columns() {
        let name = column.column_path().string();
        let secret = ["customer_email", "customer_id", "customer_name", "shipping_address.line1", "tracking_number"];
        if secret.contains(&name.as_str()) {
            personal += 1;
            assert!(column.statistics().is_none_or(|bounds| bounds.min_bytes_opt().is_none()), "{name}");
        }
        if name == "event_time" {
            assert!(column.statistics().unwrap().min_bytes_opt().is_some());
        }
    }
    assert_eq!(personal, 5);
}
