//! A fake Auto Scaling with a manual clock, and providers that are connected to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fake_asg::{Account, Clock as FakeClock, FakeAsg, Group, Options, Timing};
use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::{Node, Snapshot, annotation};
use kube_rebalancer_core::policy::{GiveBack, Policy};
use kube_rebalancer_ports::{
    Clock, CloudScope, CloudView, Environment, GroupAnswer, InstanceToDelete, Provider, ProviderError,
    SharedClock,
};

use crate::client::Pace;
use crate::provider::Aws;

/// A run with five minutes left until it is over, by the clock of the fake.
#[derive(Debug)]
struct Run {
    fake: Arc<FakeAsg>,
    over: Arc<AtomicBool>,
}

impl Clock for Run {
    fn now(&self) -> Timestamp {
        self.fake.now()
    }

    fn left(&self) -> SignedDuration {
        if self.over.load(Ordering::SeqCst) { SignedDuration::ZERO } else { SignedDuration::from_mins(5) }
    }
}

/// The fake, and the settings that lead a run to it.
#[derive(Debug)]
pub(super) struct World {
    pub(super) fake: Arc<FakeAsg>,
    pub(super) scope: CloudScope,
    pub(super) pace: Pace,
}

/// The zone of the first group.
pub(super) const ZONE: &str = "us-east-1a";
/// The other one.
pub(super) const OTHER: &str = "us-east-1b";
/// The name of the first group.
pub(super) const USERS: &str = "eks-users-08b91cf7";

/// The ID of the n-th instance.
pub(super) fn id(number: usize) -> String {
    format!("i-{number:017x}")
}

/// The node on the n-th instance, named after its address.
pub(super) fn node(number: usize) -> Node {
    node_in(number, ZONE)
}

pub(super) fn node_in(number: usize, zone: &str) -> Node {
    Node {
        name: format!("ip-10-0-0-{number}.ec2.internal"),
        provider_id: Some(format!("aws:///{zone}/{}", id(number))),
        ..Node::default()
    }
}

/// The n-th node with the marks of a parking or a waking.
pub(super) fn marked(number: usize, key: &str) -> Node {
    let mut node = Node { unschedulable: true, ..node(number) };
    for key in [annotation::CORDONED_AT, key] {
        node.annotations.insert(key.to_owned(), "2026-11-26T19:00:00Z".to_owned());
    }
    node
}

pub(super) fn snapshot(nodes: &[Node]) -> Snapshot {
    Snapshot::new(Timestamp::UNIX_EPOCH, nodes.to_vec(), Vec::new(), Vec::new(), 1).unwrap()
}

