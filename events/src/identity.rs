//! Identity of an event: its source and its id, folded into 128 bits.

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// Two events with the same identity are the same event.
pub type Identity = u128;

/// Folds `(source, id)`; at a thousand million events the chance that any two differ and yet collide is below 10⁻²⁰.
pub fn identity(source: &str, id: &str) -> Identity {
    // The length keeps ("ab", "c") and ("a", "bc") apart.
    let parts: [&[u8]; 3] = [&(source.len() as u64).to_le_bytes(), source.as_bytes(), id.as_bytes()];
    let length = parts.iter().map(|part| part.len()).sum();
    let mut whole = [0; 128];
    if let Some(whole) = whole.get_mut(..length) {
        let mut at = 0;
        for part in parts {
            whole[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        return xxh3_128(whole);
    }
    let mut hasher = Xxh3::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.digest128()
}

#[cfg(test)]
mod tests {
    use super::identity;

    #[test]
    fn source_and_id_are_kept_apart() {
        assert_ne!(identity("ab", "c"), identity("a", "bc"));
        assert_eq!(identity("stripe", "evt_1"), identity("stripe", "evt_1"));
    }

    #[test]
    fn the_fold_never_changes_because_it_is_stored() {
        // xxh3-128 of 8 bytes of length, then source, then id, from Python's xxhash.
        assert_eq!(identity("stripe", "evt_91"), IDENTITY_OF_STRIPE_EVT_91);
    }

    #[test]
    fn long_ids_are_folded_as_short_ones_are() {
        for length in [1, 110, 111, 112, 113, 114, 115, 255] {
            let (source, id) = ("stripe", "x".repeat(length));
            let mut bytes = 6_u64.to_le_bytes().to_vec();
            bytes.extend_from_slice(format!("{source}{id}").as_bytes());
            assert_eq!(identity(source, &id), super::xxh3_128(&bytes), "{length}");
        }
    }

    const IDENTITY_OF_STRIPE_EVT_91: u128 = 0x72f32d0110a8692c8eeb21ed32018910;
}
