//! One interface for the two servers under contract.

use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};

use crate::control_plane::ControlPlane;
use crate::control_plane::client::{Answer, Client};
use crate::control_plane::identity::Identity;
use crate::fake_api::{FakeApi, Fault, Requests};
use crate::objects::{Node, Pod};

/// Makes two tests of each function: one on the fake, one on a real server.
macro_rules! contract {
    ($($name:ident),+ $(,)?) => {
        mod on_the_fake {
            $(#[test] fn $name() { super::$name(&crate::contract::servers::Server::fake()) })+
        }
        mod on_a_real_one {
            $(#[test] fn $name() {
                if let Some(server) = crate::contract::servers::Server::real() {
                    super::$name(&server)
                }
            })+
        }
    };
}
pub(super) use contract;

/// A server, and a namespace that no other test uses.
pub(super) struct Server {
    which: Which,
    pub(super) client: Client,
    pub(super) namespace: String,
}

enum Which {
    Fake(FakeApi),
    Real(&'static ControlPlane),
}

impl Server {
    pub(super) fn fake() -> Self {
        let fake = FakeApi::start();
        fake.add_namespace("contract");
        Self { client: fake.client(), namespace: "contract".to_owned(), which: Which::Fake(fake) }
    }

    pub(super) fn real() -> Option<Self> {
        let plane = ControlPlane::shared()?;
        let namespace = plane.unique("contract");
        plane.create_namespace(&namespace);
        Some(Self { client: plane.admin().clone(), namespace, which: Which::Real(plane) })
    }

    /// Adds a node of which only this test knows the name, and returns that.
    pub(super) fn add_node(&self) -> String {
        let node = Node::new(&self.namespace);
        match &self.which {
            Which::Fake(fake) => fake.add_node(&node),
            Which::Real(plane) => plane.create_node(&node),
        }
        self.namespace.clone()
    }

    /// Adds a pod to the namespace that no node will ever take.
    pub(super) fn add_waiting_pod(&self, name: &str) {
        let pod = Pod::new(&self.namespace, name).node_selector("no-node", "has-this");
        match &self.which {
            Which::Fake(fake) => fake.add_pod(&pod),
            Which::Real(plane) => plane.create_pod(&pod),
        }
    }

    /// Adds a pod to the namespace that is on a node, and in the phase that it says.
    pub(super) fn add_bound_pod(&self, pod: &Pod) {
        match &self.which {
            Which::Fake(fake) => fake.add_pod(pod),
            Which::Real(plane) => drop(plane.create_bound_pod(pod)),
        }
    }

    /// A client of the user `test`, without any permissions. On the fake all users lose theirs.
    pub(super) fn client_without_rights(&self) -> Client {
        match &self.which {
            Which::Fake(fake) => {
                fake.fail(Requests::all(), Fault::Forbidden);
                fake.client()
            }
            Which::Real(plane) => {
                plane.client_of(&Identity::User { name: "test".to_owned(), groups: Vec::new() })
            }
        }
    }

    /// A continue token of nodes that is too old.
    pub(super) fn expired_token(&self) -> String {
        match &self.which {
            Which::Fake(fake) => {
                fake.add_node(&Node::new("node-1"));
                fake.add_node(&Node::new("node-2"));
                let page = self.client.get("/api/v1/nodes?limit=1").success();
                fake.expire_continue_tokens();
                page["metadata"]["continue"].as_str().unwrap().to_owned()
            }
            Which::Real(plane) => {
                plane.forget_first_revision();
                // {"v":"meta.k8s.io/v1","rv":1,"start":"/\u0000"}: after the first revision's node with an empty name.
                let token = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIvXHUwMDAwIn0";
                let path = format!("/api/v1/nodes?limit=1&continue={token}");
                // The server drops its own copy of an old revision about ten seconds after etcd.
                plane.wait_until("the first revision is forgotten", Duration::from_mins(1), || {
                    (self.client.get(&path).status != 200).then_some(())
                });
                token.to_owned()
            }
        }
    }

    pub(super) fn path(&self, group_version: &str, plural: &str) -> String {
        format!("{group_version}/namespaces/{}/{plural}", self.namespace)
    }

    /// Patches a node with the resource version that it has now, again if a controller was quicker.
    #[track_caller]
    pub(super) fn patch_node(&self, name: &str, query: &str, patch: &Value) -> Value {
        let mut patch = patch.clone();
        let mut attempt = || {
            patch["metadata"]["resourceVersion"] = self.node(name)["metadata"]["resourceVersion"].clone();
            self.client.patch(&format!("/api/v1/nodes/{name}{query}"), &patch)
        };
        let answers = std::iter::repeat_with(&mut attempt).take(10);
        answers.into_iter().find(|answer| answer.status != 409).unwrap().success()
    }

    #[track_caller]
    pub(super) fn node(&self, name: &str) -> Value {
        self.client.get(&format!("/api/v1/nodes/{name}")).success()
    }
}

/// Asserts that an answer is exactly this refusal: status, and every field of the body.
#[track_caller]
pub(super) fn assert_refused(answer: &Answer, code: u16, reason: &str, message: &str, details: &Value) {
    let mut expected = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "details": details, "code": code,
    });
    if details.is_null() {
        expected.as_object_mut().unwrap().remove("details");
    }
    assert_eq!(answer.json(), expected);
    assert_eq!(answer.status, code);
}

/// Asserts the status and reason of a refusal whose message only the real server knows in full.
#[track_caller]
pub(super) fn assert_reason(what: &str, answer: &Answer, code: u16, reason: &str) {
    let body = answer.json();
    assert_eq!(
        (answer.status, body["code"].as_u64(), &body["reason"]),
        (code, Some(code.into()), &json!(reason)),
        "{what}: {body}"
    );
}

/// Names of a list's items, in order.
pub(super) fn names(list: &Value) -> Vec<&str> {
    list["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item["metadata"]["name"].as_str())
        .collect()
}

/// Percent-encodes a query's value.
pub(super) fn encoded(text: &str) -> String {
    let byte = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(byte).collect()
}

/// A request without a body.
#[track_caller]
pub(super) fn bare(client: &Client, method: &Method, path: &str) -> Answer {
    client.send(method, path, None).unwrap()
}
