//! The notes of a provider for later runs.

use std::fmt::Debug;
use std::ops::Deref;
use std::sync::Arc;

use async_trait::async_trait;

use crate::PortError;

/// Short texts that outlive a run: annotations of the Lease. Written only while the run holds it.
#[async_trait]
pub trait Notes: Debug + Send + Sync {
    /// The text under a key.
    async fn read(&self, key: &str) -> Result<Option<String>, PortError>;
    /// Writes the text under a key, or removes it with `None`. After a failure it may not be stored.
    async fn write(&self, key: &str, text: Option<&str>) -> Result<(), PortError>;
    /// The sentence that tells an operator how to remove the text under a key.
    fn removal(&self, key: &str) -> String {
        format!("remove annotation {key} from the Lease")
    }
}

/// Shared notes that a provider can keep. Two are equal if they are the same object.
#[derive(Clone, Debug)]
pub struct SharedNotes(Arc<dyn Notes>);

impl SharedNotes {
    /// Shares notes.
    #[must_use]
    pub fn new(notes: Arc<dyn Notes>) -> Self {
        Self(notes)
    }
}

impl Deref for SharedNotes {
    type Target = dyn Notes;

    fn deref(&self) -> &Self::Target {
        self.0.as_ref()
    }
}

impl PartialEq for SharedNotes {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for SharedNotes {}
