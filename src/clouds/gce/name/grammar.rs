//! The letters of names: what Compute Engine's reference gives as regular expressions, and what holds for every zone
//! and region there is.

/// How long a name, and each part of a domain, may be.
const LONGEST: usize = 63;
/// How many digits a project number may have.
const MOST_DIGITS: usize = 19;

/// Whether it is a name as RFC 1035 has it: `[a-z]([-a-z0-9]{0,61}[a-z0-9])?`.
pub(super) fn is_label(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase()) && is_part(text)
}

/// Whether it is a project id, perhaps one of a domain, or a project number.
pub(super) fn is_project(text: &str) -> bool {
    match text.split_once(':') {
        Some((domain, id)) => is_domain(domain) && is_label(id),
        None => is_label(text) || is_number(text),
    }
}

/// Whether it is a region: a name that ends with a number, which no zone does not continue.
pub(super) fn is_region(text: &str) -> bool {
    is_label(text) && text.contains('-') && ends_with_digit(text) && !is_zone(text)
}

/// Whether it is a zone: a region, a hyphen, and a letter or more, such as `us-central1-a` or `us-south1-ai1b`.
pub(super) fn is_zone(text: &str) -> bool {
    let Some((region, own)) = text.rsplit_once('-') else { return false };
    is_label(text) && region.contains('-') && ends_with_digit(region) && is_label(own)
}

fn is_domain(text: &str) -> bool {
    text.contains('.') && text.split('.').all(is_part)
}

fn is_number(text: &str) -> bool {
    (1..=MOST_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_part(text: &str) -> bool {
    let in_the_middle = |byte: u8| byte == b'-' || byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=LONGEST).contains(&text.len())
        && text.bytes().all(in_the_middle)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn ends_with_digit(text: &str) -> bool {
    text.ends_with(|last: char| last.is_ascii_digit())
}
