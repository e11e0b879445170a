//! Reads the answers of `/api/v1/query`.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use kube_rebalancer_core::model::{Measured, PodSample, Sample};
use kube_rebalancer_ports::{MOST_SAMPLES, count_objects};
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use crate::scalar::Scalar;

/// The reason why an answer has no usage.
#[derive(Debug, thiserror::Error)]
pub enum BadAnswer {
    /// It is no JSON answer of Prometheus.
    #[error("the answer is not one of Prometheus")]
    Json(#[source] serde_json::Error),
    /// It has more series than there can be pods.
    #[error("the answer has more than {MOST_SAMPLES} series")]
    TooMany,
    /// Prometheus refused the query.
    #[error("the query failed: {0}")]
    Failed(String),
    /// The result of the query is no vector.
    #[error("the query gives a {0}, expected an instant vector with one sample for each namespace and pod")]
    NoVector(String),
    /// No series of the vector names a pod.
    #[error("the query gives series without the labels namespace and pod")]
    NoPods,
}

#[derive(Deserialize)]
struct Answer {
    status: String,
    error: Option<String>,
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
}

/// The answer once more, if it has a vector. Its form depends on the type of the result, which may follow it; values of any form
/// would take more memory than a run has.
#[derive(Deserialize)]
struct Vectors {
    data: Vector,
}

#[derive(Deserialize)]
struct Vector {
    result: Found,
}

/// The series that name a pod, and the number of all.
#[derive(Default)]
struct Found {
    pods: Vec<(PodKey, Option<(Scalar, Scalar)>)>,
    number: usize,
}

#[derive(Deserialize)]
struct Series {
    #[serde(default)]
    metric: Labels,
    value: Option<(Scalar, Scalar)>,
}

#[derive(Default, Deserialize)]
struct Labels {
    namespace: Option<String>,
    pod: Option<String>,
}

/// A pod, by namespace and name.
type PodKey = (String, String);

/// The time and the amount of one pod.
type Told = (Option<Timestamp>, Measured);

/// Combines the answers to both queries. A pod that one of them lacks has half a sample.
pub fn samples(memory: &[u8], cpu: &[u8]) -> Result<Vec<PodSample>, BadAnswer> {
    let mut pods: BTreeMap<PodKey, Sample> = BTreeMap::new();
    for (key, (taken_at, memory)) in vector(memory, Measured::memory)? {
        pods.insert(key, Sample { taken_at, memory, ..Sample::default() });
    }
    for (key, (taken_at, cpu)) in vector(cpu, Measured::cpu)? {
        let sample = pods.entry(key).or_insert_with(|| Sample { taken_at, ..Sample::default() });
        sample.cpu = cpu;
        // The older time counts; a sample without a time is invalid.
        sample.taken_at = sample.taken_at.zip(taken_at).map(|(one, other)| one.min(other));
    }
    let samples = pods.into_iter().map(|((namespace, name), sample)| PodSample { namespace, name, sample });
    Ok(samples.collect())
}

fn vector(json: &[u8], read: fn(&str) -> Measured) -> Result<BTreeMap<PodKey, Told>, BadAnswer> {
    // A series is two objects: its labels and itself.
    if count_objects(json) > 2 * MOST_SAMPLES {
        return Err(BadAnswer::TooMany);
    }
    let answer: Answer = serde_json::from_slice(json).map_err(BadAnswer::Json)?;
    let Data { result_type } = match answer {
        Answer { status, data: Some(data), .. } if status == "success" => data,
        Answer { error, status, .. } => return Err(BadAnswer::Failed(error.unwrap_or(status))),
    };
    if result_type != "vector" {
        return Err(BadAnswer::NoVector(result_type));
    }
    let Vectors { data: Vector { result: found } } = serde_json::from_slice(json).map_err(BadAnswer::Json)?;
    let mut pods: BTreeMap<PodKey, Told> = BTreeMap::new();
    for (key, value) in found.pods {
        let told = value.map_or((None, Measured::Missing), |(time, amount)| {
            (self::time(&time), amount.text().map_or(Measured::Absurd, read))
        });
        let several = |(time, _): &mut Told| (*time, Measured::Absurd);
        pods.entry(key).and_modify(|one| *one = several(one)).or_insert(told);
    }
    if pods.is_empty() && found.number > 0 { Err(BadAnswer::NoPods) } else { Ok(pods) }
}

impl<'de> Deserialize<'de> for Found {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Found;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a vector")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut series: A) -> Result<Found, A::Error> {
                let mut found = Found::default();
                while let Some(Series { metric: Labels { namespace, pod }, value }) = series.next_element()? {
                    found.pods.extend(namespace.zip(pod).map(|key| (key, value)));
                    found.number += 1;
                }
                Ok(found)
            }
        }
        deserializer.deserialize_seq(All)
    }
}

