//! Every request fails in every way, once and lastingly, and a run ends before and after each: nothing is done twice, no
//! answer says what is not so, and the next run makes it good.

use std::convert::Infallible;
use std::time::Duration;

use fake_azure::{Call, ScaleSet};
use fake_http::Desk;
use kube_rebalancer_core::model::Node;
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_ports::{GroupAnswer, Provider};
use kube_rebalancer_rest::Pace;
use provider_faults::try_all;

use super::world::{GROUP, SET, World, node_of, of, snapshot};
use crate::provider::Azure;

/// The task of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Grow,
    Delete,
    Park,
    Wake,
    GrowPool,
    DeleteOfPool,
}

const DEEDS: [Deed; 6] =
    [Deed::Grow, Deed::Delete, Deed::Park, Deed::Wake, Deed::GrowPool, Deed::DeleteOfPool];

/// The initial number of instances of the group.
const SIZE: u32 = 3;
/// The instance that a deed is about.
const ONE: u64 = 1;

impl Deed {
    fn is_of_pool(self) -> bool {
        matches!(self, Self::GrowPool | Self::DeleteOfPool)
    }

    fn set(self, world: &World) -> ScaleSet {
        if self.is_of_pool() { world.pool_set(SET) } else { world.set() }
    }

    /// The nodes of the first run, also where an instance is gone since.
    fn nodes(self, world: &World) -> Vec<Node> {
        let set = self.set(world);
        let mut nodes: Vec<Node> = (0..u64::from(SIZE)).map(|instance| node_of(&set, instance)).collect();
        if self.is_of_pool() {
            for node in &mut nodes {
                node.labels.insert("kubernetes.azure.com/agentpool".to_owned(), SET.to_owned());
            }
        }
        nodes
    }

    async fn ask(self, world: &World, cloud: &Azure) -> GroupAnswer {
        let node = self.nodes(world).swap_remove(usize::try_from(ONE).unwrap());
        let answers = match self {
            Self::Grow => vec![cloud.grow(GROUP, SIZE, SIZE + 1).await],
            Self::GrowPool => vec![cloud.grow("hub/users", SIZE, SIZE + 1).await],
            Self::Delete | Self::DeleteOfPool => cloud.delete(&[of(&node)]).await,
            Self::Park => cloud.park(&[of(&node)]).await,
            Self::Wake => cloud.wake(&[of(&node)]).await,
        };
        answers.into_iter().next().unwrap()
    }

    async fn run_by(self, world: &World, mut cloud: Azure) -> Option<GroupAnswer> {
        cloud.list(&snapshot(&self.nodes(world)), &Policy::default()).await.ok()?;
        Some(self.ask(world, &cloud).await)
    }
}

impl provider_faults::Deed for Deed {
    type World = World;
    type Call = Call;
    type Own = Infallible;

    fn desk(world: &World) -> &Desk<Call, Infallible> {
        &world.fake
    }

    async fn start(self) -> World {
        let world = if self.is_of_pool() { World::aks(SIZE) } else { World::new(SIZE) };
        if self == Self::Wake {
            assert_eq!(world.cloud().await.park(&world.these(&[ONE])).await, [GroupAnswer::Done]);
            world.settle();
            world.fake.edit(SET, |set| set.machines.values_mut().for_each(|one| one.done.clear()));
            world.fake.forget_calls();
        }
        world
    }

    async fn run(self, world: &World) -> Option<GroupAnswer> {
        self.run_by(world, world.connect().await.ok()?).await
    }

    async fn disturbed(self, world: &World) -> Option<GroupAnswer> {
        let short = Duration::from_millis(400);
        let pace = Pace { attempt: short, last_look: short, ..world.pace };
        self.run_by(world, world.connect_at(pace).await.ok()?).await
    }

    fn is_done(self, world: &World) -> bool {
        let set = self.set(world);
        let machine = set.machines.get(&ONE);
        match self {
            Self::Grow | Self::GrowPool => set.capacity > SIZE,
            Self::Delete | Self::DeleteOfPool => machine.is_none_or(|one| one.provisioning == "Deleting"),
            Self::Park => {
                machine.is_some_and(|one| one.power.is_some_and(|power| power.starts_with("dealloc")))
            }
            Self::Wake => machine.is_some_and(|one| matches!(one.power, Some("running" | "starting"))),
        }
    }

    /// A terminating instance is no longer proven, and a pool that is scaling refuses other changes.
    fn is_past_asking(self, world: &World) -> bool {
        matches!(self, Self::Delete | Self::DeleteOfPool | Self::GrowPool) && self.is_done(world)
    }

    fn harm(self, world: &World) -> Option<String> {
        let set = self.set(world);
        let too_much = match self {
            Self::Grow | Self::GrowPool => set.capacity > SIZE + 1,
            Self::Delete | Self::DeleteOfPool => set.capacity < SIZE - 1,
            Self::Park | Self::Wake => set.capacity != SIZE,
        };
        let twice = set.machines.iter().any(|(id, one)| one.done.len() > usize::from(*id == ONE));
        (too_much || twice).then(|| format!("{set:?}"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_request_fails_nothing_is_done_twice_and_the_next_run_makes_it_good() {
    try_all(&DEEDS, &[]).await.is_all_well(62, 62 * 34);
}
