//! Writes the committed small sample again, one file a family, into `sample-data/small/`.
//! Afterwards run `python3 sample-data/small/answers.py`, which works out its known answers independently.

use std::fs;
use std::io;
use std::path::Path;

use mizan_sample_data::{SAMPLE_FAMILIES, sample_events};

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("small");
    fs::create_dir_all(&folder)?;
    let events: Vec<_> = sample_events().collect();
    for (family, prefixes) in SAMPLE_FAMILIES {
        let of_family = |event_type: &str| prefixes.iter().any(|prefix| event_type.starts_with(prefix));
        let lines: String = events
            .iter()
            .filter(|event| of_family(event.event_type))
            .map(|event| format!("{}\n", event.json))
            .collect();
        println!("{family}: {} events, {} bytes", lines.lines().count(), lines.len());
        fs::write(folder.join(format!("{family}.ndjson")), lines)?;
    }
    Ok(())
}
