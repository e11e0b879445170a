//! The objects of the fake, and the effect of each verb on them. There are no controllers: a cordon adds no taint, and a
//! bound pod runs only if the test sets its phase.

use std::collections::{BTreeMap, BTreeSet};

use hyper::Method;
use hyper::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::call::Call;
use super::list::{Pages, key};
use super::status::Refusal;
use super::target::{Resource, Target};
use super::validate::validate;

/// A good answer: status and body.
type Answer = Result<(u16, Value), Refusal>;

/// All objects, by kind and by key in etcd.
#[derive(Debug)]
pub(super) struct Store {
    objects: BTreeMap<(Resource, String), Value>,
    namespaces: BTreeSet<String>,
    revision: u64,
    pub(super) pages: Pages,
    /// The pods that were evicted, each as it was right before.
    pub(super) evicted: Vec<Value>,
}

impl Store {
    pub(super) fn new() -> Self {
        let namespaces = BTreeSet::from(["default".to_owned(), "kube-system".to_owned()]);
        Self {
            objects: BTreeMap::new(),
            namespaces,
            revision: 100,
            pages: Pages::default(),
            evicted: Vec::new(),
        }
    }

    /// Carries out a request.
    pub(super) fn answer(&mut self, target: &Target, call: &Call) -> Answer {
        let dry_run = match call.parameter("dryRun").as_deref() {
            None => false,
            Some("All") => true,
            Some(other) => {
                let problem = format!("Unsupported value: [{other:?}]: supported values: \"All\"");
                return Err(Refusal::invalid("PatchOptions.meta.k8s.io", "", "dryRun", &problem));
            }
        };
        match (&call.method, target.name.as_deref()) {
            (&Method::GET, None) => {
                let now = self.all(target.resource, target.namespace.as_deref());
                Ok((200, self.pages.list(target, call, self.revision, now)?))
            }
            (&Method::GET, Some(name)) => Ok((200, with_kind(target.resource, self.existing(target, name)?))),
            (&Method::POST, Some(name)) if target.resource == Resource::Evictions => {
                self.evict(target, name, &call.body, dry_run)
            }
            (&Method::POST, None) => self.create(target, None, call.body.clone(), dry_run),
            (&Method::PUT, Some(name)) => self.update(target, name, call.body.clone(), dry_run),
            (&Method::PATCH, Some(name)) => self.patch(target, name, call, dry_run),
            (&Method::DELETE, Some(name)) => self.delete(target, name, &call.body, dry_run),
            _ => Err(Refusal::no_such_method()),
        }
    }

    /// Puts in an object as it is, with what every stored object has.
    pub(super) fn put(&mut self, resource: Resource, mut object: Value) -> Value {
        self.revision += 1;
        let metadata = &mut object["metadata"];
        metadata["resourceVersion"] = json!(self.revision.to_string());
        for (field, value) in
            [("uid", format!("uid-{}", self.revision)), ("creationTimestamp", CREATED.to_owned())]
        {
            if metadata[field].is_null() {
                metadata[field] = json!(value);
            }
        }
        if let Some(namespace) = metadata["namespace"].as_str() {
            self.namespaces.insert(namespace.to_owned());
        }
        // A list's items have neither.
        if let Some(fields) = object.as_object_mut() {
            fields.remove("kind");
            fields.remove("apiVersion");
        }
        self.objects.insert((resource, key(&object)), object.clone());
        object
    }

    /// Changes an object, whose version stays as it is or as the change leaves it.
    #[cfg(feature = "exec")]
    pub(super) fn change(&mut self, resource: Resource, name: &str, change: fn(&mut Value)) {
        if let Some(object) = self.objects.get_mut(&(resource, etcd_key(None, name))) {
            change(object);
        }
    }

    pub(super) fn add_namespace(&mut self, name: &str) {
        self.namespaces.insert(name.to_owned());
    }

    pub(super) fn get(&self, resource: Resource, namespace: Option<&str>, name: &str) -> Option<&Value> {
        self.objects.get(&(resource, etcd_key(namespace, name)))
    }

