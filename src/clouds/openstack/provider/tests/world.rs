//! A fake OpenStack with a manual clock, and providers that are connected to it.

use std::sync::Arc;
use std::time::Duration;

use fake_openstack::{Account, Clock as FakeClock, FakeOpenStack, Options, Server, Timing};
use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::{Node, Snapshot};
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_ports::{
    Clock, CloudScope, CloudView, Environment, GroupAnswer, InstanceToDelete, ParkBy, Provider,
};

use crate::provider::OpenStack;
use kube_rebalancer_rest::CloudError;
use kube_rebalancer_rest::Pace;

/// A run with so much time left.
#[derive(Debug)]
pub(super) struct Left(pub(super) SignedDuration);

impl Clock for Left {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn left(&self) -> SignedDuration {
        self.0
    }
}

/// The fake, and the settings that lead a run to it.
#[derive(Debug)]
pub(super) struct World {
    pub(super) fake: Arc<FakeOpenStack>,
    pub(super) scope: CloudScope,
    pub(super) pace: Pace,
    pub(super) left: SignedDuration,
}

/// The ID of the n-th server.
pub(super) fn id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// The name of the n-th server.
pub(super) fn name(number: usize) -> String {
    format!("hub-k8s-node-{number}")
}

/// The n-th server, which runs.
pub(super) fn server(number: usize) -> Server {
    Server::new(&id(number), &name(number), &Account::ops().project_id)
        .metadata("kubespray_groups", "kube_node,k8s_cluster")
}

/// The node on the n-th server.
pub(super) fn node(number: usize) -> Node {
    Node { name: name(number), provider_id: Some(format!("openstack:///{}", id(number))), ..Node::default() }
}

pub(super) fn snapshot(nodes: &[Node]) -> Snapshot {
    Snapshot::new(Timestamp::UNIX_EPOCH, nodes.to_vec(), Vec::new(), Vec::new(), 1).unwrap()
}

/// The environment of the user `ops`.
pub(super) fn ops(auth_url: &str) -> Environment {
    [
        ("OS_AUTH_URL", auth_url),
        ("OS_USERNAME", "ops"),
        ("OS_PASSWORD", "secret"),
        ("OS_PROJECT_NAME", "hub"),
        ("OS_USER_DOMAIN_NAME", "Default"),
        ("OS_PROJECT_DOMAIN_ID", "default"),
    ]
    .into_iter()
    .collect()
}

impl World {
    /// Creates a cloud with this number of running servers. Nothing changes until its clock is moved.
    pub(super) fn new(servers: usize) -> Self {
        Self::of(servers, Account::ops())
    }

    pub(super) fn of(servers: usize, account: Account) -> Self {
        let minute = Duration::from_mins(1);
        let timing = Timing { shelving: minute, scheduling: Duration::ZERO, spawning: minute, power: minute };
        let clock = FakeClock::by_hand("2026-11-26T20:00:00Z".parse().unwrap());
        let fake = FakeOpenStack::start(account, Options { timing, clock }).unwrap();
        for number in 1..=servers {
            fake.add_server(server(number));
        }
        let scope = CloudScope {
            node_groups: ["hub-k8s-node-".to_owned()].into(),
            environment: ops(&fake.auth_url()),
            ..CloudScope::default()
        };
        let pace = Pace {
            tries: 3,
            connect: Duration::from_secs(2),
            attempt: Duration::from_secs(10),
            first_pause: Duration::from_millis(1),
            last_look: Duration::from_secs(5),
            watching: Duration::from_secs(10),
        };
        Self { fake: Arc::new(fake), scope, pace, left: SignedDuration::from_mins(5) }
    }

    pub(super) fn parking_by(mut self, park_by: ParkBy) -> Self {
        self.scope.park_by = park_by;
        self
    }

    pub(super) async fn connect(&self) -> Result<OpenStack, CloudError> {
        self.connect_at(self.pace).await
    }

    pub(super) async fn connect_at(&self, pace: Pace) -> Result<OpenStack, CloudError> {
        rustls::crypto::ring::default_provider().install_default().ok();
        OpenStack::connect(self.scope.clone(), Arc::new(Left(self.left)), pace).await
    }

    /// Connects and lists.
    pub(super) async fn seen(&self, nodes: &[Node]) -> (OpenStack, CloudView) {
        let mut cloud = self.connect().await.unwrap();
        let view = cloud.list(&snapshot(nodes), &Policy::default()).await.unwrap();
        (cloud, view)
    }

    /// A provider that has seen as many nodes as there are servers.
    pub(super) async fn cloud(&self) -> OpenStack {
        let nodes: Vec<Node> = (1..=self.fake.servers().len()).map(node).collect();
        self.seen(&nodes).await.0
    }

    /// Lets whatever is under way end.
    pub(super) fn settle(&self) {
        self.fake.advance(Duration::from_mins(10));
    }

    /// The n-th server's status and task.
    pub(super) fn state(&self, number: usize) -> (&'static str, Option<&'static str>) {
        let server = self.fake.server(&id(number)).unwrap();
        (server.status.shown(), server.task)
    }

    /// The actions on the n-th server.
    pub(super) fn done(&self, number: usize) -> Vec<&'static str> {
        self.fake.server(&id(number)).map(|server| server.done).unwrap_or_default()
    }
}

/// The request for a node.
pub(super) fn of(node: &Node) -> InstanceToDelete {
    InstanceToDelete {
        node: node.name.clone(),
        provider_id: node.provider_id.clone(),
        system_uuid: node.system_uuid.clone(),
    }
}

/// The request for the nodes of these numbers.
pub(super) fn these(numbers: &[usize]) -> Vec<InstanceToDelete> {
    numbers.iter().map(|number| of(&node(*number))).collect()
}

/// The answer's variant and message.
pub(super) fn told(answer: &GroupAnswer) -> (&'static str, &str) {
    let word = match answer {
        GroupAnswer::Done => "done",
        GroupAnswer::AlreadySo => "already so",
        GroupAnswer::Conflict(_) => "conflict",
        GroupAnswer::Refused(_) => "refused",
        GroupAnswer::Exhausted(_) => "exhausted",
        GroupAnswer::Quota(_) => "quota",
        GroupAnswer::Forbidden(_) => "forbidden",
        GroupAnswer::Gone(_) => "gone",
        GroupAnswer::Busy(_) => "busy",
        GroupAnswer::Failed(_) => "failed",
        GroupAnswer::InDoubt(_) => "in doubt",
    };
    (word, answer.words().unwrap_or_default())
}
