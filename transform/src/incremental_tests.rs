//! Incremental runs against whole rebuilds, row for row, over random streams on a real lake.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use mizan_events::Family;
use mizan_lake::{CompactLimits, Lake, LakeOptions, SessionSettings, Shop};
use serde_json::Value;

use crate::project::{Project, Selection};
use crate::run::{Outcome, Plan, RunReport, Runner};
use crate::target::Memory;
use crate::testing::{Dice, event_batches, moment, random_shop, rows_of, settings};

/// Shops whose days begin at other hours; March has the days on which clocks go forward in New York and in Berlin.
const SHOPS: [(&str, &str, &str); 3] =
    [("default", "SAR", "Asia/Riyadh"), ("berlin", "EUR", "Europe/Berlin"), ("york", "USD", "America/New_York")];

fn shops() -> SessionSettings {
    let shop = |(shop, currency, timezone): (&str, &str, &str)| Shop {
        shop: shop.into(),
        name: shop.into(),
        currency: currency.into(),
        timezone: timezone.into(),
    };
    SessionSettings { shops: SHOPS.map(shop).to_vec(), ..settings() }
}

/// The events of three shops in disorder: most come a little late, some very late, some twice under another id.
fn stream(seed: u64, visits: u64) -> Vec<(u64, String)> {
    let mut dice = Dice::new(seed);
    let mut events: Vec<(u64, Value)> = Vec::new();
    for (place, (shop, ..)) in SHOPS.iter().enumerate() {
        let of_shop = random_shop(seed * 10 + place as u64, visits);
        let count = of_shop.len() as u64;
        for (at, mut event) in of_shop.into_iter().enumerate() {
            event["shop"] = Value::from(*shop);
            event["id"] = Value::from(format!("{shop}{at}"));
            let late = if dice.one_in(10) { dice.below(count) } else { dice.below(count / 12 + 1) };
            if dice.one_in(15) {
                let mut again = event.clone();
                again["id"] = Value::from(format!("{shop}{at}-again"));
                events.push((at as u64 + dice.below(count), again));
            }
            events.push((at as u64 + late, event));
        }
    }
    events.sort_by_key(|(when, event)| (*when, event["id"].to_string()));
    events.into_iter().enumerate().map(|(place, (_, event))| (place as u64 + 1, event.to_string())).collect()
}

async fn append(lake: &Lake, events: &[(u64, String)]) {
    let Some((last, _)) = events.last() else { return };
    for (family, batch) in event_batches(events) {
        let from = lake.position(family).await.unwrap();
        lake.append(family, vec![batch], from, *last).await.unwrap();
    }
}

/// Rows that are acknowledged, but in no table yet.
fn push(lake: &Lake, events: &[(u64, String)]) {
    for (family, batch) in event_batches(events) {
        let column = batch.column_by_name("position").unwrap();
        let positions =
            datafusion::arrow::array::AsArray::as_primitive::<datafusion::arrow::datatypes::Int64Type>(column);
        if let Some(last) = positions.values().iter().max() {
            let last = u64::try_from(*last).unwrap();
            lake.tail().push(family, batch, last).unwrap();
        }
    }
}

async fn open(folder: &Path) -> Lake {
    Lake::open(folder, LakeOptions::default()).await.unwrap()
}

/// Brings the marts up to date, and checks that nothing failed.
async fn run(project: &Project, lake: &Lake, selection: &Selection, as_of: &str) -> RunReport {
    let report = Runner::new(project).run(lake, shops(), selection, moment(as_of), &mut |_| {}).await.unwrap();
    let failures: Vec<String> = report.failures().map(|(model, error, _)| format!("{model}: {error}")).collect();
    assert!(failures.is_empty(), "{failures:?}");
    report
}

