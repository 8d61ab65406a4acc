//! One visit to the storefront, step by step: look around, fill a cart, and mostly leave.

use crate::calendar;
use crate::catalogue::SEARCHES;
use crate::channels::{self, CHANNELS, REMINDER};
use crate::data::Data;
use crate::order::{Quote, Reductions, quote};
use crate::payment::Payment;
use crate::people::{Cart, Visitor};
use crate::random::{Random, code};
use crate::schedule::{HOUR, Instant, SECOND};
use crate::shop::{Action, Shop};

/// Adds to the cart in this many visits of a thousand, all channels and devices together.
const BUYERS: u64 = 98;

/// A visit that goes on.
pub(crate) struct Visit {
    pub(crate) visitor: usize,
    pub(crate) random: Random,
    pub(crate) session_id: String,
    pub(crate) cart: Option<Cart>,
    pub(crate) checkout: Option<Checkout>,
    channel: usize,
    buyer: bool,
    /// Pages that will still be looked at.
    pages: i64,
    sought: Option<usize>,
    step: Step,
}

/// A checkout that was begun.
pub(crate) struct Checkout {
    pub(crate) id: String,
    pub(crate) quote: Quote,
    pub(crate) method: &'static str,
    pub(crate) attempts: u32,
    pub(crate) payment: Option<Payment>,
    coupon: Option<(&'static str, i64)>,
}

/// What comes next in a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Land,
    Browse,
    Want(usize),
    Cart,
    Checkout,
    Coupon,
    Shipping,
    Method,
    Pay,
    Approved,
    Place,
}

impl Shop {
    /// Somebody comes by: new, or seen before.
    pub(crate) fn arrive(&mut self, at: Instant) {
        self.visits += 1;
        let mut random = Random::of(self.key, 5, self.visits);
        let known = self.visitors.len() as u64;
        let visitor = if known > 0 && random.chance(320) {
            // People come back soon or not at all: among the last few thousand.
            (known - 1 - random.below(known.min(5000))) as usize
        } else {
            let visitor = Visitor::new(self.config.market, self.key, known, &mut random);
            self.visitors.push(visitor);
            self.visitors.len() - 1
        };
        let channel = channels::arrival(&mut random);
        let buyer = random.below(100_000) < self.willingness(visitor, channel);
        let bounces = !buyer && random.chance(400);
        let pages = if bounces { 0 } else { random.between(1, 4) + random.between(0, 3) };
        self.begin(visitor, channel, buyer, pages, random, at);
    }

    /// Somebody opens the reminder of a cart that they left, if they did not order in the meantime.
    pub(crate) fn come_back(&mut self, visitor: usize, at: Instant) {
        if self.visitors[visitor].cart.is_some() {
            self.visits += 1;
            let random = Random::of(self.key, 5, self.visits);
            self.begin(visitor, REMINDER, true, 0, random, at);
        }
    }

    fn begin(&mut self, visitor: usize, channel: usize, buyer: bool, pages: i64, random: Random, at: Instant) {
        let visit = Visit {
            visitor,
            random,
            session_id: format!("s-{}", code(self.key ^ 0x7365, self.visits)),
            cart: if buyer { self.visitors[visitor].cart.take() } else { None },
            checkout: None,
            channel,
            buyer,
            pages,
            sought: None,
            step: Step::Land,
        };
        self.go_on(Box::new(visit), at);
    }

    /// How likely a visit fills a cart, in hundred-thousandths.
    fn willingness(&self, visitor: usize, channel: usize) -> u64 {
        let visitor = &self.visitors[visitor];
        let device = match visitor.device {
            "desktop" => 1300,
            "tablet" => 1050,
            _ => 930,
        };
        let country = match visitor.country {
            "EG" => 50,
            country if country == self.config.market.country() => 1040,
            _ => 650,
        };
        let known = if visitor.customer.is_some() { 1700 } else { 960 };
        let average = BUYERS * u64::from(self.config.willingness_percent);
        average * CHANNELS[channel].willingness / 1000 * device / 1000 * country / 1000 * known / 1000
    }

