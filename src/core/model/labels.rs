//! The labels of an object.

use std::fmt;
use std::sync::Arc;

/// Labels by their keys, as a sorted list of texts that may be shared: the nodes of a cluster have most of their keys and
/// many of their values in common, and a separate map of texts for each node is several times as large.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Labels(Vec<(Arc<str>, Arc<str>)>);

impl Labels {
    /// The value of a label, if it is present.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        let at = self.position(key).ok()?;
        self.0.get(at).map(|(_, value)| &**value)
    }

    /// Whether a label is present.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.position(key).is_ok()
    }

    /// Sets a label, whether it was present or not.
    pub fn insert(&mut self, key: impl Into<Arc<str>>, value: impl Into<Arc<str>>) {
        let label = (key.into(), value.into());
        match self.position(&label.0) {
            Ok(at) => {
                if let Some(present) = self.0.get_mut(at) {
                    *present = label;
                }
            }
            Err(at) => self.0.insert(at, label),
        }
    }

    /// Sets a label that is not present, and leaves one that is.
    pub fn insert_missing(&mut self, key: &str, value: impl Into<Arc<str>>) {
        if let Err(at) = self.position(key) {
            self.0.insert(at, (key.into(), value.into()));
        }
    }

    /// Removes a label, if it is present.
    pub fn remove(&mut self, key: &str) {
        self.0.retain(|(present, _)| **present != *key);
    }

    /// Keys and values, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(key, _)| key)
    }

    /// The labels for which a condition holds. Their texts are shared.
    #[must_use]
    pub fn filtered(&self, mut holds: impl FnMut(&str, &str) -> bool) -> Self {
        Self(self.0.iter().filter(|(key, value)| holds(key, value)).cloned().collect())
    }

    /// The number of labels.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn position(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(present, _)| (**present).cmp(key))
    }
}

/// Of two values for one key, the later one is kept, as in a map.
impl<K: Into<Arc<str>>, V: Into<Arc<str>>> FromIterator<(K, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(labels: I) -> Self {
        let mut all: Vec<(Arc<str>, Arc<str>)> =
            labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        // Stable: of one key, the last is the last.
        all.sort_by(|(left, _), (right, _)| left.cmp(right));
        let mut kept: Vec<(Arc<str>, Arc<str>)> = Vec::with_capacity(all.len());
        for label in all {
            match kept.last_mut() {
                Some(last) if last.0 == label.0 => *last = label,
                _ => kept.push(label),
            }
        }
        Self(kept)
    }
}

impl<K: Into<Arc<str>>, V: Into<Arc<str>>, const N: usize> From<[(K, V); N]> for Labels {
    fn from(labels: [(K, V); N]) -> Self {
        labels.into_iter().collect()
    }
}

impl<K: Into<Arc<str>>, V: Into<Arc<str>>> Extend<(K, V)> for Labels {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, labels: I) {
        for (key, value) in labels {
            self.insert(key, value);
        }
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_and_each_key_is_kept_once_with_its_last_value() {
        let labels = Labels::from([("zone", "a"), ("os", "linux"), ("zone", "b")]);
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("os", "linux"), ("zone", "b")]);
        assert_eq!(labels, Labels::from([("os", "linux"), ("zone", "b")]));
        assert_eq!(format!("{labels:?}"), r#"{"os": "linux", "zone": "b"}"#);
    }

    #[test]
    fn a_label_is_found_set_and_removed_by_its_whole_key() {
        let mut labels = Labels::from([("pool", "users"), ("zone", "a")]);
        assert_eq!((labels.get("pool"), labels.get("poo"), labels.get("pools")), (Some("users"), None, None));
        labels.insert("zone", "b");
        labels.insert("arch", "arm64");
        labels.insert_missing("pool", "core");
        labels.insert_missing("os", "linux");
        let all = [("arch", "arm64"), ("os", "linux"), ("pool", "users"), ("zone", "b")];
        assert_eq!(labels.iter().collect::<Vec<_>>(), all);
        labels.remove("pool");
        labels.remove("pool");
        assert_eq!(labels.keys().collect::<Vec<_>>(), ["arch", "os", "zone"]);
        assert_eq!(labels.filtered(|key, _| key != "os").len(), 2);
        assert!(!labels.contains_key("pool") && !labels.is_empty());
    }
}
