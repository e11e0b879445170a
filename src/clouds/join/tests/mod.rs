//! A toy cloud: provider IDs `toy://ACCOUNT/ZONE/NAME`, groups in memory, answers by the test.

mod changes;
mod members;
mod merging;
mod naming;
mod toy;