    /// Takes the next step of a visit.
    pub(crate) fn go_on(&mut self, mut visit: Box<Visit>, at: Instant) {
        match visit.step {
            Step::Land => self.land(&mut visit, at),
            Step::Browse => self.browse(&mut visit, at),
            Step::Want(product) => self.add_to_cart(&mut visit, product, at),
            Step::Cart => return self.look_at_cart(visit, at),
            Step::Checkout => self.begin_checkout(&mut visit, at),
            Step::Coupon => self.try_coupon(&mut visit, at),
            Step::Shipping => return self.choose_shipping(visit, at),
            Step::Method => return self.choose_payment(visit, at),
            Step::Pay => return self.pay(visit, at),
            Step::Approved => return self.approved(visit, at),
            Step::Place => return self.place(visit, at),
        }
        self.later(visit, at);
    }

    fn later(&mut self, mut visit: Box<Visit>, at: Instant) {
        let (shortest, longest) = match visit.step {
            Step::Want(_) => (4, 70),
            Step::Browse => (3, 95),
            _ => (5, 60),
        };
        // Two draws: short looks are common, long ones are not impossible.
        let thought = visit.random.between(shortest * SECOND, longest * SECOND);
        let thought = thought.min(visit.random.between(shortest * SECOND, 2 * longest * SECOND));
        if visit.step == Step::Browse && visit.pages <= 0 {
            match &visit.cart {
                Some(_) => visit.step = Step::Cart,
                None => return,
            }
        }
        self.schedule.at(at + thought, Action::Visit(visit));
    }

    /// Goes on with a step after a while.
    pub(crate) fn then(&mut self, mut visit: Box<Visit>, step: Step, when: Instant) {
        visit.step = step;
        self.schedule.at(when, Action::Visit(visit));
    }

    /// The visitor leaves with a cart; some are reminded of it.
    pub(crate) fn leave(&mut self, mut visit: Box<Visit>, at: Instant) {
        let cart = visit.cart.take();
        if cart.is_some() && visit.random.chance(120) {
            let reminded = at + visit.random.between(2 * HOUR, 40 * HOUR);
            self.schedule.at(reminded, Action::Reminded(visit.visitor));
        }
        self.visitors[visit.visitor].cart = cart;
    }

    fn land(&mut self, visit: &mut Visit, at: Instant) {
        let channel = &CHANNELS[visit.channel];
        let campaign = calendar::campaign(self.date_at(at)).filter(|_| channel.paid).map(|campaign| campaign.name);
        let campaign = campaign.unwrap_or(channel.campaign);
        let content = channels::one_of(channel.content, &mut visit.random);
        let term = channels::one_of(channel.term, &mut visit.random);
        let path = ["/", "/collections/oud", "/collections/coffee", "/collections/dates"]
            [visit.random.weighted([5, 2, 2, 1].into_iter())];
        let mut data = self.storefront(visit, path);
        data.known("referrer", channel.referrer)
            .known("utm_source", channel.source)
            .known("utm_medium", channel.medium)
            .known("utm_campaign", campaign)
            .known("utm_term", term)
            .known("utm_content", content);
        self.tell("storefront.page_view", &data.finish(), at);
        visit.step = Step::Browse;
    }

    fn browse(&mut self, visit: &mut Visit, at: Instant) {
        visit.pages -= 1;
        if visit.sought.is_none() && visit.random.chance(110) {
            return self.search(visit, at);
        }
        if visit.random.chance(150) {
            let kind = self.catalogue[self.some_product(&mut visit.random)].category;
            let shown: Vec<_> =
                (0..self.catalogue.len()).filter(|place| self.catalogue[*place].category == kind).take(6).collect();
            let lines: Vec<_> = shown.into_iter().map(|place| (place, 1)).collect();
            let mut data = self.storefront(visit, &format!("/collections/{kind}"));
            data.currency();
            self.items(&mut data, visit, &lines);
            return self.tell("storefront.view_item_list", &data.finish(), at);
        }
        let product = visit.sought.take().unwrap_or_else(|| self.some_product(&mut visit.random));
        let data = self.about(visit, product, 0);
        self.tell("storefront.view_item", &data, at);
        let taken = visit.cart.as_ref().is_some_and(|cart| cart.lines.iter().any(|line| line.0 == product));
        // Nobody can take what is out of stock, except from a page that was open for a while.
        let in_stock = self.stockroom.on_hand[product] > 0 || visit.random.chance(25);
        if visit.buyer && in_stock && !taken && visit.random.chance(if visit.cart.is_none() { 750 } else { 330 }) {
            visit.step = Step::Want(product);
        }
    }