/// The models whose marts differ from a rebuild from nothing at the same moment, with the first rows that do.
async fn differing(project: &Project, lake: &Lake, as_of: &str) -> BTreeMap<String, String> {
    let view = lake.view(shops()).await.unwrap();
    let runner = Runner::new(project);
    let mut quiet = |_: crate::run::Progress<'_>| {};
    let whole = runner.run_on(&view.session, &Memory, &Selection::All, moment(as_of), &mut quiet).await.unwrap();
    let mut found = BTreeMap::new();
    for model in project.models() {
        let query = format!("select * from {}", model.table());
        let (kept, built) = (rows_of(&view.session, &query).await, rows_of(whole.session(), &query).await);
        let (only_kept, only_built) = crate::rows::difference(kept, built);
        if !only_kept.is_empty() || !only_built.is_empty() {
            found.insert(
                model.head.name.clone(),
                format!("kept {:?}, built {:?}", only_kept.first(), only_built.first()),
            );
        }
    }
    found
}

/// The instant of a run after so many others: carts are left, and time alone changes rows.
fn instant(cut: usize) -> String {
    format!("2026-04-{:02}T{:02}:30:00Z", 2 + cut, cut)
}

/// Appends a stream in cuts with a run after each; tells which models were brought up to date by keys.
async fn follow(project: &Project, seed: u64, visits: u64, cuts: usize) -> BTreeSet<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = open(folder.path()).await;
    let events = stream(seed, visits);
    let mut by_keys = BTreeSet::new();
    // The first cut has half of all, so that there is something to change.
    let cut_at = |cut: usize| if cut == 0 { events.len() / 2 } else { events.len() / 2 * (cuts + cut) / cuts };
    let (mut appended, mut pushed) = (0, 0);
    for cut in 0..=cuts {
        let end = cut_at(cut).max(appended).min(events.len());
        if cut % 2 == 1 {
            push(&lake, &events[pushed..end]);
        } else {
            append(&lake, &events[appended..end]).await;
            appended = end;
            if cut == 2 {
                lake = open(folder.path()).await;
            }
            for family in Family::ALL {
                lake.compact(family, CompactLimits { small_files: 1, ..CompactLimits::default() }).await.unwrap();
            }
        }
        pushed = end;
        // A run that ends early, as one that was killed between two models: the next one goes on.
        if cut % 3 == 2 {
            let some = Selection::Named(vec!["order_lines".to_owned(), "carts".to_owned()]);
            run(project, &lake, &some, &instant(cut)).await;
        }
        let report = run(project, &lake, &Selection::All, &instant(cut)).await;
        for model in &report.models {
            if let Outcome::Built { keys: Some(1..), .. } = model.outcome {
                by_keys.insert(model.model.clone());
            }
        }
        let found = differing(project, &lake, &instant(cut)).await;
        assert!(found.is_empty(), "seed {seed}, cut {cut}: {found:#?}");
    }
    by_keys
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn incremental_runs_give_what_a_rebuild_from_nothing_gives() {
    let project = Project::builtin().unwrap();
    let seeds = std::env::var("MIZAN_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    for seed in 1..=seeds {
        let by_keys = follow(&project, seed, 25, 3).await;
        // Otherwise the comparison says nothing of incremental runs.
        let said = project.models().filter(|model| model.head.incremental.is_some());
        let said: BTreeSet<String> = said.map(|model| model.head.name.clone()).collect();
        assert!(said.len() >= 11, "{said:?}");
        assert_eq!(by_keys, said, "seed {seed}");
    }
}

fn model(folder: &Path, name: &str, incremental: &str, query: &str) {
    let columns = "key: [shop, order_id]\ncolumns:\n  shop: The shop\n  order_id: The order\n  paid: Sum\n";
    let text =
        format!("/* ---\nname: {name}\ndescription: d\ngrain: g\n{columns}incremental:\n{incremental}--- */\n{query}");
    std::fs::write(folder.join(format!("{name}.sql")), text).unwrap();
}