/// The environment of the key `AKIAFAKE`, without profiles.
pub(super) fn ops(url: &str) -> Environment {
    [
        ("AWS_ENDPOINT_URL", url),
        ("AWS_ACCESS_KEY_ID", "AKIAFAKE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ]
    .into_iter()
    .collect()
}

impl World {
    /// One group in one zone with this number of instances in service. Nothing changes until its clock is moved.
    pub(super) fn new(instances: usize) -> Self {
        let world = Self::empty(Account::ops(), 100);
        let group =
            (1..=instances).fold(Group::new(USERS, &[ZONE]), |group, at| group.instance(&id(at), ZONE));
        world.fake.add_group(group);
        world
    }

    /// One group in two zones that takes instances by turns, and does not even them out by itself.
    pub(super) fn two_zones(instances: usize) -> Self {
        let world = Self::new(0);
        world.fake.edit(USERS, |group| {
            let empty = Group::new(USERS, &[ZONE, OTHER]).suspend("AZRebalance");
            *group = (1..=instances)
                .fold(empty, |group, at| group.instance(&id(at), if at % 2 == 1 { ZONE } else { OTHER }));
        });
        world
    }

    pub(super) fn empty(account: Account, largest: usize) -> Self {
        let minute = Duration::from_mins(1);
        let timing = Timing::slow_and_at_once(minute);
        let clock = FakeClock::by_hand("2026-11-26T20:00:00Z".parse().unwrap());
        let fake = FakeAsg::start(account, Options { timing, clock, page: largest }).unwrap();
        let scope = CloudScope { environment: ops(&fake.url()), ..CloudScope::default() };
        let pace = Pace {
            tries: 3,
            connect: Duration::from_secs(2),
            credentials: Duration::from_secs(10),
            attempt: Duration::from_secs(10),
            first_pause: Duration::from_millis(1),
            last_look: Duration::from_secs(5),
            watching: Duration::from_millis(40),
        };
        Self { fake: Arc::new(fake), scope, pace }
    }

    /// With one more pair in the environment.
    pub(super) fn with_variables(mut self, pairs: &[(&str, &str)]) -> Self {
        let own = self.scope.environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let more = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.scope.environment = own.chain(more).collect();
        self
    }

    pub(super) fn connect(&self) -> Aws {
        self.connect_until(&Arc::default())
    }

    fn connect_until(&self, over: &Arc<AtomicBool>) -> Aws {
        rustls::crypto::ring::default_provider().install_default().ok();
        let clock: SharedClock = Arc::new(Run { fake: Arc::clone(&self.fake), over: Arc::clone(over) });
        Aws::new(self.scope.clone(), clock, self.pace)
    }

    /// A provider as [`Self::cloud`] makes it, and what ends its run.
    pub(super) async fn stoppable(&self) -> (Aws, Arc<AtomicBool>) {
        let over = Arc::default();
        let mut cloud = self.connect_until(&over);
        cloud.list(&snapshot(&self.nodes()), &Policy::default()).await.unwrap();
        (cloud, over)
    }

    pub(super) async fn try_list(&self, nodes: &[Node]) -> Result<(Aws, CloudView), ProviderError> {
        let mut cloud = self.connect();
        let view = cloud.list(&snapshot(nodes), &Policy::default()).await?;
        Ok((cloud, view))
    }

    /// Connects and lists.
    pub(super) async fn seen(&self, nodes: &[Node]) -> (Aws, CloudView) {
        self.try_list(nodes).await.unwrap()
    }

    /// Connects and lists in a run that parks.
    pub(super) async fn parking(&self, nodes: &[Node]) -> (Aws, CloudView) {
        let mut cloud = self.connect();
        let policy = Policy { give_back: GiveBack::Park, ..Policy::default() };
        let view = cloud.list(&snapshot(nodes), &policy).await.unwrap();
        (cloud, view)
    }

    /// The group with the n-th instance in standby, and its machine in this state: parked, if stopped.
    pub(super) fn set_aside(&self, number: usize, power: &'static str) {
        self.fake.edit(USERS, |group| {
            let one = group.instances.iter_mut().find(|one| one.id == id(number)).unwrap();
            (one.lifecycle, one.power) = ("Standby".to_owned(), power);
            group.desired -= 1;
        });
    }

    /// The deeds on the n-th instance, in order.
    pub(super) fn done(&self, number: usize) -> Vec<&'static str> {
        let group = self.fake.group(USERS).unwrap();
        group.instances.into_iter().find(|one| one.id == id(number)).map(|one| one.done).unwrap_or_default()
    }

    /// Lifecycle and machine of the n-th instance.
    pub(super) fn both(&self, number: usize) -> (String, &'static str) {
        let group = self.fake.group(USERS).unwrap();
        let one = group.instances.into_iter().find(|one| one.id == id(number)).unwrap();
        (one.lifecycle, one.power)
    }

    /// A provider that has read one node for each instance of the group.
    pub(super) async fn cloud(&self) -> Aws {
        self.seen(&self.nodes()).await.0
    }

    /// The nodes of the group's own instances.
    pub(super) fn nodes(&self) -> Vec<Node> {
        let group = self.fake.group(USERS).unwrap();
        let number = |id: &str| usize::from_str_radix(id.trim_start_matches("i-"), 16).unwrap();
        let first = group.instances.iter().filter(|one| number(&one.id) < 1000);
        first.map(|one| node_in(number(&one.id), &one.zone)).collect()
    }

    /// Lets whatever is under way end.
    pub(super) fn settle(&self) {
        self.fake.advance(Duration::from_mins(3));
        self.fake.advance(Duration::from_mins(3));
    }

    /// The group's desired capacity, and the instances that count in it.
    pub(super) fn size(&self) -> (u32, usize) {
        let group = self.fake.group(USERS).unwrap();
        let counted = group
            .instances
            .iter()
            .filter(|one| one.lifecycle == "InService" || one.lifecycle.starts_with("Pending"));
        (group.desired, counted.count())
    }

    /// The state of the n-th instance; `gone` if it is.
    pub(super) fn state(&self, number: usize) -> String {
        let group = self.fake.group(USERS).unwrap();
        let one = group.instances.into_iter().find(|one| one.id == id(number));
        one.map_or_else(|| "gone".to_owned(), |one| one.lifecycle)
    }

    /// The number of requests of a method.
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

/// The request for the nodes of these numbers.
pub(super) fn these(numbers: &[usize]) -> Vec<InstanceToDelete> {
    numbers.iter().map(|number| of(&node(*number))).collect()
}

/// Each node's group, or why it has none.
pub(super) fn places(view: &CloudView) -> Vec<Result<&str, &str>> {
    view.memberships
        .iter()
        .map(|one| one.group.as_deref().ok_or_else(|| one.outside.as_deref().unwrap_or_default()))
        .collect()
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
