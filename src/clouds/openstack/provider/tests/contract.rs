//! One test for the fake and for a real Keystone and Nova. `tests/openstack/start` starts the real ones, with the servers
//! that the test needs; without them that half is skipped.

use fake_openstack::{Account, Server as FakeServer};
use jiff::SignedDuration;
use kube_rebalancer_core::model::Node;
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_ports::{GroupAnswer, ParkBy, Provider};

use super::side::{Side, real};
use super::world::{id, of, snapshot, told};
use crate::client::{Action, Sent, Transport};
use crate::credentials::{self, Credentials, Login, Named, Secret, Tls};

/// The prefix of the names of the three servers.
const PREFIX: &str = "contract-";

fn conflict(sent: Sent) -> String {
    let Sent::Conflict(error) = sent else { panic!("{sent:?}") };
    error.message
}

async fn keeps_the_contract(side: &Side) {
    let world = side.world();
    let mut cloud = world.connect().await.unwrap();
    let mut servers = cloud.nova.servers(false).await.unwrap();
    servers.retain(|server| server.name.starts_with(PREFIX));
    servers.sort_by(|one, other| one.name.cmp(&other.name));
    let nodes: Vec<Node> = servers
        .iter()
        .map(|server| Node {
            name: server.name.clone(),
            provider_id: Some(format!("openstack:///{}", server.id)),
            ..Node::default()
        })
        .collect();
    let [first, second, third] = servers.as_slice() else { panic!("{servers:?}") };
    let view = cloud.list(&snapshot(&nodes), &Policy::default()).await.unwrap();
    assert!(view.memberships.iter().all(|one| one.group.as_deref() == Some(PREFIX)), "{view:?}");
    assert!(servers.iter().all(|one| one.status == "ACTIVE" && one.created_at.is_some() && !one.locked));

    // Shelving: accepted once, and a conflict ever after.
    assert_eq!(cloud.nova.change(&first.id, Action::Shelve).await, Sent::Accepted);
    let again = conflict(cloud.nova.change(&first.id, Action::Shelve).await);
    assert!(again.contains("Cannot 'shelve' instance") && again.contains("while it is in"), "{again}");
    let early = conflict(cloud.nova.change(&first.id, Action::Unshelve).await);
    assert!(early.contains("Cannot 'unshelve' instance"), "{early}");
    assert_eq!(cloud.park(&[of(&nodes[0])]).await, [GroupAnswer::AlreadySo]);
    side.settle(&cloud, &first.id, Some("SHELVED_OFFLOADED")).await;
    let late = conflict(cloud.nova.change(&first.id, Action::Shelve).await);
    assert!(late.contains("while it is in vm_state shelved_offloaded"), "{late}");
    // Nova forgets the host a moment after it shows the status.
    side.wait("the shelved server is on no host", async || {
        cloud.nova.server(&first.id, false).await.unwrap().unwrap().zone.is_none()
    })
    .await;
    assert_eq!(cloud.wake(&[of(&nodes[0])]).await, [GroupAnswer::Done]);
    side.settle(&cloud, &first.id, Some("ACTIVE")).await;
    let awake = conflict(cloud.nova.change(&first.id, Action::Unshelve).await);
    assert!(awake.contains("while it is in vm_state active"), "{awake}");

    // Stopping and starting.
    cloud.scope.park_by = ParkBy::Stop;
    assert_eq!(cloud.park(&[of(&nodes[1])]).await, [GroupAnswer::Done]);
    side.settle(&cloud, &second.id, Some("SHUTOFF")).await;
    let stopped = conflict(cloud.nova.change(&second.id, Action::Stop).await);
    assert!(stopped.contains("Cannot 'stop' instance") && stopped.contains("vm_state stopped"), "{stopped}");
    assert_eq!(cloud.wake(&[of(&nodes[1])]).await, [GroupAnswer::Done]);
    side.settle(&cloud, &second.id, Some("ACTIVE")).await;
    let started = conflict(cloud.nova.change(&second.id, Action::Start).await);
    assert!(started.contains("Cannot 'start' instance") && started.contains("vm_state active"), "{started}");

    // Deleting.
    assert_eq!(cloud.delete(&[of(&nodes[2])]).await, [GroupAnswer::Done]);
    side.settle(&cloud, &third.id, None).await;
    assert_eq!(cloud.delete(&[of(&nodes[2])]).await, [GroupAnswer::AlreadySo]);
    let answers = cloud.park(&[of(&nodes[2])]).await;
    assert_eq!(told(&answers[0]).0, "conflict", "{answers:?}");
    let gone = cloud.nova.change(&third.id, Action::Shelve).await;
    assert!(
        matches!(&gone, Sent::Refused(error) if error.message.contains("could not be found")),
        "{gone:?}"
    );
    let view = cloud.list(&snapshot(&nodes), &Policy::default()).await.unwrap();
    let places: Vec<bool> = view.memberships.iter().map(|one| one.group.is_some()).collect();
    assert_eq!(places, [true, true, false]);

    logins(side).await;
}