    pub(super) fn remove(
        &mut self,
        resource: Resource,
        namespace: Option<&str>,
        name: &str,
    ) -> Option<Value> {
        let removed = self.objects.remove(&(resource, etcd_key(namespace, name)));
        self.revision += u64::from(removed.is_some());
        removed
    }

    pub(super) fn all(&self, resource: Resource, namespace: Option<&str>) -> Vec<Value> {
        let wanted =
            |object: &Value| namespace.is_none_or(|namespace| object["metadata"]["namespace"] == namespace);
        let of_kind =
            self.objects.iter().filter(|((kind, _), _)| *kind == resource).map(|(_, object)| object);
        of_kind.filter(|object| wanted(object)).cloned().collect()
    }

    fn existing(&self, target: &Target, name: &str) -> Result<Value, Refusal> {
        self.get(target.resource, target.namespace.as_deref(), name)
            .cloned()
            .ok_or_else(|| Refusal::not_found(target.resource, name))
    }

    fn create(&mut self, target: &Target, name: Option<&str>, mut object: Value, dry_run: bool) -> Answer {
        let resource = target.resource;
        if !object.is_object() {
            return Err(Refusal::bad_request(&format!(
                "the object provided is unrecognized (must be of type {})",
                resource.kind()
            )));
        }
        if let Some(namespace) = &target.namespace {
            set_namespace(&mut object, namespace)?;
            if !self.namespaces.contains(namespace) {
                return Err(Refusal::no_namespace(namespace));
            }
        }
        let metadata = &object["metadata"];
        if name.is_none() && metadata["resourceVersion"].is_string() {
            return Err(Refusal::version_of_a_new_object());
        }
        let generated = || metadata["generateName"].as_str().map(|stem| format!("{stem}{}", self.revision));
        let Some(name) = name.or(metadata["name"].as_str()).map(str::to_owned).or_else(generated) else {
            let problem = "Required value: name or generateName is required";
            return Err(Refusal::invalid(resource.kind(), "", "metadata.name", problem));
        };
        object["metadata"]["name"] = json!(name);
        validate(resource, &name, &object)?;
        if self.get(resource, target.namespace.as_deref(), &name).is_some() {
            return Err(Refusal::already_exists(resource, &name));
        }
        Ok((201, self.store(resource, object, dry_run)))
    }

    fn update(&mut self, target: &Target, name: &str, mut object: Value, dry_run: bool) -> Answer {
        let resource = target.resource;
        let metadata = object["metadata"].as_object().cloned().unwrap_or_default();
        let old = self.existing(target, name).ok();
        let uid = old.as_ref().map(|old| &old["metadata"]["uid"]);
        if metadata.get("uid").is_some_and(|wanted| uid != Some(wanted)) {
            return Err(Refusal::conflict(resource, name));
        }
        let Some(old) = old else {
            // Leases may be created so, even with the resource version of one that is gone.
            return self.create(target, Some(name), object, dry_run);
        };
        if let Some(namespace) = &target.namespace {
            set_namespace(&mut object, namespace)?;
        }
        validate(resource, name, &object)?;
        let Some(version) = metadata.get("resourceVersion").and_then(Value::as_str) else {
            let (field, problem) =
                ("metadata.resourceVersion", "Invalid value: 0: must be specified for an update");
            return Err(Refusal::invalid(&resource.qualified(), name, field, problem));
        };
        if old["metadata"]["resourceVersion"] != version {
            return Err(Refusal::conflict(resource, name));
        }
        for field in ["uid", "creationTimestamp"] {
            object["metadata"][field] = old["metadata"][field].clone();
        }
        Ok((200, self.store(resource, object, dry_run)))
    }

