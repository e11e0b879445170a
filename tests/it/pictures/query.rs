//! Evaluates the queries of the dashboard on the metrics of one run: the part of Prometheus' language that they use.

use std::collections::BTreeMap;

/// A millionth: metrics have at most six decimals.
pub(super) const ONE: i64 = 1_000_000;

/// The labels of a sample.
pub(super) type Labels = BTreeMap<String, String>;

/// The samples of one run by metric. A value is in millionths.
#[derive(Debug, Default)]
pub(super) struct Samples(BTreeMap<String, Vec<(Labels, i64)>>);

impl Samples {
    /// Reads a text of metrics. The labels of a simulated cluster need no escapes.
    pub(super) fn read(text: &str) -> Self {
        let mut samples = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (metric, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = metric.split_once('{').unwrap_or((metric, "}"));
            let labels = labels.strip_suffix('}').unwrap().split(',').filter(|label| !label.is_empty());
            let labels = labels.map(|label| {
                let (name, value) = label.split_once('=').unwrap();
                let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap();
                (name.to_owned(), value.to_owned())
            });
            samples.0.entry(name.to_owned()).or_default().push((labels.collect(), millionths(value)));
        }
        samples
    }

    /// The values of a query by their labels, in the order of the labels. The variable `$pool` has every pool.
    ///
    /// A query is a metric, the sum of two metrics with the same labels, or a metric's sum by some labels; each may end
    /// with `> 0`, which drops the others.
    pub(super) fn ask(&self, query: &str) -> BTreeMap<Labels, i64> {
        if let Some(query) = query.strip_suffix(" > 0") {
            return self.ask(query).into_iter().filter(|(_, value)| *value > 0).collect();
        }
        if let Some(rest) = query.strip_prefix("sum by (") {
            let (by, inner) = rest.split_once(") (").unwrap();
            let by: Vec<&str> = by.split(", ").collect();
            let mut sums = BTreeMap::new();
            for (mut labels, value) in self.ask(inner.strip_suffix(')').unwrap()) {
                labels.retain(|name, _| by.contains(&name.as_str()));
                *sums.entry(labels).or_default() += value;
            }
            return sums;
        }
        if let Some((left, right)) = query.split_once(" + ") {
            let right = self.ask(right);
            let both = |(labels, value): (Labels, i64)| Some((value + right.get(&labels)?, labels));
            return self.ask(left).into_iter().filter_map(both).map(|(sum, labels)| (labels, sum)).collect();
        }
        let name = query.strip_suffix("{pool=~\"$pool\"}").unwrap_or(query);
        let is_name = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        assert!(name.chars().all(is_name), "the picture of the dashboard needs to know this query: {query}");
        self.0.get(name).into_iter().flatten().cloned().collect()
    }
}

fn millionths(number: &str) -> i64 {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    format!("{whole}{decimals:0<6}").parse().unwrap()
}

#[test]
fn queries_of_the_dashboard_are_answered_as_prometheus_does() {
    let samples = Samples::read(
        "# HELP cpu Cores.\n\
         cpu{pool=\"a\"} 1.5\n\
         cpu{pool=\"b\"} 2\n\
         more{pool=\"b\"} 0.25\n\
         done{kind=\"cordon\",outcome=\"applied\"} 1\n\
         done{kind=\"cordon\",outcome=\"failed\"} 2\n\
         done{kind=\"grow\",outcome=\"failed\"} 0\n\
         success 1\n\
         # EOF\n",
    );
    let ask = |query| {
        let shown = |(labels, value): (Labels, i64)| {
            (labels.into_values().collect::<Vec<_>>().join(" "), value * 100 / ONE)
        };
        samples.ask(query).into_iter().map(shown).collect::<Vec<_>>()
    };
    let named = |values: &[(&str, i64)]| {
        values.iter().map(|(labels, value)| ((*labels).to_owned(), *value)).collect::<Vec<_>>()
    };
    assert_eq!(ask("cpu{pool=~\"$pool\"}"), named(&[("a", 150), ("b", 200)]));
    assert_eq!(ask("success"), named(&[("", 100)]));
    assert_eq!(ask("absent"), named(&[]));
    // Pool a has no second value, so it has no sum.
    assert_eq!(ask("cpu{pool=~\"$pool\"} + more{pool=~\"$pool\"}"), named(&[("b", 225)]));
    assert_eq!(ask("sum by (kind) (done)"), named(&[("cordon", 300), ("grow", 0)]));
    assert_eq!(ask("sum by (kind) (done) > 0"), named(&[("cordon", 300)]));
}