/// The comparison must be able to fail: a model whose rows depend on more than its key says goes wrong, and it is seen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_does_not_hold_is_found_out() {
    let by = "  by: [shop, order_id]\n  from: {events.payments: [shop, order_id]}\n";
    let right = "select shop, order_id, sum(amount) as paid from events.payments group by shop, order_id";
    let wrong = "select shop, order_id, sum(sum(amount)) over (partition by shop) as paid from events.payments group by shop, order_id";
    let folder = tempfile::tempdir().unwrap();
    model(folder.path(), "right", by, right);
    model(folder.path(), "wrong", by, wrong);
    let project = Project::builtin().unwrap().with_folder(folder.path()).unwrap();
    let some = Selection::Named(vec!["right".to_owned(), "wrong".to_owned()]);
    let data = tempfile::tempdir().unwrap();
    let lake = open(data.path()).await;
    let events = stream(5, 40);
    let (early, late) = events.split_at(events.len() * 9 / 10);
    for part in [early, late] {
        append(&lake, part).await;
        run(&project, &lake, &some, "2026-04-05T00:00:00Z").await;
    }
    let view = lake.view(shops()).await.unwrap();
    let kept = |query: &'static str| rows_of(&view.session, query);
    let of_mart = "select shop, order_id, paid from marts.";
    assert_eq!(kept("select shop, order_id, paid from marts.right").await, rows_of(&view.session, right).await);
    assert_ne!(rows_of(&view.session, &format!("{of_mart}wrong")).await, rows_of(&view.session, wrong).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_other_keys_are_refused_and_the_mart_stays_as_it_was() {
    let query = "select shop, order_id, sum(amount) as paid from events.payments group by shop, order_id";
    let folder = tempfile::tempdir().unwrap();
    let by = "  by: [shop, order_id]\n  from:\n    events.payments: [shop, \"left(order_id, 2)\"]\n";
    model(folder.path(), "mine", by, query);
    let project = Project::builtin().unwrap().with_folder(folder.path()).unwrap();
    let some = Selection::Named(vec!["mine".to_owned()]);
    let data = tempfile::tempdir().unwrap();
    let lake = open(data.path()).await;
    let events = stream(6, 30);
    let (early, late) = events.split_at(events.len() / 2);
    append(&lake, early).await;
    run(&project, &lake, &some, "2026-04-05T00:00:00Z").await;
    let version = lake.mart("mine").await.unwrap().unwrap().version;
    append(&lake, late).await;
    let runner = Runner::new(&project);
    let as_of = moment("2026-04-05T00:00:00Z");
    let report = runner.run(&lake, shops(), &some, as_of, &mut |_| {}).await.unwrap();
    let error = report.failures().next().unwrap().1.to_string();
    assert!(error.contains("mine.sql: the rows read for some keys gave "), "{error}");
    assert_eq!(lake.mart("mine").await.unwrap().unwrap().version, version);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_does_only_what_changed_and_explains_it_beforehand() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("tables")).unwrap();
    let table = |text: &str| std::fs::write(folder.path().join("tables/rates.csv"), text).unwrap();
    let yml = "title: T\ndescription: d\nkey: [currency]\ncolumns:\n  currency: {type: text, description: C}\n  rate: {type: decimal, description: R}\n";
    std::fs::write(folder.path().join("tables/rates.yml"), yml).unwrap();
    table("currency,rate\nKWD,12.2\n");
    let by = "  by: [shop, order_id]\n  from:\n    events.payments: [shop, order_id]\n";
    let query = "select p.shop, p.order_id, sum(p.amount * coalesce(r.rate, 1)) as paid from events.payments p left join settings.rates r on p.currency = r.currency group by p.shop, p.order_id";
    model(folder.path(), "mine", by, query);
    let project = || Project::builtin().unwrap().with_folder(folder.path()).unwrap();
    let some = Selection::Named(vec!["mine".to_owned(), "orders".to_owned()]);
    let data = tempfile::tempdir().unwrap();
    let lake = open(data.path()).await;
    let events = stream(7, 30);
    let (early, late) = events.split_at(events.len() - 80);
    append(&lake, early).await;
    let as_of = "2026-04-05T00:00:00Z";
    let explain = async |project: &Project, lake: &Lake| -> BTreeMap<String, Plan> {
        let plans = Runner::new(project).explain(lake, shops(), &some, moment(as_of)).await.unwrap();
        plans.into_iter().collect()
    };
    assert_eq!(explain(&project(), &lake).await["orders"], Plan::Whole("it has no rows yet".into()));
    run(&project(), &lake, &some, as_of).await;
    let plans = explain(&project(), &lake).await;
    assert!(plans.values().all(|plan| *plan == Plan::UpToDate), "{plans:?}");
    let report = run(&project(), &lake, &some, as_of).await;
    assert!(report.models.iter().all(|model| matches!(model.outcome, Outcome::UpToDate)));
    let version = lake.mart("mine").await.unwrap().unwrap().version;

    append(&lake, late).await;
    let plans = explain(&project(), &lake).await;
    assert!(matches!(&plans["order_rates"], Plan::Keys { keys: 1.., why } if why.starts_with("events.orders grew")));
    let before = ["order_lines", "order_rates", "payment_coverage"].map(str::to_owned).to_vec();
    assert_eq!(plans["orders"], Plan::After(before));
    assert_eq!(lake.mart("mine").await.unwrap().unwrap().version, version, "to explain is not to do");
    run(&project(), &lake, &some, as_of).await;

    table("currency,rate\nKWD,12.3\n");
    let plans = explain(&project(), &lake).await;
    assert_eq!(plans["mine"], Plan::Whole("shops or reference tables changed".into()));
    assert_eq!(plans["orders"], Plan::UpToDate);
    run(&project(), &lake, &some, as_of).await;
    let view = lake.view(shops()).await.unwrap();
    let context = crate::session::of_run(&view.session, &project(), &[], moment(as_of)).await.unwrap();
    let kept = rows_of(&view.session, "select shop, order_id, paid from marts.mine").await;
    assert_eq!(kept, rows_of(&context, query).await);
    model(folder.path(), "mine", by, &format!("{query} having count(*) > 0"));
    assert_eq!(explain(&project(), &lake).await["mine"], Plan::Whole("the model changed".into()));
}

