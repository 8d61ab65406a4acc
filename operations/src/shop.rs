//! One shop while a batch of events is applied: what the batch touches, in memory. Each event is taken here; what
//! changed is written back at the end.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::amount;
use crate::event::{
    Fact, Incoming, InventoryData, InventoryFact, LineData, OrderData, OrderFact, PaymentData, PaymentFact, kept, said,
};
use crate::invoice::{self, Issue, Issued, Numbers};
use crate::order::{DEFAULT_LOCATION, Order, Paid, Timeline};
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
            shop,
            invoice_max_age_us,
            orders: HashMap::new(),
            payments: HashMap::new(),
            shelf: Shelf::default(),
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
    }

    fn take_order(&mut self, fact: OrderFact, data: &OrderData<'_>, event: &Incoming<'_>) {
        let Some(order_id) = said(&data.order_id) else { return };
        let order = self.orders.entry(order_id.to_owned()).or_insert_with(|| Order::new(order_id));
        self.timeline.push(timeline(order_id, data, event));
        let moves = matches!(fact, OrderFact::Placed | OrderFact::Edited | OrderFact::Cancelled | OrderFact::Returned);
        let before = if moves { order.taken() } else { BTreeMap::new() };
        let was_billable = order.is_billable();
        order.take(fact, data, event, &self.shop);
        if moves {
            let cause = cause(event, &self.shop, Some(order_id), kept(&data.reason));
            book_difference(&mut self.shelf, before, order.taken(), fact != OrderFact::Returned, &cause.as_cause());
        }
        let lines = if fact == OrderFact::Returned { data.lines.as_deref().unwrap_or_default() } else { &[] };
        self.bill(order_id, was_billable, lines, kept(&data.reason), event);
    }

    fn take_payment(&mut self, fact: PaymentFact, data: &PaymentData<'_>, event: &Incoming<'_>) {
        // A payout settles many payments and is told about none of them here.
        let (Some(payment_id), Some(provider)) = (said(&data.payment_id), said(&data.provider)) else { return };
        let key = (provider.to_owned(), payment_id.to_owned());
        let payment = self.payments.entry(key.clone()).or_insert_with(|| Payment::new(provider, payment_id));
        payment.take(fact, data, event);
        let Some(order_id) = payment.row.order_id.clone() else { return };
        let order = self.orders.entry(order_id.clone()).or_insert_with(|| Order::new(&order_id));
        let was_billable = order.is_billable();
        order.touch(event.at);
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
        if fact == InventoryFact::Supplier {
            if let Some(name) = said(&data.supplier) {
                let supplier = self
                    .shelf
                    .suppliers
                    .entry(name.to_owned())
                    .or_insert_with(|| Supplier { supplier: name.to_owned(), ..Supplier::default() });
                supplier.take(data, event);
            }
            return;
        }
        if fact == InventoryFact::PurchaseCancelled {
            return self.cancel_purchase(data, event);
        }
        let Some(sku) = said(&data.sku) else { return };
        let location = said(&data.location).unwrap_or(DEFAULT_LOCATION);
        let quantity = data.quantity.map_or(0, |units| units.0);
        let order_id = said(&data.order_id);
        let owned = cause(event, &self.shop, order_id, kept(&data.reason));
        let cause = owned.as_cause();
        let mut change = Change::default();
        match fact {
            InventoryFact::Received
            | InventoryFact::Returned
            | InventoryFact::Adjusted
            | InventoryFact::Transferred => change.on_hand = quantity,
            InventoryFact::Sold => match order_id {
                Some(order_id) => return self.sold_for_order(order_id, sku, location, quantity, &cause),
                None => change = Change { on_hand: quantity, sale: true, ..change },
            },
            InventoryFact::Counted => {
                let counted = data.on_hand.map_or(0, |units| units.0);
                change.on_hand = amount::sub(counted, self.shelf.on_hand(sku, location));
            }
            InventoryFact::Reserved => change.reserved = quantity,
            InventoryFact::Released => change.reserved = -quantity,
            InventoryFact::Product => {
                let product = self
                    .shelf
                    .products
                    .entry(sku.to_owned())
                    .or_insert_with(|| Product { sku: sku.to_owned(), ..Product::default() });
                product.take(data, event);
                return self.shelf.look_again(sku, event, cause.day);
            }
            InventoryFact::PurchasePlaced | InventoryFact::PurchaseReceived => {
                return self.purchase(fact, sku, location, quantity, data, &cause);
            }
            InventoryFact::Supplier | InventoryFact::PurchaseCancelled => return,
        }
        self.shelf.book(sku, location, change, &cause);
    }

    /// A till's report of a sale for an order: the order's own lines take the stock once they are known.
    fn sold_for_order(&mut self, order_id: &str, sku: &str, location: &str, quantity: i64, cause: &Cause<'_>) {
        let order = self.orders.entry(order_id.to_owned()).or_insert_with(|| Order::new(order_id));
        let before = order.taken();
        let moves = order.moves.entry((sku.to_owned(), location.to_owned())).or_default();
        moves.sold = amount::sub(moves.sold, quantity);
        order.dirty = true;
        book_difference(&mut self.shelf, before, order.taken(), true, cause);
    }

    fn purchase(
        &mut self,
        fact: InventoryFact,
        sku: &str,
        location: &str,
        quantity: i64,
        data: &InventoryData<'_>,
        cause: &Cause<'_>,
    ) {
        let Some(id) = said(&data.purchase_order_id) else { return };
        let cancelled = self.is_cancelled(id);
        let purchase = self.purchases.entry((id.to_owned(), sku.to_owned())).or_insert_with(|| Purchase {
            purchase_order_id: id.to_owned(),
            sku: sku.to_owned(),
            ..Purchase::default()
        });
        let open_before = purchase.open(cancelled);
        let place_before = purchase.location.clone().unwrap_or_else(|| location.to_owned());
        let mut on_hand = 0;
        if fact == InventoryFact::PurchasePlaced {
            purchase.placed = amount::add(purchase.placed, quantity);
            purchase.location = purchase.location.take().or_else(|| Some(location.to_owned()));
        } else {
            purchase.received = amount::add(purchase.received, quantity);
            on_hand = quantity;
        }
        purchase.supplier = kept(&data.supplier).or(purchase.supplier.take());
        let eta = said(&data.eta).and_then(|eta| mizan_events::EventTime::parse(eta).ok());
        purchase.eta = eta.map(mizan_events::EventTime::micros).or(purchase.eta);
        purchase.dirty = true;
        let incoming = amount::sub(purchase.open(cancelled), open_before);
        let cause = Cause { purchase_order_id: Some(id), ..*cause };
        if place_before == location {
            self.shelf.book(sku, location, Change { on_hand, incoming, ..Change::default() }, &cause);
        } else {
            self.shelf.book(sku, location, Change { on_hand, ..Change::default() }, &cause);
            self.shelf.book(sku, &place_before, Change { incoming, ..Change::default() }, &cause);
        }
    }

    fn is_cancelled(&self, purchase_order_id: &str) -> bool {
        self.purchases.get(&(purchase_order_id.to_owned(), String::new())).is_some_and(|purchase| purchase.cancelled)
    }

    /// What is still open of a purchase order, or of one product of it, is no longer on its way.
    fn cancel_purchase(&mut self, data: &InventoryData<'_>, event: &Incoming<'_>) {
        let Some(id) = said(&data.purchase_order_id) else { return };
        let sku = said(&data.sku).unwrap_or_default();
        let was_cancelled = self.is_cancelled(id);
        let key = (id.to_owned(), sku.to_owned());
        self.purchases.entry(key).or_insert_with(|| Purchase {
            purchase_order_id: id.to_owned(),
            sku: sku.to_owned(),
            ..Purchase::default()
        });
        let owned = cause(event, &self.shop, None, kept(&data.reason));
        let cause = Cause { purchase_order_id: Some(id), ..owned.as_cause() };
        let from = (id.to_owned(), String::new());
        for ((_, of), purchase) in self.purchases.range_mut(from..).take_while(|((order, _), _)| order == id) {
            if !sku.is_empty() && of != sku {
                continue;
            }
            let open = purchase.open(was_cancelled);
            if of == sku {
                purchase.cancelled = true;
                purchase.dirty = true;
            }
            if open > 0 {
                let location = purchase.location.as_deref().unwrap_or(DEFAULT_LOCATION);
                self.shelf.book(of, location, Change { incoming: -open, ..Change::default() }, &cause);
            }
        }
    }
}

