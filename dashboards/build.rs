//! Builds the page with npm, or chooses the page that says what is missing.
//!
//! The program builds and serves in either case; what is embedded is named by `MIZAN_WEB_FOLDER`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

const BUILT: &str = "web/dist";
const PLACEHOLDER: &str = "web/placeholder";
const SOURCES: [&str; 9] = [
    "build.rs",
    "web/src",
    "web/public",
    "web/placeholder",
    "web/index.html",
    "web/package.json",
    "web/package-lock.json",
    "web/tsconfig.json",
    "web/vite.config.ts",
];

fn main() {
    for source in SOURCES {
        println!("cargo:rerun-if-changed={source}");
    }
    println!("cargo:rerun-if-env-changed=MIZAN_SKIP_WEB");

    let folder = match page() {
        Ok(()) => BUILT,
        Err(reason) => {
            println!("cargo:warning={reason}; a page that says how to build it is embedded instead");
            // Watched from now on, so that a page built by hand is found by the next build. The folder has to be there:
            // a missing path would have cargo run this again each time.
            if std::fs::create_dir_all(BUILT).is_ok() {
                println!("cargo:rerun-if-changed={BUILT}");
            }
            PLACEHOLDER
        }
    };
    // Embedded from cargo's own folder, so that what is compiled does not hang on what lies in the source tree later.
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default()).join(folder);
    let _ = std::fs::remove_dir_all(&out);
    if let Err(error) = copy(Path::new(folder), &out) {
        println!("cargo:error=the page cannot be copied from {folder} to {}: {error}", out.display());
    }
    println!("cargo:rustc-env=MIZAN_WEB_FOLDER={}", out.display());
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Sees to it that the page is in its folder.
fn page() -> Result<(), String> {
    if std::env::var_os("MIZAN_SKIP_WEB").is_some() {
        return already_built("MIZAN_SKIP_WEB is set and the page was not built before");
    }
    if npm(&["--version"]).is_err() {
        return already_built("npm was not found (install Node.js 20 or newer), so the page was not built");
    }
    if must_install() {
        npm(&["ci", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"])
            .map_err(|fault| format!("the page's parts could not be installed (`npm ci` in dashboards/web {fault})"))?;
    }
    npm(&["run", "build"])
        .map_err(|fault| format!("the page was not built (`npm run build` in dashboards/web {fault})"))
}

fn already_built(otherwise: &str) -> Result<(), String> {
    if Path::new(BUILT).join("index.html").is_file() { Ok(()) } else { Err(otherwise.to_owned()) }
}

/// npm leaves its own lock file in the folder when it is done; an older one is of another lock file.
fn must_install() -> bool {
    match (changed_at("web/node_modules/.package-lock.json"), changed_at("web/package-lock.json")) {
        (Some(installed), Some(locked)) => installed < locked,
        _ => true,
    }
}

fn changed_at(path: &str) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

/// What npm says goes to this script's stderr: stdout is for cargo.
fn npm(arguments: &[&str]) -> Result<(), String> {
    let program = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let output = Command::new(program)
        .args(arguments)
        .current_dir("web")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("could not be started: {error}"))?;
    eprintln!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(()) } else { Err(format!("failed: {}", output.status)) }
}
