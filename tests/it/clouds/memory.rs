//! A cloud in memory, of two colours. It shows the parts of a new provider: it has its own names, a listing and a few
//! requests; everything else is in the crate join.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use kube_rebalancer_core::model::{Node, Snapshot};
use kube_rebalancer_core::plan::is_managed;
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_join::{
    self as join, Asked, Became, Calls, GroupNow, Identity, InstanceState, ListedGroup, ListedInstance,
    Listing, Member, Removal, SleepCalls, Turn, instance_of,
};
use kube_rebalancer_ports::{
    CloudScope, CloudView, Connecting, GroupAnswer, InstanceToDelete, NotWanted, Provider, ProviderError,
    ProviderKind, SharedClock,
};

/// The properties in which two clouds differ.
pub(super) trait Colour: Clone + Debug + Ord + Send + Sync + 'static {
    const CLOUD: &'static str;
    const SCHEME: &'static str;
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Red;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Blue;

impl Colour for Red {
    const CLOUD: &'static str = "Red Cloud";
    const SCHEME: &'static str = "red://";
}

impl Colour for Blue {
    const CLOUD: &'static str = "Blue Cloud";
    const SCHEME: &'static str = "blue://";
}

/// An instance: the rest of its provider ID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id<C>(String, PhantomData<C>);

impl<C> fmt::Display for Id<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<C: Colour> Identity for Id<C> {
    const CLOUD: &'static str = C::CLOUD;
    const SCHEME: &'static str = C::SCHEME;

    /// A node without a provider ID is the instance whose UUID it has: here `UUID-NAME`, in any case.
    fn of_node(node: &Node) -> Result<Self, String> {
        if let Some(id) = node.provider_id.as_deref() {
            return Self::from_provider_id(id);
        }
        let uuid = node.system_uuid.as_deref().map(str::to_lowercase);
        let name = uuid.as_deref().and_then(|uuid| uuid.strip_prefix(&C::SCHEME.replace("://", "-")));
        let name = name.ok_or("it has neither a providerID nor a system UUID of this cloud")?;
        Ok(Self(name.to_owned(), PhantomData))
    }

    fn from_provider_id(text: &str) -> Result<Self, String> {
        let name = text.strip_prefix(C::SCHEME).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| format!("`{text}` is none of {}", C::CLOUD))?;
        Ok(Self(name.to_owned(), PhantomData))
    }

    fn is_node(&self, name: &str) -> bool {
        self.0 == name
    }
}

/// The behavior of a cloud at a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Manner {
    /// At once.
    #[default]
    Prompt,
    /// Too late: the change shows only after the run has looked for it.
    Late,
    /// With this, and nothing is changed.
    Refusing(GroupAnswer),
    /// Not at all: the cloud's library panics.
    Panicking,
    /// Nor does it connect.
    PanickingAtOnce,
}

/// A group: its desired number of instances, its instances, and its limits.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    pub(super) size: u32,
    pub(super) instances: Vec<String>,
    pub(super) leaving: Vec<String>,
    pub(super) not_growable: Option<String>,
    pub(super) not_shrinkable: Option<String>,
    pub(super) not_parkable: Option<String>,
    /// The instances that are parked.
    pub(super) parked: Vec<String>,
    /// The instances that nothing has room for when they are woken.
    pub(super) stuck: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) pools: BTreeMap<String, Pool>,
    pub(super) manner: Manner,
    /// The reason why lists fail, if they do.
    pub(super) down: Option<String>,
    /// Whether a setting is the reason.
    pub(super) wrong_setting: bool,
    /// Whether a list never comes.
    pub(super) hangs: bool,
    /// How many connections were made.
    pub(super) connections: usize,
    /// The changes that were asked for.
    pub(super) log: Vec<String>,
    /// A change that shows later.
    pending: Option<(String, Pool)>,
}

/// The cloud, and the kind of its provider.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory<C>(Arc<Mutex<State>>, PhantomData<C>);

