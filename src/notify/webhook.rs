//! The message of `NOTIFY_URL`: one JSON document, signed where there is a key.

use std::fmt::Write as _;

use ring::hmac;
use serde::Serialize;

use crate::digest::Digest;
use crate::receivers::Secret;

/// The value of the field `schema`.
const SCHEMA: &str = "kube-rebalancer/notification/v1";

/// The maximum number of entries of a list; `omitted` counts the others.
const MOST: usize = 100;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    schema: &'static str,
    version: &'static str,
    cluster: &'a str,
    observed_at: String,
    summary: &'a str,
    done: &'a [String],
    failed: &'a [String],
    warnings: Vec<Warning<'a>>,
    limits: &'a [String],
    pools: Vec<Pool<'a>>,
    /// The number of entries that the lists above leave out.
    omitted: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    dashboard: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Warning<'a> {
    key: &'a str,
    message: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Pool<'a> {
    name: &'a str,
    serving: usize,
    serving_after: usize,
    utilization: &'a str,
    utilization_after: &'a str,
    waiting_pods: usize,
}

/// The document.
pub(crate) fn body(digest: &Digest, dashboard: Option<&str>) -> String {
    let mut omitted = 0;
    let done = first(&digest.done, &mut omitted);
    let failed = first(&digest.failed, &mut omitted);
    let troubles = first(&digest.troubles, &mut omitted);
    let limits = first(&digest.limits, &mut omitted);
    let pools = first(&digest.pools, &mut omitted);
    let message = Message {
        schema: SCHEMA,
        version: digest.version,
        cluster: &digest.cluster,
        observed_at: digest.observed_at.to_string(),
        summary: &digest.summary,
        done,
        failed,
        warnings: troubles.iter().map(|one| Warning { key: &one.key, message: &one.message }).collect(),
        limits,
        pools: pools
            .iter()
            .map(|pool| Pool {
                name: &pool.name,
                serving: pool.serving,
                serving_after: pool.serving_after,
                utilization: &pool.utilization,
                utilization_after: &pool.utilization_after,
                waiting_pods: pool.waiting_pods,
            })
            .collect(),
        omitted,
        dashboard,
    };
    serde_json::to_string(&message).unwrap_or_default() // texts and numbers always have a JSON form
}

/// The first entries of a list.
fn first<'a, T>(list: &'a [T], omitted: &mut usize) -> &'a [T] {
    let shown = list.get(..MOST).unwrap_or(list);
    *omitted += list.len() - shown.len();
    shown
}

/// The signature of a body: `sha256=` and the HMAC-SHA256 in hexadecimal digits, as GitHub signs its webhooks.
pub(crate) fn signature(key: &Secret, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes());
    let tag = hmac::sign(&key, body.as_bytes());
    let mut signature = "sha256=".to_owned();
    for byte in tag.as_ref() {
        // Writing into a string cannot fail.
        write!(signature, "{byte:02x}").ok();
    }
    signature
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::digest::{PoolNumbers, Trouble};
    use serde_json::{Value, json};

    /// A run with a change, a failure and a problem.
    pub(crate) fn digest() -> Digest {
        Digest {
            version: "0.1.0",
            cluster: "https://10.0.0.1".to_owned(),
            observed_at: "2026-01-15T09:00:00Z".parse().unwrap(),
            summary: "Above the band: 1 uncordon; then 4 nodes serve.".to_owned(),
            done: vec!["uncordon node user-1".to_owned()],
            failed: vec!["grow node group z/users from 3 to 4: quota".to_owned()],
            troubles: vec![Trouble::new("NotTriggerScaleUp", "", "pod hub/ada waits")],
            limits: vec!["MAX_NODES: 9 nodes needed, 4 may serve".to_owned()],
            pools: vec![PoolNumbers {
                name: String::new(),
                serving: 3,
                serving_after: 4,
                utilization: "0.912".to_owned(),
                utilization_after: "0.684".to_owned(),
                waiting_pods: 2,
            }],
        }
    }

    #[test]
    fn the_document_has_every_fact_of_the_run() {
        let body: Value =
            serde_json::from_str(&body(&digest(), Some("https://grafana.example.com/d/1"))).unwrap();
        assert_eq!(
            body,
            json!({
                "schema": "kube-rebalancer/notification/v1",
                "version": "0.1.0",
                "cluster": "https://10.0.0.1",
                "observedAt": "2026-01-15T09:00:00Z",
                "summary": "Above the band: 1 uncordon; then 4 nodes serve.",
                "done": ["uncordon node user-1"],
                "failed": ["grow node group z/users from 3 to 4: quota"],
                "warnings": [{"key": "NotTriggerScaleUp", "message": "pod hub/ada waits"}],
                "limits": ["MAX_NODES: 9 nodes needed, 4 may serve"],
                "pools": [{
                    "name": "", "serving": 3, "servingAfter": 4, "utilization": "0.912",
                    "utilizationAfter": "0.684", "waitingPods": 2
                }],
                "omitted": 0,
                "dashboard": "https://grafana.example.com/d/1",
            })
        );
    }

    #[test]
    fn a_long_list_is_cut_and_the_rest_counted() {
        let digest = Digest { done: vec!["cordon node a".to_owned(); MOST + 7], ..digest() };
        let body: Value = serde_json::from_str(&body(&digest, None)).unwrap();
        assert_eq!((body["done"].as_array().unwrap().len(), &body["omitted"]), (MOST, &json!(7)));
        assert_eq!(body.get("dashboard"), None);
    }

    /// The second test case of RFC 4231.
    #[test]
    fn the_signature_is_hmac_sha256() {
        let signature = signature(&Secret::from("Jefe".to_owned()), "what do ya want for nothing?");
        let expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signature, expected);
    }
}
