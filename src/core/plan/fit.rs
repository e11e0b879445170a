//! Whether a pod fits an existing or a new node: by its size, and by its constraints. Section 6.

use super::reach::Site;
use super::survey::{NodeFacts, Survey};
use super::template::Template;
use crate::model::{Affinity, Amounts, Pod, Volumes};

/// The properties of a pod that decide where it can run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape<'a> {
    pub(super) pod: &'a Pod,
    pub(super) volumes: &'a Volumes,
    /// The node affinities of its volumes, looked up once.
    pub(super) places: &'a [&'a Affinity],
}

impl Shape<'_> {
    /// Whether the pod's requests fit the free room of a place.
    pub(super) fn fits(self, left: &Amounts) -> bool {
        self.pod.requests.fits(left)
    }

    /// Whether the pod's memory and CPU fit a machine of which the devices are unknown.
    pub(super) fn fits_memory_and_cpu(self, size: &Amounts) -> bool {
        self.pod.requests.memory <= size.memory && self.pod.requests.cpu <= size.cpu
    }

    /// Whether a node of this kind admits the pod, apart from its size.
    pub(super) fn is_admitted(self, site: Site<'_>) -> bool {
        site.admits_pod(self.pod, self.places)
    }
}

/// Whether a node admits a pod, apart from its size.
pub(super) fn admits(survey: &Survey<'_>, facts: &NodeFacts<'_>, shape: Shape<'_>) -> bool {
    shape.is_admitted(survey.site(facts))
}

/// Whether a node of this kind admits a pod, apart from its size, in one of the zones that it may be in.
pub(super) fn template_admits(template: &Template<'_>, shape: Shape<'_>) -> bool {
    template.sites().any(|site| shape.is_admitted(site))
}

/// The free room of a node without its occupants.
pub(super) fn free_of_occupants(facts: &NodeFacts<'_>) -> Amounts {
    facts.offer.clone().minus(&facts.unoccupied_load())
}
