//! The warnings about objects, counted: a user may make thousands of objects of which each has one.

use std::collections::BTreeMap;

use super::error::{ReadWarning, WarningKind};

/// Number of warnings of a kind that a run shows if there are many.
const EXAMPLES: usize = 3;

/// Number of warnings that are stored before they are counted.
const MOST: usize = 1000;

/// Warnings, of which some are only counted.
#[derive(Debug, Default)]
pub(super) struct Oddities {
    /// The warnings, in any order.
    pub(super) list: Vec<ReadWarning>,
    /// Number of further ones of each kind. They come later in the order of the list.
    further: BTreeMap<WarningKind, usize>,
}

impl Oddities {
    /// Keeps the list short, whatever was added to it.
    pub(super) fn bound(&mut self) {
        if self.list.len() >= MOST {
            self.count(EXAMPLES + 1);
        }
    }

    /// Adds another one's warnings.
    pub(super) fn absorb(&mut self, other: Self) {
        self.list.extend(other.list);
        for (kind, count) in other.further {
            *self.further.entry(kind).or_default() += count;
        }
    }

    /// The warnings in order: of each kind the first ones, and the number of the others. Whatever order objects are listed in,
    /// the same ones are shown.
    pub(super) fn into_warnings(mut self) -> Vec<ReadWarning> {
        self.count(EXAMPLES + 1);
        let mut warnings = Vec::new();
        for of_a_kind in self.list.chunk_by(|one, other| one.kind() == other.kind()) {
            let Some(kind) = of_a_kind.first().and_then(ReadWarning::kind) else { continue };
            let further = self.further.get(&kind).copied().unwrap_or_default();
            // One more warning is no longer than the number of one.
            let shown = if further == 0 { of_a_kind.len() } else { EXAMPLES };
            warnings.extend(of_a_kind.iter().take(shown).cloned());
            let count = of_a_kind.len().saturating_sub(shown) + further;
            if count > 0 {
                warnings.push(ReadWarning::More { kind, count });
            }
        }
        warnings
    }

    /// Keeps this number of warnings of each kind, and counts the others.
    fn count(&mut self, most: usize) {
        self.list.sort_unstable();
        let mut seen: BTreeMap<WarningKind, usize> = BTreeMap::new();
        self.list.retain(|warning| {
            let Some(kind) = warning.kind() else { return false };
            let seen = seen.entry(kind).or_default();
            *seen += 1;
            if *seen > most {
                *self.further.entry(kind).or_default() += 1;
            }
            *seen <= most
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::ObjectName;
    use super::*;

    fn large(at: usize) -> ReadWarning {
        let pod = ObjectName::Pod("hub".to_owned(), format!("p{at:05}"));
        ReadWarning::LargePod { pod, what: "it is large".to_owned() }
    }

    fn unreadable() -> ReadWarning {
        ReadWarning::UnreadableNode { node: "n1".to_owned(), what: "status".to_owned() }
    }

    fn lines(pods: impl Iterator<Item = usize>) -> Vec<String> {
        let mut oddities = Oddities::default();
        oddities.list.push(unreadable());
        for at in pods {
            oddities.list.push(large(at));
            oddities.bound();
            assert!(oddities.list.len() <= MOST);
        }
        oddities.into_warnings().iter().map(ToString::to_string).collect()
    }

    /// Every pod of a user may be large, and a run every minute must not fill the log with them.
    #[test]
    fn many_warnings_of_a_kind_become_a_few_and_a_number() {
        let node = "node n1 is left alone, its pods count: status".to_owned();
        let pod = |at: usize| format!("pod hub/p{at:05} counts as a pod that fits no node: it is large");
        assert_eq!(lines(0..4), [node.clone(), pod(0), pod(1), pod(2), pod(3)]);
        let many = [node, pod(0), pod(1), pod(2), "7997 more pods count as pods that fit no node".to_owned()];
        assert_eq!(lines(0..8000), many);
        assert_eq!(lines((0..8000).rev()), many);
    }

    #[test]
    fn what_two_readers_counted_adds_up() {
        let mut one = Oddities::default();
        for at in 0..1500 {
            one.list.push(large(at));
            one.bound();
        }
        let mut other = Oddities::default();
        other.list.extend((1500..2000).map(large));
        one.absorb(other);
        let last = one.into_warnings().pop().unwrap();
        assert_eq!(last, ReadWarning::More { kind: WarningKind::LargePod, count: 1997 });
    }
}
