//! Folders that are watched: what appears in them is in the shop's tables, once.

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::support::events::page_view;
use crate::support::program::plain;
use crate::support::{Mizan, Server};

const SETTINGS: &str = r#"
[shops.riyadh]
name = "Riyadh"

[[watch]]
folder = "incoming"
mapping = "till.jq"

[[watch]]
folder = "events"
shop = "riyadh"
"#;

const MAPPING: &str = r#"{type: "order.placed", id: .order, time: .at,
    data: {order_id: .order, currency: "SAR", lines: [{sku: .sku, quantity: .pieces, unit_price: .price}]}}"#;

fn mizan() -> Mizan {
    let mizan = Mizan::new();
    let home = mizan.home();
    std::fs::write(home.join("mizan.toml"), SETTINGS).unwrap();
    std::fs::write(home.join("till.jq"), MAPPING).unwrap();
    for folder in ["incoming", "events"] {
        std::fs::create_dir(home.join(folder)).unwrap();
    }
    mizan
}

pub fn metric(server: &Server, name: &str) -> String {
    let text = server.get("/metrics").text();
    let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
    line.map_or_else(|| "0".to_owned(), |line| line.rsplit(' ').next().unwrap().to_owned())
}

pub fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// How many states of imports are finished.
pub fn finished(mizan: &Mizan) -> usize {
    let states = std::fs::read_dir(mizan.data.join("imports")).map_or(Vec::new(), |files| {
        files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|it| it == "json")).collect()
    });
    let is_finished =
        |path: &&PathBuf| std::fs::read_to_string(path).is_ok_and(|text| text.contains("\"finished\":true"));
    states.iter().filter(is_finished).count()
}

#[test]
fn a_file_that_grows_slowly_is_taken_when_it_is_whole_and_never_twice() {
    let mizan = mizan();
    let incoming = mizan.home().join("incoming");
    let server = mizan.serve();
    let mut file = std::fs::File::create(incoming.join("day.csv")).unwrap();
    file.write_all(b"order,at,sku,pieces,price\n").unwrap();
    for order in 1..=12 {
        // Half a line, then the other half: whoever reads in between reads nonsense.
        file.write_all(format!("{order},2026-03-01T1").as_bytes()).unwrap();
        file.sync_all().unwrap();
        std::thread::sleep(Duration::from_millis(400));
        let price = if order == 7 { "seven" } else { "1.50" };
        file.write_all(format!("0:00:00Z,A,2,{price}\n").as_bytes()).unwrap();
    }
    drop(file);
    let orders = server.rows("SELECT event_id, shop FROM events.orders", 11);
    assert!(orders.iter().all(|row| plain(&row["shop"]) == "default"), "{orders:?}");
    wait_for("the file is finished", || finished(&mizan) == 1);
    assert_eq!(metric(&server, "mizan_watch_files_total"), "1", "a half was taken");
    assert_eq!(metric(&server, "mizan_events_rejected_total"), "1");
    assert_eq!(server.interrupt(), Some(0));
    // Stopped well, the lake has all of it, and the file is where it was.
    assert_eq!(mizan.value("SELECT count(*) FROM events.orders"), "11");
    assert!(incoming.join("day.csv").is_file());
    let listed = mizan.ok(&["rejected", "list"]);
    assert!(listed.contains("day.csv:8") && listed.contains("seven"), "{listed}");

    // A second start takes only what is new.
    let server = mizan.serve();
    std::fs::write(incoming.join("next.csv"), "order,at,sku,pieces,price\n13,2026-03-02T10:00:00Z,A,1,2\n").unwrap();
    server.rows("SELECT event_id FROM events.orders", 12);
    wait_for("the second file is finished", || finished(&mizan) == 2);
    assert_eq!(metric(&server, "mizan_watch_files_total"), "1");
    assert_eq!(metric(&server, "mizan_events_duplicate_total"), "0");
    assert_eq!(server.value("SELECT count(*) FROM events.orders"), "12");
    drop(server);
    assert_eq!(mizan.ok(&["--json", "rejected", "list"]).matches("\"reason\"").count(), 1);
}

#[test]
fn a_bad_file_is_told_and_counted_once_and_the_others_go_on() {
    let mizan = mizan();
    let home = mizan.home();
    std::fs::write(home.join("incoming/a.csv"), "order,order\n1,2\n").unwrap();
    std::fs::write(home.join("incoming/a.pdf"), "%PDF").unwrap();
    std::fs::copy(crate::support::tools::repository().join("tests/files/till.xlsx"), home.join("events/till.xlsx"))
        .unwrap();
    let named = page_view("e1", "2026-03-01T10:00:00Z").replace("\"data\"", "\"shop\":\"default\",\"data\"");
    let lines = format!("{named}\n{}\nnonsense\n", page_view("e2", "2026-03-01T10:00:00Z"));
    std::fs::write(home.join("events/z.ndjson"), lines).unwrap();
    let server = mizan.serve();
    let rows = server.rows("SELECT event_id, shop FROM events.storefront ORDER BY event_id", 2);
    let shops: Vec<String> = rows.iter().map(|row| plain(&row["shop"])).collect();
    assert_eq!(shops, ["default", "riyadh"]);
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(metric(&server, "mizan_watch_failures_total"), "2");
    // Mended, it is another file.
    std::fs::write(home.join("incoming/a.csv"), "order,at,sku,pieces,price\n1,2026-03-02T10:00:00Z,A,1,2\n").unwrap();
    server.rows("SELECT event_id FROM events.orders", 1);
    assert_eq!(metric(&server, "mizan_watch_failures_total"), "2");
    assert_eq!(server.interrupt(), Some(0));
}

#[test]
fn a_large_file_goes_on_after_a_kill_and_after_a_stop() {
    let mizan = mizan();
    let lines: String = (0..60_000).map(|n| page_view(&format!("e{n}"), "2026-03-01T10:00:00Z") + "\n").collect();
    std::fs::write(mizan.home().join("events/large.ndjson"), lines).unwrap();
    let server = mizan.serve();
    wait_for("something is taken", || server.value("SELECT count(*) FROM events.storefront") != "0");
    server.kill();
    let server = mizan.serve();
    std::thread::sleep(Duration::from_millis(2300));
    assert_eq!(server.interrupt(), Some(0));
    let server = mizan.serve();
    wait_for("the file is finished", || finished(&mizan) == 1);
    wait_for("all of it is seen", || server.value("SELECT count(*) FROM events.storefront") == "60000");
    assert_eq!(server.value("SELECT count(DISTINCT event_id) FROM events.storefront"), "60000");
}

#[test]
fn settings_that_make_no_watch_stop_the_start_and_say_why() {
    for (settings, told) in [
        ("folder = \"nowhere\"", "watch (nowhere).folder"),
        ("folder = \"incoming\"\nmapping = \"gone.jq\"", "watch (incoming).mapping"),
        ("folder = \"incoming\"\nshop = \"abroad\"", "there is no [shops.abroad]"),
        ("foldr = \"incoming\"", "did you mean folder?"),
        ("mapping = \"till.jq\"", "watch[0]folder"),
    ] {
        let mizan = mizan();
        std::fs::write(mizan.home().join("mizan.toml"), format!("[[watch]]\n{settings}\n")).unwrap();
        let error = mizan.fails(&["serve", "--http", "127.0.0.1:0"], 78);
        assert!(error.contains(told), "{settings}: {error}");
    }
    let shown = mizan().ok(&["config", "show"]);
    assert!(shown.contains("[[watch]]") && shown.contains("folder = \"incoming\""), "{shown}");
}