    fn search(&mut self, visit: &mut Visit, at: Instant) {
        let (arabic, english, product) = SEARCHES[visit.random.below(SEARCHES.len() as u64) as usize];
        let term = if self.visitors[visit.visitor].language == "ar" { arabic } else { english };
        visit.sought = Some(product).filter(|place| *place < self.catalogue.len());
        visit.pages += 1;
        let mut data = self.storefront(visit, "/search");
        data.text("search_term", term);
        self.tell("storefront.search", &data.finish(), at);
    }

    fn add_to_cart(&mut self, visit: &mut Visit, product: usize, at: Instant) {
        let quantity = [1, 2, 3, 5][visit.random.weighted([690, 200, 70, 40].into_iter())];
        // Nobody sells more than the page says is left.
        let quantity = quantity.min(self.stockroom.on_hand[product].max(1));
        if visit.cart.is_none() {
            self.carts += 1;
            let id = format!("b-{}", code(self.key ^ 0x6261, self.carts));
            visit.cart = Some(Cart { id, lines: Vec::new() });
        }
        if let Some(cart) = &mut visit.cart {
            cart.lines.push((product, quantity));
        }
        let data = self.about(visit, product, quantity);
        self.tell("storefront.add_to_cart", &data, at);
        visit.step = Step::Browse;
    }

    fn look_at_cart(&mut self, mut visit: Box<Visit>, at: Instant) {
        let Some(cart) = visit.cart.clone() else { return };
        let mut data = self.storefront(&visit, "/cart");
        self.cart_value(&mut data, &visit, &cart);
        self.tell("storefront.view_cart", &data.finish(), at);
        let emptied = visit.random.chance(60);
        if emptied || (cart.lines.len() > 1 && visit.random.chance(140)) {
            let gone = if emptied { cart.lines.len() } else { 1 };
            for (product, quantity) in cart.lines.iter().take(gone) {
                let when = at + visit.random.between(2 * SECOND, 20 * SECOND);
                let data = self.about(&visit, *product, *quantity);
                self.tell_at(when, "storefront.remove_from_cart", data);
            }
            if let Some(cart) = &mut visit.cart {
                cart.lines.drain(..gone);
            }
        }
        if emptied {
            visit.cart = None;
            return self.leave(visit, at);
        }
        let goes_on = if visit.channel == REMINDER { 600 } else { 375 };
        if visit.random.chance(goes_on) {
            let when = at + visit.random.between(25 * SECOND, 90 * SECOND);
            self.then(visit, Step::Checkout, when);
        } else {
            self.leave(visit, at);
        }
    }

    fn begin_checkout(&mut self, visit: &mut Visit, at: Instant) {
        let Some(cart) = visit.cart.clone() else { return };
        self.checkouts += 1;
        visit.checkout = Some(Checkout {
            id: format!("k-{}", code(self.key ^ 0x6368, self.checkouts)),
            quote: self.quote(visit, &cart, 0, at),
            method: "",
            attempts: 0,
            payment: None,
            coupon: match visit.random.below(100) {
                0..=8 => Some(("WELCOME10", 10)),
                9..=11 => Some(("EID2020", 0)),
                _ => None,
            },
        });
        let mut data = self.storefront(visit, "/checkout");
        self.cart_value(&mut data, visit, &cart);
        self.tell("storefront.begin_checkout", &data.finish(), at);
        visit.step = Step::Coupon;
    }

    fn try_coupon(&mut self, visit: &mut Visit, at: Instant) {
        visit.step = Step::Shipping;
        let tried = visit.checkout.as_ref().and_then(|checkout| checkout.coupon);
        if let (Some((coupon, percent)), Some(cart)) = (tried, visit.cart.clone()) {
            let quote = self.quote(visit, &cart, percent, at);
            if let Some(checkout) = &mut visit.checkout {
                checkout.quote = quote;
            }
            let told = if percent > 0 { "storefront.apply_coupon" } else { "storefront.deny_coupon" };
            let mut data = self.storefront(visit, "/checkout");
            data.text("coupon", coupon);
            self.tell(told, &data.finish(), at);
        }
    }

