//! The grammar of names: Compute Engine's documented regular expressions, and the form of all existing zones and
//! regions.

/// Maximum length of a name, and of each part of a domain.
const LONGEST: usize = 63;
/// Maximum number of digits of a project number.
const MOST_DIGITS: usize = 19;

/// Whether a text is a name by RFC 1035: `[a-z]([-a-z0-9]{0,61}[a-z0-9])?`.
pub(super) fn is_label(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase()) && is_part(text)
}

/// Whether a text is a project id, with or without a domain, or a project number.
pub(super) fn is_project(text: &str) -> bool {
    match text.split_once(':') {
        Some((domain, id)) => is_domain(domain) && is_label(id),
        None => is_label(text) || is_number(text),
    }
}

/// Whether a text is a region: a name that ends with a number.
pub(super) fn is_region(text: &str) -> bool {
    is_label(text) && text.contains('-') && ends_with_digit(text) && !is_zone(text)
}

/// Whether a text is a zone: a region, a hyphen, and a letter or more, such as `us-central1-a` or
/// `us-south1-ai1b`.
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
