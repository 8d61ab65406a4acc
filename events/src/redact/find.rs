//! Which of the numbers in a text are card numbers.
//!
//! A card number is one group of digits, or several groups in a row that the same thing parts. Windows within a group are
//! not looked at: one of ten long ids would hold a card. Beside issuer range and Luhn some forms decide, in which real shops
//! write other things with that many digits: amounts, sizes, IBANs, order numbers of marketplaces.

use std::ops::Range;

use super::numbers::{Gap, Run, digit_value, gap_of, is_uuid};
use crate::card::is_card_number;

/// Digits of identifiers that are made at random, and of MD5, SHA-1 and SHA-256.
const HASHES: [usize; 4] = [24, 32, 40, 64];

/// Lengths in the order in which they are tried where several numbers stand side by side.
const LENGTHS: [usize; 7] = [16, 15, 14, 13, 19, 18, 17];

/// What the parcel numbers of UPS and YunExpress begin with; sixteen digits follow.
const CARRIERS: [&str; 2] = ["1Z", "YT"];

/// What is known of the text around a run.
pub(super) struct Surroundings<'t> {
    text: &'t str,
    /// The field holds an identifier. Short card numbers, which are hardly issued any more, are too like identifiers.
    identifier: bool,
}

impl<'t> Surroundings<'t> {
    pub(super) fn new(text: &'t str, identifier: bool) -> Surroundings<'t> {
        Surroundings { text, identifier }
    }

    /// The digits of each card number in a run, by where they begin.
    pub(super) fn cards(&self, run: &Run) -> Vec<Range<usize>> {
        // They may overlap: what looks like one by chance must not hide the one that begins in its last digits.
        let found = (0..run.groups.len()).filter_map(|from| self.card_at(run, from));
        let mut cards: Vec<Range<usize>> =
            found.map(|groups| run.groups[groups.start].digits.start..run.groups[groups.end - 1].digits.end).collect();
        if !cards.is_empty() && self.is_in_iban(run) {
            cards.clear();
        }
        cards
    }

    /// The groups of a card number that begins with this one.
    fn card_at(&self, run: &Run, from: usize) -> Option<Range<usize>> {
        if let Some(groups) = self.scientific(run, from) {
            return Some(groups);
        }
        let begin = run.groups[from].digits.start;
        let length = |end: usize| run.groups[end - 1].digits.end - begin;
        let ends: Vec<usize> = (from + 1..=run.groups.len())
            .take_while(|end| length(*end) <= 19)
            .filter(|end| length(*end) >= 13)
            .collect();
        let all = ends.iter().copied().filter(|end| from == 0 && *end == run.groups.len());
        let others = LENGTHS.iter().filter_map(|wanted| ends.iter().copied().find(|end| length(*end) == *wanted));
        all.chain(others).map(|end| from..end).find(|groups| self.is_card(run, groups.clone()))
    }

    fn is_card(&self, run: &Run, groups: Range<usize>) -> bool {
        let digits = run.groups[groups.start].digits.start..run.groups[groups.end - 1].digits.end;
        let bytes = run.digits[digits.start].bytes.start..run.digits[digits.end - 1].bytes.end;
        let values = run.values(digits.clone());
        is_card_number(&values)
            && !self.is_cut_already(run, &groups)
            && !is_another_form(run, &groups)
            && !self.is_identifier(run, &digits, &values)
            && !self.is_in_uuid(bytes.clone())
            && !self.is_in_hash(bytes)
    }

    /// Whether it is rather an identifier, by its length and by what stands beside it.
    fn is_identifier(&self, run: &Run, digits: &Range<usize>, values: &[u8]) -> bool {
        let text = &self.text[..run.digits[digits.start].bytes.start];
        let before = text.chars().next_back();
        if values.len() < 15 {
            // `+49 151 …`, `gid://shopify/Order/45…`, `#45…`
            return self.identifier || matches!(before, Some('+' | '/' | '#'));
        }
        // `YT2412…`: a carrier's letters and a year.
        self.identifier && values[0] == 2 && before.is_some_and(|before| before.is_ascii_alphabetic())
            || CARRIERS.iter().any(|letters| text.ends_with(letters))
    }

    /// Whether it lies in what an earlier cut left: six digits, stars, four digits. They belong to no other number.
    fn is_cut_already(&self, run: &Run, groups: &Range<usize>) -> bool {
        let (first, last) = (&run.groups[groups.start].digits, &run.groups[groups.end - 1].digits);
        let (begin, end) = (run.digits[first.start].bytes.start, run.digits[last.end - 1].bytes.end);
        let after = first.len() <= 4 && are_stars_of_a_cut(self.text[..begin].chars().rev());
        let before = last.len() <= 6 && are_stars_of_a_cut(self.text[end..].chars());
        after || before
    }

    /// A card number that went through a float: `4.242424242424242e15`.
    fn scientific(&self, run: &Run, from: usize) -> Option<Range<usize>> {
        let (whole, fraction) = (run.groups.get(from)?, run.groups.get(from + 1)?);
        if whole.digits.len() != 1 || fraction.gap != Gap::Mark('.') {
            return None;
        }
        let rest = self.text[run.digits[fraction.digits.end - 1].bytes.end..].strip_prefix(['e', 'E'])?;
        let rest = rest.strip_prefix("%2B").or_else(|| rest.strip_prefix('+')).unwrap_or(rest);
        let exponent: usize = rest.get(..2)?.parse().ok()?;
        let mut values = run.values(whole.digits.start..fraction.digits.end);
        if !(12..19).contains(&exponent) || values.len() > exponent + 1 || values.len() < 13 {
            return None;
        }
        values.resize(exponent + 1, 0);
        is_card_number(&values).then_some(from..from + 2)
    }

    /// Whether a number lies in a UUID, or begins or ends in one: some have hardly a letter.
    fn is_in_uuid(&self, number: Range<usize>) -> bool {
        let text = self.text.as_bytes();
        (number.start.saturating_sub(35)..number.end).any(|at| {
            let is_apart = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
            text.get(at..at + 36).is_some_and(is_uuid)
                && at + 36 > number.start
                && is_apart(at.checked_sub(1).and_then(|before| text.get(before)))
                && is_apart(text.get(at + 36))
        })
    }

    /// Whether a number begins or ends in a hash, or in an identifier made like one: where a marketplace names hundreds of
    /// thousands of orders so, some have enough digits in a row.
    fn is_in_hash(&self, number: Range<usize>) -> bool {
        let text = self.text.as_bytes();
        [number.start, number.end - 1].into_iter().any(|at| {
            let begin = text[..at].iter().rposition(|byte| !byte.is_ascii_alphanumeric()).map_or(0, |gap| gap + 1);
            let end =
                text[at..].iter().position(|byte| !byte.is_ascii_alphanumeric()).map_or(text.len(), |gap| at + gap);
            let word = text.get(begin..end).unwrap_or_default();
            HASHES.contains(&word.len())
                && word.iter().all(u8::is_ascii_hexdigit)
                && word.iter().any(u8::is_ascii_alphabetic)
        })
    }

    /// Whether the run belongs to an IBAN, by its letters and its checksum.
    fn is_in_iban(&self, run: &Run) -> bool {
        let bytes = run.bytes();
        let text = self.text.as_bytes();
        // An IBAN may have letters after its first digits, before this run.
        (bytes.start.saturating_sub(16)..bytes.start)
            .filter(|at| *at == 0 || !text[at - 1].is_ascii_alphanumeric())
            .any(|at| is_iban(&text[at..bytes.end]))
    }
}

/// Whether stars come next, as many as a cut leaves, and then a digit.
fn are_stars_of_a_cut(characters: impl Iterator<Item = char>) -> bool {
    let mut stars = 0;
    for character in characters {
        match character {
            '*' => stars += 1,
            _ if gap_of(character).is_some() => {}
            _ => return stars >= 3 && digit_value(character).is_some(),
        }
    }
    false
}

/// Whether these groups are written as a card number is not, and as something else is.
fn is_another_form(run: &Run, groups: &Range<usize>) -> bool {
    let inside = &run.groups[groups.clone()];
    let gaps: Vec<Gap> = inside.iter().skip(1).map(|group| group.gap).collect();
    if gaps.iter().any(|gap| *gap == Gap::Mixed || *gap != gaps[0]) {
        return true;
    }
    // An amount: a point and nothing else. What stands before the point is looked at alone.
    let is_point = |gap: Gap| matches!(gap, Gap::Mark('.' | '٫'));
    let is_amount = matches!(gaps[..], [gap] if is_point(gap));
    let is_fraction = gaps.is_empty()
        && groups.start > 0
        && is_point(inside[0].gap)
        && run.groups.get(groups.end).is_none_or(|next| !is_point(next.gap));
    // 302-1234567-1234567
    let lengths: Vec<usize> = inside.iter().map(|group| group.digits.len()).collect();
    let is_marketplace_order = lengths.ends_with(&[7, 7]);
    // Sizes, such as 36 38 40 42 44 46 48.
    let values = inside.iter().map(|group| run.values(group.digits.clone()));
    let counts_up =
        inside.len() > 3 && inside.iter().all(|group| group.digits.len() <= 3) && values.is_sorted_by(|a, b| a < b);
    is_amount || is_fraction || is_marketplace_order || counts_up
}

/// Whether a text begins with an IBAN that reaches to its end or nearly so (ISO 13616).
fn is_iban(text: &[u8]) -> bool {
    let plain: Vec<u8> = text.iter().copied().filter(|byte| !matches!(byte, b' ' | b'-')).take(35).collect();
    let begins = matches!(plain.first_chunk::<4>(), Some([a, b, c, d]) if a.is_ascii_uppercase() && b.is_ascii_uppercase() && c.is_ascii_digit() && d.is_ascii_digit());
    if !begins || !(15..=34).contains(&plain.len()) || !plain.iter().all(u8::is_ascii_alphanumeric) {
        return false;
    }
    let rest = plain[4..].iter().chain(&plain[..4]).fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        letter => (rest * 100 + u32::from(letter.to_ascii_uppercase() - b'A') + 10) % 97,
    });
    rest == 1
}
