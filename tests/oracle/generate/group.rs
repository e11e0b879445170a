//! Random node groups: each creates nodes of one kind.

use std::sync::Arc;

use kube_rebalancer_core::model::{
    Bytes as Memory, FurtherAmounts, Instance, Labels, Millicores, NodeGroup, NodeResources, NodeTemplate,
    Taint, TaintEffect,
};

use super::cluster::Traits;
use super::{Bytes, ago};

pub(crate) const ZONE: &str = "topology.kubernetes.io/zone";
pub(crate) const GPU: &str = "nvidia.com/gpu";

/// The kind of the nodes of a group, or of a node without a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Users,
    Large,
    ManyCores,
    /// With devices, under their taint.
    Gpu,
    /// With devices, without a taint.
    OpenGpu,
    /// Under a taint that some users tolerate.
    Dedicated,
    /// The core pool of a hub.
    Core,
    /// Under the taint that every user of a hub tolerates.
    HubUsers,
    Windows,
}

pub(super) struct Made {
    pub(super) group: NodeGroup,
    pub(super) kind: Kind,
}

pub(super) fn kind(traits: &Traits, bytes: &mut Bytes<'_>) -> Kind {
    let picked = bytes.pick(&[
        Kind::Users,
        Kind::Users,
        Kind::Users,
        Kind::Users,
        Kind::Large,
        Kind::ManyCores,
        Kind::Gpu,
        Kind::OpenGpu,
        Kind::Dedicated,
        Kind::Core,
        Kind::HubUsers,
        Kind::Windows,
    ]);
    if traits.kinds { picked } else { Kind::Users }
}

pub(crate) fn zone(number: usize) -> String {
    format!("zone-{number}")
}

impl Kind {
    pub(crate) fn pool(self) -> &'static str {
        match self {
            Self::Users | Self::ManyCores | Self::HubUsers | Self::Dedicated => "users",
            Self::Large => "large",
            Self::Gpu | Self::OpenGpu => "gpu",
            Self::Core | Self::Windows => "core",
        }
    }

    pub(crate) fn taints(self) -> Vec<Taint> {
        let taint = |key: &str, value: &str| {
            vec![Taint {
                key: key.to_owned(),
                value: value.to_owned(),
                effect: TaintEffect::NoSchedule,
                added_at: None,
            }]
        };
        match self {
            Self::Gpu => taint(GPU, "present"),
            Self::Dedicated => taint("dedicated", "x"),
            Self::Core => taint("hub.jupyter.org/dedicated", "core"),
            Self::HubUsers => taint("hub.jupyter.org/dedicated", "user"),
            Self::Users | Self::Large | Self::ManyCores | Self::OpenGpu | Self::Windows => Vec::new(),
        }
    }

    pub(crate) fn resources(self) -> NodeResources {
        let (memory, cpu, gpus) = match self {
            Self::Large => (24, 8, 0),
            Self::ManyCores => (8, 24, 0),
            Self::Gpu | Self::OpenGpu => (16, 8, 2),
            Self::Users | Self::Dedicated | Self::Core | Self::HubUsers | Self::Windows => (8, 8, 0),
        };
        let further = FurtherAmounts::from([(Arc::from(GPU), gpus)]);
        NodeResources {
            memory: Some(Memory(memory)),
            cpu: Some(Millicores(cpu)),
            pods: Some(10),
            further: (gpus > 0).then(|| Arc::new(further)),
        }
    }

    pub(crate) fn labels(self) -> Labels {
        let mut labels = Labels::from([("pool", self.pool())]);
        if self == Self::Windows {
            labels.insert("kubernetes.io/os", "windows");
        }
        labels
    }
}

pub(super) fn make(traits: &Traits, at: usize, bytes: &mut Bytes<'_>) -> Made {
    let kind = kind(traits, bytes);
    let regional = bytes.chance(25);
    let own_zone = bytes.below(traits.zones.max(1));
    let boots = bytes.pick(&[0, 0, 0, 0, 1, 2]);
    let created = [Some(60), None, Some(899), Some(900), Some(-5), Some(4000)];
    let instances = (0..boots)
        .map(|number| Instance {
            name: format!("i{at}{number}"),
            has_node: false,
            created_at: bytes.pick(&created).map(ago),
            creation_error: bytes.chance(8).then(|| "QUOTA_EXCEEDED".to_owned()),
            surely_no_node: bytes.chance(60),
        })
        .collect();
    let mut template = NodeTemplate {
        allocatable: kind.resources(),
        capacity: kind.resources(),
        labels: kind.labels(),
        taints: kind.taints(),
        only_size: false,
    };
    if traits.zones > 0 && !regional {
        template.labels.insert(ZONE.to_owned(), zone(own_zone));
    }
    if bytes.chance(20) {
        template.allocatable.memory = Some(Memory(bytes.pick(&[4, 12, 16])));
    }
    let zones = if regional { (0..traits.zones).map(zone).collect() } else { Vec::new() };
    let mut group = NodeGroup {
        name: format!("zone-{own_zone}/pool-{at}"),
        zone: (traits.zones > 0 && !regional).then(|| zone(own_zone)),
        zones,
        target_size: 0,
        instances,
        template: (!bytes.chance(40)).then_some(template),
        not_growable: bytes.chance(8).then(|| "an autoscaler is attached".to_owned()),
        not_parkable: None,
        not_wakeable: None,
        not_shrinkable: bytes.chance(8).then(|| "its instances are redistributed".to_owned()),
    };
    // Read last, so that the rest of a group does not depend on it.
    if let Some(template) = group.template.as_mut().filter(|_| bytes.chance(15)) {
        template.only_size = true;
        template.labels = Labels::default();
        template.taints = Vec::new();
    }
    Made { group, kind }
}
