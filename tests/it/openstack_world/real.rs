//! The servers of a real Nova, which `tests/openstack/start` has started.
#![expect(clippy::indexing_slicing, reason = "a field that a JSON value lacks reads as null")]

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Server, Servers};
use crate::control_plane::client::Client;

/// The URL at which `tests/openstack/start` serves Keystone.
const KEYSTONE: &str = "http://127.0.0.1:5000";
const NOVA: &str = "http://127.0.0.1:8774";

/// A real Nova, with the permissions of the user of the tests.
#[derive(Debug)]
pub(crate) struct RealNova {
    nova: Client,
    /// The prefix of the names of the servers.
    prefix: String,
    clouds: PathBuf,
}

impl RealNova {
    /// The servers whose names begin so. None, and one line on the terminal, where no OpenStack runs; with
    /// `REQUIRE_OPENSTACK=true` that fails the test.
    pub(crate) fn find(prefix: &str) -> Option<Self> {
        let clouds = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/openstack/clouds.yaml");
        if !clouds.is_file() {
            assert!(
                !is_required(),
                "no real OpenStack, and REQUIRE_OPENSTACK=true: {} is not there",
                clouds.display()
            );
            let mut terminal = std::io::stderr();
            writeln!(terminal, "skipped: no real OpenStack; tests/openstack/start starts one").ok();
            return None;
        }
        let domain = json!({"id": "default"});
        let user = json!({"name": "ops", "password": "secret", "domain": domain});
        let body = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": "hub", "domain": domain}},
        }});
        let answer = Client::plain(KEYSTONE).post("/v3/auth/tokens", &body);
        let token = answer.headers.get("x-subject-token").unwrap().to_str().unwrap().to_owned();
        let nova = Client::plain(NOVA)
            .with_header("x-auth-token", &token)
            .with_header("openstack-api-version", "compute 2.95");
        Some(Self { nova, prefix: prefix.to_owned(), clouds })
    }

    /// The configuration file for it: the value for `OS_CLIENT_CONFIG_FILE`.
    pub(crate) fn clouds(&self) -> &Path {
        &self.clouds
    }
}

impl Servers for RealNova {
    fn servers(&self) -> Vec<Server> {
        let list = self.nova.get("/v2.1/servers/detail").success();
        let servers = list["servers"].as_array().unwrap().iter().map(server);
        servers.filter(|server| server.name.starts_with(&self.prefix)).collect()
    }
}

fn server(value: &Value) -> Server {
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    Server {
        id: text("id").unwrap(),
        name: text("name").unwrap(),
        status: text("status").unwrap(),
        task: text("OS-EXT-STS:task_state"),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the environment tells the tests, not the program, what must be there"
)]
fn is_required() -> bool {
    std::env::var("REQUIRE_OPENSTACK").is_ok_and(|value| value == "true")
}
