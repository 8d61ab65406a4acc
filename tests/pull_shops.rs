//! `mizan pull` of shops and of Moyasar, with the objects of the connectors' samples.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::support::Mizan;
use super::support::program::plain;
use super::support::provider::{Provider, Reply};
use super::support::tools::repository;

/// The body of a sample.
fn sample(name: &str) -> Value {
    let path = repository().join("ingest/tests/connectors").join(name).with_extension("json");
    let sample: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    sample["body"].clone()
}

fn mizan(kind: &str, api: &str) -> Mizan {
    let mizan = Mizan::new();
    write_settings(&mizan, kind, api, "");
    mizan
}

fn write_settings(mizan: &Mizan, kind: &str, api: &str, more: &str) {
    let settings = format!("[connectors.shop]\nkind = \"{kind}\"\nsecrets = [\"s3cret\"]\napi = {{ {api} }}\n{more}\n");
    std::fs::write(mizan.home().join("mizan.toml"), settings).unwrap();
}

fn pull(mizan: &Mizan, more: &[&str]) -> Value {
    let arguments: Vec<&str> = ["pull", "shop", "--json"].iter().chain(more).copied().collect();
    serde_json::from_str(&mizan.ok(&arguments)).unwrap()
}

#[test]
fn an_order_of_shopify_tells_its_whole_story() {
    const ROOT: &str = "/admin/api/2026-01";
    let mut first = sample("shopify/order_placed");
    first["updated_at"] = json!("2026-03-03T09:00:00+03:00");
    first["refunds"] = json!([]);
    first["fulfillments"] = json!([{"id": 4001, "order_id": 5001, "status": "success", "shipment_status": "delivered",
        "created_at": "2026-03-02T10:00:00+03:00", "tracking_company": "SMSA", "tracking_number": "SM1"}]);
    let mut second = sample("shopify/order_placed");
    second["id"] = json!(5002);
    second["financial_status"] = json!("voided");
    second["cancelled_at"] = json!("2026-03-04T09:00:00+03:00");
    second["updated_at"] = json!("2026-03-04T09:00:00+03:00");
    let (pages, address) =
        ([json!([first]), json!([second])], std::sync::Arc::new(std::sync::Mutex::new(String::new())));
    let own = std::sync::Arc::clone(&address);
    let provider = Provider::start(move |asked, _| {
        if asked.header("x-shopify-access-token") != Some("shpat_1") {
            return Reply::status(401, r#"{"errors":"[API] Invalid API key or access token"}"#);
        }
        match asked.path.strip_prefix(ROOT).unwrap_or_default() {
            "/orders.json" if asked.get("page_info") == Some("tok=2") && asked.query.len() == 2 => {
                Reply::json(&json!({"orders": pages[1]}))
            }
            "/orders.json" if asked.get("page_info").is_none() => {
                let link =
                    format!("<{}{ROOT}/orders.json?limit=50&page_info=tok%3D2>; rel=\"next\"", own.lock().unwrap());
                Reply::json(&json!({"orders": pages[0]}))
                    .with("link", &link)
                    .with("x-shopify-shop-api-call-limit", "39/400")
            }
            "/orders/5001/transactions.json" => Reply::json(&json!({"transactions": [
                {"id": 8001, "order_id": 5001, "kind": "sale", "status": "success", "gateway": "shopify_payments",
                    "amount": "293.25", "currency": "SAR", "processed_at": "2026-03-01T12:00:01+03:00"}]})),
            // Nothing that the mapping knows.
            "/orders/5002/transactions.json" => Reply::json(&json!({"transactions": [
                {"id": 8002, "order_id": 5002, "kind": "barter", "status": "success", "gateway": "manual",
                    "amount": "1.00", "currency": "SAR", "processed_at": "2026-03-01T12:00:01+03:00"}]})),
            "/orders/5001/fulfillments/4001/events.json" => Reply::json(&json!({"fulfillment_events": [
                {"id": 6001, "order_id": 5001, "fulfillment_id": 4001, "status": "delivered",
                    "happened_at": "2026-03-03T08:00:00+03:00"}]})),
            "/products.json" => Reply::json(&json!({"products": []})),
            _ => Reply::status(404, r#"{"errors":"Not Found"}"#),
        }
    });
    address.lock().unwrap().push_str(&provider.url);
    let mizan = mizan("shopify", &format!("url = \"{}\", key = \"shpat_1\"", provider.url));

    // The first order's webhook came, before the order was changed.
    let server = mizan.serve();
    let body = sample("shopify/order_placed").to_string();
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(b"s3cret").unwrap();
    mac.update(body.as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let headers = [("x-shopify-hmac-sha256", signature.as_str()), ("x-shopify-topic", "orders/create")];
    let answer = server.client().request("POST", "/v1/webhooks/shop", None, &headers, body.as_bytes()).unwrap();
    assert_eq!((answer.status, answer.json()["accepted"].clone()), (200, 1.into()), "{}", answer.text());
    assert_eq!(server.interrupt(), Some(0));

    let report = pull(&mizan, &["--since", "2026-03-01"]);
    let new = json!({"order.cancelled": 1, "order.delivered": 1, "order.edited": 1, "order.paid": 1, "order.placed": 1,
        "order.shipped": 1, "payment.captured": 1});
    assert_eq!(report["new"], new, "{report}");
    assert_eq!([&report["duplicates"], &report["rejected"]], [1, 1], "{report}");
    assert!(plain(&report["passed_over"]["disputes"]).contains("404"), "{report}");
    let asked = &provider.asked()[0];
    let query = ["status", "order", "updated_at_min"].map(|name| asked.get(name).unwrap().to_owned());
    assert_eq!(query, ["any", "updated_at asc", "2026-02-28T21:00:00Z"]);

    let rows = mizan.sql("SELECT event_id, event_time FROM events.orders WHERE order_id = '5001' ORDER BY event_time");
    let rows: Vec<String> =
        rows.iter().map(|row| format!("{} {}", plain(&row["event_id"]), &plain(&row["event_time"])[..19])).collect();
    assert_eq!(
        rows.iter().map(String::as_str).filter(|row| !row.contains("edited")).collect::<Vec<_>>(),
        [
            "5001/placed 2026-03-01T08:59:58",
            "5001/paid 2026-03-01T09:00:01",
            "4001/shipped/SM1 2026-03-02T07:00:00",
            "6001/delivered 2026-03-03T05:00:00",
        ]
    );
    // The customer's card and address apart, nothing was thrown away: what is not known waits.
    let listed = mizan.ok(&["rejected", "list"]);
    assert!(listed.contains("pull of shop") && listed.contains("barter is not a kind of transaction"), "{listed}");
    let again = pull(&mizan, &["--since", "2026-03-01"]);
    assert_eq!([&again["accepted"], &again["duplicates"], &again["rejected"]], [0, 8, 1], "{again}");
    let listed: Value = serde_json::from_str(&mizan.ok(&["rejected", "list", "--json"])).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 1, "kept once: {listed}");
}

#[test]
fn orders_of_woocommerce_that_change_meanwhile_hide_no_others() {
    // 150 orders, one changed each second; once the first page was read, the 50th changes again and leaves its place.
    let template = sample("woocommerce/order_updated");
    let mut orders: Vec<Value> = (1..=150)
        .map(|number| {
            let mut order = template.clone();
            order["id"] = json!(number);
            order["number"] = json!(number.to_string());
            order["date_modified_gmt"] = json!(format!("2026-03-02T10:{:02}:{:02}", number / 60, number % 60));
            order
        })
        .collect();
    let old = json!({"id": 900, "number": "900", "status": "processing", "date_modified_gmt": "2026-03-02T12:00:00",
        "date_created_gmt": "2026-03-02T11:00:00"});
    orders.push(old);
    let provider = Provider::start(move |asked, _| {
        if asked.header("authorization") != Some(&format!("Basic {}", STANDARD.encode("ck_1:cs_1"))) {
            return Reply::status(401, r#"{"code":"woocommerce_rest_cannot_view","message":"Sorry"}"#);
        }
        let product = |id: u64, kind: &str, sku: &str, stock: u64| {
            json!({"id": id, "name": "Oud", "type": kind, "sku": sku, "status": "publish",
                "date_modified_gmt": "2026-03-02T12:00:00", "manage_stock": stock > 0, "stock_quantity": stock})
        };
        match asked.path.strip_prefix("/wp/wp-json/wc/v3/").unwrap() {
            "orders" => {}
            "products" => return Reply::json(&json!([product(31, "variable", "OUD", 0)])),
            "products/31/variations" => {
                return Reply::json(&json!([
                    product(311, "variation", "OUD-50", 7),
                    product(312, "variation", "OUD-99", 3)
                ]));
            }
            other => return Reply::status(404, other),
        }
        assert_eq!([asked.get("dates_are_gmt"), asked.get("order")], [Some("true"), Some("asc")]);
        let (after, page) =
            (asked.get("modified_after").unwrap(), asked.get("page").unwrap().parse::<usize>().unwrap());
        let mut found: Vec<Value> =
            orders.iter().filter(|order| order["date_modified_gmt"].as_str().unwrap() > after).cloned().collect();
        found.sort_by_key(|order| order["date_modified_gmt"].as_str().unwrap().to_owned());
        orders[49]["date_modified_gmt"] = json!("2026-03-02T11:00:00");
        Reply::json(&json!(found.into_iter().skip((page - 1) * 100).take(100).collect::<Vec<_>>()))
    });
    let api = format!("url = \"{}/wp\", key_file = \"woo.key\"", provider.url);
    let mizan = mizan("woocommerce", &api);
    std::fs::write(mizan.home().join("woo.key"), "ck_1\ncs_1\n").unwrap();

    let report = pull(&mizan, &["--since", "2026-03-02T00:00:00Z"]);
    // The 100th and the 50th were read twice; the last is of an API that the mapping does not read.
    assert_eq!(
        [&report["objects"]["orders"], &report["new"]["order.placed"], &report["rejected"]],
        [153, 150, 1],
        "{report}"
    );
    let edits = plain(&report["new"]["order.edited"]);
    assert_eq!(edits, "151", "each order's last change, and the 50th's that came meanwhile");
    assert_eq!(mizan.value("SELECT count(DISTINCT order_id) FROM events.orders"), "150");
    let asked = provider.asked_of("/wp/wp-json/wc/v3/orders");
    let after: Vec<&str> = asked.iter().filter_map(|asked| asked.get("modified_after")).collect();
    // A second before the first moment; a second before the 100th order's change.
    assert_eq!(after, ["2026-03-01T23:59:59", "2026-03-02T10:01:39"]);

    let stock = mizan.sql("SELECT sku, on_hand FROM events.inventory WHERE type = 'inventory.counted' ORDER BY sku");
    let stock: Vec<String> =
        stock.iter().map(|row| format!("{} {}", plain(&row["sku"]), plain(&row["on_hand"]))).collect();
    assert_eq!(stock, ["OUD-50 7.0000", "OUD-99 3.0000"]);

    // A mended mapping takes what could not be mapped.
    let mended = "# mizan: input webhook\n.body | {type: \"order.paid\", id: \"\\(.id)/paid\", time: \"2026-03-02T12:00:00Z\", data: {order_id: .number}}\n";
    std::fs::write(mizan.home().join("mended.jq"), mended).unwrap();
    write_settings(&mizan, "woocommerce", &api, "mapping = \"mended.jq\"");
    let told = mizan.ok(&["rejected", "replay"]);
    assert!(told.contains("1 taken"), "{told}");
    assert_eq!(mizan.value("SELECT event_id FROM events.orders WHERE order_id = '900'"), "900/paid");
}

#[test]
fn a_payment_of_moyasar_tells_what_became_of_it() {
    let paid = sample("moyasar/paid_mada")["data"].clone();
    let with = |id: &str, more: Value| {
        let mut payment = paid.clone();
        payment["id"] = json!(id);
        for (name, value) in more.as_object().unwrap() {
            payment[name] = value.clone();
        }
        payment
    };
    let pages = [
        json!([
            with("m-1", json!({"status": "paid", "amount": 48650})),
            with("m-2", json!({"status": "initiated"})),
            with(
                "m-3",
                json!({"status": "refunded", "amount": 10000, "refunded": 2500, "refunded_at": "2026-03-05T12:00:00Z",
                "created_at": "2026-03-01T08:00:00Z"})
            ),
        ]),
        json!([
            with(
                "m-4",
                json!({"status": "captured", "amount": 9000, "captured": 8000, "captured_at": "2026-03-02T09:00:00Z",
                "created_at": "2026-03-01T09:00:00Z"})
            ),
            with("m-5", json!({"status": "failed"})),
            with("m-6", json!({"status": "voided", "voided_at": "2026-03-02T10:00:00Z"})),
        ]),
    ];
    let settlement = |id: &str, at: &str| {
        json!({"id": id, "recipient_type": "Entity", "currency": "SAR", "amount": 24209, "fee": 46, "tax": 6,
            "created_at": at})
    };
    let settlements = json!([settlement("s-2", "2026-03-06T08:00:00Z"), settlement("s-1", "2026-02-01T08:00:00Z")]);
    let provider = Provider::start(move |asked, _| {
        if asked.header("authorization") != Some(&format!("Basic {}", STANDARD.encode("sk_m:"))) {
            return Reply::status(
                401,
                r#"{"type":"authentication_error","message":"Invalid authorization credentials"}"#,
            );
        }
        let page: usize = asked.get("page").unwrap().parse().unwrap();
        match asked.path.as_str() {
            "/v1/payments" => Reply::json(&json!({"payments": pages[page - 1],
                "meta": {"current_page": page, "next_page": if page == 1 { json!(2) } else { json!(null) }}})),
            // It has older ones still, which nobody needs.
            _ => Reply::json(&json!({"settlements": settlements, "meta": {"current_page": 1, "next_page": 2}})),
        }
    });
    let mizan = mizan("moyasar", &format!("url = \"{}\", key = \"sk_m\"", provider.url));
    let report = pull(&mizan, &["--since", "2026-03-01T00:00:00Z"]);
    let new = json!({"payment.authorized": 1, "payment.captured": 3, "payment.failed": 1, "payment.refunded": 1,
        "payment.settled": 1, "payment.voided": 1});
    assert_eq!(report["new"], new, "{report}");
    assert_eq!(provider.asked()[0].get("updated[gt]"), Some("2026-03-01T00:00:00Z"));
    assert_eq!(provider.asked_of("/v1/settlements").len(), 1);
    let rows = mizan.sql("SELECT event_id, event_time, amount FROM events.payments ORDER BY event_id");
    let rows: Vec<String> = rows
        .iter()
        .map(|row| ["event_id", "event_time", "amount"].map(|name| plain(&row[name])))
        .map(|[id, time, amount]| format!("{id} {} {amount}", &time[..16]))
        .filter(|row| !row.starts_with("m-1") && !row.starts_with("m-5"))
        .collect();
    assert_eq!(
        rows,
        [
            "m-3/captured 2026-03-01T08:00 100.0000",
            "m-3/refunded/2500 2026-03-05T12:00 25.0000",
            "m-4/authorized 2026-03-01T09:00 90.0000",
            "m-4/captured 2026-03-02T09:00 80.0000",
            "m-6/voided 2026-03-02T10:00 486.5000",
            "s-2/settled 2026-03-06T08:00 242.0900",
        ]
    );
    // From the beginning the settlement of February counts too; then the list goes on with the page that it is at.
    let error = mizan.fails(&["pull", "shop", "--again"], 65);
    assert!(error.contains("its pages go round in a circle"), "{error}");
    assert_eq!(mizan.value("SELECT amount FROM events.payments WHERE event_id = 's-1/settled'"), "242.0900");
}
