//! The fake, or a real OpenStack that `tests/openstack/start` has started: one contract for both.

use std::path::Path;
use std::time::Duration;

use fake_http::waiting::until_async;
use fake_openstack::Account;
use kube_rebalancer_ports::{CloudScope, Environment};

use super::world::World;
use crate::credentials::{self, Credentials};
use crate::id::ServerId;
use crate::provider::OpenStack;
use kube_rebalancer_rest::Pace;

/// The folder of `tests/openstack/start`.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../target/openstack");

/// The ID of the fake's trust.
const TRUST: &str = "e108f08ee18f4c4fb4c0836f730d48a5";

/// The service that is tried.
pub(super) enum Side {
    Fake(World),
    Real(World),
}

impl Side {
    /// A fake whose user trusts a trustee.
    pub(super) fn fake() -> World {
        let (trustee, ops) = Account::trustee_and_ops(TRUST);
        let world = World::of(0, ops);
        world.fake.add_account(trustee);
        world
    }

    pub(super) fn world(&self) -> &World {
        match self {
            Self::Fake(world) | Self::Real(world) => world,
        }
    }

    /// The credentials of the trustee of a user's trust.
    pub(super) fn trustee(&self) -> Credentials {
        match self {
            Self::Fake(world) => {
                let (trustee, ops) = Account::trustee_and_ops(TRUST);
                let environment = [
                    ("OS_AUTH_URL", world.fake.auth_url()),
                    ("OS_USER_ID", trustee.user_id),
                    ("OS_PASSWORD", trustee.password),
                    ("OS_TRUST_ID", ops.trusts[0].id.clone()),
                ];
                credentials::find(None, &environment.into_iter().collect()).unwrap()
            }
            Self::Real(_) => {
                let file = Path::new(FOLDER).join("work/trust.conf");
                credentials::find(file.to_str(), &Environment::default()).unwrap()
            }
        }
    }

    /// Waits until a server has a status and no task; `None` for one that is gone.
    pub(super) async fn settle(&self, cloud: &OpenStack, id: &ServerId, status: Option<&str>) {
        let what = format!("server {id} becomes {status:?}");
        self.wait(&what, async || {
            let now = cloud.nova.server(id, false).await.unwrap();
            let is_so = now.as_ref().map(|server| (server.status.as_str(), server.task.as_deref()));
            is_so == status.map(|status| (status, None))
        })
        .await;
    }

    /// Waits until a condition is fulfilled; the fake's clock advances meanwhile.
    pub(super) async fn wait(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let is_so = async || {
            if let Self::Fake(world) = self {
                world.settle();
            }
            is_so().await.then_some(())
        };
        until_async(what, Duration::from_mins(2), is_so).await.unwrap();
    }
}

/// A real OpenStack with these node groups. None, and a line, where there is none; with `REQUIRE_OPENSTACK=true` that fails the
/// test.
#[expect(clippy::print_stdout, reason = "what is skipped for want of a program is said in a line")]
#[expect(clippy::disallowed_methods, reason = "the environment tells the tests what must be there")]
pub(super) fn real(node_groups: &[&str]) -> Option<World> {
    let clouds = Path::new(FOLDER).join("clouds.yaml");
    if !clouds.is_file() {
        let is_required = std::env::var("REQUIRE_OPENSTACK").is_ok_and(|value| value == "true");
        assert!(
            !is_required,
            "no real OpenStack, and REQUIRE_OPENSTACK=true: tests/openstack/start starts one"
        );
        println!("skipped: no real OpenStack; tests/openstack/start starts one");
        return None;
    }
    let mut world = World::new(0);
    world.pace = Pace { first_pause: Duration::from_millis(100), ..Pace::default() };
    world.scope = CloudScope {
        node_groups: node_groups.iter().map(|part| (*part).to_owned()).collect(),
        environment: [("OS_CLIENT_CONFIG_FILE", clouds.to_str().unwrap())].into_iter().collect(),
        ..CloudScope::default()
    };
    Some(world)
}
