//! A small fake API server for faults that a real one cannot be made to have: it fails the n-th request in any way, holds it,
//! notifies a test, and records all requests. It knows nodes, pods, Leases, events, `ConfigMaps` and volumes, over plain HTTP
//! on loopback. `contract.rs` holds it to what a real one does.
//!
//! ```text
//! FakeApi::start() ──> add_node, add_pod, fail, on ──> run the program ──> calls(), node(), events()
//! ```
#![expect(clippy::indexing_slicing, reason = "a field that a JSON value lacks reads as null")]

mod call;
mod fault;
mod list;
mod server;
mod status;
mod store;
mod target;
mod tests;
mod validate;

use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard};

use fake_http::{Script, lock};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

pub(crate) use self::call::Call;
pub(crate) use self::fault::{Fault, Moment, Requests};
use self::server::Shared;
use self::store::Store;
pub(crate) use self::target::Resource;
use crate::control_plane::client::Client;
use crate::control_plane::identity;
use crate::objects::{Node, Pod};

/// A running fake. Dropped, it closes all connections, held ones too.
#[derive(Debug)]
pub(crate) struct FakeApi {
    shared: Arc<Mutex<Shared>>,
    server: JoinHandle<()>,
    url: String,
}

impl FakeApi {
    /// An empty cluster on a free port.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Shared {
            store: Store::new(),
            script: Script::default(),
            calls: Vec::new(),
            version: None,
            date: None,
        };
        let shared = Arc::new(Mutex::new(shared));
        Self { server: server::serve(listener, Arc::clone(&shared)).unwrap(), shared, url }
    }

    /// The address of this server.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The text of a kubeconfig file whose current context, `test`, is this server.
    pub(crate) fn kubeconfig(&self) -> String {
        identity::kubeconfig(&self.url, None, &json!({}))
    }

    /// A client for the test's own use; its requests count as others do.
    pub(crate) fn client(&self) -> Client {
        Client::plain(&self.url)
    }

    /// Adds a namespace besides `default` and `kube-system`. Adding a pod adds its namespace.
    pub(crate) fn add_namespace(&self, name: &str) {
        self.lock().store.add_namespace(name);
    }

    /// A node that is Ready since the beginning.
    pub(crate) fn add_node(&self, node: &Node) {
        let mut json = node.json();
        let ready = json!({"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"});
        json["status"]["conditions"] = json!([ready]);
        self.lock().store.put(Resource::Nodes, json);
    }

    /// A pod that is running, if it is [bound](Pod::on) and has not [ended](Pod::ended), else pending.
    pub(crate) fn add_pod(&self, pod: &Pod) {
        let mut json = pod.json();
        if json["status"]["phase"].is_null() {
            let bound = json["spec"]["nodeName"].is_string();
            json["status"]["phase"] = json!(if bound { "Running" } else { "Pending" });
        }
        self.lock().store.put(Resource::Pods, json);
    }

    /// Any other object, with its namespace in its metadata where it has one.
    pub(crate) fn add(&self, resource: Resource, object: Value) {
        self.lock().store.put(resource, object);
    }

    /// An object as a client would get it.
    pub(crate) fn get(&self, resource: Resource, namespace: Option<&str>, name: &str) -> Option<Value> {
        self.lock().store.get(resource, namespace, name).cloned()
    }

    /// All objects of a kind, in the order of lists.
    pub(crate) fn all(&self, resource: Resource) -> Vec<Value> {
        self.lock().store.all(resource, None)
    }

    /// The pods that were evicted since the start, each as it was right before.
    pub(crate) fn evicted(&self) -> Vec<Value> {
        self.lock().store.evicted.clone()
    }

    /// Changes an object behind the program's back, as another client would: it gets a new resource version. False if
    /// there is none of that name.
    pub(crate) fn edit(
        &self,
        resource: Resource,
        namespace: Option<&str>,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) -> bool {
        let store = &mut self.lock().store;
        let Some(mut object) = store.get(resource, namespace, name).cloned() else { return false };
        change(&mut object);
        store.put(resource, object);
        true
    }

    /// Changes an object without a namespace right before these requests take effect. It keeps its version, unless the change
    /// is of that: so each precondition of a request can be tried alone.
    #[cfg(feature = "exec")]
    pub(crate) fn change_before(
        &self,
        requests: Requests,
        resource: Resource,
        name: &'static str,
        change: fn(&mut Value),
    ) {
        let shared = Arc::downgrade(&self.shared);
        self.on(requests, Moment::Before, move |_| {
            lock(&shared.upgrade().unwrap()).store.change(resource, name, change);
        });
    }

    /// Removes an object behind the program's back. False if there is none of that name.
    pub(crate) fn remove(&self, resource: Resource, namespace: Option<&str>, name: &str) -> bool {
        self.lock().store.remove(resource, namespace, name).is_some()
    }

    /// Lets these requests fail from now on. If several rules match, the oldest wins.
    pub(crate) fn fail(&self, requests: Requests, fault: Fault) {
        self.lock().script.fail(requests, fault);
    }

    /// Calls `hook` for each of these requests from now on, before or after they take effect. The answer waits for the
    /// hook, which may use this fake and may block.
    pub(crate) fn on(&self, requests: Requests, moment: Moment, hook: impl FnMut(&Call) + Send + 'static) {
        self.lock().script.on(requests, moment, hook);
    }

    /// Crashes the program at these requests, by calling `kill`: before the request takes effect, so that it never does,
    /// or after it, but before the program gets the answer.
    pub(crate) fn crash(
        &self,
        requests: &Requests,
        moment: Moment,
        kill: impl FnMut(&Call) + Send + 'static,
    ) {
        self.on(requests.clone(), moment, kill);
        self.fail(requests.clone(), Fault::Reset(moment));
    }

    /// Forgets all rules.
    pub(crate) fn behave(&self) {
        self.lock().script.clear();
    }

    /// From now on the continue tokens given out so far are too old.
    pub(crate) fn expire_continue_tokens(&self) {
        self.lock().store.pages.expire();
    }

    /// From now on it says that it is of this minor version.
    pub(crate) fn set_version(&self, minor: &'static str) {
        self.lock().version = Some(minor);
    }

    /// From now on the Date header says this (an HTTP date) instead of this machine's time.
    pub(crate) fn set_date(&self, date: &str) {
        self.lock().date = Some(date.to_owned());
    }

    /// All requests since the start or the last [`Self::forget_calls`], in order of arrival.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    pub(crate) fn forget_calls(&self) {
        self.lock().calls.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        lock(&self.shared)
    }
}

impl Drop for FakeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}
