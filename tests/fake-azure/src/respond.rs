//! Carries out a request: issues a token, reads or changes scale sets and clusters, and answers.

use std::collections::BTreeMap;

use fake_http::{Answer, decode};
use serde_json::json;

use crate::aks_requests;
use crate::answer::{Refusal, json};
use crate::call::Call;
use crate::compute_requests;
use crate::route::Route;
use crate::server::Shared;
use crate::skus;

/// Carries out a request.
pub(crate) fn respond(shared: &mut Shared, route: Option<&Route>, call: &Call) -> Answer {
    let Some(route) = route else {
        return Refusal(404, "InvalidResourceType", "The resource type could not be found.".to_owned())
            .into();
    };
    match route {
        Route::Token(tenant) => token(shared, tenant, call),
        Route::Metadata => machine_token(shared, call),
        Route::Operation | Route::Skus | Route::Compute(..) | Route::Clusters(_) | Route::Aks(..) => {
            resource(shared, route, call).unwrap_or_else(Answer::from)
        }
    }
}

fn resource(shared: &mut Shared, route: &Route, call: &Call) -> Result<Answer, Refusal> {
    let token = call.header("authorization").and_then(|text| text.strip_prefix("Bearer "));
    if token.is_none_or(|token| !shared.tokens.contains(token)) {
        let words = "The access token is invalid.".to_owned();
        return Err(Refusal(401, "InvalidAuthenticationToken", words));
    }
    if call.parameter("api-version").is_none() {
        let words =
            "The api-version query parameter (?api-version=) is required for all requests.".to_owned();
        return Err(Refusal(400, "MissingApiVersionParameter", words));
    }
    if let Some(action) = route.actions().iter().find(|action| !shared.account.may(action)) {
        let client = &shared.account.client;
        let words = format!(
            "The client '{client}' with object id '{client}' does not have authorization to perform action '{action}' over \
             scope '{}' or the scope is invalid.",
            call.path
        );
        return Err(Refusal(403, "AuthorizationFailed", words));
    }
    match route {
        Route::Compute(subscription, group, what) => {
            compute_requests::respond(shared, (subscription, group), what, call)
        }
        Route::Operation => Ok(json(200, &json!({"status": operation(shared)}))),
        Route::Skus => Ok(skus::answer(call)),
        Route::Clusters(subscription) => Ok(aks_requests::clusters(shared, subscription)),
        Route::Aks(subscription, group, cluster, what) => {
            aks_requests::respond(shared, (subscription, group, cluster), what, call)
        }
        Route::Token(_) | Route::Metadata => Err(Refusal(404, "NotFound", String::new())),
    }
}

/// All operations end together.
fn operation(shared: &Shared) -> &'static str {
    let machines = shared.compute.sets.iter().flat_map(|set| set.machines.values());
    if machines.into_iter().any(crate::compute::Machine::is_changing) { "InProgress" } else { "Succeeded" }
}

fn issue(shared: &mut Shared) -> Answer {
    shared.issued += 1;
    let token = format!("token-{}", shared.issued);
    shared.tokens.insert(token.clone());
    json(200, &json!({"token_type": "Bearer", "expires_in": 3599, "access_token": token}))
}

fn denied(code: &str, words: &str) -> Answer {
    json(401, &json!({"error": code, "error_description": words, "error_codes": [7_000_215]}))
}

fn token(shared: &mut Shared, tenant: &str, call: &Call) -> Answer {
    let form: BTreeMap<String, String> = call
        .text
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (decode(key), decode(&value.replace('+', " "))))
        .collect();
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let account = &shared.account;
    if tenant != account.tenant {
        return denied("invalid_request", "AADSTS90002: Tenant not found.");
    }
    if field("client_id") != account.client || field("grant_type") != "client_credentials" {
        return denied("unauthorized_client", "AADSTS700016: Application was not found in the directory.");
    }
    if field("scope") != format!("{}/.default", shared.url) {
        return denied(
            "invalid_scope",
            "AADSTS70011: The provided value for the input parameter 'scope' is not valid.",
        );
    }
    let by_assertion = field("client_assertion_type")
        == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        && field("client_assertion") == account.assertion;
    if field("client_secret") != account.secret && !by_assertion {
        return denied("invalid_client", "AADSTS7000215: Invalid client secret provided.");
    }
    issue(shared)
}

fn machine_token(shared: &mut Shared, call: &Call) -> Answer {
    if call.header("metadata") != Some("true") || call.headers.contains_key("x-forwarded-for") {
        return json(
            400,
            &json!({"error": "invalid_request", "error_description": "Required metadata header not specified"}),
        );
    }
    if call.parameter("resource") != Some(format!("{}/", shared.url)) {
        return json(
            400,
            &json!({"error": "invalid_resource", "error_description": "AADSTS500011: The resource principal was not found."}),
        );
    }
    let wanted = call.parameter("client_id");
    if wanted.is_some_and(|client| client != shared.account.client) {
        return json(400, &json!({"error": "invalid_request", "error_description": "Identity not found"}));
    }
    issue(shared)
}
