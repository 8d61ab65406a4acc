//! The nearest name that exists, for people who mistyped one.

/// The candidate most like `wrong`, if any is like it at all.
pub(crate) fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    candidates
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&wrong, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0).then_with(|| right.1.cmp(left.1)))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_finds_its_name_and_nonsense_finds_none() {
        let names = ["order_id", "customer_id", "net_sales"];
        assert_eq!(nearest("oder_id", names), Some("order_id"));
        assert_eq!(nearest("NETSALES", names), Some("net_sales"));
        assert_eq!(nearest("zzz", names), None);
    }
}
