//! `mizan import`: files of any shape, in, once.

use std::io::Write;

use crate::support::Mizan;
use crate::support::events::page_view;
use crate::support::program::plain;
use crate::support::tools::repository;

fn imported(mizan: &Mizan, arguments: &[&str]) -> serde_json::Value {
    let mut all = vec!["--json", "import"];
    all.extend(arguments);
    serde_json::from_str(&mizan.ok(&all)).unwrap()
}

#[test]
fn the_readmes_own_shop_from_a_csv_and_a_short_mapping() {
    let mizan = Mizan::new();
    let sample = |name: &str| repository().join("sample-data").join(name).display().to_string();
    let report = imported(&mizan, &[&sample("example_orders.csv"), "--map", &sample("maps/example_orders.jq")]);
    assert_eq!(report["rejected"], 0, "{report}");
    assert!(report["accepted"].as_u64().unwrap() > 0);
    let mapping = std::fs::read_to_string(sample("maps/example_orders.jq")).unwrap();
    assert!(mapping.lines().count() <= 30, "the example shall stay short");
    mizan.ok(&["run"]);
    assert_ne!(mizan.value("SELECT count(*) FROM marts.orders"), "0");
}

#[test]
fn the_committed_sample_has_its_known_answers() {
    let mizan = Mizan::new();
    let small = repository().join("sample-data/small");
    let report = imported(&mizan, &[small.join("*.ndjson").to_str().unwrap()]);
    assert_eq!(report["rejected"], 0, "{report}");
    let answers: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(small.join("answers.json")).unwrap()).unwrap();
    mizan.ok(&["run"]);
    mizan.ok(&["test"]);
    for family in mizan_events::Family::ALL {
        let table = family.table();
        let counted = mizan.value(&format!("SELECT count(*) FROM events.{table}"));
        // The sample has no webhooks.
        let expected = answers["events"].get(table).map_or_else(|| "0".to_owned(), plain);
        assert_eq!(counted, expected, "{table}");
    }
    let orders = &answers["orders"];
    let sales = &mizan.sql(
        "SELECT sum(orders) AS placed, CAST(sum(units) AS DECIMAL(9,0)) AS units,
                CAST(sum(gross_sales) AS DECIMAL(18,2)) AS gross_sales, CAST(sum(discounts) AS DECIMAL(18,2)) AS discounts,
                CAST(sum(net_sales) AS DECIMAL(18,2)) AS net_sales FROM marts.sales_daily",
    )[0];
    for name in ["placed", "units", "gross_sales", "discounts"] {
        assert_eq!(plain(&sales[name]), plain(&orders[name]), "{name}");
    }
    // The answers keep apart what was paid and then cancelled; in the marts it is a return on the day it was called off.
    let cents = |value: &serde_json::Value| plain(value).replace('.', "").parse::<i64>().unwrap();
    assert_eq!(
        cents(&sales["net_sales"]),
        cents(&orders["net_sales"]) - cents(&orders["cancelled_after_capture_goods"])
    );
}

#[test]
fn gzip_zstd_and_repeats_are_one_shop() {
    let mizan = Mizan::new();
    let lines: String = (0..500).map(|n| page_view(&format!("e{n}"), "2026-03-01T10:00:00Z") + "\n").collect();
    let home = mizan.home();
    let mut gzip = flate2::write::GzEncoder::new(
        std::fs::File::create(home.join("a.ndjson.gz")).unwrap(),
        flate2::Compression::fast(),
    );
    gzip.write_all(lines.as_bytes()).unwrap();
    gzip.finish().unwrap();
    std::fs::write(home.join("b.ndjson.zst"), zstd::encode_all(lines.as_bytes(), 1).unwrap()).unwrap();
    let first = imported(&mizan, &[home.join("a.ndjson.gz").to_str().unwrap()]);
    assert_eq!((first["accepted"].as_u64(), first["duplicates"].as_u64()), (Some(500), Some(0)));
    let second = imported(&mizan, &[home.join("b.ndjson.zst").to_str().unwrap()]);
    assert_eq!((second["accepted"].as_u64(), second["duplicates"].as_u64()), (Some(0), Some(500)));
    assert_eq!(mizan.value("SELECT count(*) FROM events.storefront"), "500");
    assert_eq!(mizan.ok(&["verify", "--json"]).matches("\"problems\":[]").count(), 1);
    // A finished file is not read again.
    let third = imported(&mizan, &[home.join("a.ndjson.gz").to_str().unwrap()]);
    assert_eq!(third["skipped_files"], 1, "{third}");
}

#[test]
fn refused_rows_are_kept_with_file_line_and_reason_and_can_be_replayed() {
    let mizan = Mizan::new();
    let home = mizan.home();
    std::fs::write(
        home.join("shop.csv"),
        "\u{feff}order,when,sku,pieces,price\n1,2026-03-01 10:00,\"Oud, \"\"royal\"\"\nlarge\",2,3.5\n2,2026-03-01,A,1,1.00\n3,2026-03-02 11:00,B,x,1.00\n",
    )
    .unwrap();
    let wrong = r#"{type: "order.placed", id: .order, time: (.when | to_utc("%Y-%m-%d %H:%M"; "Asia/Riyadh")),
        data: {order_id: .order, currency: "SAR", lines: [{sku: .sku, quantity: .pieces, unit_prise: .price}]}}"#;
    std::fs::write(home.join("shop.jq"), wrong).unwrap();
    let report = imported(&mizan, &["shop.csv", "--map", "shop.jq"]);
    assert_eq!((report["accepted"].as_u64(), report["rejected"].as_u64()), (Some(0), Some(3)), "{report}");
    let listed = mizan.ok(&["rejected", "list"]);
    assert!(listed.contains("shop.csv") && listed.contains("did you mean unit_price?"), "{listed}");
    std::fs::write(home.join("shop.jq"), wrong.replace("unit_prise", "unit_price")).unwrap();
    let replayed = mizan.run(&["--json", "rejected", "replay", "--map", "shop.jq"]);
    assert_eq!(replayed.status.code(), Some(1), "two rows are refused again");
    let replayed: serde_json::Value = serde_json::from_slice(&replayed.stdout).unwrap();
    assert_eq!((replayed["accepted"].as_u64(), replayed["rejected"].as_u64()), (Some(1), Some(2)), "{replayed}");
    // Ten o'clock in Riyadh, and the line break inside the quotes is still there.
    let row = &mizan.sql("SELECT event_time, lines[1]['sku'] AS sku FROM events.orders")[0];
    assert_eq!(row["event_time"], "2026-03-01T07:00:00Z");
    assert_eq!(row["sku"], "Oud, \"royal\"\nlarge");
}