/// Keystone's errors have as few details as the real ones.
async fn logins(side: &Side) {
    let world = side.world();
    let connect = async |credentials| {
        let clock = std::sync::Arc::new(super::world::Left(SignedDuration::from_mins(5)));
        let transport = Transport::new(&Tls::default(), clock, world.pace).unwrap();
        crate::client::Nova::connect(transport, credentials).await
    };
    let good = credentials::find(None, &world.scope.environment).unwrap();
    let Login::Password { user, password, project } = good.login.clone() else { panic!("{good:?}") };
    let Named::Name(_, domain) = project.clone() else { panic!("{project}") };
    let wrong = Secret("wrong".to_owned());
    let nowhere = Named::Name("nowhere".to_owned(), domain);
    let nobody = credentials::Application::Id("nobody".to_owned());
    for (login, told) in [
        (Login::Password { user: user.clone(), password: wrong.clone(), project }, "with this password"),
        (Login::Password { user, password, project: nowhere }, "but not for project `nowhere`"),
        (Login::Application { credential: nobody, secret: wrong }, "has no application credential `nobody`"),
    ] {
        let error = connect(Credentials { login, ..good.clone() }).await.unwrap_err();
        assert!(error.message.contains(told), "{error}");
    }

    // A trustee acts in the project of the trust.
    let trusted = side.trustee();
    let nova = connect(trusted.clone()).await.unwrap();
    let seen = nova.servers(false).await.unwrap();
    assert!(seen.iter().any(|server| server.name.starts_with(PREFIX)), "{seen:?}");
    let Login::Trust { user, password, trust } = trusted.login.clone() else { panic!("{trusted:?}") };
    let Login::Password { user: trustor, password: own, .. } = good.login.clone() else { panic!("{good:?}") };
    let of = |user: &Named, password: &Secret, trust: &str| Login::Trust {
        user: user.clone(),
        password: password.clone(),
        trust: trust.to_owned(),
    };
    for (login, told) in [
        (of(&user, &Secret("wrong".to_owned()), &trust), "with this password"),
        (of(&user, &password, "nowhere"), "but not with the trust `nowhere`: there is no such trust"),
        (of(&trustor, &own, &trust), "but not as the trustee of the trust"),
    ] {
        let error = connect(Credentials { login, ..trusted.clone() }).await.unwrap_err();
        assert!(error.message.contains(told), "{error}");
    }
}

#[tokio::test]
async fn the_fake_keeps_the_contract() {
    let mut world = Side::fake();
    world.scope.node_groups = [PREFIX.to_owned()].into();
    for number in 1..=3 {
        let name = format!("{PREFIX}{number}");
        world.fake.add_server(FakeServer::new(&id(number), &name, &Account::ops().project_id));
    }
    keeps_the_contract(&Side::Fake(world)).await;
}

#[tokio::test]
async fn a_real_nova_keeps_the_contract() {
    let Some(world) = real(&[PREFIX]) else { return };
    keeps_the_contract(&Side::Real(world)).await;
}
