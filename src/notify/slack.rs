//! The message of `SLACK_WEBHOOK_URL`: Block Kit, within the limits of an incoming webhook.
//!
//! Every text is a `plain_text` object. Slack finds no mention, link or formatting in those, so that the name of a pod
//! cannot notify a whole channel.

use serde_json::{Value, json};

use crate::digest::{Digest, PoolNumbers};

/// The maximum number of characters of a section's text; Slack allows 3000.
const LONGEST: usize = 2900;
/// The maximum number of characters of a header; Slack allows 150.
const LONGEST_HEADER: usize = 140;
/// The maximum number of lines of a list.
const MOST: usize = 20;

/// The document.
pub(crate) fn body(digest: &Digest, dashboard: Option<&str>) -> String {
    let header = match (digest.failed.is_empty(), digest.troubles.is_empty()) {
        (false, _) => "kube-rebalancer: a change failed",
        (true, false) => "kube-rebalancer: something needs a look",
        (true, true) => "kube-rebalancer changed the cluster",
    };
    let troubles: Vec<&str> = digest.troubles.iter().map(|trouble| trouble.message.as_str()).collect();
    let lists = [
        ("Failed", digest.failed.iter().map(String::as_str).collect()),
        ("Wrong", troubles),
        ("Done", digest.done.iter().map(String::as_str).collect()),
        ("Limits", digest.limits.iter().map(String::as_str).collect::<Vec<_>>()),
    ];
    let mut blocks =
        vec![json!({"type": "header", "text": plain(header, LONGEST_HEADER)}), section(&digest.summary)];
    let lists = lists.into_iter().filter(|(_, lines)| !lines.is_empty());
    blocks.extend(lists.map(|(title, lines)| section(&list(title, &lines))));
    let numbers: Vec<String> = digest.pools.iter().take(MOST).map(numbers).collect();
    let facts = format!("{}\n{} at {:.0}", numbers.join("\n"), digest.cluster, digest.observed_at);
    blocks.push(json!({"type": "context", "elements": [plain(facts.trim(), LONGEST)]}));
    if let Some(url) = dashboard {
        let button = json!({"type": "button", "text": plain("Dashboard", LONGEST_HEADER), "url": url});
        blocks.push(json!({"type": "actions", "elements": [button]}));
    }
    // The text appears in a notification; it is markup, so it has no foreign text.
    json!({"text": header, "blocks": blocks}).to_string()
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": plain(text, LONGEST)})
}

fn plain(text: &str, longest: usize) -> Value {
    let mut shown: String = text.chars().take(longest).collect();
    if shown.is_empty() {
        shown.push('-'); // Slack refuses an empty text
    }
    json!({"type": "plain_text", "text": shown, "emoji": false})
}

fn list(title: &str, lines: &[&str]) -> String {
    let shown = lines.iter().take(MOST).map(|line| format!("\n- {line}"));
    let more = match lines.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!("\n- and {more} more"),
    };
    format!("{title}:{}{more}", shown.collect::<String>())
}

fn numbers(pool: &PoolNumbers) -> String {
    let PoolNumbers { name, serving, serving_after, utilization, utilization_after, waiting_pods } = pool;
    let name = if name.is_empty() { String::new() } else { format!("{name}: ") };
    format!(
        "{name}{serving} nodes serve at {utilization}, then {serving_after} at {utilization_after}; {waiting_pods} \
         pods wait"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::tests::digest;

    fn blocks(digest: &Digest) -> Vec<Value> {
        let body: Value =
            serde_json::from_str(&body(digest, Some("https://grafana.example.com/d/1"))).unwrap();
        body["blocks"].as_array().unwrap().clone()
    }

    #[test]
    fn a_message_says_what_failed_first() {
        let blocks = blocks(&digest());
        let texts: Vec<&str> = blocks.iter().filter_map(|block| block["text"]["text"].as_str()).collect();
        assert_eq!(
            texts,
            [
                "kube-rebalancer: a change failed",
                "Above the band: 1 uncordon; then 4 nodes serve.",
                "Failed:\n- grow node group z/users from 3 to 4: quota",
                "Wrong:\n- pod hub/ada waits",
                "Done:\n- uncordon node user-1",
                "Limits:\n- MAX_NODES: 9 nodes needed, 4 may serve",
            ]
        );
        let facts = blocks[blocks.len() - 2]["elements"][0]["text"].as_str().unwrap();
        assert_eq!(
            facts,
            "3 nodes serve at 0.912, then 4 at 0.684; 2 pods wait\nhttps://10.0.0.1 at 2026-01-15T09:00:00Z"
        );
        assert_eq!(blocks.last().unwrap()["elements"][0]["url"], "https://grafana.example.com/d/1");
    }

    #[test]
    fn what_a_cluster_names_is_never_markup() {
        let mut digest = digest();
        digest.done = vec!["cordon node <!channel> *x*".to_owned()];
        let text = body(&digest, None);
        let value: Value = serde_json::from_str(&text).unwrap();
        assert!(!text.contains("mrkdwn"));
        assert_eq!(value["text"], "kube-rebalancer: a change failed");
    }

    #[test]
    fn the_limits_of_slack_hold_for_any_run() {
        let mut digest = digest();
        digest.summary = String::new();
        digest.done = vec!["x".repeat(8000); 5_000];
        digest.pools = vec![digest.pools[0].clone(); 500];
        #[expect(clippy::disallowed_methods, reason = "the script that calls this test names a folder")]
        if let Some(folder) = std::env::var_os("MONITORING_OUT").map(std::path::PathBuf::from) {
            std::fs::write(folder.join("slack-largest.json"), body(&digest, None)).unwrap();
        }
        let blocks = blocks(&digest);
        assert!(blocks.len() <= 50);
        for block in blocks {
            if let Some(text) = block["text"]["text"].as_str() {
                assert!((1..=3000).contains(&text.chars().count()));
            }
            for element in block["elements"].as_array().into_iter().flatten() {
                let text = element["text"]["text"].as_str().or(element["text"].as_str()).unwrap();
                assert!((1..=3000).contains(&text.chars().count()));
            }
        }
    }
}