#[test]
fn a_mapping_that_cannot_be_read_names_the_place() {
    let mizan = Mizan::new();
    let home = mizan.home();
    std::fs::write(home.join("a.csv"), "a\n1\n").unwrap();
    std::fs::write(home.join("bad.jq"), "{type: \"order.paid\",\n id: .a |}\n").unwrap();
    let told = mizan.fails(&["import", "a.csv", "--map", "bad.jq"], 65);
    assert!(told.contains("bad.jq") && told.contains('2'), "{told}");
    let told = mizan.fails(&["import", "nowhere.csv"], 65);
    assert!(told.contains("nowhere.csv"), "{told}");
}

const TILL: &str = r#"# mizan: sheet SHEET
{type: "order.placed", id: .order, time: (.["sold at"] | to_utc("%Y-%m-%d %H:%M:%S"; "Asia/Riyadh")),
 data: {order_id: .order, currency: "SAR", channel: (if .paid == "true" then "till" else "online" end),
   lines: [{sku, name: .product, quantity: (.pieces | tonumber), unit_price: (.price | money)}], total: (.total | money)}}"#;

#[test]
fn a_workbook_is_read_as_a_person_sees_it() {
    let mizan = Mizan::new();
    let home = mizan.home();
    // Under a name that does not say what it is: the content does.
    std::fs::copy(repository().join("tests/files/till.xlsx"), home.join("till.export")).unwrap();
    // The sheet before it is hidden, the next is empty; its header stands in the third row.
    std::fs::write(home.join("till.jq"), TILL.replace("# mizan: sheet SHEET\n", "")).unwrap();
    let report = imported(&mizan, &["till.export", "--map", "till.jq"]);
    assert_eq!((report["accepted"].as_u64(), report["rejected"].as_u64()), (Some(3), Some(2)), "{report}");
    let rows = mizan.sql(
        "SELECT event_id, event_time, channel, total, lines[1]['sku'] AS sku, lines[1]['name'] AS name,
                CAST(lines[1]['quantity'] AS DECIMAL(9, 0)) AS quantity, lines[1]['unit_price'] AS price
           FROM events.orders ORDER BY event_id",
    );
    // By hand from the cells: Riyadh is three hours ahead of UTC.
    let expected = [
        ["1001", "2026-03-01T06:15:00Z", "till", "79.0000", "COF-250", "قهوة سعودية ٢٥٠ جم", "2", "39.5000"],
        ["1002", "2026-03-01T08:40:30Z", "online", "19.9900", "OUD-3", "Cambodian oud oil, 3 ml", "1", "19.9900"],
        ["1004", "2026-03-02T21:00:00Z", "till", "0.3000", "541909", "", "1", "0.3000"],
    ];
    let names = ["event_id", "event_time", "channel", "total", "sku", "name", "quantity", "price"];
    let found: Vec<[String; 8]> = rows.iter().map(|row| names.map(|name| plain(&row[name]))).collect();
    assert_eq!(found, expected);
    let listed = mizan.ok(&["rejected", "list"]);
    assert!(listed.contains("till.export:7") && listed.contains("cell F7 (`price`) holds the error #N/A"), "{listed}");
    assert!(listed.contains("till.export:9") && listed.contains("cell J9 holds \"ask Noura\""), "{listed}");
    assert_eq!(imported(&mizan, &["till.export", "--map", "till.jq"])["skipped_files"], 1);
}

#[test]
fn a_sheet_is_chosen_by_name_and_a_wrong_name_lists_the_sheets() {
    let mizan = Mizan::new();
    let home = mizan.home();
    std::fs::copy(repository().join("tests/files/till.xlsx"), home.join("till.xlsx")).unwrap();
    let returned = r#"# mizan: sheet مرتجعات
{type: "order.returned", id: "\(.order)/returned", time: "2026-03-04T10:00:00Z",
 data: {order_id: .order, currency: "SAR", lines: [{sku, quantity: (.pieces | tonumber)}]}}"#;
    std::fs::write(home.join("returns.jq"), returned).unwrap();
    assert_eq!(imported(&mizan, &["till.xlsx", "--map", "returns.jq"])["accepted"], 1);
    std::fs::write(home.join("till.jq"), TILL.replace("SHEET", "Sale")).unwrap();
    let told = mizan.fails(&["import", "till.xlsx", "--map", "till.jq"], 65);
    assert!(told.contains("no sheet `Sale`") && told.contains("`Sales`, `مرتجعات`"), "{told}");
    let told = mizan.fails(&["import", "till.xlsx"], 65);
    assert!(told.contains("need a mapping"), "{told}");
}
