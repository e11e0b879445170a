//! The toy cloud.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard};

use futures_util::FutureExt;
use jiff::Timestamp;
use kube_rebalancer_core::model::{Node, Snapshot, annotation};

use crate::{Asked, Calls, GroupNow, Identity, InstanceState, ListedGroup, ListedInstance, Listing, Member};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Toy {
    pub(super) account: String,
    pub(super) zone: String,
    pub(super) name: String,
}

impl fmt::Display for Toy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.zone, self.name)
    }
}

impl Identity for Toy {
    const CLOUD: &'static str = "Toy Cloud";
    const SCHEME: &'static str = "toy://";

    fn from_provider_id(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.strip_prefix("toy://").unwrap_or_default().split('/').collect();
        let [account, zone, name] = parts.as_slice() else { return Err(format!("`{text}` is no toy")) };
        Ok(Self { account: (*account).to_owned(), zone: (*zone).to_owned(), name: (*name).to_owned() })
    }

    /// A node is named after its instance, or so within a domain.
    fn is_node(&self, name: &str) -> bool {
        name.strip_suffix(".toy").unwrap_or(name) == self.name
    }

    fn registered_uid(node: &Node) -> Option<&str> {
        node.annotations.get(annotation::INSTANCE_ID).map(String::as_str)
    }
}

pub(super) fn toy(name: &str) -> Toy {
    Toy { account: "acme".to_owned(), zone: "z1".to_owned(), name: name.to_owned() }
}

pub(super) fn node(name: &str) -> Node {
    claiming(name, &format!("toy://acme/z1/{name}"))
}

pub(super) fn claiming(name: &str, provider_id: &str) -> Node {
    Node { name: name.to_owned(), provider_id: Some(provider_id.to_owned()), ..Node::default() }
}

pub(super) fn snapshot(nodes: &[Node]) -> Snapshot {
    Snapshot::new(Timestamp::UNIX_EPOCH, nodes.to_vec(), Vec::new(), Vec::new(), 1).unwrap()
}

/// An instance that runs.
pub(super) fn instance(name: &str) -> ListedInstance<Toy> {
    ListedInstance {
        id: toy(name),
        name: name.to_owned(),
        uid: Some(format!("uid-{name}")),
        state: InstanceState::Present,
        created_at: None,
        creation_error: None,
    }
}

pub(super) fn group(name: &str, instances: Vec<ListedInstance<Toy>>) -> ListedGroup<Toy> {
    ListedGroup {
        name: format!("z1/{name}"),
        zone: Some("z1".to_owned()),
        zones: Vec::new(),
        template: None,
        target_size: u32::try_from(instances.len()).unwrap(),
        instances,
        not_growable: None,
        not_shrinkable: None,
        not_parkable: None,
        not_wakeable: None,
    }
}

pub(super) fn listing(groups: Vec<ListedGroup<Toy>>) -> Listing<Toy> {
    Listing {
        groups,
        gaps: Vec::new(),
        outside: BTreeMap::new(),
        strays: BTreeMap::new(),
        mistaken: BTreeSet::new(),
        elsewhere: "is in no toy box".to_owned(),
    }
}

pub(super) fn member(name: &str) -> Member<Toy> {
    Member {
        provider_id: Some(format!("toy://acme/z1/{name}")),
        system_uuid: None,
        group: "z1/pool".to_owned(),
        instance: toy(name),
        uid: Some(format!("uid-{name}")),
    }
}

/// The cloud's behavior at a request to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It answers and does it.
    Obey,
    /// It refuses.
    Refuse,
    /// It does it, and the answer is lost.
    LoseAnswer,
    /// It does nothing, and the answer is lost.
    LoseRequest,
}

#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) instances: Vec<ListedInstance<Toy>>,
    pub(super) size: u32,
    pub(super) not_growable: Option<String>,
    pub(super) way: Way,
    pub(super) batch: usize,
    /// Instances that it accepts for deletion and leaves alone.
    pub(super) skipped: BTreeSet<Toy>,
    /// Whether looks fail: before a change, after it.
    pub(super) blind: (bool, bool),
    /// The run stops with this request.
    pub(super) stop_at: Option<&'static str>,
    pub(super) log: Vec<String>,
    pub(super) stopped: bool,
}

#[derive(Debug)]
pub(super) struct Cloud(Mutex<State>);

impl Cloud {
    pub(super) fn new(names: &[&str], change: impl FnOnce(&mut State)) -> Self {
        let mut state = State {
            instances: names.iter().map(|name| instance(name)).collect(),
            size: u32::try_from(names.len()).unwrap(),
            not_growable: None,
            way: Way::Obey,
            batch: 100,
            skipped: BTreeSet::new(),
            blind: (false, false),
            stop_at: None,
            log: Vec::new(),
            stopped: false,
        };
        change(&mut state);
        Self(Mutex::new(state))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn called(&self, what: &'static str, words: String) -> MutexGuard<'_, State> {
        let mut state = self.state();
        state.log.push(words);
        state.stopped |= state.stop_at == Some(what);
        state
    }

    fn look(&self, what: &'static str, last: bool) -> Result<MutexGuard<'_, State>, String> {
        let state = self.called(what, if last { format!("{what} again") } else { what.to_owned() });
        let blind = if last { state.blind.1 } else { state.blind.0 };
        if blind { Err(format!("no {what} today")) } else { Ok(state) }
    }
}

fn answer(way: Way) -> Asked<String> {
    match way {
        Way::Obey => Asked::Accepted,
        Way::Refuse => Asked::Refused("no".to_owned()),
        Way::LoseAnswer | Way::LoseRequest => Asked::Unanswered("silence".to_owned()),
    }
}

impl Calls for Cloud {
    type Instance = Toy;
    type Refusal = String;

    fn stopped(&self) -> Option<String> {
        self.state().stopped.then(|| "the run is over".to_owned())
    }

    fn batch(&self) -> usize {
        self.state().batch
    }

    async fn size(&self, _: &str, last: bool) -> Result<GroupNow, String> {
        let state = self.look("size", last)?;
        Ok(GroupNow { target_size: state.size, not_growable: state.not_growable.clone() })
    }

    async fn instances(&self, _: &str, last: bool) -> Result<Vec<ListedInstance<Toy>>, String> {
        Ok(self.look("list", last)?.instances.clone())
    }

    async fn resize(&self, _: &str, size: u32) -> Asked<String> {
        let mut state = self.called("resize", format!("resize to {size}"));
        if matches!(state.way, Way::Obey | Way::LoseAnswer) {
            state.size = size;
        }
        answer(state.way)
    }

    async fn remove(&self, _: &str, instances: &[Toy]) -> Asked<String> {
        let names: Vec<&str> = instances.iter().map(|instance| instance.name.as_str()).collect();
        let mut state = self.called("remove", format!("remove {}", names.join(", ")));
        if matches!(state.way, Way::Obey | Way::LoseAnswer) {
            let skipped = state.skipped.clone();
            for listed in &mut state.instances {
                if instances.contains(&listed.id) && !skipped.contains(&listed.id) {
                    listed.state = InstanceState::Leaving;
                }
            }
        }
        answer(state.way)
    }
}

/// The result of a future that waits for nothing.
pub(super) fn now<R>(future: impl Future<Output = R>) -> R {
    future.now_or_never().unwrap()
}
