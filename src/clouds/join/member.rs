//! An instance that certainly belongs to a group.

/// An instance that was proven to be of a group: one that a node runs on, or one that certainly is no node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member<I> {
    /// The node's provider ID; `None` for an instance without a node.
    pub provider_id: Option<String>,
    /// The node's system UUID; `None` for an instance without a node.
    pub system_uuid: Option<String>,
    /// The group.
    pub group: String,
    /// The instance.
    pub instance: I,
    /// Its unique number or ID when it was proven: an instance recreated under the same name has another
    /// one.
    pub uid: Option<String>,
}

impl<I> Member<I> {
    /// Whether a node still names the instance in the same way as when it was proven.
    #[must_use]
    pub fn is_named_by(&self, provider_id: Option<&str>, system_uuid: Option<&str>) -> bool {
        match self.provider_id.as_deref() {
            Some(proven) => provider_id == Some(proven),
            None => {
                provider_id.is_none() && system_uuid.is_some() && system_uuid == self.system_uuid.as_deref()
            }
        }
    }
}
