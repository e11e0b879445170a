//! Reads what pods used, as `metrics.k8s.io` writes it: a list of `PodMetrics`.

mod amount;

use jiff::Timestamp;
use kube_rebalancer_core::model::{Measured, PodSample, Sample};
use kube_rebalancer_ports::MOST_SAMPLES;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

use amount::Amount;

/// The reason why an answer tells no usage.
#[derive(Debug, thiserror::Error)]
pub enum BadUsage {
    /// It is no list of metrics.
    #[error("is not a list of PodMetrics")]
    Json(#[source] serde_json::Error),
    /// It is another list.
    #[error("is {}, expected PodMetricsList", found.as_deref().unwrap_or("an object without a kind"))]
    OtherKind {
        /// Its kind.
        found: Option<String>,
    },
}

/// A page of a list of metrics.
#[derive(Debug)]
pub struct UsagePage {
    /// The samples on it.
    pub samples: Vec<PodSample>,
    /// Whether there are more samples than pods in any cluster; then some are missing.
    pub is_beyond: bool,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

#[derive(Deserialize)]
struct List {
    kind: Option<String>,
    #[serde(default)]
    metadata: Option<ListMetadata>,
    #[serde(default)]
    items: Option<Items>,
}

/// The samples of a page up to the bound. The text of an empty object takes three bytes, and an object many more: each is
/// converted as it is read.
#[derive(Default)]
struct Items {
    samples: Vec<PodSample>,
    is_beyond: bool,
}

#[derive(Deserialize)]
struct ListMetadata {
    #[serde(rename = "continue")]
    next: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    metadata: Metadata,
    timestamp: Option<String>,
    containers: Option<Containers>,
}

/// The sum of what containers used, and their number.
#[derive(Default)]
struct Containers {
    memory: Option<Measured>,
    cpu: Option<Measured>,
    number: usize,
}

#[derive(Deserialize)]
struct Metadata {
    namespace: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Container {
    usage: Option<Usage>,
}

#[derive(Default, Deserialize)]
struct Usage {
    memory: Option<Amount>,
    cpu: Option<Amount>,
}

/// Reads a page of metrics: `GET /apis/metrics.k8s.io/v1beta1/pods`, or what `kubectl get podmetrics -A -o json` prints.
pub fn read_usage(json: &[u8]) -> Result<UsagePage, BadUsage> {
    let List { kind, metadata, items } = serde_json::from_slice(json).map_err(BadUsage::Json)?;
    if !matches!(kind.as_deref(), Some("PodMetricsList" | "List")) {
        return Err(BadUsage::OtherKind { found: kind });
    }
    let Items { samples, is_beyond } = items.unwrap_or_default();
    let next = metadata.and_then(|metadata| metadata.next).filter(|next| !next.is_empty());
    Ok(UsagePage { samples, is_beyond, next })
}

/// The sample of one pod; `None` for what names no pod.
fn sample(item: Item) -> Option<PodSample> {
    let Item { metadata: Metadata { namespace, name }, timestamp, containers } = item;
    let Containers { memory, cpu, number } = containers.unwrap_or_default();
    let sample = Sample {
        taken_at: timestamp.and_then(|text| text.parse::<Timestamp>().ok()),
        memory: memory.unwrap_or_default(),
        cpu: cpu.unwrap_or_default(),
        containers: Some(number),
    };
    Some(PodSample { namespace: namespace?, name: name?, sample })
}

impl Containers {
    fn add(&mut self, container: Container) {
        let Usage { memory, cpu } = container.usage.unwrap_or_default();
        let plus = |sum: &mut Option<Measured>, amount: Option<Amount>, read: fn(&str) -> Measured| {
            let amount = amount.map_or(Measured::Missing, |amount| amount.measured(read));
            *sum = Some(sum.map_or(amount, |sum| sum.plus(amount)));
        };
        plus(&mut self.memory, memory, Measured::memory);
        plus(&mut self.cpu, cpu, Measured::cpu);
        self.number += 1;
    }
}

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Items;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a list of PodMetrics")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Items, A::Error> {
                let mut all = Items::default();
                while all.samples.len() < MOST_SAMPLES {
                    let Some(item) = items.next_element::<Item>()? else { return Ok(all) };
                    all.samples.extend(sample(item));
                }
                while items.next_element::<IgnoredAny>()?.is_some() {
                    all.is_beyond = true;
                }
                Ok(all)
            }
        }
        deserializer.deserialize_seq(All)
    }
}

