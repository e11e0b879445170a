//! Messages and metrics: what receivers get of a live run, and that the dashboard and the alerts ask for what there is.

mod messages;
mod monitoring;
