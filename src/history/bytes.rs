//! Numbers as bytes, and back.

/// Writes a number in LEB128: seven bits a byte, the lowest first.
pub(crate) fn put(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or(0);
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// Takes a number from the front; `None` where it does not end, or does not fit 64 bits.
pub(crate) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(first & 0x7f);
        let shifted = bits << shift;
        if shifted >> shift != bits {
            return None;
        }
        number |= shifted;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// A difference as a number that is small for small differences: 0, -1, 1, -2, 2.
pub(crate) fn zigzag(difference: i64) -> u64 {
    let doubled = difference.wrapping_shl(1) ^ difference.wrapping_shr(63);
    doubled.cast_unsigned()
}

/// The difference that a number was made from.
pub(crate) fn unzigzag(number: u64) -> i64 {
    let half = (number >> 1).cast_signed();
    if number & 1 == 0 { half } else { !half }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_encoding() {
        for number in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut bytes = Vec::new();
            put(&mut bytes, number);
            assert_eq!(take(&mut bytes.as_slice()), Some(number));
        }
        for difference in [0, -1, 1, i64::MIN, i64::MAX] {
            assert_eq!(unzigzag(zigzag(difference)), difference);
        }
        assert_eq!([0, -1, 1, -2, 2].map(zigzag), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_number_that_does_not_end_or_does_not_fit_is_none() {
        let mut long = [0xff_u8; 9].to_vec();
        assert_eq!(take(&mut long.as_slice()), None);
        long.push(1);
        assert_eq!(take(&mut long.as_slice()), Some(u64::MAX));
        long.pop();
        long.push(2);
        assert_eq!(take(&mut long.as_slice()), None);
        assert_eq!(take(&mut [].as_slice()), None);
    }
}
