//! Bad input gets an error that a person can act on, and nothing is lost.

use crate::support::Mizan;
use crate::support::disk::SmallDisk;
use crate::support::events::{captured, now, page_view, placed};

#[test]
fn good_events_of_a_request_with_bad_ones_are_kept_and_the_bad_ones_listed() {
    let mizan = Mizan::new();
    let server = mizan.serve();
    let time = now();
    let lines = [
        page_view("good-1", &time),
        "{\"specversion\":\"1.0\",".to_owned(),
        page_view("good-2", &time).replace("page_view", "page_vew"),
        placed("1", "A", 1, "1.0005", &time)
            .replace("\"unit_price\":\"1.0005\"", "\"unit_price\":\"1.0005\",\"tax\":\"0.1234\""),
        page_view("no-zone", "2026-03-01T10:00:00"),
        page_view("future", "2099-01-01T00:00:00Z"),
        page_view("good-3", &time),
    ];
    let answer = server.events(&lines.join("\n")).json();
    assert_eq!(answer["accepted"], 2, "{answer}");
    let rejected = answer["rejected"].as_array().unwrap();
    let told = |index: usize| {
        rejected.iter().find(|item| item["index"] == index).unwrap()["error"].as_str().unwrap().to_owned()
    };
    assert!(told(1).starts_with("not a JSON object"), "{}", told(1));
    assert!(told(2).contains("did you mean storefront.page_view?"), "{}", told(2));
    assert_eq!(told(3), "data.lines[0].tax: 0.1234 has more decimals than KWD allows (3)");
    assert!(told(4).contains("has no time zone"), "{}", told(4));
    assert!(told(5).contains("more than 24 hours ahead"), "{}", told(5));
    assert_eq!(server.interrupt(), Some(0));

    let listed = mizan.ok(&["--json", "rejected", "list"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 5);
    assert!(listed.to_string().contains("page_vew"), "the body is kept");
}

#[test]
fn card_data_never_reaches_the_disk() {
    let mizan = Mizan::new();
    let server = mizan.serve_with(&[("MIZAN_INGEST__FLUSH_SECONDS", "1")]);
    let time = now();
    let number = "4111111111111111";
    let good = page_view("c1", &time)
        .replace("\"device\":\"mobile\"", &format!("\"search_term\":\"{number}\",\"cvv\":\"987654\""));
    let bad = page_view("c2", "never").replace("mobile", &format!("4111 1111 1111 1111\",\"card_number\":\"{number}"));
    let broken = format!("{{\"pan\":\"{number}\",\"cvc\":\"987654\"");
    let answer = server.events(&[good, bad, broken].join("\n"));
    assert_eq!(answer.json()["accepted"], 1, "{}", answer.text());
    assert!(!answer.text().contains(number));
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!(server.interrupt(), Some(0));
    let mut searched = 0;
    search(&mizan.data, &mut |path, bytes| {
        searched += 1;
        for secret in [number, "4111 1111 1111 1111", "987654"] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} is in {}", path.display());
        }
    });
    assert!(searched > 5, "there was nothing to search");
    assert_eq!(mizan.value("SELECT search_term FROM events.storefront"), "411111******1111");
}

fn search(folder: &std::path::Path, check: &mut impl FnMut(&std::path::Path, &[u8])) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path, check);
        } else {
            check(&path, &std::fs::read(&path).unwrap());
        }
    }
}

