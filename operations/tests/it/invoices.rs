//! Every paid order gets one invoice, once, with a number without gaps; what is paid back gets a credit note.

use mizan_operations::{Invoice, InvoiceKind, InvoiceQuery, Settings};
use serde_json::json;

use crate::shop::{Shop, captured, event, minute, placed, refunded, settings};

async fn numbered(shop: &Shop, number: &str) -> Invoice {
    let query = InvoiceQuery::Numbered { shop: "default", number };
    shop.operations.invoice(query).await.unwrap().unwrap_or_else(|| panic!("no {number}"))
}

#[tokio::test]
async fn an_invoice_adds_up_and_names_seller_and_buyer() {
    let mut shop = Shop::new().await;
    // 21:30Z on 28 February is already the 1st of March in Riyadh.
    let applied =
        shop.apply([placed("1", "2026-02-28T21:00:00Z"), captured("1", "a", "161.00", "2026-02-28T21:30:00Z")]).await;
    assert_eq!(applied.documents, 1);
    let invoice = numbered(&shop, "INV-2026-000001").await;
    assert_eq!(invoice.kind, InvoiceKind::Invoice);
    assert_eq!((invoice.issue_date.as_str(), invoice.issued_at.as_str()), ("2026-03-01", "2026-02-28T21:30:00Z"));
    assert_eq!(
        (invoice.seller.name.as_deref(), invoice.seller.tax_id.as_deref()),
        (Some("دار العود"), Some("300000000000003"))
    );
    assert_eq!(
        (invoice.buyer.name.as_deref(), invoice.buyer.email.as_deref()),
        (Some("Huda Al Salem"), Some("huda@example.com"))
    );
    let lines: Vec<_> = invoice
        .lines
        .iter()
        .map(|line| json!([line.sku, line.quantity, line.unit_price, line.net, line.tax, line.total]).to_string())
        .collect();
    assert_eq!(
        lines,
        [r#"["oud","2","50.00","100.00","15.00","115.00"]"#, r#"["dates","1","30.00","30.00","4.50","34.50"]"#]
    );
    // 130.00 − 0.00 + 10.00 + 21.00 (19.50 on the lines, 1.50 on shipping) = 161.00
    let totals = serde_json::to_value(&invoice.totals).unwrap();
    assert_eq!(
        totals,
        json!({"lines": "130.00", "discount": "0.00", "shipping": "10.00", "tax": "21.00", "total": "161.00"})
    );
}

#[tokio::test]
async fn dinars_keep_their_three_decimals() {
    let mut shop = Shop::new().await;
    let order = json!({"order_id": "1", "currency": "KWD", "shipping": "1.250", "discount": "0.125", "lines": [
        {"sku": "oud", "quantity": 3, "unit_price": "4.125", "discount": "0.375", "tax_rate": "5"},
        {"sku": "bakhoor", "quantity": "0.5", "unit_price": "2.2225", "tax_rate": "5"}]});
    let payment =
        json!({"payment_id": "p", "order_id": "1", "provider": "knet", "amount": "14.893", "currency": "KWD"});
    shop.apply([event("order.placed", &minute(0), order), event("payment.captured", &minute(1), payment)]).await;
    // 3 × 4.125 − 0.375 = 12.000, tax 0.600; 0.5 × 2.2225 = 1.11125 -> 1.111, tax 0.05555 -> 0.056.
    // 13.111 − 0.125 + 1.250 + 0.656 = 14.892; 14.893 was paid, which is enough.
    let invoice = numbered(&shop, "INV-2026-000001").await;
    assert_eq!(invoice.lines[1].net.as_deref(), Some("1.111"));
    assert_eq!(invoice.lines[1].tax.as_deref(), Some("0.056"));
    assert_eq!((invoice.totals.tax.as_str(), invoice.totals.total.as_str()), ("0.656", "14.892"));
    let order = shop.operations.order("default", "1").await.unwrap().unwrap();
    assert_eq!((order.payment_status.as_str(), order.captured.as_str()), ("paid", "14.893"));
}

#[tokio::test]
async fn prices_that_include_tax_show_what_is_inside() {
    let mut with_tax = settings();
    with_tax.shops.get_mut("default").unwrap().prices_include_tax = true;
    let mut shop = Shop::with(with_tax).await;
    let order = json!({"order_id": "1", "currency": "SAR", "lines": [{"sku": "oud", "quantity": 1, "unit_price": "115.00", "tax_rate": "15"}]});
    shop.apply([event("order.placed", &minute(0), order), event("order.paid", &minute(1), json!({"order_id": "1"}))])
        .await;
    let invoice = numbered(&shop, "INV-2026-000001").await;
    assert_eq!((invoice.lines[0].net.as_deref(), invoice.lines[0].tax.as_deref()), (Some("100.00"), Some("15.00")));
    assert_eq!((invoice.totals.lines.as_str(), invoice.totals.total.as_str()), ("100.00", "115.00"));
}

#[tokio::test]
async fn a_part_payment_makes_no_invoice_and_another_currency_does_not_count() {
    let mut shop = Shop::new().await;
    let mut dollars = captured("1", "b", "161.00", &minute(2));
    dollars["data"]["currency"] = json!("USD");
    dollars["data"]["payment_id"] = json!("other");
    let applied = shop.apply([placed("1", &minute(0)), captured("1", "a", "160.99", &minute(1)), dollars]).await;
    assert_eq!(applied.documents, 0);
    // The missing halala, as a further part of the same payment.
    assert_eq!(shop.apply([captured("1", "a", "0.01", &minute(3))]).await.documents, 1);
}

#[tokio::test]
async fn numbers_have_no_gap_and_no_repeat_whatever_is_told_twice_at_once() {
    let mut shop = Shop::new().await;
    for round in 0..10 {
        let mut events = Vec::new();
        for order in 0..20 {
            let order = format!("{round}-{order}");
            events.extend([
                placed(&order, &minute(round)),
                event("order.paid", &minute(round), json!({"order_id": &order})),
            ]);
            events.extend([
                captured(&order, "a", "161.00", &minute(round)),
                captured(&order, "a", "161.00", &minute(round + 1)),
            ]);
            events.push(event("order.paid", &minute(round + 1), json!({"order_id": &order})));
        }
        let from = shop.log.len();
        shop.log.extend(events.into_iter().map(|event| event.to_string()));
        // Eight followers of the same log, all at once.
        let batch = crate::shop::logged(&shop.log[from..], from as u64 + 1);
        let applied = futures::future::join_all((0..8).map(|_| shop.operations.apply(&batch))).await;
        let documents: u64 = applied.into_iter().map(|applied| applied.unwrap().documents).sum();
        assert_eq!(documents, 20);
    }
    let mut orders = std::collections::BTreeSet::new();
    for number in 1..=200 {
        assert!(orders.insert(numbered(&shop, &format!("INV-2026-{number:06}")).await.order_id));
    }
    let next = InvoiceQuery::Numbered { shop: "default", number: "INV-2026-000201" };
    assert!(shop.operations.invoice(next).await.unwrap().is_none());
}

#[tokio::test]
async fn each_shop_and_year_counts_for_itself() {
    let mut shop = Shop::new().await;
    let mut other = placed("9", "2026-03-01T10:00:00Z");
    other["shop"] = json!("annex");
    let mut paid = event("order.paid", "2026-03-01T10:00:00Z", json!({"order_id": "9"}));
    paid["shop"] = json!("annex");
    let old = [placed("1", "2025-12-31T20:00:00Z"), captured("1", "a", "161.00", "2025-12-31T20:59:59Z")];
    // Half a second before midnight in Riyadh, and at midnight.
    let new = [placed("2", "2025-12-31T20:00:00Z"), captured("2", "a", "161.00", "2025-12-31T21:00:00Z")];
    shop.apply(old).await;
    shop.apply(new).await;
    shop.apply([other, paid]).await;
    assert_eq!(numbered(&shop, "INV-2025-000001").await.order_id, "1");
    assert_eq!(numbered(&shop, "INV-2026-000001").await.order_id, "2");
    let annex = InvoiceQuery::Numbered { shop: "annex", number: "INV-2026-000001" };
    assert_eq!(shop.operations.invoice(annex).await.unwrap().unwrap().order_id, "9");
}

#[tokio::test]
async fn a_return_and_its_refund_are_one_credit() {
    let mut shop = Shop::new().await;
    shop.apply([placed("1", &minute(0)), captured("1", "a", "161.00", &minute(1))]).await;
    let back = json!({"order_id": "1", "currency": "SAR", "total": "57.50", "reason": "too strong",
        "lines": [{"sku": "oud", "quantity": 1, "unit_price": "50.00", "tax": "7.50"}]});
    assert_eq!(shop.apply([event("order.returned", &minute(2), back)]).await.documents, 1);
    assert_eq!(shop.apply([refunded("1", "r1", "57.50", &minute(3))]).await.documents, 0);
    // A further refund is a further credit; one beyond the invoice is not.
    assert_eq!(shop.apply([refunded("1", "r2", "103.50", &minute(4))]).await.documents, 1);
    assert_eq!(shop.apply([refunded("1", "r3", "10.00", &minute(5))]).await.documents, 0);
    let first = numbered(&shop, "CRN-2026-000001").await;
    assert_eq!((first.kind, first.credits.as_deref()), (InvoiceKind::CreditNote, Some("INV-2026-000001")));
    assert_eq!((first.reason.as_deref(), first.lines[0].name.as_deref()), (Some("too strong"), Some("Oud oil")));
    // 21.00 of tax on 161.00: 57.50 carry 7.50.
    assert_eq!((first.totals.tax.as_str(), first.totals.total.as_str()), ("7.50", "57.50"));
    assert_eq!(numbered(&shop, "CRN-2026-000002").await.totals.total, "103.50");
    let order = shop.operations.order("default", "1").await.unwrap().unwrap();
    assert_eq!((order.payment_status.as_str(), order.credit_notes.len()), ("refunded", 2));
}

#[tokio::test]
async fn history_makes_no_invoices_unless_asked() {
    let history = [placed("1", "2026-01-01T10:00:00Z"), captured("1", "a", "161.00", "2026-01-01T10:01:00Z")];
    // The batch arrives when its latest event happened: two months later.
    let now = event("inventory.received", "2026-03-01T10:00:00Z", json!({"sku": "oud", "quantity": 1}));
    let mut shop = Shop::new().await;
    assert_eq!(shop.apply(history.iter().cloned().chain([now.clone()])).await.documents, 0);
    assert_eq!(shop.apply([event("order.paid", "2026-03-01T11:00:00Z", json!({"order_id": "1"}))]).await.documents, 0);
    let mut asked = Shop::with(Settings { invoice_max_age_days: None, ..settings() }).await;
    assert_eq!(asked.apply(history.into_iter().chain([now])).await.documents, 1);
}

#[tokio::test]
async fn an_issued_document_never_changes() {
    use sqlx::Connection;
    let mut shop = Shop::new().await;
    shop.apply([placed("1", &minute(0)), captured("1", "a", "161.00", &minute(1))]).await;
    let before = numbered(&shop, "INV-2026-000001").await;
    let mut edited = placed("1", &minute(2));
    edited["type"] = json!("order.edited");
    edited["data"]["total"] = json!("99.00");
    shop.apply([edited]).await;
    assert_eq!(numbered(&shop, "INV-2026-000001").await, before);
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&shop.path);
    let mut connection = sqlx::sqlite::SqliteConnection::connect_with(&options).await.unwrap();
    for change in ["UPDATE invoices SET total = 0", "DELETE FROM invoices"] {
        let refused = sqlx::query(change).execute(&mut connection).await.unwrap_err().to_string();
        assert!(refused.contains("an issued document"), "{refused}");
    }
}
