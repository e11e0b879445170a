//! Lists in pages: `limit`, `continue` and `fieldSelector`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::call::Call;
use super::status::Refusal;
use super::target::{Resource, Target};

/// The position at which a list continues. The real server's tokens are opaque too, but they contain the
/// position.
#[derive(Debug, Clone)]
struct Position {
    target: Target,
    after: String,
    /// The rest of the list as it was when its first page was asked for; None: as it is now.
    rest: Option<(u64, Vec<Value>)>,
    expired: bool,
}

/// The tokens given out.
#[derive(Debug, Default)]
pub(super) struct Pages(BTreeMap<String, Position>);

impl Pages {
    /// One page. `now` are all objects of the target as of `revision`, in order.
    pub(super) fn list(
        &mut self,
        target: &Target,
        call: &Call,
        revision: u64,
        now: Vec<Value>,
    ) -> Result<Value, Refusal> {
        let selector = Selector::parse(target.resource, call.parameter("fieldSelector").as_deref())?;
        let limit = match call.parameter("limit") {
            None => 0,
            Some(text) => text.parse().map_err(|_| {
                Refusal::bad_request(&format!("strconv.ParseInt: parsing {text:?}: invalid syntax"))
            })?,
        };
        let (revision, mut items) = match call.parameter("continue") {
            None => (revision, now),
            Some(token) => self.resume(target, &token, revision, now)?,
        };
        items.retain(|item| selector.takes(item));

        let mut metadata = json!({"resourceVersion": revision.to_string()});
        if limit > 0 && limit < items.len() {
            let rest = items.split_off(limit);
            // The real server cannot tell how many of the rest a selector takes.
            if selector.takes_all() {
                metadata["remainingItemCount"] = json!(rest.len());
            }
            let after = items.last().map(key).unwrap_or_default();
            metadata["continue"] = json!(self.token(target, after, Some((revision, rest))));
        }
        Ok(json!({
            "kind": format!("{}List", target.resource.kind()),
            "apiVersion": target.resource.api_version(),
            "metadata": metadata,
            "items": items,
        }))
    }

    /// Lets tokens expire, as time and the compaction of etcd do.
    pub(super) fn expire(&mut self) {
        for position in self.0.values_mut().filter(|position| position.rest.is_some()) {
            position.expired = true;
        }
    }

    /// The refusal that an expired token gets, with a token of the kind that never expires.
    pub(super) fn refuse_as_expired(&mut self, target: &Target, after: String) -> Refusal {
        Refusal::expired(&self.token(target, after, None))
    }

    fn resume(
        &mut self,
        target: &Target,
        token: &str,
        revision: u64,
        now: Vec<Value>,
    ) -> Result<(u64, Vec<Value>), Refusal> {
        let known = self.0.get(token).filter(|position| position.target == *target).cloned();
        match known {
            None => Err(Refusal::bad_request(
                "invalid continue token: the fake API server gave out no such token",
            )),
            Some(Position { after, expired: true, .. }) => Err(self.refuse_as_expired(target, after)),
            Some(Position { rest: Some(rest), .. }) => Ok(rest),
            Some(Position { after, .. }) => {
                Ok((revision, now.into_iter().filter(|item| key(item) > after).collect()))
            }
        }
    }

    fn token(&mut self, target: &Target, after: String, rest: Option<(u64, Vec<Value>)>) -> String {
        // With characters that a client must encode in a query.
        let token = format!("token+{}/{}=", target.resource.plural(), self.0.len());
        self.0.insert(token.clone(), Position { target: target.clone(), after, rest, expired: false });
        token
    }
}

/// The key by which lists are sorted: the object's key in etcd.
pub(super) fn key(object: &Value) -> String {
    let field = |name: &str| object["metadata"][name].as_str().unwrap_or_default().to_owned();
    format!("{}/{}", field("namespace"), field("name"))
}

/// Terms like `status.phase!=Failed`, all of which must hold.
#[derive(Debug)]
struct Selector(Vec<(String, bool, String)>);

impl Selector {
    fn parse(resource: Resource, text: Option<&str>) -> Result<Self, Refusal> {
        let supported: &[&str] = match resource {
            Resource::Nodes => &["metadata.name", "spec.unschedulable"],
            Resource::Pods => &["metadata.name", "metadata.namespace", "spec.nodeName", "status.phase"],
            Resource::Volumes | Resource::Budgets | Resource::Evictions => &["metadata.name"],
            Resource::Leases | Resource::Events | Resource::ConfigMaps | Resource::VolumeClaims => {
                &["metadata.name", "metadata.namespace"]
            }
        };
        let mut terms = Vec::new();
        for term in text.into_iter().flat_map(|text| text.split(',')) {
            let (field, equal, value) = match (term.split_once("!="), term.split_once('=')) {
                (Some((field, value)), _) => (field, false, value),
                (None, Some((field, value))) => (field, true, value.strip_prefix('=').unwrap_or(value)),
                (None, None) => return Err(Refusal::bad_request(&format!("invalid selector: {term:?}"))),
            };
            if !supported.contains(&field) {
                return Err(Refusal::bad_request(&format!("field label not supported: {field}")));
            }
            terms.push((field.to_owned(), equal, value.to_owned()));
        }
        Ok(Self(terms))
    }

    fn takes(&self, object: &Value) -> bool {
        self.0.iter().all(|(field, equal, value)| {
            let found = field.split('.').fold(object, |object, part| &object[part]);
            let found =
                found.as_str().map_or_else(|| found.as_bool().unwrap_or_default().to_string(), str::to_owned);
            (found == *value) == *equal
        })
    }

    fn takes_all(&self) -> bool {
        self.0.is_empty()
    }
}