#[test]
fn bodies_that_cannot_be_read_are_problems_that_say_what_to_do() {
    let mizan = Mizan::new();
    let server = mizan.serve_with(&[("MIZAN_SERVER__MAX_BODY_BYTES", "100000")]);
    let post = |content_type: &str, body: &[u8]| {
        let answer = server.post("/v1/events", content_type, body);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{}", answer.text());
        (answer.status, answer.json()["detail"].as_str().unwrap().to_owned())
    };
    assert_eq!(post("application/x-ndjson", b"").0, 400);
    assert_eq!(post("application/x-ndjson", b"\xff\xfe").0, 400);
    assert_eq!(post("application/cloudevents-batch+json", b"[{]").0, 400);
    let (status, detail) = post("text/html", b"<p>");
    assert_eq!(status, 415);
    assert!(detail.contains("application/cloudevents+json"), "{detail}");
    let (status, detail) = post("application/x-ndjson", &vec![b'a'; 200_000]);
    assert_eq!(status, 413);
    assert!(detail.contains("100000"), "{detail}");
    let sql = |body: &[u8]| {
        let answer = server.post("/v1/sql", "application/json", body);
        (answer.status, answer.json()["detail"].as_str().unwrap().to_owned())
    };
    assert_eq!(sql(b"{\"sql\":1}").0, 400);
    let (status, detail) = sql(br#"{"query":"SELECT amonut FROM events.payments"}"#);
    assert_eq!(status, 422);
    assert!(detail.contains("amount"), "{detail}");
    assert_eq!(sql(br#"{"query":"DROP TABLE events.payments"}"#).0, 422);
}

#[test]
fn a_directory_in_use_is_told_with_what_to_do() {
    let mizan = Mizan::new();
    let server = mizan.serve();
    let told = mizan.fails(&["serve", "--http", "127.0.0.1:0"], 69);
    assert!(told.contains("in use by process") && told.contains(&server.process_id().to_string()), "{told}");
    assert!(told.contains("hint:"), "{told}");
}

#[test]
fn no_data_is_told_with_what_to_do() {
    let mizan = Mizan::new();
    let told = mizan.fails(&["sql", "SELECT 1"], 69);
    assert!(told.contains("there is no Mizan data in") && told.contains("mizan demo"), "{told}");
}

#[test]
fn settings_with_a_slip_of_the_pen_stop_the_start() {
    let mizan = Mizan::new();
    std::fs::write(mizan.home().join("mizan.toml"), "[ingest]\nflush_second = 3\n").unwrap();
    let told = mizan.fails(&["serve"], 78);
    assert!(told.contains("flush_second") && told.contains("did you mean flush_seconds?"), "{told}");
}

#[test]
fn a_rotten_segment_stops_the_start_and_names_the_place() {
    let mizan = Mizan::new();
    let server = mizan.serve_with(&[("MIZAN_INGEST__FLUSH_SECONDS", "3600")]);
    for number in 0..50 {
        server.events(&page_view(&format!("e{number}"), &now()));
    }
    server.kill();
    let segment = std::fs::read_dir(mizan.data.join("log"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "seg"))
        .unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[600] ^= 0x10;
    std::fs::write(&segment, bytes).unwrap();
    let told = mizan.fails(&["serve", "--http", "127.0.0.1:0"], 74);
    assert!(told.contains(&segment.display().to_string()), "{told}");
    assert!(mizan.run(&["verify"]).status.code() != Some(0));
}

#[test]
fn a_full_disk_refuses_events_and_takes_them_again_once_there_is_room() {
    let Some(disk) = SmallDisk::mount("96m") else { return };
    let mizan = Mizan::at(&disk.path().join("data"));
    let server = mizan.serve_with(&[("MIZAN_INGEST__FLUSH_SECONDS", "3600"), ("MIZAN_TRANSFORM__EVERY_SECONDS", "0")]);
    disk.fill();
    let filler = "x".repeat(200_000);
    let mut number = 0;
    let mut accepted = Vec::new();
    let refused = loop {
        let id = format!("full-{number}");
        let answer = server.events(&page_view(&id, &now()).replace("mobile", &filler));
        number += 1;
        match answer.status {
            200 => accepted.push(id),
            _ => break answer,
        }
        assert!(number < 1000, "the disk never filled");
    };
    assert!(matches!(refused.status, 503 | 507), "{}", refused.text());
    assert!(refused.header("retry-after").is_some());
    disk.free();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while server.events(&page_view("after", &now())).status != 200 {
        assert!(std::time::Instant::now() < deadline, "events are still refused after there is room");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    accepted.push("after".to_owned());
    std::thread::sleep(std::time::Duration::from_millis(500));
    let count = server.value("SELECT count(DISTINCT event_id) FROM events.storefront");
    assert_eq!(count, accepted.len().to_string());
    drop(server);
}

#[test]
fn the_same_identity_with_another_body_is_kept_apart() {
    let mizan = Mizan::new();
    let server = mizan.serve();
    let time = "2026-03-01T10:00:00Z";
    let first = captured("1", "2.500", time);
    let other = captured("1", "2.600", time);
    assert_eq!(server.events(&first).json()["accepted"], 1);
    let answer = server.events(&[first.as_str(), other.as_str()].join("\n")).json();
    assert_eq!((&answer["accepted"], &answer["duplicates"]), (&0.into(), &1.into()), "{answer}");
    assert_eq!((&answer["rejected"][0]["index"], &answer["rejected"][0]["id"]), (&1.into(), &"captured-1".into()));
    assert!(answer["rejected"][0]["error"].as_str().unwrap().starts_with("conflict: "), "{answer}");
    assert_eq!(server.interrupt(), Some(0));
    // Also after a restart, and what came first stays.
    let server = mizan.serve();
    assert_eq!(server.events(&other).json()["rejected"][0]["id"], "captured-1");
    assert_eq!(server.value("SELECT amount FROM events.payments"), "2.5000");
    assert_eq!(server.value("SELECT count(*) FROM events.rejected WHERE body LIKE '%2.600%'"), "2");
    assert_eq!(server.interrupt(), Some(0));
    let told = mizan.run(&["rejected", "replay"]);
    assert_eq!(told.status.code(), Some(1));
    assert_eq!(mizan.value("SELECT count(*) FROM events.rejected"), "2");

    let file = mizan.home().join("again.ndjson");
    std::fs::write(&file, format!("{first}\n{other}\n")).unwrap();
    let summary: serde_json::Value =
        serde_json::from_str(&mizan.ok(&["import", file.to_str().unwrap(), "--json"])).unwrap();
    assert_eq!((&summary["duplicates"], &summary["conflicts"]), (&1.into(), &1.into()), "{summary}");
}
