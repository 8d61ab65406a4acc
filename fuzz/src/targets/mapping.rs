//! A mapping of an operator's own, over a row: it ends, gives events or says why not, and errors show a place in its text.

use std::time::Duration;

use mizan_ingest::mapping::{Budget, Mapping};

use super::parts;

pub(crate) fn run(data: &[u8]) {
    let (program, record) = parts(data);
    let Ok(program) = std::str::from_utf8(program) else { return };
    match Mapping::parse("fuzz", program) {
        Ok(mapping) => {
            let budget = Budget {
                steps: 20_000,
                bytes: 8 << 20,
                time: Duration::from_secs(1),
                outputs: 100,
                ..Budget::default()
            };
            let mapping = mapping.with_budget(budget);
            let record = if record.is_empty() { br#"{"order":"1","pieces":[1,2.50],"name":"\u0639"}"# } else { record };
            let once = mapping.apply_json(&String::from_utf8_lossy(record));
            for event in once.iter().flatten() {
                assert!(
                    serde_json::from_str::<serde_json::Value>(event).is_ok_and(|event| event.is_object()),
                    "{event}"
                );
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