/// What a cause says, owned where the event only lends it.
struct OwnedCause<'e> {
    event: &'e Incoming<'e>,
    day: i64,
    order_id: Option<&'e str>,
    reason: Option<String>,
}

fn cause<'e>(
    event: &'e Incoming<'e>,
    shop: &Shop,
    order_id: Option<&'e str>,
    reason: Option<String>,
) -> OwnedCause<'e> {
    OwnedCause { event, day: shop.day(event.at), order_id, reason }
}

impl OwnedCause<'_> {
    fn as_cause(&self) -> Cause<'_> {
        Cause {
            event: self.event,
            day: self.day,
            order_id: self.order_id,
            purchase_order_id: None,
            reason: self.reason.as_deref(),
        }
    }
}

/// Books what an order holds more, or less, than before.
fn book_difference(
    shelf: &mut Shelf,
    before: BTreeMap<(String, String), i64>,
    after: BTreeMap<(String, String), i64>,
    sale: bool,
    cause: &Cause<'_>,
) {
    let mut changes: BTreeMap<(String, String), i64> = before;
    for (key, quantity) in after {
        let entry = changes.entry(key).or_default();
        *entry = amount::sub(*entry, quantity);
    }
    for ((sku, location), on_hand) in changes {
        if on_hand != 0 {
            shelf.book(&sku, &location, Change { on_hand, sale, ..Change::default() }, cause);
        }
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
