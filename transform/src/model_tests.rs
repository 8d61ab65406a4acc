//! The built-in models over whole shops: their fixtures, their checks, and what must hold between them.

use std::path::PathBuf;

use mizan_lake::{Lake, LakeOptions, SessionSettings, Shop};
use serde_json::Value;

use crate::project::{Project, Selection};
use crate::run::{Outcome, Progress, RunReport, Runner};
use crate::tester::{TestReport, Tester};
use crate::testing::{
    event_batches, event_tables, moment, random_shop, rows_of, run_all, run_some, settings, shop_context,
};

fn assert_good(report: &TestReport, at_least: usize) {
    let failures: Vec<String> = report.failures().map(|failure| format!("{failure:#?}")).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(report.results.len() >= at_least, "only {} tests ran", report.results.len());
}

fn texts(events: &[Value]) -> Vec<(u64, String)> {
    events.iter().enumerate().map(|(place, event)| (place as u64 + 1, event.to_string())).collect()
}

async fn run_shop(events: &[(u64, String)], batch: usize) -> RunReport {
    let tables = event_tables(events.iter().map(|(position, text)| (*position, text.as_str())), batch);
    let project = Project::builtin().unwrap();
    let report = run_all(&project, &shop_context(tables, "SAR", "Asia/Riyadh")).await;
    let failures: Vec<String> = report.failures().map(|(model, error, _)| format!("{model}: {error}")).collect();
    assert!(failures.is_empty(), "{failures:?}");
    report
}

#[tokio::test]
async fn every_built_in_model_passes_its_fixtures() {
    let project = Project::builtin().unwrap();
    let report = Tester::new(&project, settings()).fixtures(&Selection::All).await.unwrap();
    assert_good(&report, 25);
}

#[tokio::test]
async fn a_random_shop_passes_the_tests_of_every_head_and_every_check_and_its_sums_agree() {
    let project = Project::builtin().unwrap();
    let report = run_shop(&texts(&random_shop(1, 500)), 1000).await;
    let tests = Tester::new(&project, settings()).marts(&Selection::All, report.session()).await.unwrap();
    assert_good(&tests, 100);
    add_up(&report).await;
}

/// Products, orders and days add up to the same net sales.
async fn add_up(report: &RunReport) {
    let query = |mart| {
        format!("select currency, sum(gross_sales), sum(returns), sum(net_sales) from marts.{mart} group by currency")
    };
    let products = rows_of(report.session(), &query("order_lines")).await;
    assert_eq!(products.len(), 2, "{products:?}");
    assert_eq!(products, rows_of(report.session(), &query("orders")).await);
    assert_eq!(products, rows_of(report.session(), &query("sales_daily")).await);
}

#[tokio::test]
async fn the_same_events_in_another_order_and_other_batches_give_the_same_rows() {
    let events = texts(&random_shop(4, 150));
    let mut turned = events.clone();
    turned.reverse();
    let (first, second) = (run_shop(&events, 10_000).await, run_shop(&turned, 37).await);
    let mut empty = Vec::new();
    for model in Project::builtin().unwrap().models() {
        let query = format!("select * from {}", model.table());
        let rows = rows_of(first.session(), &query).await;
        if rows.is_empty() {
            empty.push(model.head.name.clone());
        }
        assert_eq!(rows, rows_of(second.session(), &query).await, "{}", model.table());
    }
    // Of these the test says nothing: the shop has one rate of fees, and too few attempts with each provider.
    assert_eq!(empty, ["fee_changes"]);
}

#[tokio::test]
async fn a_failing_model_names_its_file_and_what_was_skipped_and_leaves_the_others_alone() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, query: &str| {
        let head = format!(
            "/* ---\nname: {name}\ndescription: d\ngrain: g\nkey: [shop]\ncolumns:\n  shop: The shop\n--- */\n"
        );
        std::fs::write(folder.path().join(format!("{name}.sql")), head + query).unwrap();
    };
    write("broken", "select shop\nfrom events.orders\nwhere 1 / (position - position) = 1");
    write("after_broken", "select shop from marts.broken");
    write("typo", "select shop\nfrom events.orders\nwhere order_ids is null");
    let project = Project::builtin().unwrap().with_folder(folder.path()).unwrap();
    let tables =
        event_tables(texts(&random_shop(5, 30)).iter().map(|(position, text)| (*position, text.as_str())), 1000);
    let selection = ["after_broken", "typo", "payment_attempts"].map(str::to_owned).to_vec();
    let report = run_some(&project, &shop_context(tables, "SAR", "UTC"), &Selection::Named(selection)).await;
    assert!(!report.is_good());
    let failures: Vec<_> =
        report.failures().map(|(model, error, skipped)| (model, error.to_string(), skipped)).collect();
    assert_eq!(failures.len(), 2, "{failures:?}");
    let (broken, typo) = (&failures[0], &failures[1]);
    assert_eq!((broken.0, &broken.2), ("broken", &vec!["after_broken"]));
    assert!(broken.1.contains("broken.sql") && broken.1.to_lowercase().contains("divide by zero"), "{}", broken.1);
    assert_eq!(typo.0, "typo");
    assert!(typo.1.contains("typo.sql:11") && typo.1.contains("order_ids"), "{}", typo.1);
    let built = report.models.iter().filter(|run| matches!(run.outcome, Outcome::Built { .. })).count();
    assert_eq!((built, report.models.len()), (1, 4));
}

