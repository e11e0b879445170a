//! The documented cases, and a comparison with exact fractions of arbitrary size.

use proptest::prelude::*;

use super::*;

#[test]
fn quantities_are_read_as_kubernetes_documents_them() {
    let ki = 1024_u64;
    let cases: &[(&str, u64, u64)] = &[
        // text, bytes, millicores
        ("0", 0, 0),
        ("0n", 0, 0),
        ("0Ki", 0, 0),
        ("0.0", 0, 0),
        ("00.00e5", 0, 0),
        ("0e-2147483647", 0, 0),
        ("1", 1, 1_000),
        ("+1", 1, 1_000),
        ("-0", 0, 0),
        ("007", 7, 7_000),
        // binary suffixes
        ("8Ki", 8 * ki, 8_192_000),
        ("7Mi", 7 * ki * ki, 7_340_032_000),
        ("6Gi", 6 * ki * ki * ki, 6_442_450_944_000),
        ("5Ti", 5 * ki * ki * ki * ki, 5_497_558_138_880_000),
        ("100Ti", 100 * ki * ki * ki * ki, 109_951_162_777_600_000),
        // decimal suffixes; a part of a unit is rounded up
        ("5n", 1, 1),
        ("4u", 1, 1),
        ("3m", 1, 3),
        ("100m", 1, 100),
        ("1500m", 2, 1_500),
        ("1000m", 1, 1_000),
        ("128974848000m", 128_974_848, 128_974_848_000),
        ("9", 9, 9_000),
        ("8k", 8_000, 8_000_000),
        ("50k", 50_000, 50_000_000),
        ("7M", 7_000_000, 7_000_000_000),
        ("6G", 6_000_000_000, 6_000_000_000_000),
        ("40T", 40_000_000_000_000, 40_000_000_000_000_000),
        ("2P", 2_000_000_000_000_000, 2_000_000_000_000_000_000),
        // exponents; both letters, both signs
        ("1E-3", 1, 1),
        ("1e3", 1_000, 1_000_000),
        ("1E6", 1_000_000, 1_000_000_000),
        ("129e6", 129_000_000, 129_000_000_000),
        ("1.3E+6", 1_300_000, 1_300_000_000),
        ("1e15", 1_000_000_000_000_000, 1_000_000_000_000_000_000),
        ("0.5e0", 1, 500),
        ("0.5e-2", 1, 5),
        ("100000e-5", 1, 1_000),
        ("1e-2147483647", 1, 1),
        // what looks like a floating point number
        ("0.001", 1, 1),
        ("0.0005k", 1, 500),
        ("0.005", 1, 5),
        ("0.50000", 1, 500),
        ("9.01", 10, 9_010),
        ("8.1k", 8_100, 8_100_000),
        ("100.035k", 100_035, 100_035_000),
        ("7.123456M", 7_123_456, 7_123_456_000),
        ("6.987654321G", 6_987_654_321, 6_987_654_321_000),
        ("0.0000000001", 1, 1),
        ("0.0010001", 1, 2),
        // fractions of binary units
        ("1.5Gi", 1_610_612_736, 1_610_612_736_000),
        ("0.5Mi", 524_288, 524_288_000),
        ("0.1Mi", 104_858, 104_857_600), // 104857.6
        ("100.035Ki", 102_436, 102_435_840),
        ("0.05Gi", 53_687_092, 53_687_091_200), // 53687091.2
        ("0.000000000001Ki", 1, 1),
        ("0.0009765625Ki", 1, 1_000), // 1/1024
        // unusual but within the grammar
        (".001", 1, 1),
        ("1.", 1, 1_000),
        ("1.G", 1_000_000_000, 1_000_000_000_000),
        // a float would lose the last digit of this
        ("9007199254740993", 9_007_199_254_740_993, 9_007_199_254_740_993_000),
    ];
    for (text, bytes, millicores) in cases {
        assert_eq!(parse_bytes(text), Ok(Bytes(*bytes)), "{text} in bytes");
        assert_eq!(parse_millicores(text), Ok(Millicores(*millicores)), "{text} in millicores");
        assert_eq!(parse_count(text), Ok(*bytes), "{text} as a count");
    }
}

