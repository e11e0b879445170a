//! A pod.

use serde::de::IgnoredAny;

use super::fields::{BrokenProtobuf, Fields, Value};
use super::node::condition;
use super::object::{LabelKeys, amount, label, name, node_selector, object, text, text_of};
use crate::observe::raw::{
    Affinity, ClaimOfVolume, Container, ContainerStatus, EmptyDir, Object, Phase, Port, Resources,
    RestartPolicy, Spec, Spread, Status, Toleration, Volume,
};

/// A pod, as far as anything reads it, with the labels that have one of these keys.
pub(super) fn pod<'a>(message: &'a [u8], keys: LabelKeys<'_>) -> Result<Object<'a>, BrokenProtobuf> {
    object(message, keys, spec, status)
}

fn spec<'a>(message: &'a [u8], spec: &mut Spec<'a>) -> Result<(), BrokenProtobuf> {
    for field in Fields::of(message) {
        match field? {
            (1, Value::Bytes(bytes)) => spec.volumes.push(volume(bytes)?),
            (2, Value::Bytes(bytes)) => spec.containers.push(container(bytes)?),
            (4, Value::Number(number)) => {
                spec.termination_grace_period_seconds = Some(number.cast_signed());
            }
            (7, Value::Bytes(bytes)) => label(bytes, &mut spec.node_selector)?,
            (10, Value::Bytes(bytes)) => spec.node_name = text_of(bytes),
            (11, Value::Number(number)) => spec.host_network = Some(number != 0),
            (18, Value::Bytes(bytes)) => affinity(bytes, &mut spec.affinity)?,
            (20, Value::Bytes(bytes)) => spec.init_containers.push(container(bytes)?),
            (22, Value::Bytes(bytes)) => spec.tolerations.push(toleration(bytes)?),
            // A negative number is written with all its 64 bits.
            (25, Value::Number(number)) => spec.priority = i32::try_from(number.cast_signed()).ok(),
            (32, Value::Bytes(bytes)) => amount(bytes, &mut spec.overhead)?,
            (33, Value::Bytes(bytes)) => spec.topology_spread_constraints.push(spread(bytes)?),
            (38, Value::Bytes(_)) => spec.scheduling_gates.push(IgnoredAny),
            (39, Value::Bytes(_)) => spec.resource_claims.push(IgnoredAny),
            (40, Value::Bytes(bytes)) => resources(bytes, &mut spec.resources)?,
            _ => {}
        }
    }
    Ok(())
}

fn container(message: &[u8]) -> Result<Container<'_>, BrokenProtobuf> {
    let mut container = Container::default();
    for field in Fields::of(message) {
        let (number, Value::Bytes(bytes)) = field? else { continue };
        match number {
            1 => container.name = text(bytes),
            6 => container.ports.push(port(bytes)?),
            8 => resources(bytes, &mut container.resources)?,
            24 => container.restart_policy = Some(RestartPolicy::named(name(bytes))),
            _ => {}
        }
    }
    Ok(container)
}

fn port(message: &[u8]) -> Result<Port, BrokenProtobuf> {
    let mut port = Port::default();
    for field in Fields::of(message) {
        if let (2, Value::Number(number)) = field? {
            port.host_port = i32::try_from(number.cast_signed()).ok();
        }
    }
    Ok(port)
}

fn spread(message: &[u8]) -> Result<Spread<'_>, BrokenProtobuf> {
    let mut spread = Spread::default();
    for field in Fields::of(message) {
        if let (3, Value::Bytes(bytes)) = field? {
            spread.when_unsatisfiable = text(bytes);
        }
    }
    Ok(spread)
}

fn resources<'a>(message: &'a [u8], resources: &mut Resources<'a>) -> Result<(), BrokenProtobuf> {
    for field in Fields::of(message) {
        match field? {
            (1, Value::Bytes(bytes)) => amount(bytes, &mut resources.limits)?,
            (2, Value::Bytes(bytes)) => amount(bytes, &mut resources.requests)?,
            _ => {}
        }
    }
    Ok(())
}

