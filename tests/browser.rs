//! The page in a real browser over a real server: its own script drives Chromium.

use std::process::Command;

use crate::support::Mizan;
use crate::support::tools::{repository, tool};

#[test]
fn the_page_shows_the_shop_in_both_languages_on_desktop_and_phone() {
    let Some(chromium) = tool("MIZAN_TEST_CHROMIUM", &["chromium", "chromium-browser", "google-chrome"]) else {
        return;
    };
    let Some(node) = tool("MIZAN_TEST_NODE", &["node"]) else { return };
    let web = repository().join("dashboards/web");
    if !web.join("node_modules/playwright-core").is_dir() || mizan_dashboards::is_placeholder() {
        assert!(std::env::var_os("MIZAN_TEST_REQUIRE_ALL").is_none(), "the page is not built");
        println!("passed over: the page is not built; run npm ci in dashboards/web");
        return;
    }
    let mizan = Mizan::new();
    mizan.ok(&["import", repository().join("sample-data/small/*.ndjson").to_str().unwrap()]);
    mizan.ok(&["run"]);
    let server = mizan.serve();
    let shots = std::env::var_os("MIZAN_TEST_SCREENSHOTS").map_or_else(|| mizan.home().join("shots"), Into::into);
    let output = Command::new(node)
        .arg("tests/e2e.mjs")
        .current_dir(&web)
        .env("MIZAN_URL", format!("http://{}", server.address))
        .env("MIZAN_KEY", &server.key)
        .env("CHROMIUM", chromium)
        .env("SCREENSHOTS", &shots)
        .output()
        .unwrap();
    let told = format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
    println!("{told}");
}
