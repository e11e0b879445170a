//! The instances that a change names.

use serde_json::{Value, json};

use crate::id::InstanceId;

/// Instances of one scale set, at least one. A deallocation without a list, or with `*`, means every instance of the set: this
/// type can express neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    first: String,
    others: Vec<String>,
}

impl Chosen {
    /// The instances by their IDs; `None` if there are none, or if they are of several scale sets.
    pub(crate) fn instances(ids: &[InstanceId]) -> Option<Self> {
        let set = ids.first()?.scale_set();
        let is_one = ids.iter().all(|id| id.scale_set() == set);
        is_one.then(|| Self::of(ids.iter().map(|id| id.instance().to_owned()))).flatten()
    }

    /// The machines of an agent pool by their names; `None` if there are none, or if one of them is no name.
    pub(crate) fn machines(names: &[String]) -> Option<Self> {
        names.iter().all(|name| crate::id::is_name(name)).then(|| Self::of(names.iter().cloned())).flatten()
    }

    fn of(mut names: impl Iterator<Item = String>) -> Option<Self> {
        Some(Self { first: names.next()?, others: names.collect() })
    }

    /// The body of a request, with the list under this key.
    pub(crate) fn body(&self, key: &str) -> Value {
        let all: Vec<&String> = std::iter::once(&self.first).chain(&self.others).collect();
        json!({key: all})
    }

    /// The number of instances.
    pub(crate) fn count(&self) -> usize {
        self.others.len().saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ScaleSetId;

    fn id(set: &str, instance: &str) -> InstanceId {
        ScaleSetId::new("s", "rg", set).unwrap().instance(instance).unwrap()
    }

    #[test]
    fn deallocate_without_a_list_means_every_instance_so_an_empty_list_cannot_be_said() {
        assert_eq!(Chosen::instances(&[]), None);
        assert_eq!(Chosen::machines(&[]), None);
        assert_eq!(Chosen::machines(&["*".to_owned()]), None);
        assert_eq!(Chosen::instances(&[id("a", "0"), id("b", "1")]), None);
        let two = Chosen::instances(&[id("a", "0"), id("a", "17")]).unwrap();
        assert_eq!((two.body("instanceIds"), two.count()), (json!({"instanceIds": ["0", "17"]}), 2));
    }
}
