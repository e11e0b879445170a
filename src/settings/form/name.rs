//! Names: Kubernetes' rules for objects and labels, and Google Cloud's for projects, zones and groups.
//!
//! The cloud's client puts names into request paths as they are, so `..` or a slash would change the request: only names that
//! the cloud itself allows are accepted.

use std::net::Ipv4Addr;

use kube_rebalancer_core::model::taint;

use super::{Complaint, Form, JsonKind, Shape};

/// Checks one name.
pub(super) type NameRule = dyn Fn(&str) -> Result<String, Complaint>;

/// A pod's or a node's name.
pub(in crate::settings) const OBJECT: Form<Option<String>> = Form {
    shape: Shape { unit: "name", expected: "a Kubernetes object name", json: JsonKind::Text },
    read: |text| optional(text, is_subdomain, "Kubernetes name"),
};

/// The name of an object that a run makes.
pub(in crate::settings) const LEASE: Form<String> = Form {
    shape: Shape { unit: "name", expected: "a Kubernetes object name", json: JsonKind::Text },
    read: |text| named(text, is_subdomain, "Kubernetes name"),
};

/// The key of a label.
pub(in crate::settings) const LABEL_KEY: Form<Option<String>> = Form {
    shape: Shape {
        unit: "label key",
        expected: "a label key such as cloud.google.com/gke-nodepool",
        json: JsonKind::Text,
    },
    read: |text| optional(text, is_label_key, "label key"),
};

/// A namespace.
pub(in crate::settings) const NAMESPACE: Form<Option<String>> = Form {
    shape: Shape { unit: "name", expected: "a Kubernetes namespace", json: JsonKind::Text },
    read: |text| optional(text, is_dns_label, "namespace"),
};

/// The name of a provider. The table of providers has the valid ones.
pub(in crate::settings) const PROVIDER: Form<Option<String>> = Form {
    shape: Shape { unit: "name", expected: "the name of a provider such as gce", json: JsonKind::Text },
    read: |text| optional(text, is_dns_label, "name of a provider"),
};

/// A project's ID, of Google Cloud or of OpenStack, or a subscription of Azure.
pub(in crate::settings) const PROJECT: Form<Option<String>> = Form {
    shape: Shape {
        unit: "name",
        expected: "an id: my-project-123, 32 hex digits (OpenStack), a UUID (Azure)",
        json: JsonKind::Text,
    },
    read: |text| optional(text, |text| is_project_id(text) || is_uuid(text), "project id"),
};

/// A zone.
pub(in crate::settings) const ZONE: Form<Option<String>> = Form {
    shape: Shape { unit: "name", expected: "a zone such as us-central1-a", json: JsonKind::Text },
    read: |text| optional(text, is_cloud_name, "zone"),
};

pub(super) fn label_key(text: &str) -> Result<String, Complaint> {
    named(text, is_label_key, "label key")
}

/// The key of a taint that a node sheds once it is ready. A cordon's taint and this program's own mean something else: every
/// cordoned node would look like one that boots.
pub(super) fn startup_taint_key(text: &str) -> Result<String, Complaint> {
    let is_of_a_run = text == taint::UNSCHEDULABLE || text.starts_with("kube-rebalancer/");
    let what = if is_of_a_run { "taint that a node sheds once it is ready" } else { "taint key" };
    named(text, |text| is_label_key(text) && !is_of_a_run, what)
}

/// A pool's name is the value of a label.
pub(super) fn pool_name(text: &str) -> Result<String, Complaint> {
    named(text, is_qualified, "pool")
}

pub(super) fn label_value(text: &str) -> Result<String, Complaint> {
    named(text, |text| text.is_empty() || is_qualified(text), "label value")
}

pub(super) fn namespace(text: &str) -> Result<String, Complaint> {
    named(text, is_dns_label, "namespace")
}

/// The root of an API, without a path: its client appends one.
pub(in crate::settings) const ENDPOINT: Form<Option<String>> = Form {
    shape: Shape { unit: "url", expected: "a URL without a path", json: JsonKind::Text },
    read: |text| optional(text, is_endpoint, "URL of an API"),
};

