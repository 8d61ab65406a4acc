//! Small numbers as Parquet's mixture of runs and packed groups (its encoding `RLE`).

/// A run of fewer is packed with its neighbours.
const RUN_MIN: usize = 8;
/// Numbers of a packed group.
const GROUP: usize = 8;

/// The bits that numbers up to `largest` need, at least one.
pub(crate) fn width_for(largest: u32) -> u32 {
    (u32::BITS - largest.leading_zeros()).max(1)
}

/// Adds numbers of `width` bits.
pub(crate) fn put(values: &[u32], width: u32, out: &mut Vec<u8>) {
    let (mut packed_from, mut at) = (0, 0);
    while let Some(value) = values.get(at) {
        let run = values[at..].iter().take_while(|next| *next == value).count();
        // What completes the group begun before is taken from the run.
        let completes = (at - packed_from).next_multiple_of(GROUP) - (at - packed_from);
        if run >= completes + RUN_MIN {
            put_packed(&values[packed_from..at + completes], width, out);
            put_run(*value, run - completes, width, out);
            packed_from = at + run;
        }
        at += run;
    }
    put_packed(&values[packed_from..], width, out);
}

/// Adds a number that comes `times` times.
pub(crate) fn put_run(value: u32, times: usize, width: u32, out: &mut Vec<u8>) {
    put_length(times << 1, out);
    out.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
}

/// Adds bits that are packed already, the first in the lowest place of each byte.
pub(crate) fn put_bits(bits: &[u8], out: &mut Vec<u8>) {
    put_length(bits.len() << 1 | 1, out);
    out.extend_from_slice(bits);
}

fn put_packed(values: &[u32], width: u32, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    let groups = values.len().div_ceil(GROUP);
    put_length(groups << 1 | 1, out);
    let end = out.len() + groups * width as usize;
    let (mut bits, mut filled) = (0_u64, 0);
    for value in values {
        bits |= u64::from(*value) << filled;
        filled += width;
        if filled >= 32 {
            out.extend_from_slice(&(bits as u32).to_le_bytes());
            bits >>= 32;
            filled -= 32;
        }
    }
    out.extend_from_slice(&bits.to_le_bytes()[..filled.div_ceil(8) as usize]);
    out.resize(end, 0);
}

fn put_length(mut length: usize, out: &mut Vec<u8>) {
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads numbers back, by the letter of the format.
    fn read(mut bytes: &[u8], width: u32, count: usize) -> Vec<u32> {
        let mut values = Vec::new();
        while values.len() < count {
            let (mut length, mut shift) = (0_usize, 0);
            loop {
                let byte = bytes[0];
                bytes = &bytes[1..];
                length |= usize::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    break;
                }
            }
            if length & 1 == 0 {
                let mut value = [0; 4];
                let wide = width.div_ceil(8) as usize;
                value[..wide].copy_from_slice(&bytes[..wide]);
                bytes = &bytes[wide..];
                values.extend(std::iter::repeat_n(u32::from_le_bytes(value), length >> 1));
            } else {
                let packed = (length >> 1) * width as usize;
                for number in 0..(length >> 1) * 8 {
                    let bit = |place: usize| u32::from(bytes[place / 8] >> (place % 8) & 1);
                    let first = number * width as usize;
                    values.push((0..width as usize).map(|place| bit(first + place) << place).sum());
                }
                bytes = &bytes[packed..];
            }
        }
        assert!(bytes.is_empty());
        values.truncate(count);
        values
    }

    #[test]
    fn numbers_come_back_whatever_their_width_and_runs() {
        let mut state = 7_u64;
        let mut draw = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for width in [1, 2, 3, 7, 8, 9, 15, 16, 17, 20, 31] {
            for _ in 0..50 {
                let mut values = Vec::new();
                for _ in 0..draw(12) {
                    let value = draw(1 << width) as u32;
                    let times = if draw(2) == 0 { 1 } else { draw(40) as usize };
                    values.extend(std::iter::repeat_n(value, times));
                }
                let mut bytes = Vec::new();
                put(&values, width, &mut bytes);
                assert_eq!(read(&bytes, width, values.len()), values, "{width}");
            }
        }
    }

    #[test]
    fn a_number_gets_the_bits_it_needs() {
        assert_eq!([0, 1, 2, 255, 256, u32::MAX].map(width_for), [1, 1, 2, 8, 9, 32]);
    }
}