#[test]
fn the_largest_amount_is_two_to_the_63_minus_one() {
    let exact: &[(&str, u64)] = &[
        ("1E", 1_000_000_000_000_000_000),
        ("1E18", 1_000_000_000_000_000_000),
        ("1.01E", 1_010_000_000_000_000_000),
        ("9E", 9_000_000_000_000_000_000),
        ("4Pi", 4 << 50),
        ("1Ei", 1 << 60),
        ("3Ei", 3 << 60),
        ("7Ei", 7 << 60),
        ("9223372036854775807", LARGEST),
        ("9223372036854775806.1", LARGEST),
        // 8Ei less one byte, to the last of its binary places
        ("7.999999999999999999132638262011596452794037759304046630859375Ei", LARGEST),
    ];
    for (text, bytes) in exact {
        assert_eq!(parse_bytes(text), Ok(Bytes(*bytes)), "{text}");
    }
    for text in [
        "9223372036854775808",
        "9223372036854775807.1",
        "8Ei",
        "7.9999999999999999991326382620115964527940377593040466308593750001Ei",
        "9Ei",
        "12E",
        "9223372036854775807Ki",
        "1e19",
        "1e100",
        "1e2147483647",
        "99999999999999999999999999999999999999999999999999",
    ] {
        assert_eq!(parse_bytes(text), Ok(Bytes(LARGEST)), "{text}");
    }
    for text in ["9223372036854775.807", "9223372036854775.808", "10P", "1e30"] {
        assert_eq!(parse_millicores(text), Ok(Millicores(LARGEST)), "{text}");
    }
    assert_eq!(parse_millicores("9223372036854775.806"), Ok(Millicores(LARGEST - 1)));
    assert_eq!(parse_count("1e30"), Ok(LARGEST));
}

#[test]
fn negative_amounts_are_errors_however_small() {
    for text in ["-1", "-1Gi", "-.5", "-0.0000000000000000000000001", "-1e400"] {
        assert_eq!(parse_bytes(text), Err(QuantityError::Negative { text: text.to_owned() }), "{text}");
    }
}

#[test]
fn what_is_outside_the_grammar_is_an_error_and_never_zero() {
    assert_eq!(parse_bytes(""), Err(QuantityError::Empty));
    for text in [
        "1.1.M",
        "1+1.0M",
        "0.1mi",
        "0.1am",
        "aoeu",
        ".5i",
        "1i",
        "-3.01i",
        "-3.01e-",
        "1e",
        "1e+",
        " 1",
        "1 ",
        "1 Gi",
        "\t",
        ".",
        "+",
        "-",
        "-.",
        "Ki",
        "E",
        "e3",
        "+-1",
        "--1",
        "1e3Ki",
        "1Kie3",
        "1e1.5",
        "1e3m",
        "1K",
        "1KI",
        "1ki",
        "1g",
        "1GB",
        "1mm",
        "0x10",
        "1_000",
        "1,5",
        "NaN",
        "inf",
        "１",
        "1e2147483648",
        "1e4294967297",
        "1µ",
    ] {
        assert_eq!(parse_bytes(text), Err(QuantityError::Malformed { text: text.to_owned() }), "{text:?}");
    }
}

/// A whole number of any size, ten to the ninth per digit, least significant first: as much arithmetic as the oracle
/// needs, and none of the parser's.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Big(Vec<u64>);

impl Big {
    const BASE: u64 = 1_000_000_000;

    fn times(mut self, factor: u64) -> Self {
        let mut carry = 0;
        for limb in &mut self.0 {
            let product = *limb * factor + carry;
            *limb = product % Self::BASE;
            carry = product / Self::BASE;
        }
        while carry > 0 {
            self.0.push(carry % Self::BASE);
            carry /= Self::BASE;
        }
        self
    }

    fn plus(mut self, mut carry: u64) -> Self {
        for limb in &mut self.0 {
            carry += *limb;
            *limb = carry % Self::BASE;
            carry /= Self::BASE;
        }
        if carry > 0 {
            self.0.push(carry);
        }
        self
    }

    /// Divides by ten; also returns whether a remainder was lost.
    fn tenth(mut self) -> (Self, bool) {
        let mut remainder = 0;
        for limb in self.0.iter_mut().rev() {
            let value = remainder * Self::BASE + *limb;
            *limb = value / 10;
            remainder = value % 10;
        }
        (self, remainder > 0)
    }

    fn to_u128(&self) -> Option<u128> {
        self.0.iter().rev().try_fold(0_u128, |value, limb| {
            value.checked_mul(u128::from(Self::BASE))?.checked_add(u128::from(*limb))
        })
    }
}

