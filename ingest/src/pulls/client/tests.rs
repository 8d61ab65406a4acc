//! The client against a server that misbehaves.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]";

/// A server that gives these answers, one a connection, and remembers what was asked.
fn server(answers: Vec<String>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            heard.lock().unwrap().push(head(&mut stream));
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (address, asked)
}

fn head(stream: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn client(url: &str) -> Client {
    let client = Client::new("mine", url, Auth::Bearer("s3cret-key".to_owned())).unwrap();
    Client { tries: 3, first_wait: Duration::from_millis(2), ..client }
}

#[tokio::test]
async fn what_passes_is_tried_again_and_waits_as_long_as_it_is_told() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n[".to_owned();
    let (url, asked) = server(vec![answer("500 Oops", "", ""), cut, OK.to_owned()]);
    let query = [("created[gte]", "7".to_owned())];
    assert_eq!(client(&url).get("/v1/x", &query).await.unwrap().body, "[]");
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 3);
    assert!(asked[0].starts_with("GET /v1/x?created%5Bgte%5D=7 HTTP/1.1\r\n"), "{}", asked[0]);
    assert!(asked[0].contains("authorization: Bearer s3cret-key\r\n"), "{}", asked[0]);

    let (url, _) = server(vec![answer("429 Slow down", "retry-after: 0.3\r\n", ""), OK.to_owned()]);
    let began = std::time::Instant::now();
    client(&url).get("/", &[]).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_does_not_pass_is_told_without_the_key() {
    let down = || answer("503 Down", "", "");
    let gone = "http://127.0.0.1:1".to_owned();
    let words = r#"{"error":{"message":"no such key: s3cret-key"}}"#;
    for (url, told) in [
        (server(vec![down(), down(), down()]).0, "/a cannot be read now, after 3 tries: it answers 503"),
        (gone, "/a cannot be read now, after 3 tries: "),
        (server(vec![answer("429 No", "retry-after: 7200\r\n", "")]).0, "it asks to wait 7200 seconds"),
        (
            server(vec![answer("401 No", "", words)]).0,
            "/a was refused (401): no such key: [secret]; look at connectors.mine.api.key",
        ),
        (server(vec![answer("404 No", "", "<html>")]).0, "/a was answered with 404"),
        (
            server(vec![answer("302 There", "location: https://else.example/a\r\n", "")]).0,
            "a redirect to https://else.example/a; put the right address into connectors.mine.api.url",
        ),
    ] {
        let error = client(&url).get("/a", &[]).await.err().unwrap().to_string();
        assert!(error.contains(told) && !error.contains("s3cret"), "{told}: {error}");
    }
}

#[test]
fn a_key_is_not_sent_in_the_clear() {
    for (url, told) in [
        ("http://shop.example", "not an https address"),
        ("http://127.0.0.1.example", "not an https address"),
        ("ftp://127.0.0.1", "not an https address"),
        ("https://me:pass@shop.example", "a name, a password or a query"),
        ("shop.example", "relative URL"),
    ] {
        let error = Client::new("mine", url, Auth::Bearer("k".to_owned())).err().unwrap().to_string();
        assert!(error.starts_with("api.url: ") && error.contains(told), "{url}: {error}");
    }
    for url in ["https://shop.example/wordpress/", "http://127.0.0.1:9", "http://[::1]:9", "http://localhost"] {
        assert!(Client::new("mine", url, Auth::Bearer("k".to_owned())).is_ok(), "{url}");
    }
}

#[test]
fn waits_are_read_and_chosen() {
    let with = |name: &'static str, value: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        headers
    };
    let now: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
    let seconds = |value| retry_after(&with("retry-after", value), now).map(|wait| wait.as_secs_f64());
    assert_eq!(seconds("2.0"), Some(2.0));
    assert_eq!(seconds("Sun, 01 Mar 2026 10:00:30 GMT"), Some(30.0));
    assert_eq!(seconds("Sun, 01 Mar 2026 09:00:00 GMT"), Some(0.0));
    assert_eq!((seconds("-1"), seconds("soon")), (None, None));
    // A bucket of 40 leaks two a second, one of 400 twenty: room for two more is there after 1 s and 0.1 s.
    let limit = |value| pause(&with("x-shopify-shop-api-call-limit", value)).map(|wait| wait.as_millis());
    assert_eq!((limit("31/40"), limit("32/40"), limit("399/400")), (None, Some(1000), Some(100)));
    assert_eq!((limit("x/40"), limit("5/0")), (None, None));

    let client = client("https://shop.example");
    let long = Client { first_wait: Duration::from_secs(1), ..client };
    for (tries, least, most) in [(1, 0.5, 1.0), (3, 2.0, 4.0), (6, 15.0, 30.0), (60, 15.0, 30.0)] {
        let wait = long.wait(tries).as_secs_f64();
        assert!((least..=most).contains(&wait), "{tries}: {wait}");
    }
}
