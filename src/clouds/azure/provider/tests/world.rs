//! A fake Azure with a manual clock, and providers that are connected to it.

use std::sync::Arc;
use std::time::Duration;

use fake_azure::{Account, Clock as FakeClock, Cluster, FakeAzure, Options, ScaleSet, Timing};
use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::{Node, Snapshot};
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_ports::{Clock, CloudScope, CloudView, GroupAnswer, InstanceToDelete, Provider};
use kube_rebalancer_rest::{CloudError, Pace};

use crate::provider::Azure;

/// The subscription.
pub(super) const SUBSCRIPTION: &str = "12345678-aaaa-bbbb-cccc-123456789abc";
/// The scale set, and its name in plans.
pub(super) const SET: &str = "users";
pub(super) const GROUP: &str = "hub-rg/users";

/// A run with this time left.
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
    pub(super) fake: Arc<FakeAzure>,
    pub(super) scope: CloudScope,
    pub(super) pace: Pace,
    pub(super) left: SignedDuration,
}

pub(super) fn snapshot(nodes: &[Node]) -> Snapshot {
    Snapshot::new(Timestamp::UNIX_EPOCH, nodes.to_vec(), Vec::new(), Vec::new(), 1).unwrap()
}

/// The node on an instance of a scale set.
pub(super) fn node_of(set: &ScaleSet, instance: u64) -> Node {
    let name = set.computer_name(instance);
    Node { name, provider_id: Some(set.provider_id(instance)), ..Node::default() }
}

impl World {
    /// A cloud with one scale set of this number of running instances. Nothing changes until its clock is moved.
    pub(super) fn new(instances: u32) -> Self {
        Self::of(instances, Account::ops())
    }

    pub(super) fn of(instances: u32, account: Account) -> Self {
        let minute = Duration::from_mins(1);
        let timing = Timing { creating: minute, deleting: minute, power: minute };
        let clock = FakeClock::by_hand("2026-11-27T08:00:00Z".parse().unwrap());
        let fake = FakeAzure::start(account, Options { timing, clock, page: 7 }).unwrap();
        fake.add_set(ScaleSet::new(SUBSCRIPTION, "Hub-RG", SET), instances);
        let environment = fake.environment().into_iter().collect();
        let scope = CloudScope { environment, ..CloudScope::default() };
        let pace = Pace {
            tries: 3,
            connect: Duration::from_secs(2),
            attempt: Duration::from_secs(10),
            first_pause: Duration::from_millis(1),
            last_look: Duration::from_secs(5),
            watching: Duration::from_millis(50),
        };
        Self { fake: Arc::new(fake), scope, pace, left: SignedDuration::from_mins(5) }
    }

    /// A managed cluster with a system pool of two nodes and this number of users' nodes.
    pub(super) fn aks(users: u32) -> Self {
        let world = Self::new(0);
        let cluster = Cluster::new(SUBSCRIPTION, "Hub-RG", "Hub").pool("system", 2, true);
        world.fake.add_cluster(cluster.pool(SET, users, false));
        world
    }

    pub(super) async fn connect(&self) -> Result<Azure, CloudError> {
        self.connect_at(self.pace).await
    }

    pub(super) async fn connect_at(&self, pace: Pace) -> Result<Azure, CloudError> {
        rustls::crypto::ring::default_provider().install_default().ok();
        Azure::connect(self.scope.clone(), Arc::new(Left(self.left)), pace).await
    }

    /// Connects and lists.
    pub(super) async fn seen(&self, nodes: &[Node]) -> (Azure, CloudView) {
        let mut cloud = self.connect().await.unwrap();
        let view = cloud.list(&snapshot(nodes), &Policy::default()).await.unwrap();
        (cloud, view)
    }

    /// A provider that has seen a node on every instance.
    pub(super) async fn cloud(&self) -> Azure {
        self.seen(&self.nodes()).await.0
    }

    /// The group as a plan sees it.
    pub(super) async fn group(&self) -> kube_rebalancer_core::model::NodeGroup {
        let (_, view) = self.seen(&self.nodes()).await;
        let [group] = view.groups.as_slice() else { panic!("{view:?}") };
        group.clone()
    }

    pub(super) fn set(&self) -> ScaleSet {
        self.fake.set(SET).unwrap()
    }

    /// The scale set of an agent pool.
    pub(super) fn pool_set(&self, pool: &str) -> ScaleSet {
        self.fake.set(&Cluster::set_name(pool)).unwrap()
    }

    pub(super) fn node(&self, instance: u64) -> Node {
        node_of(&self.set(), instance)
    }

    /// A node on every instance of the scale set.
    pub(super) fn nodes(&self) -> Vec<Node> {
        let set = self.set();
        set.machines.keys().map(|instance| node_of(&set, *instance)).collect()
    }

    /// A node on every instance of the agent pools.
    pub(super) fn pool_nodes(&self) -> Vec<Node> {
        let mut nodes = Vec::new();
        for pool in ["system", SET] {
            let set = self.pool_set(pool);
            nodes.extend(set.machines.keys().map(|instance| {
                let mut node = node_of(&set, *instance);
                node.labels.insert("kubernetes.azure.com/agentpool".to_owned(), pool.to_owned());
                node
            }));
        }
        nodes
    }

    /// The request for these instances.
    pub(super) fn these(&self, instances: &[u64]) -> Vec<InstanceToDelete> {
        instances.iter().map(|instance| of(&self.node(*instance))).collect()
    }

    /// Lets whatever is under way end.
    pub(super) fn settle(&self) {
        self.fake.advance(Duration::from_mins(10));
    }

    /// Carries out requests at once from now on.
    pub(super) fn at_once(&self) {
        let no_time = Duration::ZERO;
        self.fake.set_timing(Timing { creating: no_time, deleting: no_time, power: no_time });
    }

    /// The actions on an instance.
    pub(super) fn done(&self, instance: u64) -> Vec<&'static str> {
        self.set().machines.get(&instance).map(|machine| machine.done.clone()).unwrap_or_default()
    }

    /// The instances to which something was done.
    pub(super) fn touched(&self) -> Vec<u64> {
        let set = self.set();
        set.machines.iter().filter(|(_, machine)| !machine.done.is_empty()).map(|(id, _)| *id).collect()
    }

    /// The number of requests of this method.
    pub(super) fn count(&self, method: &str) -> usize {
        self.fake.calls().iter().filter(|call| call.method == method).count()
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
