//! `mizan pull` against an API that pages, stalls, breaks and refuses: Stripe's, whose values are worked out by hand.

use std::process::Stdio;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::support::Mizan;
use super::support::program::plain;
use super::support::provider::{Asked, Provider, Reply};

const KEY: &str = "sk_test_k3y";

fn charge(id: &str, created: i64, amount: i64, more: Value) -> Value {
    let mut charge = json!({
        "id": id, "object": "charge", "amount": amount, "amount_captured": amount, "amount_refunded": 0,
        "captured": true, "created": created, "currency": "sar", "failure_code": null,
        "metadata": {"order_id": "1001"}, "payment_intent": {"id": id.replace("ch", "pi"), "object": "payment_intent",
        "capture_method": "automatic_async", "canceled_at": null}, "refunded": false, "status": "succeeded",
        "payment_method_details": {"type": "card", "card": {"brand": "visa", "last4": "4242"}}
    });
    for (name, value) in more.as_object().unwrap() {
        charge[name] = value.clone();
    }
    charge
}

fn booking(id: &str, created: i64, fee: i64) -> Value {
    json!({"id": id, "object": "balance_transaction", "created": created, "currency": "sar", "fee": fee})
}

/// 2026-01-05 08:00, taken at once; 09:00, declined; 10:00, held, of which 150.00 was taken a day later.
fn charges() -> Vec<Value> {
    vec![
        charge(
            "ch_3",
            1_767_607_200,
            20_000,
            json!({"amount_captured": 15_000, "balance_transaction": booking("txn_3", 1_767_693_600, 500),
                "payment_intent": {"id": "pi_3", "object": "payment_intent", "capture_method": "manual"}}),
        ),
        charge(
            "ch_2",
            1_767_603_600,
            5_000,
            json!({"status": "failed", "captured": false, "amount_captured": 0, "balance_transaction": null,
                "failure_code": "card_declined", "outcome": {"reason": "insufficient_funds"}}),
        ),
        charge("ch_1", 1_767_600_000, 10_000, json!({"balance_transaction": booking("txn_1", 1_767_600_000, 325)})),
    ]
}

fn dispute() -> Value {
    json!({"id": "dp_1", "object": "dispute", "amount": 2_500, "charge": "ch_1", "payment_intent": "pi_1",
        "created": 1_767_866_400, "currency": "sar", "reason": "fraudulent", "status": "needs_response",
        "balance_transactions": [], "metadata": {}})
}

fn list(data: &[Value], has_more: bool) -> Reply {
    Reply::json(&json!({"object": "list", "data": data, "has_more": has_more}))
}

