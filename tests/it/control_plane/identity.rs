//! The identity of a client at the API server, and a kubeconfig for it.

use serde_json::{Value, json};

use super::ControlPlane;
use super::certificates::Certificate;
use super::client::Client;
use super::files;

/// A user of the control plane.
#[derive(Debug, Clone)]
pub(crate) enum Identity {
    /// May do everything.
    Admin,
    /// Any name in any groups, by impersonation, because a certificate of the tests can have only one group.
    User { name: String, groups: Vec<String> },
    /// Presents its own certificate, valid or expired.
    Certificate(Certificate),
    /// A bearer token, for example a service account's.
    Token(String),
}

impl ControlPlane {
    /// A client that is `identity`.
    pub(crate) fn client_of(&self, identity: &Identity) -> Client {
        let secure = |certificate| Client::secure(self.url(), self.authority().pem(), certificate);
        match identity {
            Identity::Admin => self.admin().clone(),
            Identity::User { name, groups } => groups
                .iter()
                .fold(self.admin().clone().with_header("impersonate-user", name), |client, group| {
                    client.with_header("impersonate-group", group)
                }),
            Identity::Certificate(certificate) => secure(Some(certificate)),
            Identity::Token(token) => secure(None).with_header("authorization", &format!("Bearer {token}")),
        }
    }

    /// The text of a kubeconfig file (JSON, which is YAML too) whose current context, `test`, is `identity`.
    pub(crate) fn kubeconfig(&self, identity: &Identity) -> String {
        let file = |name: &str| self.directory().join(name).display().to_string();
        let mut user = json!({"client-certificate": file("admin.crt"), "client-key": file("admin.key")});
        match identity {
            Identity::Admin => {}
            Identity::User { name, groups } => {
                user["as"] = json!(name);
                user["as-groups"] = json!(groups);
            }
            Identity::Certificate(certificate) => {
                let name = self.unique("user");
                let (certificate, key) =
                    files::write_certificate(self.directory(), &name, certificate).unwrap();
                user = json!({"client-certificate": certificate, "client-key": key});
            }
            Identity::Token(token) => user = json!({"token": token}),
        }
        kubeconfig(self.url(), Some(&file("ca.crt")), &user)
    }
}

/// A kubeconfig of one context, `test`, for any server, a fake one too.
pub(crate) fn kubeconfig(server: &str, authority_file: Option<&str>, user: &Value) -> String {
    let mut cluster = json!({"server": server});
    if let Some(file) = authority_file {
        cluster["certificate-authority"] = json!(file);
    }
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    });
    format!("{config:#}\n")
}