    fn choose_shipping(&mut self, mut visit: Box<Visit>, at: Instant) {
        let Some(checkout) = &visit.checkout else { return };
        let shipping = checkout.quote.shipping;
        let mut data = self.storefront(&visit, "/checkout/shipping");
        data.money("shipping", shipping).money("value", checkout.quote.subtotal).currency();
        // What shipping costs is what most people leave for.
        let stays = if shipping > 0 { 800 } else { 930 };
        self.tell("storefront.add_shipping_info", &data.finish(), at);
        if visit.random.chance(stays) {
            let when = at + visit.random.between(15 * SECOND, 80 * SECOND);
            self.then(visit, Step::Method, when);
        } else {
            self.leave(visit, at);
        }
    }

    fn quote(&self, visit: &Visit, cart: &Cart, coupon_percent: i64, at: Instant) -> Quote {
        let market = self.config.market;
        let sale_percent = calendar::campaign(self.date_at(at)).map_or(0, |campaign| campaign.discount_percent);
        let abroad = self.visitors[visit.visitor].country != market.country();
        quote(market, self.catalogue, &cart.lines, abroad, Reductions { sale_percent, coupon_percent })
    }

    /// The quote again for a cart that lost a line on the way.
    pub(crate) fn requote(&self, visit: &Visit, at: Instant) -> Option<Quote> {
        let percent = visit.checkout.as_ref().and_then(|checkout| checkout.coupon).map_or(0, |coupon| coupon.1);
        visit.cart.as_ref().map(|cart| self.quote(visit, cart, percent, at))
    }

    fn some_product(&self, random: &mut Random) -> usize {
        random.weighted(self.catalogue.iter().map(|product| product.popularity))
    }

    /// The fields that every storefront event has.
    pub(crate) fn storefront(&self, visit: &Visit, path: &str) -> Data {
        let visitor = &self.visitors[visit.visitor];
        let market = self.config.market;
        let language = if visitor.language == "ar" { "ar" } else { "en" };
        let mut data = self.data();
        data.text("session_id", &visit.session_id)
            .text("visitor_id", &visitor.id)
            .known("customer_id", visitor.customer.map_or("", |customer| self.customers[customer].id.as_str()))
            .known("cart_id", visit.cart.as_ref().map_or("", |cart| cart.id.as_str()))
            .known("checkout_id", visit.checkout.as_ref().map_or("", |checkout| checkout.id.as_str()))
            .text("page_url", &format!("{}/{language}{}", market.host(), path.trim_end_matches('/')))
            .text("device", visitor.device)
            .text("country", visitor.country)
            .text("language", visitor.language);
        data
    }

    /// An event about one product; no quantity for one that is only looked at.
    pub(crate) fn about(&self, visit: &Visit, product: usize, quantity: i64) -> String {
        let product = &self.catalogue[product];
        let mut data = self.storefront(visit, &format!("/products/{}", product.sku.to_lowercase()));
        data.text("sku", product.sku);
        if quantity > 0 {
            data.quantity("quantity", quantity);
        }
        data.money("unit_price", self.config.market.local(product.price)).currency();
        data.finish()
    }

    fn cart_value(&self, data: &mut Data, visit: &Visit, cart: &Cart) {
        let price = |product: usize| self.config.market.local(self.catalogue[product].price);
        let value = cart.lines.iter().map(|(product, quantity)| price(*product) * quantity).sum();
        data.money("value", value).currency();
        self.items(data, visit, &cart.lines);
    }

    pub(crate) fn items(&self, data: &mut Data, visit: &Visit, lines: &[(usize, i64)]) {
        let language = self.visitors[visit.visitor].language;
        data.list("items", lines, |_, (place, quantity), item| {
            let product = &self.catalogue[*place];
            item.text("sku", product.sku)
                .text("name", product.name(language))
                .quantity("quantity", *quantity)
                .money("unit_price", self.config.market.local(product.price));
        });
    }
}