#[tokio::test]
async fn columns_that_the_head_does_not_know_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = "/* ---\nname: mine\ndescription: d\ngrain: g\nkey: [shop]\ncolumns:\n  shop: The shop\n  day: Day\n--- */\nselect shop, type from events.orders";
    std::fs::write(folder.path().join("mine.sql"), text).unwrap();
    let project = Project::builtin().unwrap().with_folder(folder.path()).unwrap();
    let error = Tester::new(&project, settings()).fixtures(&Selection::All).await.err().unwrap().to_string();
    assert!(
        error.ends_with(
            "mine.sql: the query and the head disagree on columns: the head lacks type, the query lacks day"
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_broken_row_is_shown_by_the_test_that_it_breaks_and_by_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let tests =
        "tests:\n  not_null: [amount]\n  at_least_zero: [amount]\n  accepted: {kind: [good]}\n  holds: [amount > 2]\n";
    let columns = "key: [shop]\ncolumns:\n  shop: The shop\n  kind: Kind\n  amount: Sum\n";
    let query = "select * from (values ('a', 'good', 3), ('b', 'bad', 4), ('b', 'good', -1)) as t(shop, kind, amount)";
    let text = format!("/* ---\nname: mine\ndescription: d\ngrain: g\n{columns}{tests}--- */\n{query}");
    std::fs::write(folder.path().join("mine.sql"), text).unwrap();
    let project = Project::builtin().unwrap().with_folder(folder.path()).unwrap();
    let selection = Selection::Named(vec!["mine".to_owned()]);
    let report = run_some(&project, &shop_context(Vec::new(), "SAR", "UTC"), &selection).await;
    let report = Tester::new(&project, settings()).marts(&selection, report.session()).await.unwrap();
    let failures: Vec<String> = report
        .failures()
        .map(|failure| format!("{}: {}", failure.name, failure.finding.clone().unwrap().rows.join("; ")))
        .collect();
    assert_eq!(
        failures,
        [
            "kind is one of good: shop=b, kind=bad, amount=4",
            "amount is never below zero: shop=b, kind=good, amount=-1",
            "amount > 2: shop=b, kind=good, amount=-1",
            "(shop) is unique: shop=b, times=2",
        ]
    );
}

#[tokio::test]
async fn a_fixture_that_fails_shows_the_rows_at_fault() {
    let folder = tempfile::tempdir().unwrap();
    let head = "/* ---\nname: mine\ndescription: d\ngrain: g\nkey: [shop]\ncolumns:\n  shop: The shop\n  amount: Sum\n--- */\n";
    std::fs::write(
        folder.path().join("mine.sql"),
        head.to_owned() + "select shop, sum(amount) as amount from events.payments group by shop",
    )
    .unwrap();
    let case = |expect: &str, given: &str| {
        let text = format!(
            "- name: sums\n  given:\n    events.payments:\n      - {{ {given} }}\n  expect:\n    - {{ amount: {expect} }}\n"
        );
        std::fs::write(folder.path().join("mine.test.yml"), text).unwrap();
        let project = Project::builtin().unwrap().with_folder(folder.path()).unwrap();
        async move {
            let selection = Selection::Named(vec!["mine".to_owned()]);
            let report = Tester::new(&project, settings()).fixtures(&selection).await.unwrap();
            report.results[0].finding.clone()
        }
    };
    assert_eq!(case("\"12.50\"", "amount: \"12.5\"").await, None);
    let finding = case("\"12.51\"", "amount: \"12.5\"").await.unwrap();
    assert_eq!(finding.rows, ["expected: amount=12.51", "found: amount=12.5"]);
    let finding = case("\"1\"", "amuont: \"12.5\"").await.unwrap();
    assert!(
        finding.problem.ends_with("events.payments: no column \"amuont\"; did you mean \"amount\"?"),
        "{}",
        finding.problem
    );
    let finding = case("\"1\"", "amount: 12.5").await.unwrap();
    assert!(finding.problem.contains("write 12.5 in quotes"), "{}", finding.problem);
}

#[tokio::test]
async fn a_run_on_a_lake_leaves_marts_that_anybody_can_read_and_that_pass_their_tests() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path(), LakeOptions::default()).await.unwrap();
    let settings = SessionSettings {
        shops: vec![Shop {
            shop: "default".into(),
            name: "Oud".into(),
            currency: "SAR".into(),
            timezone: "Asia/Riyadh".into(),
        }],
        ..settings()
    };
    let events = texts(&random_shop(6, 60));
    let (early, late) = events.split_at(events.len() / 2);
    let project = Project::builtin().unwrap();
    let some = Selection::Named(vec!["orders".to_owned(), "funnel_daily".to_owned()]);
    let mut position = 0;
    for (part, selection, models) in [(early, some, 8), (late, Selection::All, 49)] {
        for (family, batch) in event_batches(part) {
            let from = lake.position(family).await.unwrap();
            lake.append(family, vec![batch], from, part.last().unwrap().0).await.unwrap();
        }
        let mut told = Vec::new();
        let mut progress = |progress: Progress<'_>| {
            if let Progress::Finished { run } = progress {
                told.push(run.model.clone());
            }
        };
        let as_of = moment("2026-04-05T00:00:00Z");
        let report =
            Runner::new(&project).run(&lake, settings.clone(), &selection, as_of, &mut progress).await.unwrap();
        let failures: Vec<String> = report.failures().map(|(model, error, _)| format!("{model}: {error}")).collect();
        assert!(failures.is_empty(), "{failures:?}");
        assert_eq!(told.len(), models);
        let tests = Tester::new(&project, settings.clone()).lake(&lake, &selection, as_of).await.unwrap();
        assert_good(&tests, 20);
        position = part.last().unwrap().0;
    }
    assert_eq!(position, events.len() as u64);
    let session = lake.session(settings).await.unwrap();
    let placed = "select count(distinct order_id) from events.orders";
    assert_eq!(rows_of(&session, "select count(*) from marts.orders").await, rows_of(&session, placed).await);
    let comment = "select comment from settings.columns where table_schema = 'marts' and table_name = 'orders' and column_name = 'net_sales'";
    assert_eq!(rows_of(&session, comment).await, [[Some("gross_sales less discounts less returns".to_owned())]]);
    let info = lake.mart("orders").await.unwrap().unwrap().info;
    assert_eq!(
        info.sources.keys().collect::<Vec<_>>(),
        ["events.orders", "events.payments", "marts.order_lines", "marts.order_rates", "marts.payment_coverage"]
    );
}

