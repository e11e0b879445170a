//! The queries of requests.

/// The value of a query parameter, decoded; `None` if it is missing or empty.
#[must_use]
pub fn parameter(query: &str, name: &str) -> Option<String> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| decode(&value.replace('+', " ")))
        .filter(|value| !value.is_empty())
}

/// Undoes percent-encoding.
#[must_use]
pub fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hexadecimal = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match (first, hexadecimal.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            (byte, _) => {
                bytes.push(*byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_decoded_and_an_empty_one_is_none() {
        let query = "a=1%2F2+3&b=&c=%zz&d=100%";
        let found = ["a", "b", "c", "d", "e"].map(|name| parameter(query, name));
        let expected = [Some("1/2 3"), None, Some("%zz"), Some("100%"), None];
        assert_eq!(found, expected.map(|value| value.map(str::to_owned)));
    }
}
