//! One shop while a batch of events is applied: what the batch touches, in memory. Each event is taken here; what
//! changed is written back at the end.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::amount;
use crate::event::{
    Fact, Incoming, InventoryData, InventoryFact, LineData, OrderData, OrderFact, PaymentData, PaymentFact, kept, said,
};
use crate::invoice::{self, Issue, Issued, Numbers};
use crate::order::{DEFAULT_LOCATION, Order, Paid, Postings, Timeline};
use crate::payment::{self, Payment};
use crate::purchasing::{Product, Purchase, Supplier};
use crate::settings::Shop;
use crate::stock::{Cause, Change, Shelf};

/// What of one shop a batch touches.
#[derive(Debug)]
pub(crate) struct ShopWork {
    pub(crate) name: String,
    pub(crate) shop: Arc<Shop>,
    pub(crate) invoice_max_age_us: Option<i64>,
    pub(crate) orders: HashMap<String, Order>,
    /// By provider and id.
    pub(crate) payments: HashMap<(String, String), Payment>,
    pub(crate) shelf: Shelf,
    /// By purchase order and SKU.
    pub(crate) purchases: BTreeMap<(String, String), Purchase>,
    pub(crate) numbers: Numbers,
    pub(crate) timeline: Vec<Timeline>,
    pub(crate) documents: Vec<Issued>,
}

impl ShopWork {
    pub(crate) fn new(name: &str, shop: Arc<Shop>, invoice_max_age_us: Option<i64>) -> ShopWork {
        ShopWork {
            name: name.to_owned(),
            shelf: Shelf::new(Arc::clone(&shop)),
            shop,
            invoice_max_age_us,
            orders: HashMap::new(),
            payments: HashMap::new(),
            purchases: BTreeMap::new(),
            numbers: Numbers::new(),
            timeline: Vec::new(),
            documents: Vec::new(),
        }
    }

    /// Takes one event.
    pub(crate) fn take(&mut self, event: &Incoming<'_>) {
        match &event.fact {
            Fact::Order(fact, data) => self.take_order(*fact, data, event),
            Fact::Payment(fact, data) => self.take_payment(*fact, data, event),
            Fact::Inventory(fact, data) => self.take_inventory(*fact, data, event),
            Fact::Other => {}
        }
        self.shelf.look(event);
    }

    fn take_order(&mut self, fact: OrderFact, data: &OrderData<'_>, event: &Incoming<'_>) {
        let Some(order_id) = said(&data.order_id) else { return };
        let order = self.orders.entry(order_id.to_owned()).or_insert_with(|| Order::new(order_id));
        self.timeline.push(timeline(order_id, data, event));
        let moves = matches!(fact, OrderFact::Placed | OrderFact::Edited | OrderFact::Cancelled | OrderFact::Returned);
        let before = if moves { order.postings() } else { Postings::new() };
        let was_billable = order.is_billable();
        order.take(fact, data, event, &self.shop);
        if moves {
            let reason = kept(&data.reason);
            book_difference(&mut self.shelf, &before, order, &Cause { reason: reason.as_deref(), ..cause(event) });
        }
        let lines = if fact == OrderFact::Returned { data.lines.as_deref().unwrap_or_default() } else { &[] };
        self.bill(order_id, was_billable, lines, kept(&data.reason), event);
    }

    fn take_payment(&mut self, fact: PaymentFact, data: &PaymentData<'_>, event: &Incoming<'_>) {
        // A payout settles many payments and is told about none of them here.
        let (Some(payment_id), Some(provider)) = (said(&data.payment_id), said(&data.provider)) else { return };
        let key = (provider.to_owned(), payment_id.to_owned());
        let payment = self.payments.entry(key.clone()).or_insert_with(|| Payment::new(provider, payment_id));
        let was_for = payment.row.order_id.clone();
        payment.take(fact, data, event);
        let Some(order_id) = payment.row.order_id.clone() else { return };
        let (first_at, updated_at) = (payment.row.first_at, payment.row.updated_at);
        if let Some(other) = was_for.filter(|other| *other != order_id).and_then(|other| self.orders.get_mut(&other)) {
            // An earlier event says that it pays another order.
            other.payments.retain(|paid_by| *paid_by != key);
            other.settle(paid(other, &self.payments));
            other.dirty = true;
        }
        let order = self.orders.entry(order_id.clone()).or_insert_with(|| Order::new(&order_id));
        let was_billable = order.is_billable();
        // What was told of the payment before it named the order belongs to the order too.
        order.touch(first_at);
        order.touch(updated_at);
        if !order.payments.contains(&key) {
            order.payments.push(key);
        }
        self.timeline.push(payment::timeline(order, data, event));
        self.bill(&order_id, was_billable, &[], kept(&data.reason), event);
    }

