//! Keystone: the tokens that it issues.

use std::collections::BTreeMap;

use fake_http::after;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::account::{Account, Rule};

/// The lifetime of a token.
const LIFE: std::time::Duration = std::time::Duration::from_hours(1);

/// A token that was given.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    /// The project that it is for, if it is for one.
    pub(crate) project: Option<String>,
    /// Its access rules, if it is restricted.
    pub(crate) rules: Option<Vec<Rule>>,
    expires: Timestamp,
}

/// Accounts and tokens.
#[derive(Debug, Default)]
pub(crate) struct Keystone {
    pub(crate) accounts: Vec<Account>,
    /// The region names of the compute service; without one, the catalogue has none.
    pub(crate) regions: Vec<String>,
    /// Whether the catalogue has a Magnum.
    pub(crate) has_magnum: bool,
    tokens: BTreeMap<String, Token>,
    given: u64,
}

/// A refusal in Keystone's words.
pub(crate) struct Denied(pub(crate) u16, pub(crate) &'static str, pub(crate) String);

impl Denied {
    pub(crate) fn unauthorized() -> Self {
        Self(401, "Unauthorized", "The request you have made requires authentication.".to_owned())
    }
}

impl Keystone {
    /// The token's text and the body of the answer. `url` is where the fake is.
    pub(crate) fn issue(
        &mut self,
        body: &Value,
        now: Timestamp,
        url: &str,
    ) -> Result<(String, Value), Denied> {
        let identity = &body["auth"]["identity"];
        let scope = &body["auth"]["scope"];
        let (account, rules, scoped) = if identity["methods"] == json!(["password"]) {
            let user = &identity["password"]["user"];
            let found = self.accounts.iter().find(|account| {
                is_user(account, user) && user["password"].as_str() == Some(&account.password)
            });
            let account = found.ok_or_else(Denied::unauthorized)?;
            let (project, trust) = (&scope["project"], &scope["OS-TRUST:trust"]["id"]);
            if !project.is_null() && !is_project(account, project) {
                return Err(Denied::unauthorized());
            }
            let trustor =
                if trust.is_null() { None } else { Some(trustor(&self.accounts, trust, &account.user_id)?) };
            (trustor.unwrap_or(account), None, !project.is_null() || trustor.is_some())
        } else if identity["methods"] == json!(["application_credential"]) {
            let given = &identity["application_credential"];
            let named = |account: &&Account| given["user"].is_null() || is_user(account, &given["user"]);
            let of_account = self.accounts.iter().filter(named);
            let mut all =
                of_account.flat_map(|account| account.credentials.iter().map(move |one| (account, one)));
            let id = given["id"].as_str();
            let name = given["name"].as_str();
            let found = all.find(|(_, one)| id == Some(&one.id) || (id.is_none() && name == Some(&one.name)));
            let Some((account, credential)) = found else {
                let what = id.or(name).unwrap_or_default();
                let words = format!("Could not find Application Credential: {what}.");
                return Err(Denied(404, "Not Found", words));
            };
            if given["secret"].as_str() != Some(&credential.secret) {
                return Err(Denied::unauthorized());
            }
            if !scope.is_null() {
                let words = "Error authenticating with application credential: Application credentials cannot request a \
                             scope.";
                return Err(Denied(401, "Unauthorized", words.to_owned()));
            }
            (account, credential.rules.clone(), true)
        } else {
            let words = "Expecting to find auth in request body. The server could not comply with the request since it is \
                         either malformed or otherwise incorrect. The client is assumed to be in error.";
            return Err(Denied(400, "Bad Request", words.to_owned()));
        };
        self.given += 1;
        let text = format!("gAAAAA{:032x}", self.given);
        let expires = after(now, LIFE);
        let domain = json!({"id": account.domain_id, "name": account.domain});
        let mut token = json!({
            "methods": identity["methods"],
            "user": {"id": account.user_id, "name": account.user, "domain": domain, "password_expires_at": null},
            "issued_at": now.to_string(),
            "expires_at": expires.to_string(),
        });
        if scoped {
            token["project"] = json!({"id": account.project_id, "name": account.project, "domain": domain});
            token["roles"] = json!([{"id": "283dc31e98d04eb19d76b3d2cc9378db", "name": "member"}]);
            token["is_domain"] = json!(false);
            token["catalog"] = self.catalog(url);
        }
        let project = scoped.then(|| account.project_id.clone());
        self.tokens.insert(text.clone(), Token { project, rules, expires });
        Ok((text, json!({"token": token})))
    }

    /// The token of this text, while it lasts.
    pub(crate) fn token(&self, text: &str, now: Timestamp) -> Option<&Token> {
        self.tokens.get(text).filter(|token| now < token.expires)
    }

    /// No token is good any more.
    pub(crate) fn revoke(&mut self) {
        self.tokens.clear();
    }

    fn catalog(&self, url: &str) -> Value {
        let endpoints = |path: &str| -> Vec<Value> {
            let each = |region: &String| {
                ["public", "internal", "admin"].map(|interface| {
                    let url = format!("{url}{path}");
                    json!({"interface": interface, "region": region, "region_id": region, "url": url})
                })
            };
            self.regions.iter().flat_map(each).collect()
        };
        let mut services =
            vec![json!({"type": "identity", "name": "keystone", "endpoints": endpoints("/v3")})];
        if !self.regions.is_empty() {
            services.push(json!({"type": "compute", "name": "nova", "endpoints": endpoints("/v2.1")}));
        }
        if self.has_magnum {
            services
                .push(json!({"type": "container-infra", "name": "magnum", "endpoints": endpoints("/v1")}));
        }
        Value::Array(services)
    }
}

/// The user that made a trust for a trustee.
fn trustor<'a>(accounts: &'a [Account], trust: &Value, trustee: &str) -> Result<&'a Account, Denied> {
    let mut all = accounts.iter().flat_map(|one| one.trusts.iter().map(move |trust| (one, trust)));
    let found = all.find(|(_, one)| trust.as_str() == Some(&one.id));
    let (account, trust) = found.ok_or_else(Denied::unauthorized)?;
    if trust.trustee_id != trustee {
        let words = "You are not authorized to perform the requested action.";
        return Err(Denied(403, "Forbidden", words.to_owned()));
    }
    Ok(account)
}

fn is_user(account: &Account, user: &Value) -> bool {
    match (user["id"].as_str(), user["name"].as_str()) {
        (Some(id), _) => id == account.user_id,
        (None, Some(name)) => name == account.user && is_domain(account, &user["domain"]),
        (None, None) => false,
    }
}

fn is_project(account: &Account, project: &Value) -> bool {
    match (project["id"].as_str(), project["name"].as_str()) {
        (Some(id), _) => id == account.project_id,
        (None, Some(name)) => name == account.project && is_domain(account, &project["domain"]),
        (None, None) => false,
    }
}

fn is_domain(account: &Account, domain: &Value) -> bool {
    domain["id"].as_str() == Some(&account.domain_id)
        || domain["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(&account.domain))
}
