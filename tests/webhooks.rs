//! Webhooks over HTTP: proven, mapped, kept as they came, and replayed once the mapping has learnt.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::support::program::plain;
use super::support::{Answer, Client, Mizan};

const SETTINGS: &str = r#"
[connectors.erp]
kind = "custom"
secrets = ["old one", "new one"]
mapping = "erp.jq"
signature = { scheme = "hmac", header = "X-Erp-Signature", encoding = "base64", prefix = "v1=", signed = "{header:X-Erp-Time}.{body}", time_header = "X-Erp-Time" }

[connectors.till]
kind = "standard"
shop = "default"
secrets_file = "till.secret"
"#;

const MAPPING: &str = r#"# mizan: input webhook
.body
| if .kind == "paid" then
    {type: "payment.captured", id: "\(.no)/paid", time: (.at | unix_time),
     data: {payment_id: .no, order_id: .order, provider: "erp", amount: (.fils | from_minor("KWD")), currency: "KWD"}}
  elif .kind == "hello" then empty
  else error("kind \(.kind) is not known") end
"#;

fn mizan() -> Mizan {
    let mizan = Mizan::new();
    std::fs::write(mizan.home().join("mizan.toml"), SETTINGS).unwrap();
    std::fs::write(mizan.home().join("erp.jq"), MAPPING).unwrap();
    std::fs::write(mizan.home().join("till.secret"), format!("whsec_{}\n", STANDARD.encode("till"))).unwrap();
    mizan
}

