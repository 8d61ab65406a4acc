//! Other programs and data that some tests need.

use std::path::PathBuf;
use std::process::Command;

/// The repository's own folder.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A real data set beside the repository, or nothing and a line that says so.
pub fn real_data(name: &str) -> Option<PathBuf> {
    let path = repository().join("../shared/data").join(name);
    if path.is_dir() {
        return Some(path);
    }
    println!("passed over: the real data set {name} is not beside the repository ({})", path.display());
    None
}

/// A program named by an environment variable or found under one of these names.
pub fn tool(variable: &str, names: &[&str]) -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        return Some(PathBuf::from(path));
    }
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths)
        .flat_map(|dir| names.iter().map(move |name| dir.join(name)))
        .find(|path| path.is_file());
    if found.is_none() {
        assert!(std::env::var_os("MIZAN_TEST_REQUIRE_ALL").is_none(), "none of {names:?} is here; set {variable}");
        println!("passed over: none of {names:?} is here; set {variable} to have this tested");
    }
    found
}

/// Python with these packages, which `tests/readers/requirements.txt` lists.
pub fn python(packages: &str) -> Option<PathBuf> {
    let python = tool("MIZAN_TEST_PYTHON", &["python3"])?;
    if Command::new(&python).args(["-c", &format!("import {packages}")]).output().unwrap().status.success() {
        return Some(python);
    }
    assert!(std::env::var_os("MIZAN_TEST_REQUIRE_ALL").is_none(), "Python's {packages} is not installed");
    println!("passed over: pip install -r tests/readers/requirements.txt, and set MIZAN_TEST_PYTHON");
    None
}