impl<'de> Deserialize<'de> for Containers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Containers;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a list of containers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut containers: A) -> Result<Containers, A::Error> {
                let mut all = Containers::default();
                while let Some(container) = containers.next_element()? {
                    all.add(container);
                }
                Ok(all)
            }
        }
        deserializer.deserialize_seq(All)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(list: &Value) -> Result<UsagePage, BadUsage> {
        read_usage(list.to_string().as_bytes())
    }

    /// The one sample of a list of one pod with these containers.
    fn of(containers: &Value) -> Sample {
        let metadata =
            json!({"namespace": "hub", "name": "ada", "creationTimestamp": "2026-01-15T08:59:50Z"});
        let item = json!({
            "metadata": metadata, "timestamp": "2026-01-15T08:59:31Z", "window": "17.2s", "containers": containers
        });
        let list = json!({
            "kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": [item]
        });
        let page = read(&list).unwrap();
        assert_eq!((page.samples.len(), page.next), (1, None));
        assert_eq!((page.samples[0].namespace.as_str(), page.samples[0].name.as_str()), ("hub", "ada"));
        page.samples[0].sample
    }

    fn container(memory: &Value, cpu: &Value) -> Value {
        json!({"name": "notebook", "usage": {"memory": memory, "cpu": cpu}})
    }

    #[test]
    fn a_pod_uses_what_its_containers_use_together() {
        let two = json!([
            container(&json!("220704Ki"), &json!("12345678n")),
            container(&json!("1Mi"), &json!("250m")),
        ]);
        let expected = Sample {
            taken_at: Some("2026-01-15T08:59:31Z".parse().unwrap()),
            memory: Measured::Amount((220_704 << 10) + (1 << 20)),
            cpu: Measured::Amount(13 + 250),
            containers: Some(2),
        };
        assert_eq!(of(&two), expected);
    }

    #[test]
    fn what_is_odd_is_kept_apart_and_fails_no_other_pod() {
        let good = || container(&json!("1Mi"), &json!("1m"));
        for (sentence, containers, memory) in [
            ("no container", json!([]), Measured::Missing),
            ("containers that are none", json!(null), Measured::Missing),
            ("a container without usage", json!([good(), {"name": "b"}]), Measured::Missing),
            ("null", json!([container(&json!(null), &json!("1m"))]), Measured::Missing),
            (
                "a negative amount",
                json!([good(), container(&json!("-1Mi"), &json!("1m"))]),
                Measured::Negative,
            ),
            ("words", json!([container(&json!("much"), &json!("1m"))]), Measured::Absurd),
            ("an object", json!([container(&json!({}), &json!("1m"))]), Measured::Absurd),
            ("a number", json!([container(&json!(4096), &json!(0.25))]), Measured::Amount(4096)),
            ("a number beyond all", json!([container(&json!(1e300), &json!("1m"))]), Measured::Absurd),
        ] {
            assert_eq!(of(&containers).memory, memory, "{sentence}");
        }
        assert_eq!(of(&json!([container(&json!(1), &json!(0.25))])).cpu, Measured::Amount(250));
    }

    #[test]
    fn times_that_are_none_count_as_absent_and_pods_without_a_name_are_dropped() {
        let items = json!([
            {"metadata": {"namespace": "hub", "name": "ada"}, "timestamp": "yesterday"},
            {"metadata": {"namespace": "hub"}},
            {"metadata": {"name": "bob"}},
        ]);
        let page = read(&json!({"kind": "List", "items": items, "metadata": {"continue": "abc"}})).unwrap();
        assert_eq!(page.samples.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["ada"]);
        assert_eq!((page.samples[0].sample.taken_at, page.next.as_deref()), (None, Some("abc")));
    }

    #[test]
    fn other_answers_are_refused() {
        for (answer, words) in [
            (json!({"kind": "PodList", "items": []}), "is PodList, expected PodMetricsList"),
            (json!({"items": []}), "is an object without a kind, expected PodMetricsList"),
            (json!({"kind": "Status", "message": "no"}), "is Status, expected PodMetricsList"),
            (json!([]), "is not a list of PodMetrics"),
            (json!({"kind": "PodMetricsList", "items": [7]}), "is not a list of PodMetrics"),
        ] {
            assert_eq!(read(&answer).unwrap_err().to_string(), words);
        }
        let empty = read(&json!({"kind": "PodMetricsList", "items": null})).unwrap();
        assert!(empty.samples.is_empty());
    }
    /// The amounts of a container are texts of a few bytes, or anything else of any size.
    #[test]
    fn what_a_pod_lists_besides_amounts_takes_no_memory() {
        let containers = vec![json!({}); 100_000];
        let sample = of(&json!(containers));
        assert_eq!((sample.memory, sample.containers), (Measured::Missing, Some(100_000)));
        let nested = json!(vec![json!({}); 1000]);
        assert_eq!(of(&json!([container(&nested, &json!("1m"))])).memory, Measured::Absurd);
    }

    #[test]
    fn a_page_with_more_samples_than_any_cluster_has_pods_is_beyond_the_bound() {
        let page = |pods: usize| {
            let item = r#"{"metadata":{"namespace":"hub","name":"ada"}}"#;
            let items = vec![item; pods].join(",");
            read_usage(format!(r#"{{"kind":"PodMetricsList","items":[{items}]}}"#).as_bytes()).unwrap()
        };
        assert!(!page(MOST_SAMPLES).is_beyond);
        let beyond = page(MOST_SAMPLES + 1);
        assert_eq!((beyond.samples.len(), beyond.is_beyond), (MOST_SAMPLES, true));
    }
}
