//! The fake, or a real OpenStack that `tests/openstack/start` has started: one contract for both.

use std::path::PathBuf;
use std::time::Duration;

use fake_http::waiting::until_async;
use kube_rebalancer_ports::CloudScope;

use super::world::World;
use crate::id::ServerId;
use crate::provider::OpenStack;
use kube_rebalancer_rest::Pace;

/// The service that is tried.
pub(super) enum Side {
    Fake(World),
    Real(World),
}

impl Side {
    pub(super) fn world(&self) -> &World {
        match self {
            Self::Fake(world) | Self::Real(world) => world,
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
    let clouds = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../target/openstack/clouds.yaml"));
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
