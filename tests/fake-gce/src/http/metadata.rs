//! The metadata server, as far as Application Default Credentials ask it.

use fake_http::Answer;
use hyper::header::HeaderName;
use serde_json::json;

use super::answer::{json, plain};
use super::call::Call;
use crate::engine::Engine;

const FLAVOR: HeaderName = HeaderName::from_static("metadata-flavor");
const EMAIL: &str = "tester@example.com";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Answers a request for what is at `path` under `/computeMetadata/v1/`.
pub(super) fn answer(path: &str, call: &Call, engine: &Engine) -> Answer {
    let answer = if call.headers.get(&FLAVOR).is_none_or(|flavor| flavor != "Google") && call.path != "/" {
        plain(403, "Missing required header: Metadata-Flavor: Google")
    } else {
        value(path, engine).unwrap_or_else(|| plain(404, "not found"))
    };
    answer.with_header(FLAVOR, "Google")
}

fn value(path: &str, engine: &Engine) -> Option<Answer> {
    let account = path
        .strip_prefix("instance/service-accounts/default")
        .or_else(|| path.strip_prefix("instance/service-accounts/")?.strip_prefix(EMAIL));
    let (project, numbers) = engine.projects.first_key_value().unzip();
    let text = match (path.trim_end_matches('/'), account) {
        ("", _) => "computeMetadata/".to_owned(),
        ("project/project-id", _) => project?.clone(),
        ("project/numeric-project-id", _) => numbers?.number.to_string(),
        ("universe/universe-domain" | "universe/universe_domain", _) => "googleapis.com".to_owned(),
        ("instance/zone", _) => format!("projects/{}/zones/us-central1-a", numbers?.number),
        ("instance/service-accounts", _) => "default/\n".to_owned(),
        (_, Some("" | "/")) => {
            let account = json!({"aliases": ["default"], "email": EMAIL, "scopes": [SCOPE]});
            return Some(json(200, &account));
        }
        (_, Some("/email")) => EMAIL.to_owned(),
        (_, Some("/scopes")) => format!("{SCOPE}\n"),
        (_, Some("/token")) => {
            let token = json!({"access_token": "a-fake-token", "expires_in": 3599, "token_type": "Bearer"});
            return Some(json(200, &token));
        }
        _ => return None,
    };
    Some(plain(200, &text))
}
