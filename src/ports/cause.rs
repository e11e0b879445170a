//! Errors with their causes, for a person.

use std::error::Error;

/// The causes of an error, the nearest first.
///
/// Some libraries, such as kube, repeat a cause within the message of the error. A cause that the text above it
/// contains is left out.
#[must_use]
pub fn causes(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut above = error.to_string();
    let mut causes = Vec::new();
    let below = std::iter::successors(error.source(), |error| (*error).source());
    for cause in below.map(ToString::to_string) {
        if !above.contains(&cause) {
            above = format!("{above}: {cause}");
            causes.push(cause);
        }
    }
    causes
}

/// An error with its causes on one line.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error).into_iter().fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Link {
        text: &'static str,
        source: Option<Box<Link>>,
    }

    fn link(texts: &[&'static str]) -> Link {
        let (text, rest) = texts.split_first().unwrap();
        Link { text, source: (!rest.is_empty()).then(|| Box::new(link(rest))) }
    }

    #[test]
    fn a_cause_is_named_once() {
        let cases: [(&[&str], &str); 5] = [
            (&["a"], "a"),
            (&["a", "b", "c"], "a: b: c"),
            (&["cannot list: refused", "refused"], "cannot list: refused"),
            (&["x: y", "y", "z"], "x: y: z"),
            (&["x", "y", "x: y", "z"], "x: y: z"),
        ];
        for (texts, expected) in cases {
            assert_eq!(chain(&link(texts)), expected);
        }
    }
}