/// The real shop of a year: 541,909 lines, with returns that name no order, and a known sum.
#[tokio::test]
async fn a_real_shops_year_comes_out_to_the_penny() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/uci_online_retail"));
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("{} is not there: the known answer was not tried", folder.display());
        return;
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let events = online_retail(&files);
    let tables = event_tables(events.iter().map(|(position, text)| (*position, text.as_str())), 8192);
    let project = Project::builtin().unwrap();
    let sales = Selection::Named(vec!["sales_daily".to_owned()]);
    let report = run_some(&project, &shop_context(tables, "GBP", "Europe/London"), &sales).await;
    for run in &report.models {
        println!("{:15} {:?} in {:?}", run.model, run.outcome, run.took);
    }
    for mart in ["order_lines", "orders", "sales_daily"] {
        let rows = rows_of(report.session(), &format!("select sum(net_sales) from marts.{mart}")).await;
        assert_eq!(rows, [vec![Some("9747747.934".to_owned())]], "{mart}");
    }
}

/// The shop's files as events: an invoice is an order, a `C` invoice a return. Rows below zero without a `C` are write-offs at no
/// price, and move no money.
fn online_retail(files: &[PathBuf]) -> Vec<(u64, String)> {
    let mut invoices: Vec<(String, String, Vec<Value>)> = Vec::new();
    // The rows of some invoices do not stand together.
    let mut places: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    for file in files {
        let mut reader = csv::Reader::from_path(file).unwrap();
        for record in reader.records() {
            let record = record.unwrap();
            let (invoice, sku, quantity, time, price) = (&record[0], &record[1], &record[3], &record[4], &record[5]);
            let is_return = invoice.starts_with('C');
            if quantity.starts_with('-') != is_return {
                continue;
            }
            let line =
                serde_json::json!({"sku": sku, "quantity": quantity.trim_start_matches('-'), "unit_price": price});
            let place = *places.entry(invoice.to_owned()).or_insert_with(|| {
                invoices.push((invoice.to_owned(), time.replace(' ', "T") + "Z", Vec::new()));
                invoices.len() - 1
            });
            invoices[place].2.push(line);
        }
    }
    let events = invoices.into_iter().enumerate().map(|(place, (invoice, time, lines))| {
        let event_type = if invoice.starts_with('C') { "order.returned" } else { "order.placed" };
        let data = serde_json::json!({"order_id": invoice, "currency": "GBP", "lines": lines});
        let event = serde_json::json!({"specversion": "1.0", "id": invoice, "source": "uci", "type": event_type, "time": time, "data": data});
        (place as u64 + 1, event.to_string())
    });
    events.collect()
}