impl<C: Colour> Memory<C> {
    /// A cloud with one group whose instances run.
    pub(super) fn with(pool: &str, instances: &[&str]) -> Self {
        let instances: Vec<String> = instances.iter().map(|name| (*name).to_owned()).collect();
        let size = u32::try_from(instances.len()).unwrap();
        let pools = BTreeMap::from([(pool.to_owned(), Pool { size, instances, ..Pool::default() })]);
        Self(Arc::new(Mutex::new(State { pools, ..State::default() })), PhantomData)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The changes that were asked for since the last call.
    pub(super) fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.state().log)
    }

    /// Carries out the delayed steps.
    pub(super) fn catch_up(&self) {
        let mut state = self.state();
        if let Some((name, pool)) = state.pending.take() {
            state.pools.insert(name, pool);
        }
    }

    fn change(&self, group: &str, words: String, change: impl FnOnce(&mut Pool)) -> Asked<GroupAnswer> {
        let mut state = self.state();
        state.log.push(words);
        let mut pool = state.pools[group].clone();
        change(&mut pool);
        match state.manner.clone() {
            Manner::Panicking | Manner::PanickingAtOnce => {
                drop(state);
                panic!("a library's defect")
            }
            Manner::Refusing(answer) => Asked::Refused(answer),
            Manner::Prompt => {
                state.pools.insert(group.to_owned(), pool);
                Asked::Accepted
            }
            Manner::Late => {
                state.pending = Some((group.to_owned(), pool));
                Asked::Unanswered(GroupAnswer::InDoubt("no answer in time".to_owned()))
            }
        }
    }
}

fn listed<C: Colour>(pool: &Pool) -> Vec<ListedInstance<Id<C>>> {
    let instance = |name: &String| ListedInstance {
        id: Id(name.clone(), PhantomData),
        name: name.clone(),
        uid: Some(format!("uid of {name}")),
        state: match name {
            name if pool.leaving.contains(name) => InstanceState::Leaving,
            name if pool.parked.contains(name) => InstanceState::Asleep,
            _ => InstanceState::Present,
        },
        created_at: None,
        creation_error: None,
    };
    pool.instances.iter().map(instance).collect()
}

/// The answer of this cloud as a text, which the crate join requires.
#[derive(Clone, Debug)]
pub(super) struct Refusal(GroupAnswer);

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.words().unwrap_or_default())
    }
}

fn refusal(asked: Asked<GroupAnswer>) -> Asked<Refusal> {
    match asked {
        Asked::Accepted => Asked::Accepted,
        Asked::Refused(answer) => Asked::Refused(Refusal(answer)),
        Asked::Unanswered(answer) => Asked::Unanswered(Refusal(answer)),
    }
}

impl<C: Colour> Calls for Memory<C> {
    type Instance = Id<C>;
    type Refusal = Refusal;

    fn stopped(&self) -> Option<Refusal> {
        None
    }

    fn batch(&self) -> usize {
        2
    }

    async fn size(&self, group: &str, _: bool) -> Result<GroupNow, Refusal> {
        let Pool { size, not_growable, .. } = self.state().pools[group].clone();
        Ok(GroupNow { target_size: size, not_growable })
    }

    async fn instances(&self, group: &str, _: bool) -> Result<Vec<ListedInstance<Id<C>>>, Refusal> {
        Ok(listed(&self.state().pools[group]))
    }

    async fn resize(&self, group: &str, size: u32) -> Asked<Refusal> {
        refusal(self.change(group, format!("{group} to {size}"), |pool| pool.size = size))
    }

    async fn remove(&self, group: &str, instances: &[Id<C>]) -> Asked<Refusal> {
        let names: Vec<String> = instances.iter().map(ToString::to_string).collect();
        let words = format!("{group} without {}", names.join(" and "));
        refusal(self.change(group, words, |pool| {
            pool.size -= u32::try_from(names.len()).unwrap();
            pool.leaving.extend(names);
        }))
    }
}

impl<C: Colour> SleepCalls for Memory<C> {
    async fn turn(&self, group: &str, instances: &[Id<C>], turn: Turn) -> Vec<Asked<Refusal>> {
        let each = instances.iter().map(|instance| {
            let words = format!("{group} {} {instance}", if turn == Turn::Park { "parks" } else { "wakes" });
            refusal(self.change(group, words, |pool| match turn {
                Turn::Park => pool.parked.push(instance.0.clone()),
                Turn::Wake => pool.parked.retain(|name| *name != instance.0 || pool.stuck.contains(name)),
            }))
        });
        each.collect()
    }
}

/// A connection.
#[derive(Debug)]
struct MemoryProvider<C> {
    cloud: Memory<C>,
    members: BTreeMap<String, Member<Id<C>>>,
}

impl<C: Colour> ProviderKind for Memory<C> {
    fn cloud(&self) -> &'static str {
        C::CLOUD
    }

    fn name(&self) -> &'static str {
        C::SCHEME.trim_end_matches("://")
    }

    fn scheme(&self) -> Option<&'static str> {
        Some(C::SCHEME)
    }

    fn wanted(&self, nodes: &[Node], policy: &Policy, _: &CloudScope) -> Result<(), NotWanted> {
        let mut managed = nodes.iter().filter(|node| is_managed(node, policy));
        let found = managed.any(|node| instance_of::<Id<C>>(node).is_some());
        if found { Ok(()) } else { Err(NotWanted::Elsewhere) }
    }

    fn connect(&self, _: CloudScope, _: SharedClock) -> Connecting {
        let cloud = self.clone();
        Box::pin(async move {
            cloud.state().connections += 1;
            assert!(cloud.state().manner != Manner::PanickingAtOnce, "a library's defect");
            let provider: Box<dyn Provider> = Box::new(MemoryProvider { cloud, members: BTreeMap::new() });
            Ok(provider)
        })
    }
}