/// A file.
pub(in crate::settings) const FILE: Form<Option<String>> = Form {
    shape: Shape { unit: "file", expected: "the path of a file", json: JsonKind::Text },
    read: |text| optional(text, is_path, "path of a file"),
};

/// A group's name or a part of one (a part may begin with a digit, a name may not), with or without its zone, region, resource
/// group or cluster. On OpenStack, the beginning of servers' names, or behind `^` a regular expression of whole ones.
pub(super) fn group_part(text: &str) -> Result<String, Complaint> {
    named(
        text,
        |text| match text.split_once('/') {
            Some((location, name)) => is_beginning(location) && is_beginning(name),
            None => is_dns_label(text) || is_beginning(text) || is_expression(text),
        },
        "group name",
    )
}

fn optional(text: &str, rule: fn(&str) -> bool, what: &'static str) -> Result<Option<String>, Complaint> {
    if text.is_empty() { Ok(None) } else { named(text, rule, what).map(Some) }
}

fn named(text: &str, rule: impl Fn(&str) -> bool, what: &'static str) -> Result<String, Complaint> {
    if rule(text) { Ok(text.to_owned()) } else { Err(Complaint::NotAName { text: text.to_owned(), what }) }
}

/// `[prefix/]name`, the prefix a DNS subdomain.
fn is_label_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_qualified(name),
        None => is_qualified(text),
    }
}

/// Kubernetes' qualified name without a prefix: letters, digits, `-`, `_` and `.`, a letter or digit at both ends.
fn is_qualified(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.len() <= 63 && has_ends(text, |byte| byte.is_ascii_alphanumeric()) && text.bytes().all(inner)
}

/// RFC 1123: lower-case letters, digits and `-`, a letter or digit at both ends, at most 63.
fn is_dns_label(text: &str) -> bool {
    text.len() <= 63 && is_dns_word(text)
}

/// DNS words with points between them. Kubernetes limits the length of the whole only.
fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_word)
}

fn is_dns_word(text: &str) -> bool {
    let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    has_ends(text, lower) && text.bytes().all(|byte| lower(byte) || byte == b'-')
}

/// Whether a text may be a group's name or the beginning of servers' names. AWS names groups with capitals
/// (`HubStack-UsersASG1A2B`). A text of capitals alone is a placeholder to fill in; an expression may have them.
fn is_beginning(text: &str) -> bool {
    let start = |byte: u8| byte.is_ascii_alphanumeric();
    let inner = |byte: u8| start(byte) || matches!(byte, b'-' | b'_' | b'.');
    let is_filled_in = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= 255
        && text.bytes().next().is_some_and(start)
        && text.bytes().all(inner)
        && text.bytes().any(is_filled_in)
}

