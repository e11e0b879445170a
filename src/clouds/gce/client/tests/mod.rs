//! The client against two servers: one with scripted answers, and a fake Compute Engine on this machine.

mod bounds;
mod changes;
mod contract;
mod credentials;
mod federation;
mod lifetime;
mod reads;
mod server;
mod tries;
mod wire;

use std::sync::Once;

use crate::name::{GroupId, InstanceId, Location};

/// Names the provider of cryptography, as the program does in its first line.
fn ring() {
    static NAMED: Once = Once::new();
    NAMED.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
}

const REQUEST_ID: &str = "5f0e1f4c-3f0a-4c59-9d54-3e8c3b2f6a01";

/// A group in a zone, `us-central1-a/hub`.
fn zonal() -> GroupId {
    GroupId::new("p".parse().unwrap(), Location::Zone("us-central1-a".parse().unwrap()), "hub").unwrap()
}

/// A group in a region, `us-central1/hub`.
fn regional() -> GroupId {
    GroupId::new("p".parse().unwrap(), Location::Region("us-central1".parse().unwrap()), "hub").unwrap()
}

fn instance(zone: &str, name: &str) -> InstanceId {
    InstanceId::new("p".parse().unwrap(), zone.parse().unwrap(), name).unwrap()
}