fn answer(became: Became<Refusal>) -> GroupAnswer {
    match became {
        Became::Done => GroupAnswer::Done,
        Became::AlreadySo => GroupAnswer::AlreadySo,
        Became::Conflict(why) => GroupAnswer::Conflict(why),
        Became::Refused(why) => GroupAnswer::Refused(why),
        Became::NotTaken(why) => GroupAnswer::Failed(why),
        Became::Failed(Refusal(answer)) | Became::NotSeen(Refusal(answer)) => answer,
        Became::InDoubt(why) => GroupAnswer::InDoubt(why),
    }
}

#[async_trait]
impl<C: Colour> Provider for MemoryProvider<C> {
    async fn list(&mut self, cluster: &Snapshot, _: &Policy) -> Result<CloudView, ProviderError> {
        let state = self.cloud.state().clone();
        if state.hangs {
            std::future::pending::<()>().await;
        }
        assert!(state.manner != Manner::Panicking, "a library's defect");
        if let Some(why) = state.down {
            let setting = state.wrong_setting;
            return Err(if setting { ProviderError::Setting(why) } else { ProviderError::Unseen(why) });
        }
        let group = |(name, pool): (&String, &Pool)| ListedGroup {
            name: name.clone(),
            zone: None,
            zones: Vec::new(),
            template: None,
            target_size: pool.size,
            instances: listed(pool),
            not_growable: pool.not_growable.clone(),
            not_shrinkable: pool.not_shrinkable.clone(),
            not_parkable: pool.not_parkable.clone(),
            not_wakeable: None,
        };
        let listing: Listing<Id<C>> = Listing {
            groups: state.pools.iter().map(group).collect(),
            gaps: Vec::new(),
            outside: BTreeMap::new(),
            strays: BTreeMap::new(),
            mistaken: BTreeSet::new(),
            elsewhere: "is in no pool".to_owned(),
        };
        let joined = join::join(&listing, cluster);
        self.members = joined.members;
        Ok(CloudView { groups: joined.groups, memberships: joined.memberships, ..CloudView::default() })
    }

    async fn grow(&self, group: &str, from: u32, to: u32) -> GroupAnswer {
        answer(join::grow(&self.cloud, group, from, to).await)
    }

    async fn delete(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        let (groups, mut answers) = self.by_group(nodes);
        for (group, removals) in groups {
            let became = join::delete(&self.cloud, group, removals).await;
            answers.extend(became.into_iter().map(|(position, became)| (position, answer(became))));
        }
        answers.into_values().collect()
    }

    async fn park(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        self.turn(nodes, Turn::Park).await
    }

    async fn wake(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        self.turn(nodes, Turn::Wake).await
    }
}

impl<C: Colour> MemoryProvider<C> {
    async fn turn(&self, nodes: &[InstanceToDelete], turn: Turn) -> Vec<GroupAnswer> {
        let (groups, mut answers) = self.by_group(nodes);
        for (group, members) in groups {
            let became = join::turn(&self.cloud, group, members, turn).await;
            answers.extend(became.into_iter().map(|(position, became)| (position, answer(became))));
        }
        answers.into_values().collect()
    }

    /// The proven instances of these nodes by their groups, and the refusals of the others, each with its position.
    fn by_group(&self, nodes: &[InstanceToDelete]) -> (Groups<'_, C>, BTreeMap<usize, GroupAnswer>) {
        let (mut groups, mut answers): (Groups<'_, C>, _) = (BTreeMap::new(), BTreeMap::new());
        for (position, node) in nodes.iter().enumerate() {
            let member = self.members.get(&node.node);
            let named = |member: &&Member<Id<C>>| {
                member.is_named_by(node.provider_id.as_deref(), node.system_uuid.as_deref())
            };
            match member.filter(named) {
                Some(member) => groups.entry(&member.group).or_default().push((position, member)),
                None => {
                    answers.insert(position, GroupAnswer::Refused("not listed".to_owned()));
                }
            }
        }
        (groups, answers)
    }
}

/// The instances of a change by their groups.
type Groups<'a, C> = BTreeMap<&'a str, Vec<Removal<'a, Id<C>>>>;
