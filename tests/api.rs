//! The API as its users meet it.

use crate::support::events::{captured, now, page_view, placed, received};
use crate::support::{Client, Mizan};

#[test]
fn a_sale_is_followed_from_event_to_invoice() {
    let mizan = Mizan::new();
    let server = mizan.serve();
    let time = now();
    let lines =
        [received("in", "OUD", 10, &time), placed("1001", "OUD", 3, "4.125", &time), captured("1001", "12.375", &time)];
    let answer = server.events(&lines.join("\n"));
    assert_eq!(answer.json(), serde_json::json!({"accepted": 3, "duplicates": 0, "rejected": []}));
    let repeated = server.events(&lines.join("\n"));
    assert_eq!(repeated.json(), serde_json::json!({"accepted": 0, "duplicates": 3, "rejected": []}));

    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let order = loop {
        let answer = server.get("/v1/orders/1001");
        if answer.status == 200 && answer.json()["payment_status"] == "paid" {
            break answer.json();
        }
        assert!(std::time::Instant::now() < deadline, "{}", answer.text());
    };
    assert_eq!(order["currency"], "KWD");
    assert_eq!(server.get("/v1/stock?sku=OUD").json()["stock"][0]["on_hand"], "7");
    let invoice = server.get("/v1/orders/1001/invoice").json();
    assert_eq!(invoice["totals"]["total"], "12.375", "{invoice}");
    let number = invoice["number"].as_str().unwrap();
    assert_eq!(server.get(&format!("/v1/invoices/{number}")).json(), invoice);

    // What the customer may see, without a key: the state, but neither e-mail nor full name.
    let token = order["tracking_token"].as_str().unwrap();
    let tracking = server.client().get(&format!("/v1/track/{token}"), None).unwrap();
    assert_eq!(tracking.status, 200);
    assert!(!tracking.text().contains("example.com"), "{}", tracking.text());
    assert_eq!(server.client().get("/v1/track/guess", None).unwrap().status, 404);
}

#[test]
fn without_a_key_nothing_is_told() {
    let mizan = Mizan::new();
    let server = mizan.serve();
    let client = Client::new(server.address);
    for path in [
        "/v1/orders",
        "/v1/stock",
        "/v1/alerts",
        "/v1/metrics",
        "/v1/overview",
        "/v1/reorder",
        "/v1/invoices/INV-2026-000001",
    ] {
        let answer = client.get(path, None).unwrap();
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(client.get(path, Some("mzn_wrong")).unwrap().status, 401);
    }
    assert_eq!(client.post("/v1/sql", None, "application/json", b"{}").unwrap().status, 401);
    assert_eq!(client.post("/v1/events", None, "application/x-ndjson", b"{}").unwrap().status, 401);
}

#[test]
fn a_key_does_what_its_scope_says_and_nothing_once_revoked() {
    let mizan = Mizan::new();
    let server = mizan.serve();
    let reader = mizan.ok(&["keys", "create", "reader", "--scope", "read"]).trim().to_owned();
    let sender = mizan.ok(&["keys", "create", "sender", "--scope", "ingest"]).trim().to_owned();
    let client = server.client();
    let event = page_view("k1", &now());
    let send =
        |key: &str| client.post("/v1/events", Some(key), "application/x-ndjson", event.as_bytes()).unwrap().status;
    assert_eq!((send(&reader), send(&sender)), (403, 200));
    assert_eq!(client.get("/v1/stock", Some(&sender)).unwrap().status, 403);
    assert_eq!(client.get("/v1/stock", Some(&reader)).unwrap().status, 200);
    mizan.ok(&["keys", "revoke", "reader"]);
    assert_eq!(client.get("/v1/stock", Some(&reader)).unwrap().status, 401);
    let listed = mizan.ok(&["keys", "list"]);
    assert!(listed.contains("sender") && !listed.contains(&sender), "{listed}");
}

