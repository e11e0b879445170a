//! The answers by which an API server says no, word for word as the real one writes them.

use hyper::Method;
use serde_json::{Value, json};

use super::target::{Resource, Target};

/// A refusal: the HTTP status, and the body.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) code: u16,
    pub(super) body: Value,
}

impl Refusal {
    fn new(code: u16, reason: &str, message: &str) -> Self {
        let body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "reason": reason, "code": code,
        });
        Self { code, body }
    }

    fn about(mut self, resource: Resource, name: Option<&str>) -> Self {
        let mut details = json!({"kind": resource.plural()});
        if !resource.group().is_empty() {
            details["group"] = json!(resource.group());
        }
        if let Some(name) = name {
            details["name"] = json!(name);
        }
        self.body["details"] = details;
        self
    }

    pub(super) fn not_found(resource: Resource, name: &str) -> Self {
        let message = format!("{} {name:?} not found", resource.qualified());
        Self::new(404, "NotFound", &message).about(resource, Some(name))
    }

    pub(super) fn disruption_budget(name: &str) -> Self {
        let message = "Cannot evict pod as it would violate the pod's disruption budget.";
        let mut refusal = Self::new(429, "TooManyRequests", message);
        let cause = format!("The disruption budget {name} needs 1 healthy pods and has 1 currently");
        refusal.body["details"] = json!({"causes": [{"reason": "DisruptionBudget", "message": cause}]});
        refusal
    }

    pub(super) fn no_namespace(name: &str) -> Self {
        let mut refusal = Self::new(404, "NotFound", &format!("namespaces {name:?} not found"));
        refusal.body["details"] = json!({"name": name, "kind": "namespaces"});
        refusal
    }

    pub(super) fn no_such_path() -> Self {
        let mut refusal = Self::new(404, "NotFound", "the server could not find the requested resource");
        refusal.body["details"] = json!({});
        refusal
    }

    pub(super) fn no_such_method() -> Self {
        let message = "the server does not allow this method on the requested resource";
        let mut refusal = Self::new(405, "MethodNotAllowed", message);
        refusal.body["details"] = json!({});
        refusal
    }

    pub(super) fn already_exists(resource: Resource, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", resource.qualified());
        Self::new(409, "AlreadyExists", &message).about(resource, Some(name))
    }

    /// One of the few refusals without a reason.
    pub(super) fn version_of_a_new_object() -> Self {
        let mut refusal = Self::new(500, "", "resourceVersion should not be set on objects to be created");
        refusal.body.as_object_mut().unwrap().remove("reason");
        refusal
    }

    pub(super) fn conflict(resource: Resource, name: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {name:?}: the object has been modified; \
             please apply your changes to the latest version and try again",
            resource.qualified()
        );
        Self::new(409, "Conflict", &message).about(resource, Some(name))
    }

    pub(super) fn forbidden(user: &str, method: &Method, target: &Target) -> Self {
        let Target { resource, namespace, name } = target;
        let verb = match (method.as_str(), name) {
            ("GET", None) => "list",
            ("GET", Some(_)) => "get",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            _ => "delete",
        };
        let object = name.as_deref().map(|name| format!(" {name:?}")).unwrap_or_default();
        let place = match namespace {
            Some(namespace) => format!("in the namespace {namespace:?}"),
            None => "at the cluster scope".to_owned(),
        };
        let message = format!(
            "{}{object} is forbidden: User {user:?} cannot {verb} resource {:?} in API group {:?} {place}",
            resource.qualified(),
            resource.plural(),
            resource.group(),
        );
        Self::new(403, "Forbidden", &message).about(*resource, name.as_deref())
    }

    /// An error for a continue token of a compacted revision, with a token that continues
    /// inconsistently.
    pub(super) fn expired(inconsistent: &str) -> Self {
        let message = "The provided continue parameter is too old to display a consistent list result. You can start \
            a new list without the continue parameter, or use the continue token in this response to retrieve the \
            remainder of the results. Continuing with the provided token results in an inconsistent list - objects \
            that were created, modified, or deleted between the time the first chunk was returned and now may show \
            up in the list.";
        let mut refusal = Self::new(410, "Expired", message);
        refusal.body["metadata"]["continue"] = json!(inconsistent);
        refusal
    }

    pub(super) fn bad_request(message: &str) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(super) fn unsupported_media_type(kind: &str) -> Self {
        let message =
            format!("the fake API server takes no patch of the type {kind:?}, only JSON merge patches");
        Self::new(415, "UnsupportedMediaType", &message)
    }

    /// Refused by validation; the real one's messages go further.
    pub(super) fn invalid(what: &str, name: &str, field: &str, problem: &str) -> Self {
        let mut refusal =
            Self::new(422, "Invalid", &format!("{what} {name:?} is invalid: {field}: {problem}"));
        refusal.body["details"] = json!({"name": name, "causes": [{"message": problem, "field": field}]});
        refusal
    }

    pub(super) fn internal_error() -> Self {
        let mut refusal = Self::new(500, "InternalError", "Internal error occurred: a test asked for it");
        refusal.body["details"] = json!({"causes": [{"message": "a test asked for it"}]});
        refusal
    }

    pub(super) fn unavailable() -> Self {
        Self::new(503, "ServiceUnavailable", "the server is currently unable to handle the request")
    }
}
