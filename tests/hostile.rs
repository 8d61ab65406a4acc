//! Clients that mean no good, or cannot do better: each is ended early with the right status, and the others are served.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::events::{now, page_view};
use crate::support::{Mizan, Server};

/// Sends bytes as they are and reads until the server closes; what it said, and after how long.
fn send_raw(server: &Server, parts: &[&[u8]], pause: Duration) -> (String, Duration) {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let began = Instant::now();
    for part in parts {
        // The server may have ended it already, which is what this is about.
        if stream.write_all(part).is_err() {
            break;
        }
        std::thread::sleep(pause);
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    (String::from_utf8_lossy(&answer).into_owned(), began.elapsed())
}

fn resident_bytes(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process_id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

fn status_of(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

#[test]
fn slow_clients_are_ended_while_others_are_served() {
    let mizan = Mizan::new();
    let server = mizan.serve();
    let head = format!("POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n", server.key);
    std::thread::scope(|scope| {
        // Headers that never end, a line each second.
        let headers = scope.spawn(|| {
            let lines: Vec<String> = (0..40).map(|line| format!("x-{line}: y\r\n")).collect();
            let parts: Vec<&[u8]> =
                std::iter::once(head.as_bytes()).chain(lines.iter().map(String::as_bytes)).collect();
            send_raw(&server, &parts, Duration::from_secs(1))
        });
        // A body of which a part comes, and then nothing.
        let body = scope.spawn(|| {
            let text = format!("{head}content-type: application/x-ndjson\r\ncontent-length: 1000\r\n\r\n{{\"id\":");
            send_raw(&server, &[text.as_bytes()], Duration::ZERO)
        });
        for number in 0..20 {
            let began = Instant::now();
            assert_eq!(server.events(&page_view(&format!("e{number}"), &now())).status, 200);
            assert!(began.elapsed() < Duration::from_secs(5), "others wait for the slow");
            std::thread::sleep(Duration::from_millis(200));
        }
        let (answer, took) = headers.join().unwrap();
        assert!(took < Duration::from_secs(45) && matches!(status_of(&answer), "none" | "408"), "{took:?}: {answer}");
        let (answer, took) = body.join().unwrap();
        assert!(took < Duration::from_secs(40), "{took:?}");
        assert_eq!(status_of(&answer), "408", "{answer}");
    });
}

#[test]
fn giant_headers_are_refused() {
    let mizan = Mizan::new();
    let server = mizan.serve();
    let many: String = (0..5_000).map(|line| format!("x-{line}: y\r\n")).collect();
    let long = format!("x-long: {}\r\n", "y".repeat(2_000_000));
    let path = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(1_000_000));
    let before = resident_bytes(&server);
    for text in
        [format!("GET /livez HTTP/1.1\r\nhost: x\r\n{many}\r\n"), format!("GET /livez HTTP/1.1\r\n{long}\r\n"), path]
    {
        let (answer, took) = send_raw(&server, &[text.as_bytes()], Duration::ZERO);
        // Where the client still sends, the answer may be lost with the connection.
        assert!(matches!(status_of(&answer), "431" | "414" | "400" | "none"), "{answer}");
        assert!(took < Duration::from_secs(15), "{took:?}");
    }
    assert!(resident_bytes(&server) < before + (64 << 20), "headers are kept without end");
    assert_eq!(server.events(&page_view("e", &now())).status, 200);
}

#[test]
fn deep_json_is_refused_everywhere_and_ends_nothing() {
    let mizan = Mizan::new();
    let settings = "[connectors.mine]\nkind = \"moyasar\"\nsecrets = [\"s3cret\"]\n";
    std::fs::write(mizan.home().join("mizan.toml"), settings).unwrap();
    let server = mizan.serve();
    let key = mizan.ok(&["keys", "create", "page", "--scope", "collect"]).trim().to_owned();
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let objects = format!("{}1{}", "{\"a\":".repeat(200_000), "}".repeat(200_000));
    for deep in [deep, objects] {
        let event = page_view("deep", &now()).replace("\"mobile\"", &deep);
        let extra = page_view("extra", &now()).replace("\"device\":", &format!("\"x\":{deep},\"device\":"));
        for text in [&event, &extra] {
            let answer = server.events(text);
            assert_eq!((answer.status, &answer.json()["accepted"]), (200, &0.into()), "{}", answer.text());
            assert_eq!(answer.json()["rejected"].as_array().unwrap().len(), 1);
        }
        let batch = server.post("/v1/events", "application/cloudevents-batch+json", format!("[{event}]").as_bytes());
        assert!(matches!(batch.status, 200 | 400), "{}", batch.text());
        assert_eq!(server.post("/v1/sql", "application/json", deep.as_bytes()).status, 400);
        let message = format!(r#"{{"type":"track","event":"X","messageId":"m","properties":{deep}}}"#);
        let segment = server.post("/v1/segment/track", "application/json", message.as_bytes());
        assert!(matches!(segment.status, 200 | 400), "{}", segment.text());
        let beacon = format!(
            r#"{{"key":"{key}","sent_at":1,"context":{{}},"events":[{{"id":"1","name":"x","at":1,"params":{deep}}}]}}"#
        );
        let beacon = server.client().post("/v1/collect", None, "text/plain", beacon.as_bytes()).unwrap();
        assert!(matches!(beacon.status, 204 | 400), "{}", beacon.text());
        let webhook = format!(r#"{{"secret_token":"s3cret","id":"1","type":"payment_paid","data":{deep}}}"#);
        let webhook = server.client().post("/v1/webhooks/mine", None, "application/json", webhook.as_bytes()).unwrap();
        assert!(matches!(webhook.status, 200 | 400 | 401), "{}", webhook.text());
    }
    assert_eq!(server.events(&page_view("after", &now())).json()["accepted"], 1);
    assert_eq!(server.interrupt(), Some(0));
}

#[test]
fn bombs_are_refused_before_they_take_memory() {
    let mizan = Mizan::new();
    let server = mizan.serve_with(&[("MIZAN_SERVER__MAX_BODY_BYTES", "1000000")]);
    assert_eq!(server.events(&page_view("before", &now())).status, 200);
    // 512 MB of spaces: 500 kB of gzip, 16 kB of zstd.
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let mut zstd = zstd::Encoder::new(Vec::new(), 1).unwrap();
    let piece = vec![b' '; 1 << 20];
    for _ in 0..512 {
        gzip.write_all(&piece).unwrap();
        zstd.write_all(&piece).unwrap();
    }
    let bombs = [("gzip", gzip.finish().unwrap()), ("zstd", zstd.finish().unwrap())];
    let before = resident_bytes(&server);
    for (encoding, bomb) in &bombs {
        for path in ["/v1/events", "/v1/segment/batch", "/v1/collect", "/v1/sql"] {
            let began = Instant::now();
            let headers = [("content-encoding", *encoding), ("content-type", "application/json")];
            let answer = server.client().request("POST", path, Some(&server.key), &headers, bomb).unwrap();
            assert_eq!(answer.status, 413, "{path}, {encoding}: {}", answer.text());
            assert!(began.elapsed() < Duration::from_secs(5), "{path}, {encoding}: {:?}", began.elapsed());
        }
    }
    let rise = resident_bytes(&server).saturating_sub(before);
    assert!(rise < 32 << 20, "bombs took {rise} bytes");
    // Packed twice is not unpacked twice.
    let headers = [("content-encoding", "gzip, gzip"), ("content-type", "application/x-ndjson")];
    let twice = server.client().request("POST", "/v1/events", Some(&server.key), &headers, &bombs[0].1).unwrap();
    assert!((400..500).contains(&twice.status), "{}", twice.text());
    assert_eq!(server.events(&page_view("after", &now())).status, 200);
}