#[test]
fn a_key_for_one_shop_neither_sees_nor_feeds_another() {
    let mizan = Mizan::new();
    let server = mizan.serve();
    let key = mizan.ok(&["keys", "create", "riyadh", "--scope", "ingest,read", "--shop", "riyadh"]).trim().to_owned();
    let client = server.client();
    for path in ["/v1/overview?shop=default", "/v1/stock?shop=default", "/v1/orders?shop=default"] {
        assert_eq!(client.get(path, Some(&key)).unwrap().status, 404, "{path}");
    }
    let sql = client.post("/v1/sql", Some(&key), "application/json", br#"{"query":"SELECT 1"}"#).unwrap();
    assert_eq!(sql.status, 403, "{}", sql.text());
    let foreign = page_view("f1", &now());
    let own = page_view("o1", &now()).replace("\"source\"", "\"shop\":\"riyadh\",\"source\"");
    let lines = format!("{foreign}\n{own}");
    let answer = client.post("/v1/events", Some(&key), "application/x-ndjson", lines.as_bytes()).unwrap().json();
    assert_eq!((answer["accepted"].as_u64(), answer["rejected"][0]["index"].as_u64()), (Some(1), Some(0)), "{answer}");
}

#[test]
fn an_unknown_api_path_is_a_json_404_and_a_page_path_is_the_page() {
    let mizan = Mizan::new();
    let server = mizan.serve();
    let missing = server.get("/v1/nope");
    assert_eq!((missing.status, missing.header("content-type")), (404, Some("application/problem+json")));
    let page = server.client().get("/", None).unwrap();
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert!(page.header("content-security-policy").is_some());
    assert_eq!(server.client().get("/assets/nope.js", None).unwrap().status, 404);
}

#[test]
fn sql_answers_in_every_form_that_is_asked_for() {
    let mizan = Mizan::new();
    let server = mizan.serve();
    server.events(&captured("1", "12.375", &now()));
    let ask = |accept: &str| {
        let body = br#"{"query":"SELECT order_id, amount FROM events.payments WHERE amount > $1","params":["1.5"]}"#;
        let headers = [("accept", accept), ("content-type", "application/json")];
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
        loop {
            let answer = server.client().request("POST", "/v1/sql", Some(&server.key), &headers, body).unwrap();
            if answer.text().contains("12.375") || accept.contains("apache") || std::time::Instant::now() > deadline {
                return answer;
            }
        }
    };
    let json = ask("application/json").json();
    assert_eq!(json["rows"], serde_json::json!([{"order_id": "1", "amount": "12.3750"}]));
    assert_eq!(ask("text/csv").text(), "order_id,amount\r\n1,12.3750\r\n");
    assert_eq!(&ask("application/vnd.apache.parquet").body[..4], b"PAR1");
    assert_eq!(&ask("application/vnd.apache.arrow.stream").body[..4], [0xff; 4]);
    assert_eq!(ask("image/png").status, 406);
}

#[test]
fn gzip_is_read_and_a_bomb_is_refused() {
    let mizan = Mizan::new();
    let server = mizan.serve_with(&[("MIZAN_SERVER__MAX_BODY_BYTES", "1000000")]);
    let send = |bytes: &[u8]| {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        let packed = encoder.finish().unwrap();
        let headers = [("content-encoding", "gzip"), ("content-type", "application/x-ndjson")];
        server.client().request("POST", "/v1/events", Some(&server.key), &headers, &packed).unwrap()
    };
    assert_eq!(send(page_view("z", &now()).as_bytes()).json()["accepted"], 1);
    let bomb = send(&vec![b' '; 50_000_000]);
    assert_eq!(bomb.status, 413, "{}", bomb.text());
}

#[test]
fn metrics_come_as_series_and_equal_the_sql() {
    let mizan = Mizan::new();
    let server = mizan.serve_with(&[("MIZAN_INGEST__FLUSH_SECONDS", "1")]);
    for day in 1..=3 {
        server.events(&placed(&day.to_string(), "A", day, "1.500", &format!("2026-03-0{day}T09:00:00Z")));
    }
    assert_eq!(server.interrupt(), Some(0));
    mizan.ok(&["run"]);
    let server = mizan.serve();
    let series = server.get("/v1/metrics/net_sales?from=2026-03-02&grain=day").json();
    let rows: Vec<(&str, f64)> = series["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["period"].as_str().unwrap(), row["value"].as_str().unwrap().parse().unwrap()))
        .collect();
    assert_eq!(rows, [("2026-03-02", 3.0), ("2026-03-03", 4.5)]);
    let page = server.get("/v1/overview?days=0").json();
    assert_eq!(page["currency"], "KWD", "the shop's own currency never sold anything");
    assert_eq!(page["sales"].as_array().unwrap().len(), 3, "{page}");
}

#[test]
fn a_key_that_asks_too_often_is_told_when_to_come_back() {
    let mizan = Mizan::new();
    let server = mizan.serve_with(&[("MIZAN_SERVER__KEY_REQUESTS_PER_SECOND", "5")]);
    let client = server.client();
    let till = mizan.ok(&["keys", "create", "till", "--scope", "read"]).trim().to_owned();
    let asked: Vec<_> = (0..12).map(|_| client.get("/v1/stock", Some(&till)).unwrap()).collect();
    assert_eq!(asked[0].status, 200, "{}", asked[0].text());
    let refused = asked.iter().find(|answer| answer.status == 429).expect("twelve at once are more than five a second");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(refused.text().contains("[server] in the settings"), "{}", refused.text());
    // Another key has a count of its own.
    assert_eq!(server.get("/v1/stock").status, 200);
}
