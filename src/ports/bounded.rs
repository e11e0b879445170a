//! The body of an answer, read up to a bound: an answer may never end, and a short one may be large once it is
//! decoded.

/// Maximum number of bytes that are read of an answer that reports a failure.
pub const LONGEST_FAILURE: usize = 64 << 10;

/// The bytes of an answer, up to a maximum.
#[derive(Debug)]
pub struct Bounded {
    most: usize,
    bytes: Vec<u8>,
    is_cut: bool,
}

impl Bounded {
    /// An empty body with a maximum of `most` bytes.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, bytes: Vec::new(), is_cut: false }
    }

    /// Adds bytes up to the maximum. Returns whether all of them fit; after `false` further reading is
    /// useless.
    pub fn push(&mut self, bytes: &[u8]) -> bool {
        let room = self.most.saturating_sub(self.bytes.len());
        self.bytes.extend(bytes.iter().take(room));
        self.is_cut |= bytes.len() > room;
        !self.is_cut
    }

    /// Whether bytes are missing at the end.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// The bytes that fit.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Number of objects in a JSON text, whether it is valid or not; never less than a parser would find.
///
/// An object takes two bytes of text, and hundreds in memory once it is a value with separate fields.
#[must_use]
pub fn count_objects(json: &[u8]) -> usize {
    count(json, |byte| byte == b'{')
}

/// Number of values in a JSON text, counted in the same way: of lists and objects the members, and they themselves.
///
/// A number in a list takes two bytes of text, and 32 in memory once it is a value of any kind.
#[must_use]
pub fn count_values(json: &[u8]) -> usize {
    count(json, |byte| matches!(byte, b'{' | b'[' | b',')).saturating_add(1)
}

/// Number of these bytes outside of texts.
fn count(json: &[u8], counts: impl Fn(u8) -> bool) -> usize {
    let (mut count, mut is_text, mut is_escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            other if !is_text && counts(*other) => count = count.saturating_add(1),
            _ => {}
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_kept_and_the_rest_is_known_to_be_missing() {
        let mut body = Bounded::new(5);
        assert!(body.push(b"abc"));
        assert!(body.push(b"de"));
        assert!(!body.is_cut());
        assert!(!body.push(b"f"));
        assert!(!body.push(b""), "it stays cut");
        assert!(body.is_cut());
        assert_eq!(body.into_bytes(), b"abcde");
        let mut body = Bounded::new(2);
        assert!(!body.push(b"abc"));
        assert_eq!(body.into_bytes(), b"ab");
    }

    #[test]
    fn objects_are_counted_outside_of_texts_only() {
        let cases: [(&str, usize); 6] = [
            ("", 0),
            ("{}", 1),
            (r#"{"a":[{},{"b":{}}]}"#, 4),
            (r#""{{{""#, 0),
            (r#"{"\"{":"{\\"}"#, 1),
            ("{{{", 3),
        ];
        for (json, count) in cases {
            assert_eq!(count_objects(json.as_bytes()), count, "{json}");
        }
    }

    #[test]
    fn values_are_counted_in_lists_and_objects_and_an_empty_one_has_a_member() {
        let cases: [(&str, usize); 6] = [
            ("0", 1),
            ("[0,0,0]", 4),
            (r#"{"a":[{},{"b":[1]}]}"#, 7),
            (r#""[,{""#, 1),
            (r#"[",\",",\\,",0]"#, 4),
            ("[[],[]]", 5),
        ];
        for (json, count) in cases {
            assert_eq!(count_values(json.as_bytes()), count, "{json}");
        }
    }
}