    /// Settles an order with its payments, and issues what has become due.
    fn bill(
        &mut self,
        order_id: &str,
        was_billable: bool,
        returned: &[LineData<'_>],
        reason: Option<String>,
        event: &Incoming<'_>,
    ) {
        let Some(order) = self.orders.get_mut(order_id) else { return };
        order.settle(paid(order, &self.payments));
        if !order.is_billable() {
            return;
        }
        let mut issue = Issue { shop_name: &self.name, shop: &self.shop, at: event.at, position: event.position };
        if !was_billable && order.invoice.is_none() {
            // Dated to the moment it became due, so that the order of arrival does not date it.
            issue.at = order.row.paid_at.max(order.row.placed_at).unwrap_or(event.at);
            let age = event.received_at.saturating_sub(issue.at);
            if self.invoice_max_age_us.is_none_or(|oldest| age <= oldest) {
                let issued = invoice::invoice(order, &issue, &mut self.numbers);
                order.invoice = Some((issued.document.number.clone(), issued.total));
                self.documents.push(issued);
            }
            issue.at = issue.at.max(event.at);
        }
        if let Some((number, total)) = &order.invoice {
            let credit = amount::sub(order.given_back().min(*total), order.credited);
            if credit > 0 {
                let credits = (number.as_str(), *total);
                let issued = invoice::credit_note(order, credits, credit, returned, reason, &issue, &mut self.numbers);
                order.credited = amount::add(order.credited, credit);
                self.documents.push(issued);
            }
        }
    }

    fn take_inventory(&mut self, fact: InventoryFact, data: &InventoryData<'_>, event: &Incoming<'_>) {
        match fact {
            InventoryFact::Supplier => return self.take_supplier(data, event),
            InventoryFact::PurchasePlaced | InventoryFact::PurchaseReceived | InventoryFact::PurchaseCancelled => {
                return self.take_purchase(fact, data, event);
            }
            _ => {}
        }
        let Some(sku) = said(&data.sku) else { return };
        let location = said(&data.location).unwrap_or(DEFAULT_LOCATION);
        let quantity = data.quantity.map_or(0, |units| units.0);
        let order_id = said(&data.order_id);
        let reason = kept(&data.reason);
        let cause = Cause { order_id, reason: reason.as_deref(), ..cause(event) };
        let change = match fact {
            InventoryFact::Sold => match order_id {
                Some(order_id) => return self.sold_for_order(order_id, sku, location, quantity, event, &cause),
                None => Change { on_hand: quantity, sale: true, ..Change::default() },
            },
            InventoryFact::Counted => {
                return self.shelf.count(sku, location, data.on_hand.map_or(0, |units| units.0), &cause);
            }
            InventoryFact::Reserved => Change { reserved: quantity, ..Change::default() },
            InventoryFact::Released => Change { reserved: -quantity, ..Change::default() },
            InventoryFact::Product => {
                let product = self
                    .shelf
                    .products
                    .entry(sku.to_owned())
                    .or_insert_with(|| Product { sku: sku.to_owned(), ..Product::default() });
                product.take(data, event);
                return self.shelf.terms_changed(sku);
            }
            // Received, returned, adjusted, transferred.
            _ => Change { on_hand: quantity, ..Change::default() },
        };
        self.shelf.book(sku, location, change, &cause);
    }

    fn take_supplier(&mut self, data: &InventoryData<'_>, event: &Incoming<'_>) {
        let Some(name) = said(&data.supplier) else { return };
        let supplier = self
            .shelf
            .suppliers
            .entry(name.to_owned())
            .or_insert_with(|| Supplier { supplier: name.to_owned(), ..Supplier::default() });
        supplier.take(data, event);
        self.shelf.supplier_changed(name);
    }

    /// A till's report of a sale for an order: the order's own lines take the stock once they are known.
    fn sold_for_order(
        &mut self,
        order_id: &str,
        sku: &str,
        location: &str,
        quantity: i64,
        event: &Incoming<'_>,
        cause: &Cause<'_>,
    ) {
        let order = self.orders.entry(order_id.to_owned()).or_insert_with(|| Order::new(order_id));
        let before = order.postings();
        order.take_stock(event, vec![((sku.to_owned(), location.to_owned()), -quantity)]);
        book_difference(&mut self.shelf, &before, order, cause);
    }

    /// A purchase order is placed, received or cancelled: what is on its way changes by what is open of it more or
    /// less than before, and what is received is there.
    fn take_purchase(&mut self, fact: InventoryFact, data: &InventoryData<'_>, event: &Incoming<'_>) {
        let Some(id) = said(&data.purchase_order_id) else { return };
        // Without SKU a cancellation is of all of it; nothing else is without.
        let sku = said(&data.sku).unwrap_or_default();
        if sku.is_empty() && fact != InventoryFact::PurchaseCancelled {
            return;
        }
        let before = self.on_their_way(id);
        let purchase = self.purchases.entry((id.to_owned(), sku.to_owned())).or_insert_with(|| Purchase {
            purchase_order_id: id.to_owned(),
            sku: sku.to_owned(),
            ..Purchase::default()
        });
        let mut changes: BTreeMap<(String, String), Change> = BTreeMap::new();
        if fact == InventoryFact::PurchaseCancelled {
            purchase.cancelled = true;
            purchase.touch(event.at);
        } else {
            let location = said(&data.location).unwrap_or(DEFAULT_LOCATION);
            purchase.take(fact, location, data, event);
            let received = if fact == InventoryFact::PurchaseReceived { data.quantity } else { None };
            let on_hand = received.map_or(0, |units| units.0);
            changes.insert((sku.to_owned(), location.to_owned()), Change { on_hand, ..Change::default() });
        }
        let after = self.on_their_way(id);
        for (place, (open, _)) in &after {
            let change = changes.entry(place.clone()).or_default();
            change.incoming = amount::add(change.incoming, *open);
        }
        for (place, (open, _)) in before {
            let change = changes.entry(place).or_default();
            change.incoming = amount::sub(change.incoming, open);
        }
        let reason = kept(&data.reason);
        let cause = Cause {
            order_id: said(&data.order_id),
            purchase_order_id: Some(id),
            reason: reason.as_deref(),
            ..cause(event)
        };
        for ((sku, location), change) in changes {
            if change.on_hand != 0 || change.incoming != 0 {
                self.shelf.book(&sku, &location, change, &cause);
            }
        }
        if fact != InventoryFact::PurchaseCancelled {
            self.shelf.touch(sku, said(&data.location).unwrap_or(DEFAULT_LOCATION), event.at);
        }
        for ((sku, location), (_, updated_at)) in after {
            self.shelf.touch(&sku, &location, updated_at);
        }
    }

    /// What of a purchase order is still to come, by SKU and location, and when it was last named.
    fn on_their_way(&self, id: &str) -> BTreeMap<(String, String), (i64, i64)> {
        let whole = self.purchases.get(&(id.to_owned(), String::new()));
        let (cancelled, cancelled_at) = whole.map_or((false, 0), |whole| (whole.cancelled, whole.updated_at));
        let from = (id.to_owned(), String::new());
        let of_it = self.purchases.range(from..).take_while(|((order, _), _)| order == id);
        let located = of_it.filter_map(|((_, sku), purchase)| Some((sku, purchase.location.as_ref()?, purchase)));
        let open = located.map(|(sku, location, purchase)| {
            let updated_at = purchase.updated_at.max(cancelled_at);
            ((sku.clone(), location.clone()), (purchase.open(cancelled), updated_at))
        });
        open.collect()
    }
}

fn cause<'e>(event: &'e Incoming<'e>) -> Cause<'e> {
    Cause {
        position: event.position,
        at: event.at,
        kind: event.kind,
        source: &event.source,
        event_id: &event.id,
        order_id: None,
        purchase_order_id: None,
        reason: None,
    }
}

/// Books what an order takes at each time more, or less, than before the event at hand: that of the event itself, and
/// what it changes about later ones, each at its own time and under its own name.
fn book_difference(shelf: &mut Shelf, before: &Postings, order: &Order, cause: &Cause<'_>) {
    for ((when, place), change) in order.postings() {
        let (sku, location) = &place;
        let known = before.get(&(when.clone(), place.clone())).copied();
        let on_hand = amount::sub(change, known.unwrap_or(0));
        let Some(fact) = order.history.get(&when).filter(|_| on_hand != 0) else {
            if known.is_none() {
                shelf.touch(sku, location, when.at);
            }
            continue;
        };
        let itself =
            (when.at, when.source.as_str(), when.event_id.as_str()) == (cause.at, cause.source, cause.event_id);
        let cause = Cause {
            at: when.at,
            kind: fact.kind,
            source: &when.source,
            event_id: &when.event_id,
            order_id: Some(&order.row.order_id),
            reason: cause.reason.filter(|_| itself),
            ..*cause
        };
        shelf.book(sku, location, Change { on_hand, sale: fact.is_demand(), ..Change::default() }, &cause);
    }
}

/// What the payments of an order come to. Another currency than the order's cannot be counted against its total.
fn paid(order: &Order, payments: &HashMap<(String, String), Payment>) -> Paid {
    let mut paid = Paid::default();
    for payment in order.payments.iter().filter_map(|key| payments.get(key)) {
        let row = &payment.row;
        if order.row.currency.is_some() && row.currency.is_some() && order.row.currency != row.currency {
            continue;
        }
        paid.captured = amount::add(paid.captured, row.captured);
        paid.refunded = amount::add(paid.refunded, row.refunded);
        paid.captured_at = paid.captured_at.max(row.captured_at);
        paid.authorized |= row.is_authorized();
    }
    paid
}

impl ShopWork {
    /// Whether money is held for an order.
    pub(crate) fn is_authorized(&self, order: &Order) -> bool {
        paid(order, &self.payments).authorized
    }
}

fn timeline(order_id: &str, data: &OrderData<'_>, event: &Incoming<'_>) -> Timeline {
    Timeline {
        order_id: order_id.to_owned(),
        position: event.position,
        event_time: event.at,
        kind: event.kind,
        source: event.source.to_string(),
        event_id: event.id.to_string(),
        parcel_id: kept(&data.parcel_id),
        carrier: kept(&data.carrier),
        tracking_number: kept(&data.tracking_number),
        reason: kept(&data.reason),
        provider: None,
        method: None,
        amount: data.total.map(|total| total.0),
        currency: kept(&data.currency),
    }
}
