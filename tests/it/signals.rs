//! Messages and metrics: the messages that receivers get of a live run, and the existence of the metrics that the
//! dashboard and the alerts query.

mod messages;
mod monitoring;