/// Two charges a page.
fn stripe(asked: &Asked) -> Reply {
    match asked.path.as_str() {
        _ if asked.header("authorization") != Some(&format!("Bearer {KEY}")) => {
            Reply::status(401, r#"{"error":{"message":"Invalid API Key provided: sk_test_*****"}}"#)
        }
        "/v1/charges" => match asked.get("starting_after") {
            None => list(&charges()[..2], true),
            Some("ch_2") => list(&charges()[2..], false),
            Some(other) => Reply::status(400, other),
        },
        "/v1/events" if asked.query.iter().any(|(_, value)| value == "charge.dispute.created") => list(
            &[json!({"id": "evt_9", "object": "event", "type": "charge.dispute.created", "created": 1_767_866_405,
                "data": {"object": dispute()}})],
            false,
        ),
        "/v1/refunds" => list(
            &[json!({"id": "re_1", "object": "refund", "amount": 2_500, "charge": "ch_1", "payment_intent": "pi_1",
                "created": 1_767_780_000, "currency": "sar", "metadata": {}, "reason": "requested_by_customer",
                "status": "succeeded", "balance_transaction": booking("txn_4", 1_767_780_000, 0)})],
            false,
        ),
        "/v1/disputes" => list(&[dispute()], false),
        "/v1/payouts" => list(
            &[json!({"id": "po_1", "object": "payout", "amount": 21_675, "currency": "sar", "created": 1_767_830_400,
                "arrival_date": 1_767_916_800, "status": "paid"})],
            false,
        ),
        "/v1/events" | "/v1/checkout/sessions" => list(&[], false),
        other => Reply::status(404, other),
    }
}

fn mizan(url: &str, more: &str) -> Mizan {
    let mizan = Mizan::new();
    let settings = format!(
        "[connectors.pay]\nkind = \"stripe\"\nsecrets = [\"whsec_x\"]\n{more}\n[connectors.pay.api]\nurl = \"{url}\"\nkey = \"{KEY}\"\n"
    );
    std::fs::write(mizan.home().join("mizan.toml"), settings).unwrap();
    mizan
}

fn webhook(mizan: &Mizan) {
    let server = mizan.serve();
    let mut object = charges()[2].clone();
    object["payment_intent"] = json!("pi_1");
    object["balance_transaction"] = json!("txn_1");
    let body = json!({"id": "evt_1", "object": "event", "type": "charge.succeeded", "created": 1_767_600_001,
        "data": {"object": object}})
    .to_string();
    let time = mizan_events::EventTime::now().micros() / 1_000_000;
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(b"whsec_x").unwrap();
    mac.update(format!("{time}.{body}").as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let signature = format!("t={time},v1={hex}");
    let headers = [("stripe-signature", signature.as_str())];
    let answer = server.client().request("POST", "/v1/webhooks/pay", None, &headers, body.as_bytes()).unwrap();
    assert_eq!((answer.status, answer.json()["accepted"].clone()), (200, 1.into()), "{}", answer.text());
    assert_eq!(server.interrupt(), Some(0));
}

#[test]
fn a_pull_finds_the_webhooks_that_never_came_and_the_next_one_nothing() {
    // Trouble on the way: wait a second, an error of the server, a connection that breaks.
    let mut troubles =
        vec![("/v1/payouts", 2), ("/v1/refunds", 1), ("/v1/charges", 0)].into_iter().collect::<Vec<(&str, usize)>>();
    let provider = Provider::start(move |asked, _| {
        if let Some(at) = troubles.iter().position(|(path, _)| *path == asked.path) {
            return match troubles.swap_remove(at).1 {
                0 => Reply::status(429, "slow").with("retry-after", "1"),
                1 => Reply::status(500, "oops"),
                _ => stripe(asked).cut(),
            };
        }
        stripe(asked)
    });
    let mizan = mizan(&provider.url, "");
    webhook(&mizan);

    let began = Instant::now();
    let report = mizan.ok(&["pull", "pay", "--since", "2026-01-01", "--json"]);
    assert!(began.elapsed() >= Duration::from_secs(1), "it did not wait");
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["objects"]["charges"], 3, "{report}");
    let new = json!({"payment.authorized": 1, "payment.captured": 1, "payment.disputed": 1, "payment.failed": 1,
        "payment.fee": 2, "payment.refunded": 1, "payment.settled": 1});
    assert_eq!(report["new"], new);
    // The charge that the webhook brought, and the dispute that the events had told before the list of disputes did.
    assert_eq!([&report["accepted"], &report["missed"], &report["duplicates"]], [8, 6, 2], "{report}");
    // A day is a day in the shop's zone, which is Riyadh's.
    assert_eq!(report["since"], "2025-12-31T21:00:00Z");

    let rows = mizan.sql(
        "SELECT event_id, event_time, payment_id, coalesce(amount, fee) AS amount FROM events.payments ORDER BY event_time, event_id",
    );
    let rows: Vec<[String; 4]> = rows
        .iter()
        .map(|row| ["event_id", "event_time", "payment_id", "amount"].map(|name| plain(&row[name])))
        .map(|[id, time, payment, amount]| [id, time[..19].to_owned(), payment, amount])
        .collect();
    let expected = [
        // The booking of the fee is a second before the event of the webhook.
        ["txn_1/fee", "2026-01-05T08:00:00", "pi_1", "3.2500"],
        ["ch_1/captured/100.00", "2026-01-05T08:00:01", "pi_1", "100.0000"],
        ["ch_2/failed", "2026-01-05T09:00:00", "pi_2", "50.0000"],
        ["ch_3/authorized/200.00", "2026-01-05T10:00:00", "pi_3", "200.0000"],
        ["ch_3/captured/150.00", "2026-01-06T10:00:00", "pi_3", "150.0000"],
        ["txn_3/fee", "2026-01-06T10:00:00", "pi_3", "5.0000"],
        ["re_1/refunded", "2026-01-07T10:00:00", "pi_1", "25.0000"],
        ["dp_1/disputed", "2026-01-08T10:00:00", "pi_1", "25.0000"],
        ["po_1/settled", "2026-01-09T00:00:00", "null", "216.7500"],
    ];
    assert_eq!(rows, expected.map(|row| row.map(str::to_owned)));

    let asked = provider.asked_of("/v1/charges");
    assert_eq!(asked.len(), 3, "one 429 and two pages");
    assert_eq!([asked[0].get("created[gte]"), asked[0].get("limit")], [Some("1767214800"), Some("100")]);
    let expanded: Vec<&str> =
        asked[0].query.iter().filter(|(name, _)| name == "expand[]").map(|(_, value)| value.as_str()).collect();
    assert_eq!(expanded, ["data.balance_transaction", "data.payment_intent"]);
    // Stripe keeps events for thirty days.
    let oldest: i64 = provider.asked_of("/v1/events")[0].get("created[gte]").unwrap().parse().unwrap();
    let days = (mizan_events::EventTime::now().micros() / 1_000_000 - oldest) as f64 / 86_400.0;
    assert!((29.9..30.1).contains(&days), "{days}");

    let again = mizan.ok(&["pull", "pay", "--since", "2026-01-01"]);
    assert!(
        again.contains("0 events are new: nothing is missing") && again.contains("10 were known already"),
        "{again}"
    );
    // What follows the last pull begins a day before it.
    let next: Value = serde_json::from_str(&mizan.ok(&["pull", "pay", "--json"])).unwrap();
    let since: mizan_events::EventTime = mizan_events::EventTime::parse(next["since"].as_str().unwrap()).unwrap();
    let hours = (mizan_events::EventTime::now().micros() - since.micros()) as f64 / 3.6e9;
    assert!((24.0..24.1).contains(&hours), "{hours}");
}

#[test]
fn a_pull_that_was_killed_goes_on_after_its_last_page() {
    let (send, stalled) = std::sync::mpsc::channel();
    let mut has_stalled = false;
    let provider = Provider::start(move |asked, _| {
        if asked.path == "/v1/charges" && asked.get("starting_after").is_some() && !has_stalled {
            has_stalled = true;
            send.send(()).unwrap();
            std::thread::sleep(Duration::from_secs(2));
        }
        stripe(asked)
    });
    let mizan = mizan(&provider.url, "");
    let mut child = mizan.command(&["pull", "pay"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    stalled.recv_timeout(Duration::from_secs(60)).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let before = provider.asked().len();

    let report: Value = serde_json::from_str(&mizan.ok(&["pull", "pay", "--json"])).unwrap();
    let asked = &provider.asked()[before..];
    assert_eq!((asked[0].path.as_str(), asked[0].get("starting_after")), ("/v1/charges", Some("ch_2")));
    assert_eq!((&report["resumed"], &report["since"]), (&json!(true), &Value::Null), "{report}");
    // ch_1, its fee, the refund and the payout; the dispute was told before, by its event.
    assert_eq!([&report["accepted"], &report["duplicates"]], [4, 1], "{report}");
    // What the killed one stored is there as well.
    let events = mizan.value("SELECT string_agg(event_id, ' ' ORDER BY event_id) FROM events.payments");
    assert_eq!(
        events,
        "ch_1/captured/100.00 ch_2/failed ch_3/authorized/200.00 ch_3/captured/150.00 dp_1/disputed po_1/settled re_1/refunded txn_1/fee txn_3/fee"
    );
    // From the beginning means from the beginning.
    assert!(provider.asked().iter().all(|asked| asked.path == "/v1/events" || asked.get("created[gte]").is_none()));
}

#[test]
fn what_is_wrong_is_told_by_the_name_of_the_setting() {
    let provider = Provider::start(|asked, _| stripe(asked));
    let api = |api: &str| format!("kind = \"stripe\"\nsecrets = [\"x\"]\n{api}");
    let url = &provider.url;
    for (settings, code, told) in [
        (api(&format!("api = {{ url = \"{url}\", key = \"sk_wrong\" }}")), 78, "look at connectors.pay.api.key"),
        (api(""), 78, "connectors.pay.api is missing"),
        (api("api = {}"), 78, "connectors.pay.api.key is missing"),
        (
            api("api = { key = \"k\", url = \"http://api.example\" }"),
            78,
            "connectors.pay.api.url: \"http://api.example\"",
        ),
        (api("api = { kay = \"k\" }"), 78, "did you mean key?"),
        (api("api = { key = \"k\", secret = \"s\" }"), 78, "connectors.pay.api.secret: this kind has none"),
        (api("api = { key_file = \"gone\" }"), 78, "connectors.pay.api.key_file: cannot read"),
        ("kind = \"shopify\"\napi = { key = \"k\" }".to_owned(), 78, "connectors.pay.api.url is missing"),
        (
            "kind = \"woocommerce\"\napi = { key = \"k\", url = \"https://x.example\" }".to_owned(),
            78,
            "api.secret is missing",
        ),
        ("kind = \"tap\"\nsecrets = [\"x\"]\napi = { key = \"k\" }".to_owned(), 78, "kind \"tap\" cannot pull"),
        (api(&format!("api = {{ url = \"{url}/elsewhere\", key = \"{KEY}\" }}")), 69, "answered with 404"),
    ] {
        let mizan = Mizan::new();
        std::fs::write(mizan.home().join("mizan.toml"), format!("[connectors.pay]\n{settings}\n")).unwrap();
        let error = mizan.fails(&["pull", "pay"], code);
        assert!(error.contains(told) && !error.contains("sk_wrong"), "{settings}: {error}");
    }
    let mizan = mizan(url, "");
    for (arguments, code, told) in [
        (&["pull", "nobody"][..], 78, "there are: pay"),
        (&["pull", "pay", "--since", "yesterday"], 2, "--since: \"yesterday\" is neither a day"),
        (&["pull", "pay", "--since", "2026-02-01", "--until", "2026-01-01"], 2, "--since is not before --until"),
    ] {
        let error = mizan.fails(arguments, code);
        assert!(error.contains(told), "{error}");
    }
    let shown = mizan.ok(&["config", "show"]);
    assert!(shown.contains(url) && !shown.contains(KEY), "{shown}");
}

#[test]
fn a_server_pulls_by_itself_and_holds_the_door_meanwhile() {
    let provider = Provider::start(|asked, _| stripe(asked));
    let mizan = mizan(&provider.url, "pull_every_minutes = 60");
    let server = mizan.serve();
    server.rows("SELECT event_id FROM events.payments", 9);
    let error = mizan.fails(&["pull", "pay"], 69);
    assert!(error.contains("in use by process") && error.contains("pull_every_minutes"), "{error}");
    assert_eq!(server.interrupt(), Some(0));
    let next = mizan.ok(&["pull", "pay"]);
    assert!(next.contains("0 events are new"), "{next}");

    let bare = Mizan::new();
    let settings = "[connectors.a]\nkind = \"stripe\"\nsecrets = [\"x\"]\npull_every_minutes = 5\n";
    std::fs::write(bare.home().join("mizan.toml"), settings).unwrap();
    let error = bare.fails(&["serve", "--http", "127.0.0.1:0"], 78);
    assert!(error.contains("connectors.a.api is missing"), "{error}");
}
