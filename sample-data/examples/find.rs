use mizan_sample_data::*;
use std::collections::BTreeMap;
fn main() {
    for seed in 1..1500u64 {
        let mut shop = Shop::new(ShopConfig { seed, ..sample_config() });
        let mut types: BTreeMap<&str, usize> = BTreeMap::new();
        let mut bytes = 0;
        for e in shop.until("2026-03-07T20:59:59.999Z".parse().unwrap()) { *types.entry(e.event_type).or_default() += 1; bytes += e.json.len() + 1; }
        let want = ["order.cancelled","order.returned","payment.failed","payment.refunded","order.delivery_failed","inventory.counted","inventory.adjusted","purchase_order.placed","purchase_order.received","storefront.deny_coupon","storefront.apply_coupon","storefront.remove_from_cart","storefront.search","payment.voided"];
        let missing: Vec<_> = want.iter().filter(|t| !types.contains_key(**t)).collect();
        if bytes < 306_000 && missing.len() < 4 { println!("{seed} {bytes} {} placed {} missing {missing:?}", types.values().sum::<usize>(), types["order.placed"]); }
    }
}
