//! Removes credentials from addresses and from a parser's quotations, in messages and in records of libraries. Tokens are
//! removed by the ports, which have all words of clouds.

/// A text whose addresses have no user and no password: `https://user:password@host` becomes `https://host`.
#[must_use]
pub fn without_user(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        kept.push_str(before);
        kept.push_str("://");
        let end = after.find(|letter: char| letter == '/' || letter.is_whitespace()).unwrap_or(after.len());
        let (host, path) = after.split_at(end);
        kept.push_str(host.rsplit_once('@').map_or(host, |(_, host)| host));
        rest = path;
    }
    kept.push_str(rest);
    kept
}

/// A parser's message about a text that may hold a secret, without its quotations.
#[must_use]
pub fn without_quotes(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, quoted)) = rest.split_once(['"', '`']) {
        kept.push_str(before);
        let mark = rest.get(before.len()..).and_then(|from| from.chars().next()).unwrap_or('"');
        kept.push_str("(hidden)");
        // A quotation mark inside of the quotation is escaped, or the end is not known.
        rest =
            if quoted.contains('\\') { "" } else { quoted.split_once(mark).map_or("", |(_, after)| after) };
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_parser_quotes_is_hidden() {
        for (text, expected) in [
            (r#"invalid type: string "SECRET", expected u64"#, "invalid type: string (hidden), expected u64"),
            (
                "invalid type: integer `77`, expected a string",
                "invalid type: integer (hidden), expected a string",
            ),
            (r#"string "SE\"CRET", expected"#, "string (hidden)"),
            (r#"string "SECRET"#, "string (hidden)"),
            ("connection refused", "connection refused"),
        ] {
            assert_eq!(without_quotes(text), expected);
        }
    }

    #[test]
    fn an_address_loses_its_user_and_password_and_nothing_else() {
        for (text, expected) in [
            ("https://10.0.0.1:6443/", "https://10.0.0.1:6443/"),
            ("https://me:secret@api.example.com/", "https://api.example.com/"),
            (
                "no connection to http://u:p@ss@127.0.0.1:2: refused",
                "no connection to http://127.0.0.1:2: refused",
            ),
            ("proxy http://a:b@one and http://c@two/x@y", "proxy http://one and http://two/x@y"),
            ("me@example.com", "me@example.com"),
        ] {
            assert_eq!(without_user(text), expected);
        }
    }
}