#[tokio::test]
async fn what_the_head_says_of_incremental_runs_must_fit_the_tables() {
    let folder = tempfile::tempdir().unwrap();
    let query = "select shop, order_id, sum(amount) as paid from events.payments group by shop, order_id";
    let by = "  by: [shop, order_id]\n  from:\n    events.payments: [shop, order]\n";
    model(folder.path(), "mine", by, query);
    let tester = |project: Project| async move {
        crate::tester::Tester::new(&project, settings()).fixtures(&Selection::All).await.err().unwrap().to_string()
    };
    let error = tester(Project::builtin().unwrap().with_folder(folder.path()).unwrap()).await;
    assert!(error.contains("mine.sql:13: incremental.from of events.payments: "), "{error}");
    model(folder.path(), "mine", &by.replace("order]", "order_id]\n  open: paid_at is null"), query);
    let error = tester(Project::builtin().unwrap().with_folder(folder.path()).unwrap()).await;
    assert!(error.contains("mine.sql:14: incremental.open: ") && error.contains("paid_at"), "{error}");
    model(folder.path(), "mine", "  by: [shop, order_id]\n  from:\n    events.payment: [shop, order_id]\n", query);
    let error = Project::builtin().unwrap().with_folder(folder.path()).unwrap_err().to_string();
    let expected = "mine.sql:13: the query does not read events.payment; did you mean \"events.payments\"?";
    assert!(error.ends_with(expected), "{error}");
}
