//! How many columns of a terminal a text takes.

/// Marks that stand on the letter before them, and characters without a body.
const NONE: [(u32, u32); 17] = [
    (0x0300, 0x036F),
    (0x0483, 0x0489),
    (0x0591, 0x05BD),
    (0x0610, 0x061A),
    (0x064B, 0x065F),
    (0x0670, 0x0670),
    (0x06D6, 0x06DC),
    (0x06DF, 0x06E4),
    (0x06E7, 0x06E8),
    (0x06EA, 0x06ED),
    (0x08D3, 0x08FF),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x20D0, 0x20FF),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
];
/// East Asian letters and pictures, which take two.
const TWO: [(u32, u32); 12] = [
    (0x1100, 0x115F),
    (0x2E80, 0x303E),
    (0x3041, 0x33FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xA000, 0xA4CF),
    (0xAC00, 0xD7A3),
    (0xF900, 0xFAFF),
    (0xFE30, 0xFE6F),
    (0xFF00, 0xFF60),
    (0x1F300, 0x1FAFF),
    (0x20000, 0x3FFFD),
];

pub(super) fn of(text: &str) -> usize {
    text.chars().map(of_char).sum()
}

pub(super) fn of_char(character: char) -> usize {
    let code = u32::from(character);
    if code < 0x0300 {
        return 1;
    }
    let within = |ranges: &[(u32, u32)]| ranges.iter().any(|(from, to)| (*from..=*to).contains(&code));
    match (within(&NONE), within(&TWO)) {
        (true, _) => 0,
        (_, true) => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn vowel_signs_take_no_room_and_ideographs_take_two() {
        assert_eq!(of("سلة"), 3);
        assert_eq!(of("سَلَّة"), 3);
        assert_eq!(of("商店"), 4);
        assert_eq!(of("café"), 4);
    }
}
