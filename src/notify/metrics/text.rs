//! Writes samples in the text format, each family together with its description.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::catalog::{METRICS, PREFIX};

/// Samples by metric.
#[derive(Debug, Default)]
pub(super) struct Text(BTreeMap<&'static str, String>);

impl Text {
    /// Adds a sample. The last `decimals` digits of the value are behind its point.
    pub(super) fn add(&mut self, name: &'static str, labels: &[(&str, &str)], value: u128, decimals: u32) {
        let labels: Vec<String> =
            labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let unit = 10_u128.pow(decimals);
        let (whole, rest) = (value / unit, value % unit);
        let line = match usize::try_from(decimals) {
            Ok(digits) if digits > 0 => format!("{PREFIX}{name}{labels} {whole}.{rest:0digits$}\n"),
            Ok(_) | Err(_) => format!("{PREFIX}{name}{labels} {whole}\n"),
        };
        self.0.entry(name).or_default().push_str(&line);
    }

    /// The whole text, in the order of the table.
    pub(super) fn finish(self) -> String {
        let mut text = String::new();
        for metric in METRICS {
            if let Some(samples) = self.0.get(metric.name) {
                let name = metric.name;
                // Writing into a string cannot fail.
                write!(
                    text,
                    "# HELP {PREFIX}{name} {}.\n# TYPE {PREFIX}{name} gauge\n{samples}",
                    metric.help
                )
                .ok();
            }
        }
        text.push_str("# EOF\n");
        text
    }
}

/// A label's value: the three characters that the format reserves.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_a_point_where_their_unit_needs_one() {
        let mut text = Text::default();
        text.add("waiting_pods", &[("pool", "a\"b\\c\nd")], 3, 0);
        text.add("utilization_ratio", &[("pool", ""), ("resource", "cpu")], 412_007, 6);
        text.add("utilization_ratio", &[("pool", ""), ("resource", "memory")], 1_000_000, 6);
        assert_eq!(
            text.finish(),
            "# HELP kube_rebalancer_waiting_pods Pods that the scheduler could not place.\n\
             # TYPE kube_rebalancer_waiting_pods gauge\n\
             kube_rebalancer_waiting_pods{pool=\"a\\\"b\\\\c\\nd\"} 3\n\
             # HELP kube_rebalancer_utilization_ratio Requested utilization of the serving nodes.\n\
             # TYPE kube_rebalancer_utilization_ratio gauge\n\
             kube_rebalancer_utilization_ratio{pool=\"\",resource=\"cpu\"} 0.412007\n\
             kube_rebalancer_utilization_ratio{pool=\"\",resource=\"memory\"} 1.000000\n\
             # EOF\n"
        );
    }
}
