//! The annotations that anything reads; all others are skipped unread, as some are as large as the object.

use std::collections::BTreeMap;
use std::fmt;

use kube_rebalancer_core::model::{Stay, annotation};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::Text;

/// The annotations of pods that a decision reads.
pub(in crate::observe) mod key {
    /// Marks the mirror of a static pod.
    pub(in crate::observe) const MIRROR: &str = "kubernetes.io/config.mirror";
    /// `"true"`: the pod counts as a daemon's.
    pub(in crate::observe) const DAEMONSET_POD: &str = "cluster-autoscaler.kubernetes.io/daemonset-pod";
    /// `"true"` or `"false"`.
    pub(in crate::observe) const SAFE_TO_EVICT: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict";
    /// Volumes that may be lost, with commas between them.
    pub(in crate::observe) const SAFE_VOLUMES: &str =
        "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes";
    /// All of them, but those of [`Stay`].
    pub(super) const ALL: [&str; 4] = [MIRROR, DAEMONSET_POD, SAFE_TO_EVICT, SAFE_VOLUMES];
}

/// The annotations that anything reads.
#[derive(Debug, Default)]
pub(in crate::observe) struct Annotations<'a>(BTreeMap<Text<'a>, Text<'a>>);

impl Annotations<'_> {
    /// The value of an annotation.
    pub(in crate::observe) fn get(&self, key: &str) -> Option<&str> {
        // A key from outside has another lifetime than the keys of the map, so it cannot be looked up.
        self.0.iter().find(|(name, _)| name.as_str() == key).map(|(_, value)| value.as_str())
    }

    /// The annotations that belong to a node of a snapshot.
    pub(in crate::observe) fn of_node(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        pairs.filter(|(key, _)| annotation::is_read(key))
    }
}

impl<'a> Annotations<'a> {
    /// Whether anything reads the annotation with this key.
    pub(in crate::observe) fn is_read(key: &str) -> bool {
        annotation::is_read(key) || key::ALL.contains(&key) || Stay::of_key(key).is_some()
    }

    /// Keeps an annotation.
    pub(in crate::observe) fn insert(&mut self, key: Text<'a>, value: Text<'a>) {
        self.0.insert(key, value);
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Annotations<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AnnotationsVisitor).map(Annotations)
    }
}

struct AnnotationsVisitor;

impl<'de> Visitor<'de> for AnnotationsVisitor {
    type Value = BTreeMap<Text<'de>, Text<'de>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("annotations")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut annotations = BTreeMap::new();
        while let Some(key) = map.next_key::<Text<'de>>()? {
            if !Annotations::is_read(key.as_str()) {
                map.next_value::<IgnoredAny>()?;
            } else if let Some(value) = map.next_value::<Option<Text<'de>>>()? {
                annotations.insert(key, value);
            }
        }
        Ok(annotations)
    }
}