/// A time in seconds since 1970, without its fraction.
fn time(seconds: &Scalar) -> Option<Timestamp> {
    let text = seconds.number()?.to_string();
    let whole = text.split('.').next()?.parse().ok()?;
    Timestamp::from_second(whole).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const AT: i64 = 1_768_467_600;

    fn series(pod: &str, amount: &Value) -> Value {
        json!({"metric": {"namespace": "hub", "pod": pod}, "value": [1_768_467_600.781, amount]})
    }

    fn vector_of(series: &[Value]) -> String {
        json!({"status": "success", "data": {"resultType": "vector", "result": series}}).to_string()
    }

    fn both(memory: &[Value], cpu: &[Value]) -> Vec<(String, Sample)> {
        let samples = samples(vector_of(memory).as_bytes(), vector_of(cpu).as_bytes()).unwrap();
        samples.into_iter().map(|one| (one.name, one.sample)).collect()
    }

    #[test]
    fn memory_and_processor_time_come_together_by_pod() {
        let at = Timestamp::from_second(AT).unwrap();
        let (ada, bob) = (json!("312340480"), json!("0.0123"));
        let found =
            both(&[series("ada", &ada), series("eve", &ada)], &[series("ada", &bob), series("bob", &bob)]);
        let sample = |memory, cpu| Sample { taken_at: Some(at), memory, cpu, containers: None };
        let (memory, cpu) = (Measured::Amount(312_340_480), Measured::Amount(13));
        assert_eq!(
            found,
            [
                ("ada".to_owned(), sample(memory, cpu)),
                ("bob".to_owned(), sample(Measured::Missing, cpu)),
                ("eve".to_owned(), sample(memory, Measured::Missing)),
            ]
        );
    }

    #[test]
    fn what_is_odd_of_one_pod_fails_no_other() {
        for (sentence, amount, memory) in [
            ("no number", json!("NaN"), Measured::Absurd),
            ("infinite", json!("+Inf"), Measured::Absurd),
            ("negative", json!("-1"), Measured::Negative),
            ("with an exponent", json!("1.2345e+09"), Measured::Amount(1_234_500_000)),
            ("not text", json!(7), Measured::Absurd),
        ] {
            let found = both(&[series("ada", &amount)], &[series("ada", &json!("1"))]);
            assert_eq!((found[0].1.memory, found[0].1.cpu), (memory, Measured::Amount(1000)), "{sentence}");
        }
        let histogram = json!({"metric": {"namespace": "hub", "pod": "ada"}, "histogram": [1, {}]});
        assert_eq!(both(&[histogram], &[])[0].1.memory, Measured::Missing);
        let twice = [series("ada", &json!("1")), series("ada", &json!("1"))];
        assert_eq!(both(&twice, &[])[0].1.memory, Measured::Absurd);
    }

    /// A list of empty lists is a text of three bytes each, and has no object that could be counted.
    #[test]
    fn a_result_of_any_other_form_takes_no_memory() {
        let lists = format!("[{}[]]", "[],".repeat(1000));
        let answer = format!(r#"{{"status":"success","data":{{"resultType":"vector","result":{lists}}}}}"#);
        let nothing = vector_of(&[]);
        let error = samples(nothing.as_bytes(), answer.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "the answer is not one of Prometheus");
        let nested: Value = serde_json::from_str(&lists).unwrap();
        assert_eq!(both(&[series("ada", &nested)], &[])[0].1.memory, Measured::Absurd);
        let one = json!({"metric": {"namespace": "hub", "pod": "ada"}, "value": [nested, "1"]});
        assert_eq!(both(&[one], &[])[0].1.taken_at, None);
    }

    #[test]
    fn a_time_is_in_seconds_and_one_that_is_none_is_left_out() {
        for (time, expected) in [
            (json!(AT), Some(AT)),
            (json!(1_768_467_600.999), Some(AT)),
            (json!(1e300), None),
            (json!("1768467600"), None),
            (json!(-1e18), None),
        ] {
            let one = json!({"metric": {"namespace": "hub", "pod": "ada"}, "value": [time, "1"]});
            let taken_at = both(&[one], &[])[0].1.taken_at;
            assert_eq!(taken_at.map(Timestamp::as_second), expected, "{time}");
        }
    }

    #[test]
    fn other_answers_are_refused() {
        let success = |data: Value| json!({"status": "success", "data": data}).to_string();
        let foreign = json!({"metric": {"instance": "node-1"}, "value": [AT, "1"]});
        for (answer, words) in [
            ("<html>".to_owned(), "the answer is not one of Prometheus"),
            (
                json!({"status": "error", "errorType": "bad_data", "error": "unknown function"}).to_string(),
                "the query failed: unknown function",
            ),
            (
                success(json!({"resultType": "scalar", "result": [AT, "1"]})),
                "the query gives a scalar, expected an instant vector with one sample for each namespace and pod",
            ),
            (success(json!({"resultType": "vector", "result": {}})), "the answer is not one of Prometheus"),
            (vector_of(&[foreign]), "the query gives series without the labels namespace and pod"),
            (format!("[{}]", "{},".repeat(2 * MOST_SAMPLES + 1)), "the answer has more than 500000 series"),
        ] {
            let nothing = vector_of(&[]);
            assert_eq!(samples(nothing.as_bytes(), answer.as_bytes()).unwrap_err().to_string(), words);
        }
        assert_eq!(both(&[], &[]), []);
    }
}