/// `ceil(whole.fraction * 2^binary * 10^decimal)`, if it is at most 2^64-1.
fn exact(whole: &str, fraction: &str, binary: u32, decimal: i32) -> Option<u64> {
    let mut number = whole
        .bytes()
        .chain(fraction.bytes())
        .fold(Big(vec![0]), |number, digit| number.times(10).plus(u64::from(digit - b'0')));
    for _ in 0..binary {
        number = number.times(2);
    }
    let exponent = decimal - i32::try_from(fraction.len()).unwrap();
    for _ in 0..exponent {
        number = number.times(10);
    }
    let mut lost = false;
    for _ in exponent..0 {
        let (tenth, remainder) = number.tenth();
        number = tenth;
        lost |= remainder;
    }
    let amount = number.to_u128()? + u128::from(lost);
    u64::try_from(amount).ok()
}

/// The amount, capped as Kubernetes caps it.
fn oracle(whole: &str, fraction: &str, binary: u32, decimal: i32) -> u64 {
    exact(whole, fraction, binary, decimal).map_or(LARGEST, |amount| amount.min(LARGEST))
}

/// A suffix with its power of two and its power of ten.
fn suffix() -> impl Strategy<Value = (String, u32, i32)> {
    let decimal = prop::sample::select(vec![
        ("n", -9),
        ("u", -6),
        ("m", -3),
        ("", 0),
        ("k", 3),
        ("M", 6),
        ("G", 9),
        ("T", 12),
        ("P", 15),
        ("E", 18),
    ])
    .prop_map(|(text, power)| (text.to_owned(), 0, power));
    let binary =
        prop::sample::select(vec![("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)])
            .prop_map(|(text, power)| (text.to_owned(), power, 0));
    let exponent = (prop::sample::select(vec!["e", "E"]), -60..60)
        .prop_map(|(letter, power)| (format!("{letter}{power}"), 0, power));
    prop_oneof![decimal, binary, exponent]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn the_parser_agrees_with_exact_fractions(
        whole in "[0-9]{0,24}",
        fraction in "0{0,22}[0-9]{0,70}",
        (suffix, binary, decimal) in suffix(),
    ) {
        prop_assume!(!(whole.is_empty() && fraction.is_empty()));
        let text = format!("{whole}.{fraction}{suffix}");
        prop_assert_eq!(parse_bytes(&text), Ok(Bytes(oracle(&whole, &fraction, binary, decimal))));
        prop_assert_eq!(
            parse_millicores(&text),
            Ok(Millicores(oracle(&whole, &fraction, binary, decimal + 3)))
        );
    }

    #[test]
    fn amounts_next_to_a_whole_number_of_bytes_round_the_right_way(
        bytes in 1..=LARGEST,
        steps in 1..=6_u32,
        nudge in prop::sample::select(vec!["", "0", "000000001"]),
    ) {
        // bytes / 1024^steps has exactly 10 * steps binary places, hence at most as many decimal ones
        let unit = 1_u128 << (10 * steps);
        let mut text = format!("{}.", u128::from(bytes) / unit);
        let mut rest = u128::from(bytes) % unit;
        for _ in 0..10 * steps {
            rest *= 10;
            text.push_str(&(rest / unit).to_string());
            rest %= unit;
        }
        let suffix = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"][usize::try_from(steps).unwrap()];
        let nudged = bytes + u64::from(nudge.ends_with('1'));
        prop_assert_eq!(parse_bytes(&format!("{text}{nudge}{suffix}")), Ok(Bytes(nudged.min(LARGEST))));
    }

    #[test]
    fn whole_amounts_survive_being_written_and_read(amount in 0..=LARGEST) {
        prop_assert_eq!(parse_bytes(&amount.to_string()), Ok(Bytes(amount)));
        prop_assert_eq!(parse_millicores(&Millicores(amount).to_string()), Ok(Millicores(amount)));
        prop_assert_eq!(parse_count(&format!("{amount}000m")), Ok(amount));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in prop_oneof![any::<String>(), "[-+.0-9eEKMimunkGTP ]{0,12}"]) {
        let bytes = parse_bytes(&text).ok().map(|bytes| bytes.0);
        prop_assert_eq!(parse_count(&text).ok(), bytes);
        prop_assert!(parse_millicores(&text).is_err() || bytes.is_some());
    }
}
