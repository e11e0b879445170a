//! A node.

use super::fields::{BrokenProtobuf, Fields, Value};
use super::object::{amount, name, object, text, text_of, time};
use crate::observe::raw::{
    Condition, ConditionKind, ConditionReason, ConditionStatus, NodeInfo, Object, Spec, Status, Taint,
};

/// A node, as far as anything reads it.
pub(super) fn node(message: &[u8]) -> Result<Object<'_>, BrokenProtobuf> {
    object(message, None, spec, status)
}

fn spec<'a>(message: &'a [u8], spec: &mut Spec<'a>) -> Result<(), BrokenProtobuf> {
    for field in Fields::of(message) {
        match field? {
            (3, Value::Bytes(bytes)) => spec.provider_id = text_of(bytes),
            (4, Value::Number(number)) => spec.unschedulable = Some(number != 0),
            (5, Value::Bytes(bytes)) => spec.taints.push(taint(bytes)?),
            _ => {}
        }
    }
    Ok(())
}

fn taint(message: &[u8]) -> Result<Taint<'_>, BrokenProtobuf> {
    let mut taint = Taint::default();
    for field in Fields::of(message) {
        match field? {
            (1, Value::Bytes(bytes)) => taint.key = text(bytes),
            (2, Value::Bytes(bytes)) => taint.value = text(bytes),
            (3, Value::Bytes(bytes)) => taint.effect = text(bytes),
            (4, Value::Bytes(bytes)) => taint.time_added = time(bytes)?,
            _ => {}
        }
    }
    Ok(taint)
}

fn status<'a>(message: &'a [u8], status: &mut Status<'a>) -> Result<(), BrokenProtobuf> {
    for field in Fields::of(message) {
        match field? {
            (1, Value::Bytes(bytes)) => amount(bytes, status.capacity.get_or_insert_default())?,
            (2, Value::Bytes(bytes)) => amount(bytes, status.allocatable.get_or_insert_default())?,
            (4, Value::Bytes(bytes)) => status.conditions.extend(condition(bytes)?),
            (7, Value::Bytes(bytes)) => node_info(bytes, &mut status.node_info)?,
            (9, Value::Bytes(bytes)) => status.volumes_in_use.push(text(bytes)),
            _ => {}
        }
    }
    Ok(())
}

fn node_info<'a>(message: &'a [u8], info: &mut NodeInfo<'a>) -> Result<(), BrokenProtobuf> {
    for field in Fields::of(message) {
        if let (2, Value::Bytes(uuid)) = field? {
            info.system_uuid = text_of(uuid);
        }
    }
    Ok(())
}

/// A condition of a node, or one of a pod: both have the same numbers. `None` for one of a kind that nothing reads.
pub(super) fn condition(message: &[u8]) -> Result<Option<Condition<'_>>, BrokenProtobuf> {
    let mut condition = Condition::default();
    for field in Fields::of(message) {
        let (number, Value::Bytes(bytes)) = field? else { continue };
        match number {
            1 => {
                condition.kind = ConditionKind::named(name(bytes));
                if condition.kind == ConditionKind::Other {
                    return Ok(None);
                }
            }
            2 => condition.status = ConditionStatus::named(name(bytes)),
            4 => condition.last_transition_time = time(bytes)?,
            5 => condition.reason = ConditionReason::named(name(bytes)),
            6 => condition.message = text_of(bytes),
            _ => {}
        }
    }
    Ok(Some(condition))
}
