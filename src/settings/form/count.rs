//! Numbers of nodes: whole numbers, percentages, and budgets that are either.

use kube_rebalancer_core::policy::Budget;

use super::{Complaint, Form, JsonKind, Shape};

/// No cluster is near this size (Kubernetes is tested up to 5,000 nodes); it bounds the planner's time and
/// memory if `MAX_NODES` has a zero too many.
const MOST_NODES: Limit = Limit { number: 100_000, text: "100000" };
const MOST_PERCENT: Limit = Limit { number: 100, text: "100" };

/// A number of nodes.
pub(in crate::settings) const NODES: Form<usize> = Form {
    shape: Shape { unit: "nodes", expected: "a whole number from 0 to 100000", json: JsonKind::Scalar },
    read: nodes,
};

/// A share of the nodes.
pub(in crate::settings) const PERCENT: Form<u32> = Form {
    shape: Shape { unit: "percent", expected: "a whole number from 0 to 100", json: JsonKind::Scalar },
    read: percent,
};

/// A maximum number of nodes to cordon or delete; a percentage allows at least three.
pub(in crate::settings) const BUDGET: Form<Budget> = Form {
    shape: budget_shape("a number, or a percentage such as 20%, at least 3"),
    read: |text| budget(text, 3),
};

/// A maximum number of nodes to create; a percentage allows at least ten, because users wait for them.
pub(in crate::settings) const CREATIONS: Form<Budget> = Form {
    shape: budget_shape("a number, or a percentage such as 50%, at least 10"),
    read: |text| budget(text, 10),
};

/// A maximum number of pods to evict.
pub(in crate::settings) const EVICTIONS: Form<Budget> = Form {
    shape: Shape { unit: "pods", expected: "a whole number from 0 to 100000", json: JsonKind::Scalar },
    read: |text| whole(text, MOST_NODES).map(Budget::Count),
};

/// A maximum number of parked nodes.
pub(in crate::settings) const PARKED: Form<Budget> =
    Form { shape: budget_shape("a number, or a percentage such as 100%"), read: |text| budget(text, 0) };

const fn budget_shape(expected: &'static str) -> Shape {
    Shape { unit: "nodes|%", expected, json: JsonKind::Scalar }
}

/// The largest number allowed, with its text for a complaint.
#[derive(Clone, Copy)]
struct Limit {
    number: u32,
    text: &'static str,
}

pub(super) fn nodes(text: &str) -> Result<usize, Complaint> {
    let number = whole(text, MOST_NODES)?;
    usize::try_from(number).map_err(|_| Complaint::Above(MOST_NODES.text))
}

fn percent(text: &str) -> Result<u32, Complaint> {
    match text.strip_suffix('%') {
        Some(number) => whole(number, MOST_PERCENT).and(Err(Complaint::DidYouMean(number.to_owned()))),
        None => whole(text, MOST_PERCENT),
    }
}

fn budget(text: &str, at_least: u32) -> Result<Budget, Complaint> {
    match text.strip_suffix('%') {
        Some(number) => whole(number, MOST_PERCENT).map(|percent| Budget::Percent { percent, at_least }),
        None => whole(text, MOST_NODES).map(Budget::Count),
    }
}

/// Reads digits and nothing else: no sign, no blanks, no leading zeros.
fn whole(text: &str, limit: Limit) -> Result<u32, Complaint> {
    let padded_with_zeros = text.len() > 1 && text.starts_with('0');
    if text.is_empty() || padded_with_zeros || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Complaint::NotWhole);
    }
    // Digits alone fail to parse only when there are too many of them.
    match text.parse() {
        Ok(number) if number <= limit.number => Ok(number),
        _ => Err(Complaint::Above(limit.text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_counts_are_digits_up_to_a_limit() {
        let cases = [
            ("0", Ok(0)),
            ("72", Ok(72)),
            ("100000", Ok(100_000)),
            ("100001", Err(Complaint::Above("100000"))),
            ("99999999999999999999", Err(Complaint::Above("100000"))),
            ("-1", Err(Complaint::NotWhole)),
            ("+1", Err(Complaint::NotWhole)),
            ("3.0", Err(Complaint::NotWhole)),
            ("1e3", Err(Complaint::NotWhole)),
            ("007", Err(Complaint::NotWhole)),
            (" 3", Err(Complaint::NotWhole)),
            ("three", Err(Complaint::NotWhole)),
        ];
        for (text, expected) in cases {
            assert_eq!(nodes(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_percentage_is_written_without_its_sign() {
        let cases = [
            ("0", Ok(0)),
            ("45", Ok(45)),
            ("100", Ok(100)),
            ("101", Err(Complaint::Above("100"))),
            ("45%", Err(Complaint::DidYouMean("45".into()))),
            ("450%", Err(Complaint::Above("100"))),
            ("%", Err(Complaint::NotWhole)),
        ];
        for (text, expected) in cases {
            assert_eq!(percent(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_budget_is_a_number_or_a_percentage() {
        let cases = [
            ("0", Ok(Budget::Count(0))),
            ("10", Ok(Budget::Count(10))),
            ("20%", Ok(Budget::Percent { percent: 20, at_least: 3 })),
            ("100%", Ok(Budget::Percent { percent: 100, at_least: 3 })),
            ("101%", Err(Complaint::Above("100"))),
            ("100001", Err(Complaint::Above("100000"))),
            ("20 %", Err(Complaint::NotWhole)),
            ("%20", Err(Complaint::NotWhole)),
            ("0.2", Err(Complaint::NotWhole)),
            ("-5%", Err(Complaint::NotWhole)),
        ];
        for (text, expected) in cases {
            assert_eq!((BUDGET.read)(text), expected, "{text:?}");
        }
        assert_eq!((CREATIONS.read)("50%"), Ok(Budget::Percent { percent: 50, at_least: 10 }));
        assert_eq!((CREATIONS.read)("4"), Ok(Budget::Count(4)));
    }
}