fn signature(key: &[u8], message: &str) -> String {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).unwrap();
    mac.update(message.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

fn seconds_now() -> i64 {
    mizan_events::EventTime::now().micros() / 1_000_000
}

fn erp(client: &Client, key: &str, at_s: i64, body: &str) -> Answer {
    let time = at_s.to_string();
    let signature = format!("v1={}", signature(key.as_bytes(), &format!("{time}.{body}")));
    let headers =
        [("x-erp-signature", signature.as_str()), ("x-erp-time", &time), ("content-type", "application/json")];
    client.request("POST", "/v1/webhooks/erp", None, &headers, body.as_bytes()).unwrap()
}

const PAID: &str = r#"{"kind":"paid","no":"p1","order":"1001","fils":12500,"at":1772359447}"#;

#[test]
fn a_proven_webhook_becomes_events_once_and_stays_as_it_came() {
    let mizan = mizan();
    let server = mizan.serve();
    let client = server.client();
    let now = seconds_now();

    let first = erp(&client, "old one", now, PAID);
    assert_eq!((first.status, first.json()), (200, serde_json::json!({"accepted": 1, "duplicates": 0})));
    // Sent again, and signed by the secret that replaces the old one.
    let again = erp(&client, "new one", now + 1, PAID);
    assert_eq!((again.status, again.json()), (200, serde_json::json!({"accepted": 0, "duplicates": 1})));
    let hello = erp(&client, "new one", now, r#"{"kind":"hello"}"#);
    assert_eq!(hello.json(), serde_json::json!({"accepted": 0, "duplicates": 0}));

    let rows = server.rows("SELECT event_id, source, order_id, amount, event_time FROM events.payments", 1);
    let row = &rows[0];
    assert_eq!(
        ["event_id", "source", "order_id", "amount"].map(|name| plain(&row[name])),
        ["p1/paid", "erp", "1001", "12.5000"]
    );
    assert!(plain(&row["event_time"]).starts_with("2026-03-01T10:04:07"), "{row}");
    let raw = server.rows("SELECT kind, events, body, headers FROM events.webhooks ORDER BY position", 2);
    assert_eq!(plain(&raw[0]["body"]), PAID);
    assert_eq!([plain(&raw[0]["events"]), plain(&raw[1]["events"])], ["1", "0"]);
    assert!(plain(&raw[0]["headers"]).contains("x-erp-time"), "{raw:?}");
    assert!(!plain(&raw[0]["headers"]).contains("signature"), "{raw:?}");
}

#[test]
fn what_does_not_prove_itself_is_refused_and_kept_nowhere() {
    let mizan = mizan();
    let server = mizan.serve();
    let client = server.client();
    let now = seconds_now();
    for (answer, status, told) in [
        (erp(&client, "another", now, PAID), 401, "does not match"),
        (erp(&client, "old one", now - 3600, PAID), 401, "seconds away from now"),
        (client.post("/v1/webhooks/erp", None, "application/json", PAID.as_bytes()).unwrap(), 401, "x-erp-signature"),
        (
            client.post("/v1/webhooks/nobody", None, "application/json", PAID.as_bytes()).unwrap(),
            404,
            "[connectors.NAME]",
        ),
    ] {
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(answer.text().contains(told), "{}", answer.text());
    }
    // A byte of the body changed on the way.
    let time = now.to_string();
    let signed = format!("v1={}", signature(b"old one", &format!("{time}.{PAID}")));
    let changed = PAID.replace("12500", "12501");
    let headers = [("x-erp-signature", signed.as_str()), ("x-erp-time", &time)];
    let answer = client.request("POST", "/v1/webhooks/erp", None, &headers, changed.as_bytes()).unwrap();
    assert_eq!(answer.status, 401, "{}", answer.text());
    assert_eq!(server.value("SELECT count(*) FROM events.webhooks"), "0");
    assert_eq!(server.value("SELECT count(*) FROM events.payments"), "0");
    drop(server);
    assert_eq!(mizan.ok(&["rejected", "list"]), "");
}

#[test]
fn what_cannot_be_mapped_is_kept_and_a_mended_mapping_takes_it() {
    let mizan = mizan();
    let server = mizan.serve();
    let refund = r#"{"kind":"refunded","no":"p1","refund":"r1","order":"1001","fils":2500,"at":1772445847}"#;
    let answer = erp(&server.client(), "new one", seconds_now(), refund);
    // The sender is told that it was taken: sending it again would not help.
    assert_eq!(answer.status, 200);
    assert!(plain(&answer.json()["rejected"]).contains("kind refunded is not known"), "{}", answer.text());
    assert_eq!(plain(&server.rows("SELECT body FROM events.webhooks", 1)[0]["body"]), refund);
    let kept = server.rows("SELECT kind, connector, reason, body FROM events.rejected WHERE replayed_at IS NULL", 1);
    assert_eq!([plain(&kept[0]["kind"]), plain(&kept[0]["connector"])], ["webhook", "erp"]);
    assert!(plain(&kept[0]["body"]).contains(refund), "{kept:?}");
    assert_eq!(server.interrupt(), Some(0));

    let listed = mizan.ok(&["rejected", "list"]);
    assert!(listed.contains("kind refunded is not known") && listed.contains("webhook"), "{listed}");
    mizan.fails(&["rejected", "replay"], 1);
    let learnt = MAPPING.replace(
        "elif .kind == \"hello\"",
        "elif .kind == \"refunded\" then
           {type: \"payment.refunded\", id: \"\\(.refund)/refunded\", time: (.at | unix_time),
            data: {payment_id: .no, refund_id: .refund, order_id: .order, provider: \"erp\",
              amount: (.fils | from_minor(\"KWD\")), currency: \"KWD\"}}
         elif .kind == \"hello\"",
    );
    std::fs::write(mizan.home().join("erp.jq"), &learnt).unwrap();
    let told = mizan.ok(&["rejected", "replay"]);
    assert!(told.contains("1 taken"), "{told}");
    let replayed = mizan.sql("SELECT event_id, source, shop, type, event_time, refund_id, amount FROM events.payments");

    // As if it had come right.
    let other = self::mizan();
    std::fs::write(other.home().join("erp.jq"), &learnt).unwrap();
    let server = other.serve();
    assert_eq!(erp(&server.client(), "new one", seconds_now(), refund).json()["accepted"], 1);
    let straight =
        server.rows("SELECT event_id, source, shop, type, event_time, refund_id, amount FROM events.payments", 1);
    assert_eq!(replayed, straight);
}

#[test]
fn events_of_ours_come_in_by_standard_webhooks() {
    let mizan = mizan();
    let server = mizan.serve();
    let (id, time) = ("msg_1", seconds_now().to_string());
    let body = r#"[{"id":"till-7","type":"payment.captured","time":"2026-03-01T10:04:07Z","data":{"payment_id":"t7","provider":"cash","amount":"3.250","currency":"KWD"}}]"#;
    let signed = format!("v1,{}", signature(b"till", &format!("{id}.{time}.{body}")));
    let headers = [("webhook-id", id), ("webhook-timestamp", time.as_str()), ("webhook-signature", signed.as_str())];
    let answer = server.client().request("POST", "/v1/webhooks/till", None, &headers, body.as_bytes()).unwrap();
    assert_eq!((answer.status, answer.json()["accepted"].clone()), (200, 1.into()), "{}", answer.text());
    assert_eq!(plain(&server.rows("SELECT source FROM events.payments", 1)[0]["source"]), "till");
}

#[test]
fn settings_that_make_no_connector_stop_the_start_and_say_why() {
    for (settings, told) in [
        ("kind = \"strpe\"\nsecrets = [\"x\"]", "the nearest is \"stripe\""),
        ("kind = \"stripe\"", "secrets: none is set"),
        ("kind = \"paypal\"", "webhook_id is missing"),
        ("kind = \"custom\"\nsecrets = [\"x\"]", "signature is missing"),
        ("kind = \"stripe\"\nsecret = [\"x\"]", "did you mean secrets"),
        ("kind = \"stripe\"\nsecrets = [\"x\"]\nshop = \"abroad\"", "there is no [shops.abroad]"),
        ("kind = \"stripe\"\nsecrets = [\"x\"]\nmapping = \"gone.jq\"", "cannot read mapping"),
    ] {
        let mizan = Mizan::new();
        std::fs::write(mizan.home().join("mizan.toml"), format!("[connectors.a]\n{settings}\n")).unwrap();
        let error = mizan.fails(&["serve", "--http", "127.0.0.1:0"], 78);
        assert!(error.contains(told), "{settings}: {error}");
    }
    let mizan = mizan();
    let shown = mizan.ok(&["config", "show"]);
    assert!(shown.contains("[connectors.erp]") && !shown.contains("old one"), "{shown}");
}

#[test]
fn a_mapping_is_tried_before_it_is_trusted() {
    let mizan = mizan();
    let sample = mizan.home().join("paid.json");
    std::fs::write(&sample, PAID).unwrap();
    let shown = mizan.ok(&["map", "test", "erp.jq", "paid.json", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown[0]["events"][0]["data"]["amount"], "12.500");
    std::fs::write(&sample, r#"{"kind":"odd"}"#).unwrap();
    let output = mizan.run(&["map", "test", "erp.jq", "paid.json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("kind odd is not known"), "{output:?}");
    std::fs::write(mizan.home().join("slip.jq"), "{type: \"x\", id: .no | lowr}").unwrap();
    let error = mizan.fails(&["map", "test", "slip.jq", "paid.json"], 65);
    assert!(error.contains("1:23") && error.contains("lowr"), "{error}");
}
