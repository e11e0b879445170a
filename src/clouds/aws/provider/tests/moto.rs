//! The provider with another implementation of Auto Scaling: moto's server at `MOTO_URL`, which `tests/fake-asg/try-aws` starts
//! with a group called `users`. Without it the test is skipped.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::Node;
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_join::Hardware;
use kube_rebalancer_ports::{Clock, CloudScope, GroupAnswer, InstanceToDelete, Provider};

use super::world::{ops, snapshot};
use crate::client::{Deed, Pace};
use crate::machine::Power;
use crate::provider::Aws;
use crate::shape::{Source, TemplateVersion};

#[derive(Debug)]
struct Long;

impl Clock for Long {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn left(&self) -> SignedDuration {
        SignedDuration::from_mins(5)
    }
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "whether there is a server to try, and what that means"
)]
async fn a_provider_works_against_moto() {
    let Ok(url) = std::env::var("MOTO_URL") else {
        println!("skipped: MOTO_URL is not set");
        return;
    };
    rustls::crypto::ring::default_provider().install_default().ok();
    let scope = CloudScope {
        node_groups: ["users".to_owned()].into(),
        environment: ops(&url),
        ..CloudScope::default()
    };
    let own = Node { provider_id: Some("aws:///us-east-1a/i-12345678".to_owned()), ..Node::default() };
    let mut cloud = Aws::new(scope, Arc::new(Long), Pace::default());
    let view = cloud.list(&snapshot(&[own]), &Policy::default()).await.unwrap();
    let [group] = view.groups.as_slice() else { panic!("{view:?}") };
    assert_eq!((&*group.name, group.target_size, group.zone.as_deref()), ("users", 3, Some("us-east-1a")));
    // Moto has no instance refreshes, and what is not known means hands off.
    let why = group.not_shrinkable.as_deref().unwrap();
    assert!(why.starts_with("whether an instance refresh is under way is not known"), "{why}");
    assert_eq!(group.not_growable.as_deref(), Some(why));
    let client = cloud.client.as_ref().unwrap();
    let users = client.group("users", false).await.unwrap();
    let [Source::Template(version)] = users.sources.as_slice() else { panic!("{:?}", users.sources) };
    assert_eq!(version.version, "$Latest");
    assert_eq!(client.kind_of_template(version).await.unwrap().as_deref(), Some("m5.xlarge"));
    let unknown = TemplateVersion { version: "9".to_owned(), ..version.clone() };
    assert!(client.kind_of_template(&unknown).await.is_err());
    let kinds = client.machine_kinds(&["m5.xlarge", "x9.huge"]).await.unwrap();
    let [kind] = kinds.as_slice() else { panic!("{kinds:?}") };
    assert_eq!((&*kind.name, kind.pods, kind.is_arm), ("m5.xlarge", 58, Some(false)));
    assert_eq!(kind.hardware, Hardware { memory_mib: 16_384, cpus: 4, gpus: 0 });
    let names: Vec<String> = group.instances.iter().map(|one| one.name.clone()).collect();
    assert_eq!(names.len(), 3);

    // Nodes on its instances are proven; then one is deleted, and the size decreases.
    let node = |(number, id): (usize, &String)| Node {
        name: format!("ip-10-0-0-{number}.ec2.internal"),
        provider_id: Some(format!("aws:///us-east-1a/{id}")),
        ..Node::default()
    };
    let nodes: Vec<Node> = names.iter().enumerate().map(node).collect();
    let view = cloud.list(&snapshot(&nodes), &Policy::default()).await.unwrap();
    assert!(view.memberships.iter().all(|one| one.group.as_deref() == Some("users")), "{view:?}");
    let first = InstanceToDelete {
        node: nodes[0].name.clone(),
        provider_id: nodes[0].provider_id.clone(),
        system_uuid: None,
    };
    assert!(matches!(cloud.delete(&[first]).await.as_slice(), [GroupAnswer::Refused(_)]));
    let client = cloud.client.as_ref().unwrap();
    client.terminate(&crate::id::InstanceId::parse(&names[0]).unwrap(), true).await.unwrap();
    let after = client.group("users", false).await.unwrap();
    assert_eq!((after.desired, after.instances.iter().any(|one| one.id.as_str() == names[0])), (2, false));

    // Moto has no launches, and reports that in its own form, so the request for growth sets the size.
    client.set_desired("users", 4).await.unwrap();
    assert_eq!(client.group("users", false).await.unwrap().instances.len(), 4);

    // Standby lowers the size, the machine is stopped and started, and the return raises the size.
    let id = crate::id::InstanceId::parse(&names[1]).unwrap();
    let power = async || {
        let machines = client.machines(&[&id], false).await.unwrap();
        let [machine] = machines.as_slice() else { panic!("{machines:?}") };
        (machine.power, machine.is_spot, machine.has_ebs_root)
    };
    assert_eq!(power().await, (Power::Running, false, true));
    for deed in [Deed::Stop, Deed::Start] {
        client.may_turn(&id, deed).await.unwrap();
    }
    assert_eq!(power().await.0, Power::Running, "a dry run changes nothing");
    client.enter_standby("users", &id).await.unwrap();
    let group = client.group("users", false).await.unwrap();
    let lifecycle = group.instances.iter().find(|one| one.id == id).unwrap().lifecycle.clone();
    assert_eq!((lifecycle.0.as_str(), group.desired), ("Standby", 3));
    client.turn(&id, Deed::Stop).await.unwrap();
    assert_eq!(power().await.0, Power::Stopped);
    client.turn(&id, Deed::Start).await.unwrap();
    assert_eq!(power().await.0, Power::Running);
    client.exit_standby("users", &id).await.unwrap();
    let group = client.group("users", false).await.unwrap();
    assert_eq!((group.desired, group.instances.len()), (4, 4));
    let gone = crate::id::InstanceId::parse("i-0123456789abcdef0").unwrap();
    assert_eq!(client.machines(&[&gone], false).await.unwrap(), []);
    assert_eq!(client.turn(&gone, Deed::Start).await.unwrap_err().kind, crate::error::Kind::NotFound);
}