fn volume(message: &[u8]) -> Result<Volume<'_>, BrokenProtobuf> {
    let mut volume = Volume::default();
    for field in Fields::of(message) {
        match field? {
            (1, Value::Bytes(bytes)) => volume.name = text(bytes),
            (2, Value::Bytes(bytes)) => source(bytes, &mut volume)?,
            _ => {}
        }
    }
    Ok(volume)
}

/// The source of a volume, whose fields JSON has in the volume itself.
fn source<'a>(message: &'a [u8], volume: &mut Volume<'a>) -> Result<(), BrokenProtobuf> {
    for field in Fields::of(message) {
        match field? {
            (1, Value::Bytes(_)) => volume.host_path = Some(IgnoredAny),
            (2, Value::Bytes(bytes)) => {
                let directory = volume.empty_dir.get_or_insert_with(EmptyDir::default);
                for field in Fields::of(bytes) {
                    if let (1, Value::Bytes(medium)) = field? {
                        directory.medium = text_of(medium);
                    }
                }
            }
            (10, Value::Bytes(bytes)) => {
                let claim = volume.persistent_volume_claim.get_or_insert_with(ClaimOfVolume::default);
                for field in Fields::of(bytes) {
                    if let (1, Value::Bytes(name)) = field? {
                        claim.claim_name = text(name);
                    }
                }
            }
            (29, Value::Bytes(_)) => volume.ephemeral = Some(IgnoredAny),
            _ => {}
        }
    }
    Ok(())
}

fn affinity<'a>(message: &'a [u8], affinity: &mut Affinity<'a>) -> Result<(), BrokenProtobuf> {
    for field in Fields::of(message) {
        let (number, Value::Bytes(part)) = field? else { continue };
        for field in Fields::of(part) {
            let (1, Value::Bytes(required)) = field? else { continue };
            match number {
                1 => node_selector(required, affinity.node_affinity.required.get_or_insert_default())?,
                2 => affinity.pod_affinity.required.push(IgnoredAny),
                3 => affinity.pod_anti_affinity.required.push(IgnoredAny),
                _ => {}
            }
        }
    }
    Ok(())
}

fn toleration(message: &[u8]) -> Result<Toleration<'_>, BrokenProtobuf> {
    let mut toleration = Toleration::default();
    for field in Fields::of(message) {
        let (number, Value::Bytes(bytes)) = field? else { continue };
        match number {
            1 => toleration.key = text_of(bytes),
            2 => toleration.operator = text(bytes),
            3 => toleration.value = text(bytes),
            4 => toleration.effect = text_of(bytes),
            _ => {}
        }
    }
    Ok(toleration)
}

fn status<'a>(message: &'a [u8], status: &mut Status<'a>) -> Result<(), BrokenProtobuf> {
    for field in Fields::of(message) {
        let (number, Value::Bytes(bytes)) = field? else { continue };
        match number {
            1 => status.phase = Phase::named(name(bytes)),
            2 => status.conditions.extend(condition(bytes)?),
            8 => status.container_statuses.push(container_status(bytes)?),
            10 => status.init_container_statuses.push(container_status(bytes)?),
            11 => status.nominated_node_name = text_of(bytes),
            14 => status.resize = text_of(bytes),
            19 => amount(bytes, &mut status.allocated_resources)?,
            20 => resources(bytes, &mut status.resources)?,
            _ => {}
        }
    }
    Ok(())
}

fn container_status(message: &[u8]) -> Result<ContainerStatus<'_>, BrokenProtobuf> {
    let mut status = ContainerStatus::default();
    for field in Fields::of(message) {
        let (number, Value::Bytes(bytes)) = field? else { continue };
        match number {
            1 => status.name = text(bytes),
            10 => amount(bytes, &mut status.allocated_resources)?,
            11 => resources(bytes, &mut status.resources)?,
            _ => {}
        }
    }
    Ok(status)
}
