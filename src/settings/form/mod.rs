//! The forms of settings' texts: each form has its unit, its expectation, and a strict parser into a type whose
//! values are all valid.

mod by_pool;
mod command;
mod complaint;
mod count;
mod duration;
mod list;
mod name;
mod ratio;
mod schedule;
mod selector;
mod shape;
mod sign;
mod url;
mod word;

pub(super) use by_pool::{ByPool, NODES_BY_POOL, RATIO_BY_POOL, SWITCH_BY_POOL};
pub(super) use command::{COMMAND, VARIABLES};
pub use complaint::{Complaint, SelectorError};
pub(super) use count::{BUDGET, CREATIONS, EVICTIONS, NODES, PARKED, PERCENT};
pub(super) use duration::{BOOT, DURATION, HOURS, TIMEOUT};
pub(super) use list::{GROUPS, Groups, LABEL_KEYS, NAMESPACES, RESOURCES, TAINT_KEYS};
pub(super) use name::{ENDPOINT, FILE, LABEL_KEY, LEASE, NAMESPACE, OBJECT, PROJECT, PROVIDER, ZONE};
pub(super) use schedule::{SCHEDULE, TIME_ZONE};
pub(super) use selector::SELECTOR;
pub(super) use shape::Form;
pub use shape::{JsonKind, Shape};
pub(super) use url::{KEY, QUERY, URL};
pub(super) use word::{
    ADOPT, CAPACITY, DEMAND, DRAIN, GIVE_BACK, LOG_FORMAT, MAGNUM_DELETE, PARK, SWITCH, USAGE,
};
