//! The nearest known name to one that is not known.

/// `; did you mean "x"?` where some known name is near enough, else nothing.
pub(crate) fn did_you_mean<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(wrong, known).map(|name| format!("; did you mean {name:?}?")).unwrap_or_default()
}

fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    let limit = (wrong.chars().count() / 3).max(2);
    let tail = |name: &str| name.rsplit('.').next().unwrap_or(name).to_owned();
    known
        .into_iter()
        // A name without its schema is as near as the name itself.
        .map(|name| {
            (
                strsim::damerau_levenshtein(&wrong, name)
                    .min(strsim::damerau_levenshtein(&tail(&wrong), &tail(name)) + 1),
                name,
            )
        })
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn a_slip_of_the_pen_is_named_and_a_stranger_is_not() {
        let known = ["events.orders", "marts.order_lines", "marts.orders"];
        assert_eq!(did_you_mean("events.order", known), "; did you mean \"events.orders\"?");
        assert_eq!(did_you_mean("order_lines", known), "; did you mean \"marts.order_lines\"?");
        assert_eq!(did_you_mean("weather", known), "");
    }
}
