//! The table of providers: the one place that names clouds. Each is a crate below `src/clouds` behind a feature.

use kube_rebalancer_ports::ProviderKind;

/// The clouds that this program knows.
pub const PROVIDERS: &[&dyn ProviderKind] = &[
    #[cfg(feature = "aws")]
    kube_rebalancer_aws::PROVIDER,
    #[cfg(feature = "azure")]
    kube_rebalancer_azure::PROVIDER,
    #[cfg(feature = "exec")]
    kube_rebalancer_exec::PROVIDER,
    #[cfg(feature = "gce")]
    kube_rebalancer_gce::PROVIDER,
    #[cfg(feature = "openstack")]
    kube_rebalancer_openstack::PROVIDER,
];