/// Whether a text may be a regular expression. The provider that uses it parses it.
fn is_expression(text: &str) -> bool {
    text.len() <= 255 && text.starts_with('^') && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether a text may be a path: blanks and control characters are more likely a mistake than a name.
fn is_path(text: &str) -> bool {
    text.len() <= 4096 && !text.chars().any(|letter| letter.is_control() || letter.is_whitespace())
}

/// RFC 1035, as Compute Engine names things: a DNS label that begins with a letter.
fn is_cloud_name(text: &str) -> bool {
    is_dns_label(text) && text.starts_with(|first: char| first.is_ascii_lowercase())
}

/// Six to thirty characters; old projects of an organisation have its domain in front: `example.com:my-project`.
fn is_project_id(text: &str) -> bool {
    let (domain, id) = text.split_once(':').map_or((None, text), |(domain, id)| (Some(domain), id));
    domain.is_none_or(is_subdomain) && (6..=30).contains(&id.len()) && is_cloud_name(id)
}

/// The ID of a project in Keystone, a UUID without its hyphens, or of a subscription, with them.
fn is_uuid(text: &str) -> bool {
    let of_keystone = text.len() == 32 && !text.contains('-');
    let digits = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-');
    (of_keystone || text.split('-').map(str::len).eq([8, 4, 4, 4, 12])) && text.bytes().all(digits)
}

/// Whether a text is `https`, a host and perhaps a port, without a path; `http` only for this machine, because tokens of the
/// cloud are sent there.
fn is_endpoint(text: &str) -> bool {
    let is_root = |rest: &str, may_be: fn(&str) -> bool| {
        let (host, port) = rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port)));
        may_be(host) && port.is_none_or(|port| port.parse::<u16>().is_ok())
    };
    match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => is_root(rest, is_subdomain),
        (None, Some(rest)) => is_root(rest, is_loopback),
        (None, None) => false,
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// Whether there is a first and a last byte and both are as wanted.
fn has_ends(text: &str, wanted: impl Fn(u8) -> bool) -> bool {
    let ends = [text.bytes().next(), text.bytes().next_back()];
    ends.into_iter().all(|end| end.is_some_and(&wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asserts which texts a rule accepts and which it refuses.
    fn check(rule: fn(&str) -> bool, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(rule(text), "{text:?} should be valid");
        }
        for text in bad {
            assert!(!rule(text), "{text:?} should not be valid");
        }
    }

    #[test]
    fn label_keys_follow_kubernetes() {
        let (longest, too_long) = ("a".repeat(63), "a".repeat(64));
        let good = ["a", "A", "a_b.c-d", "1", "cloud.google.com/gke-nodepool", "x/Y_z", &longest];
        let bad = [
            "",
            "-a",
            "a-",
            ".a",
            "_a",
            "a b",
            "a/b/c",
            "/a",
            "a/",
            "A.com/a",
            "a..b/c",
            "caf\u{e9}",
            &too_long,
        ];
        check(is_label_key, &good, &bad);
        let prefix = format!("{}.com/name", "p".repeat(249));
        let too_long = format!("{}.com/name", "p".repeat(250));
        check(is_label_key, &[&prefix], &[&too_long]);
    }

    #[test]
    fn label_values_may_be_empty() {
        assert_eq!(label_value(""), Ok(String::new()));
        assert_eq!(label_value("a_B.c-1"), Ok("a_B.c-1".into()));
        assert!(label_value("a/b").is_err());
        assert!(label_value(&"v".repeat(64)).is_err());
    }

    #[test]
    fn object_names_are_dns_names() {
        let good = ["node-1", "gke-hub-1a2b", "10.0.0.1", "ip-10-0-0-1.ec2.internal"];
        check(is_subdomain, &good, &["", "Node", "a_b", "a..b", "-a", "a/b", "a b"]);
        check(is_dns_label, &["kube-system", "1"], &["", "a.b", "Hub", "-a", "a-"]);
    }

    #[test]
    fn nothing_that_is_not_a_cloud_name_reaches_a_request_path() {
        check(
            is_cloud_name,
            &["us-central1-a", "z"],
            &["", "..", ".", "a/b", "1a", "a%2fb", "A", "a.b", "a-"],
        );
        check(
            is_project_id,
            &["my-project-123", "example.com:my-project"],
            &["short", "..", "../..", "Project", "1project", ":my-project", "a:b:my-project", "project-"],
        );
        assert!(!is_project_id(&"p".repeat(31)));
        assert!(group_part("..").is_err());
        assert!(group_part("us-central1-a/gke-hub-users-grp").is_ok());
        assert!(group_part("../gke-hub-users-grp").is_err());
        assert!(group_part("a/b/c").is_err());
    }

    #[test]
    fn an_endpoint_is_the_root_of_an_api() {
        check(
            is_endpoint,
            &[
                "https://compute.googleapis.com",
                "http://127.0.0.1:8080",
                "http://localhost",
                "https://psc.p.googleapis.com:443",
            ],
            &[
                "",
                "compute.googleapis.com",
                "https://",
                "https://a/",
                "https://a/compute/v1",
                "ftp://a",
                "http://a:b",
                "http://localhost:b",
                "http://compute.googleapis.com",
                "http://10.0.0.1:8080",
                "http://127.0.0.1.example.com",
            ],
        );
        assert!(!is_endpoint("http://user@host"));
    }
}
