//! Every seed, and everything that was found once, is fine.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

fn inputs(folder: &str, target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(target);
    let Ok(entries) = std::fs::read_dir(&folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn seeds_and_what_was_found_once_are_fine() {
    for (target, run) in mizan_fuzz::TARGETS {
        let seeds = inputs("seeds", target);
        assert!(seeds.len() > 1, "{target} has nothing to begin with");
        for path in seeds.into_iter().chain(inputs("found", target)) {
            let bytes = std::fs::read(&path).unwrap();
            assert!(bytes.len() <= 4096, "{} is too large for a good start", path.display());
            // Shown when it fails.
            println!("{}", path.display());
            run(&bytes);
        }
    }
}

#[test]
fn every_folder_belongs_to_a_target() {
    for folder in ["seeds", "found"] {
        for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).into_iter().flatten() {
            let name = entry.unwrap().file_name().to_string_lossy().into_owned();
            assert!(name.ends_with(".md") || mizan_fuzz::target(&name).is_some(), "{folder}/{name}");
        }
    }
}
