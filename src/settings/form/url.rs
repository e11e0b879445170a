//! Addresses that messages and metrics are sent to, and keys that sign them. Both may be secrets, so that no complaint
//! repeats any of the text.

use super::{Complaint, Form, JsonKind, Shape};

/// A URL, with or without a path.
pub(in crate::settings) const URL: Form<Option<String>> = Form {
    shape: Shape {
        unit: "url",
        expected: "a URL such as https://host/path, without user and password",
        json: JsonKind::Text,
    },
    read: |text| if text.is_empty() { Ok(None) } else { url(text).map(|()| Some(text.to_owned())) },
};

/// A query of Prometheus.
pub(in crate::settings) const QUERY: Form<Option<String>> = Form {
    shape: Shape { unit: "query", expected: "a PromQL query of one line", json: JsonKind::Text },
    read: |text| match text {
        "" => Ok(None),
        text if text.len() <= 2000 && text.trim() == text && text.chars().all(is_printable) => {
            Ok(Some(text.to_owned()))
        }
        _ => Err(Complaint::NotAQuery),
    },
};

fn is_printable(letter: char) -> bool {
    letter.is_ascii_graphic() || letter == ' '
}

/// A key.
pub(in crate::settings) const KEY: Form<Option<String>> = Form {
    shape: Shape { unit: "key", expected: "a text without blanks", json: JsonKind::Text },
    read: |text| match text {
        "" => Ok(None),
        text if text.len() > 4096 || text.chars().any(|letter| !letter.is_ascii_graphic()) => {
            Err(Complaint::NotAKey)
        }
        text => Ok(Some(text.to_owned())),
    },
};

/// Checks an address. Receivers within a cluster rarely have certificates, so `http` is allowed.
fn url(text: &str) -> Result<(), Complaint> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let rest = rest.ok_or(Complaint::NotAUrl)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(Complaint::UserInUrl);
    }
    let (host, port) = match authority.rsplit_once(':') {
        // An IPv6 address has colons of its own, within brackets.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (authority, None),
    };
    let in_brackets = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match in_brackets {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        }
    };
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok());
    if is_host && is_port && text.len() <= 4096 && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(())
    } else {
        Err(Complaint::NotAUrl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_of_the_web_and_hold_no_password() {
        for text in [
            "https://hooks.slack.com/services/T0/B0/X",
            "http://pushgateway.monitoring:9091",
            "http://127.0.0.1:9091/",
            "https://[::1]:9091/a?b=c",
            "https://host",
        ] {
            assert_eq!((URL.read)(text), Ok(Some(text.to_owned())), "{text}");
        }
        for text in [
            "hooks.slack.com/services",
            "ftp://a/b",
            "https://",
            "https:///a",
            "https://a b/",
            "https://a:b/",
            "https://a:65536/",
            "https://[x]/",
            "https://a/\u{e9}",
            "https://a/\n",
        ] {
            assert_eq!((URL.read)(text), Err(Complaint::NotAUrl), "{text}");
        }
        assert_eq!((URL.read)("https://me:secret@host/"), Err(Complaint::UserInUrl));
        assert_eq!((URL.read)(""), Ok(None));
    }

    #[test]
    fn a_query_is_one_line_of_text() {
        let query = "sum by (namespace, pod) (x{a!=''})";
        assert_eq!((QUERY.read)(query), Ok(Some(query.to_owned())));
        assert_eq!((QUERY.read)(""), Ok(None));
        for text in [" ", "a\n", "a\nb", "\u{e9}", &"x".repeat(2001)] {
            assert_eq!((QUERY.read)(text), Err(Complaint::NotAQuery), "{text}");
        }
    }

    #[test]
    fn a_key_is_one_word() {
        assert_eq!((KEY.read)("s3cr3t/+="), Ok(Some("s3cr3t/+=".to_owned())));
        for text in ["a b", "a\n", "\u{e9}", &"x".repeat(4097)] {
            assert_eq!((KEY.read)(text), Err(Complaint::NotAKey));
        }
    }
}
