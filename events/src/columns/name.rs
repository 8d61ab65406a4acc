//! Names of fields as a few numbers, which compare in a step where text takes a call.

/// The first and the last eight bytes of a name, and its length: the whole name, if it has sixteen or less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NameKey {
    first: u64,
    last: u64,
    length: usize,
}

impl NameKey {
    #[inline]
    pub(crate) const fn of(bytes: &[u8]) -> NameKey {
        let length = bytes.len();
        let (first, last) = match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
            (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
            _ => match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
                (Some(first), Some(last)) => (u32::from_le_bytes(*first) as u64, u32::from_le_bytes(*last) as u64),
                _ => {
                    let mut few = 0;
                    let mut at = 0;
                    while at < length {
                        few = few << 8 | bytes[at] as u64;
                        at += 1;
                    }
                    (few, few)
                }
            },
        };
        NameKey { first, last, length }
    }

    /// Whether no other name has this key.
    #[inline]
    pub(crate) const fn is_whole(&self) -> bool {
        self.length <= 16
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::NameKey;

    proptest! {
        #[test]
        fn keys_of_short_names_are_equal_only_if_the_names_are(one in "[ab\\x00]{0,18}", other in "[ab\\x00]{0,18}") {
            let (key, other_key) = (NameKey::of(one.as_bytes()), NameKey::of(other.as_bytes()));
            if key.is_whole() {
                prop_assert_eq!(key == other_key, one == other);
            } else if one == other {
                prop_assert_eq!(key, other_key);
            }
        }
    }
}