    fn patch(&mut self, target: &Target, name: &str, call: &Call, dry_run: bool) -> Answer {
        let resource = target.resource;
        let kind = call.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if kind != "application/merge-patch+json" {
            return Err(Refusal::unsupported_media_type(kind));
        }
        let old = self.existing(target, name)?;
        let mut new = old.clone();
        merge(&mut new, &call.body);
        if new["metadata"]["resourceVersion"] != old["metadata"]["resourceVersion"] {
            return Err(Refusal::conflict(resource, name));
        }
        validate(resource, name, &new)?;
        omit_empty(&mut new);
        if new == old {
            return Ok((200, with_kind(resource, old)));
        }
        Ok((200, self.store(resource, new, dry_run)))
    }

    fn delete(&mut self, target: &Target, name: &str, body: &Value, dry_run: bool) -> Answer {
        let Target { resource, namespace, .. } = target;
        let old = self.existing(target, name)?;
        for field in ["uid", "resourceVersion"] {
            let wanted = &body["preconditions"][field];
            if !wanted.is_null() && *wanted != old["metadata"][field] {
                return Err(Refusal::conflict(*resource, name));
            }
        }
        if !dry_run {
            self.remove(*resource, namespace.as_deref(), name);
        }
        let mut details = json!({"name": name, "kind": resource.plural(), "uid": old["metadata"]["uid"]});
        if !resource.group().is_empty() {
            details["group"] = json!(resource.group());
        }
        Ok((
            200,
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}),
        ))
    }

    /// Deletes the pod, if it is the one that the request means, in the version that it means. A pod with a grace period is
    /// then terminating: there is no kubelet that ends it.
    fn evict(&mut self, target: &Target, name: &str, body: &Value, dry_run: bool) -> Answer {
        let namespace = target.namespace.as_deref();
        let Some(pod) = self.get(Resource::Pods, namespace, name).cloned() else {
            return Err(Refusal::not_found(Resource::Pods, name));
        };
        for field in ["uid", "resourceVersion"] {
            let wanted = &body["deleteOptions"]["preconditions"][field];
            if !wanted.is_null() && *wanted != pod["metadata"][field] {
                return Err(Refusal::conflict(Resource::Pods, name));
            }
        }
        if !dry_run {
            self.evicted.push(pod.clone());
            if pod["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap_or_default() == 0 {
                self.remove(Resource::Pods, namespace, name);
            } else {
                let mut leaving = pod;
                leaving["metadata"]["deletionTimestamp"] = json!(CREATED);
                self.put(Resource::Pods, leaving);
            }
        }
        Ok((201, json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})))
    }

    fn store(&mut self, resource: Resource, object: Value, dry_run: bool) -> Value {
        let stored = if dry_run { object } else { self.put(resource, object) };
        with_kind(resource, stored)
    }
}

/// Any moment will do: no test should depend on the fake's clock.
const CREATED: &str = "2026-01-01T00:00:00Z";

fn etcd_key(namespace: Option<&str>, name: &str) -> String {
    format!("{}/{name}", namespace.unwrap_or_default())
}

fn with_kind(resource: Resource, mut object: Value) -> Value {
    object["kind"] = json!(resource.kind());
    object["apiVersion"] = json!(resource.api_version());
    object
}

fn set_namespace(object: &mut Value, namespace: &str) -> Result<(), Refusal> {
    match object["metadata"]["namespace"].as_str() {
        Some(other) if other != namespace => Err(Refusal::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        )),
        _ => {
            object["metadata"]["namespace"] = json!(namespace);
            Ok(())
        }
    }
}

/// RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (field, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(field);
        } else {
            merge(&mut target[field], value);
        }
    }
}

/// Removes the values that the real server does not write: false, and empty maps and lists.
fn omit_empty(object: &mut Value) {
    if object["spec"]["unschedulable"] == false {
        object["spec"].as_object_mut().unwrap().remove("unschedulable");
    }
    if object["spec"]["taints"].as_array().is_some_and(Vec::is_empty) {
        object["spec"].as_object_mut().unwrap().remove("taints");
    }
    for field in ["annotations", "labels"] {
        if object["metadata"][field].as_object().is_some_and(serde_json::Map::is_empty) {
            object["metadata"].as_object_mut().unwrap().remove(field);
        }
    }
}
