//! The provider: the request to each command, and the meaning of its answer.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use async_trait::async_trait;
use jiff::SignedDuration;
use kube_rebalancer_core::model::{MachineFate, Snapshot};
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_core::text::clean;
use kube_rebalancer_ports::words::without_tokens;
use kube_rebalancer_ports::{
    CloudScope, CloudView, GroupAnswer, InstanceToDelete, Provider, ProviderError, SharedClock,
};

use crate::command::{Broken, Ended, Order, run};
use crate::earlier::{Earlier, Whose};
use crate::look::{Member, Seen, look, requested};
use crate::notes::{self, Asked};
use crate::protocol::{Answer, AnsweredNode, AnsweredResult, AnsweredState, Request, SCHEMA, Verb, sorted};
use crate::sightings::{self, Sightings};

/// The exit codes with a special meaning, as in sysexits.h.
const BUSY: i32 = 75;
const CANNOT: i32 = 69;

/// Variables that every command gets if they are set.
const ALWAYS: [&str; 8] = ["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The commands of a run.
pub(crate) struct Exec {
    list: Vec<String>,
    pub(crate) scope: CloudScope,
    clock: SharedClock,
    earlier: Earlier,
    environment: Vec<(String, String)>,
    /// The observed cluster, and the time for which requested growth counts as coming.
    pub(crate) looked: Option<(Snapshot, SignedDuration)>,
    sightings: Sightings,
    pub(crate) members: BTreeMap<String, Member>,
}

impl fmt::Debug for Exec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.environment.iter().map(|(name, _)| name.as_str()).collect();
        formatter
            .debug_struct("Exec")
            .field("list", &self.list)
            .field("scope", &self.scope)
            .field("environment", &names)
            .field("members", &self.members)
            .finish_non_exhaustive()
    }
}

impl Exec {
    pub(crate) fn new(list: Vec<String>, scope: CloudScope, clock: SharedClock) -> Self {
        let allowed = |name: &str| {
            ALWAYS.contains(&name)
                || scope.commands.variables.iter().any(|one| match one.strip_suffix('*') {
                    Some(prefix) => name.starts_with(prefix),
                    None => one == name,
                })
        };
        let environment = scope
            .environment
            .iter()
            .filter(|(name, _)| allowed(name))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self {
            list,
            scope,
            earlier: Earlier::new(clock.as_ref()),
            clock,
            environment,
            looked: None,
            sightings: Sightings::new(),
            members: BTreeMap::new(),
        }
    }

    /// Runs one command. An answer that is no valid document, or that names a node outside of the request, is [`Broken`].
    pub(crate) async fn ask(&self, words: &[String], request: &Request) -> Result<(Ended, Answer), Broken> {
        let setting = request.verb.setting();
        self.earlier.may_start(request.verb, self.clock.as_ref()).map_err(Broken::NotStarted)?;
        let order = Order { setting, words, environment: &self.environment, clock: self.clock.as_ref() };
        let input =
            serde_json::to_vec(request).map_err(|error| Broken::NotStarted(format!("{setting}: {error}")))?;
        let ended = run(&order, &input).await.inspect_err(|broken| self.earlier.note(broken))?;
        match Answer::read(&ended.output) {
            Ok(answer) => Ok((ended, answer)),
            // The exit code shows the failure, so the output does not matter.
            Err(_) if ended.code != Some(0) => Ok((ended, Answer::default())),
            Err(error) => {
                let words =
                    format!("{setting}: the command wrote no JSON document of the expected form: {error}");
                Err(Broken::Killed(clean(&words).into_owned()))
            }
        }
    }

    async fn seen(&self, snapshot: &Snapshot, grace: SignedDuration) -> Result<Seen, String> {
        let nodes = snapshot.nodes().iter().map(requested).collect();
        let request = Request { schema: SCHEMA, verb: Verb::List, group: None, from: None, to: None, nodes };
        let (ended, answer) = self.ask(&self.list, &request).await.map_err(|broken| broken.to_string())?;
        if ended.code != Some(0) {
            return Err(format!("EXEC_LIST: {}", how(&ended, &answer)));
        }
        let groups = answer.groups.ok_or("EXEC_LIST: the answer has no groups")?;
        let asked = notes::read(self.scope.notes.as_ref(), self.clock.now(), grace).await;
        let asked = asked.map_err(|error| format!("the earlier requests are not known: {error}"))?;
        look(groups, snapshot, &asked, &self.sightings, &self.scope)
            .map_err(|why| clean(&format!("EXEC_LIST: {why}")).into_owned())
    }

    /// Lists the groups again, for the cluster of the plan, if a command of this kind may still start.
    async fn again(&self, verb: Verb) -> Result<(Seen, SignedDuration), GroupAnswer> {
        self.earlier.may_start(verb, self.clock.as_ref()).map_err(GroupAnswer::Failed)?;
        let Some((snapshot, grace)) = &self.looked else {
            return Err(GroupAnswer::Failed("nothing was listed".to_owned()));
        };
        match self.seen(snapshot, *grace).await {
            Ok(seen) => Ok((seen, *grace)),
            Err(why) => Err(GroupAnswer::Failed(why)),
        }
    }

    /// Changes these nodes, group by group. The groups are listed again right before the command of each, because the command
    /// before it may have taken minutes.
    async fn change(
        &self,
        verb: Verb,
        command: Option<&Vec<String>>,
        nodes: &[InstanceToDelete],
    ) -> Vec<GroupAnswer> {
        let setting = verb.setting();
        let Some(words) = command else {
            return vec![GroupAnswer::Refused(format!("{setting} is not set")); nodes.len()];
        };
        let mut answers: BTreeMap<usize, GroupAnswer> = BTreeMap::new();
        let mut by_group: BTreeMap<&str, Vec<(usize, &Member)>> = BTreeMap::new();
        for (position, node) in nodes.iter().enumerate() {
            match self.proven(node) {
                Ok(member) => by_group.entry(&member.group).or_default().push((position, member)),
                Err(answer) => {
                    answers.insert(position, answer);
                }
            }
        }
        for (group, mut members) in by_group {
            match self.again(verb).await {
                Ok((now, _)) => members.retain(|(position, member)| {
                    let answer = judge(verb, member, &now).err().or_else(|| self.doubted(member));
                    let stays = answer.is_none();
                    answers.extend(answer.map(|answer| (*position, answer)));
                    stays
                }),
                Err(answer) => {
                    let answer = |member| self.doubted(member).unwrap_or_else(|| answer.clone());
                    answers.extend(members.iter().map(|(position, member)| (*position, answer(member))));
                    continue;
                }
            }
            if members.is_empty() {
                continue;
            }
            let request = Request {
                schema: SCHEMA,
                verb,
                group: Some(group.to_owned()),
                from: None,
                to: None,
                nodes: members.iter().map(|(_, member)| member.node.clone()).collect(),
            };
            let became = self.ask(words, &request).await;
            let outcomes = outcomes(setting, became, &members);
            for ((_, answer), (_, member)) in outcomes.iter().zip(&members) {
                self.earlier.doubt(Whose::Node(member.node.name.clone()), answer);
            }
            answers.extend(outcomes);
        }
        let missing = || GroupAnswer::InDoubt(format!("{setting}: there is no answer for it"));
        (0..nodes.len()).map(|position| answers.remove(&position).unwrap_or_else(missing)).collect()
    }

    fn doubted(&self, member: &Member) -> Option<GroupAnswer> {
        self.earlier.in_doubt(&Whose::Node(member.node.name.clone()))
    }

    /// The proof of which machine the node is.
    fn proven(&self, node: &InstanceToDelete) -> Result<&Member, GroupAnswer> {
        let proven = self.members.get(&node.node).filter(|member| {
            member.node.provider_id == node.provider_id && member.node.system_uuid == node.system_uuid
        });
        proven.ok_or_else(|| GroupAnswer::Refused("EXEC_LIST did not prove which machine it is".to_owned()))
    }
}

/// Whether the listed instance is still the machine of the node, and can still be changed.
fn judge(verb: Verb, member: &Member, now: &Seen) -> Result<(), GroupAnswer> {
    let now = now.members.get(&member.node.name).filter(|now| now.group == member.group);
    match (verb, now.map(|now| now.state)) {
        (Verb::Delete, None | Some(AnsweredState::Leaving))
        | (Verb::Park, Some(AnsweredState::Parked))
        | (Verb::Wake, Some(AnsweredState::Present)) => Err(GroupAnswer::AlreadySo),
        (_, None) => Err(GroupAnswer::Conflict("EXEC_LIST does not name it any more".to_owned())),
        (_, Some(AnsweredState::Leaving)) => {
            Err(GroupAnswer::Conflict("its machine is being deleted".to_owned()))
        }
        (_, Some(AnsweredState::Creating)) => {
            Err(GroupAnswer::Conflict("its machine is being created".to_owned()))
        }
        (_, Some(AnsweredState::Present | AnsweredState::Parked)) => Ok(()),
    }
}

/// The results for the nodes of one request.
fn outcomes(
    setting: &str,
    became: Result<(Ended, Answer), Broken>,
    members: &[(usize, &Member)],
) -> Vec<(usize, GroupAnswer)> {
    let (ended, answer) = match became {
        Ok(both) => both,
        Err(broken) => {
            let answer = match broken {
                Broken::NotStarted(words) => GroupAnswer::Failed(words),
                Broken::Killed(words) | Broken::OutOfTime(words) => GroupAnswer::InDoubt(words),
            };
            return members.iter().map(|(position, _)| (*position, answer.clone())).collect();
        }
    };
    let whole = by_code(setting, &ended, &answer);
    let asked: BTreeSet<&str> = members.iter().map(|(_, member)| member.node.name.as_str()).collect();
    let parts = answer.nodes.iter().map(|node| (node.name.as_str(), node));
    let sorted = match sorted(parts, &asked) {
        // A command that a signal ended may have written its answer before it was done.
        Ok(_) if ended.code.is_none() => BTreeMap::new(),
        Ok(sorted) => sorted,
        Err(why) => {
            let words = clean(&format!("{setting}: {why}")).into_owned();
            return members
                .iter()
                .map(|(position, _)| (*position, GroupAnswer::InDoubt(words.clone())))
                .collect();
        }
    };
    members
        .iter()
        .map(|(position, member)| {
            let own = sorted.get(member.node.name.as_str()).map(|node| by_word(setting, node));
            (*position, own.unwrap_or_else(|| whole.clone()))
        })
        .collect()
}

fn by_word(setting: &str, node: &AnsweredNode) -> GroupAnswer {
    let words = node.message.clone().unwrap_or_else(|| "the command gives no reason".to_owned());
    let words = clean(&without_tokens(&format!("{setting}: {words}"))).into_owned();
    match node.result {
        AnsweredResult::Done => GroupAnswer::Done,
        AnsweredResult::AlreadySo => GroupAnswer::AlreadySo,
        AnsweredResult::Busy => GroupAnswer::Busy(words),
        AnsweredResult::Cannot => GroupAnswer::Refused(words),
        AnsweredResult::Failed => GroupAnswer::Failed(words),
    }
}

/// The meaning of an exit code for the whole request.
fn by_code(setting: &str, ended: &Ended, answer: &Answer) -> GroupAnswer {
    let words = format!("{setting}: {}", how(ended, answer));
    match ended.code {
        Some(0) => GroupAnswer::Done,
        Some(BUSY) => GroupAnswer::Busy(words),
        Some(CANNOT) => GroupAnswer::Refused(words),
        Some(_) => GroupAnswer::Failed(words),
        None => GroupAnswer::InDoubt(words),
    }
}

/// The ending of a command, on one line.
pub(crate) fn how(ended: &Ended, answer: &Answer) -> String {
    let code = match ended.code {
        Some(BUSY) => "the command is busy".to_owned(),
        Some(CANNOT) => "the command cannot".to_owned(),
        Some(code) => format!("the command ended with exit code {code}"),
        None => "a signal ended the command".to_owned(),
    };
    let said = answer.message.as_deref().unwrap_or(&ended.words).trim();
    let said = without_tokens(said);
    if said.is_empty() { code } else { clean(&format!("{code}: {said}")).into_owned() }
}

#[async_trait]
impl Provider for Exec {
    async fn list(&mut self, cluster: &Snapshot, policy: &Policy) -> Result<CloudView, ProviderError> {
        let store = self.scope.notes.as_ref();
        let stored = sightings::read(store, self.clock.now()).await;
        let is_read = stored.is_some();
        self.sightings = stored.unwrap_or_default();
        let seen = self.seen(cluster, policy.boot_grace).await.map_err(ProviderError::Unseen)?;
        let Seen { groups, known, memberships, members } = seen;
        let now = self.clock.now();
        let notes = sightings::late(&self.sightings, &groups, now, policy.boot_grace);
        let renewed = sightings::renewed(&self.sightings, &groups, now);
        if renewed != self.sightings {
            if is_read {
                sightings::write(store, &renewed).await;
            }
            self.sightings = renewed;
        }
        self.members = members;
        self.looked = Some((cluster.clone(), policy.boot_grace));
        let unknown = self.scope.node_groups.iter().filter(|part| !known.contains(part)).cloned().collect();
        Ok(CloudView { groups, memberships, notes, known, unknown, ..CloudView::default() })
    }

    /// The note is written first: if the run dies or its time ends while the command works, later runs know of the
    /// growth.
    async fn grow(&self, group: &str, from: u32, to: u32) -> GroupAnswer {
        let Some(words) = &self.scope.commands.grow else {
            return GroupAnswer::Refused("EXEC_GROW is not set".to_owned());
        };
        if let Some(answer) = self.earlier.in_doubt(&Whose::Group(group.to_owned())) {
            return answer;
        }
        let (seen, grace) = match self.again(Verb::Grow).await {
            Ok(both) => both,
            Err(answer) => return answer,
        };
        let Some(now) = seen.groups.iter().find(|one| one.name == group) else {
            return GroupAnswer::Gone(format!("EXEC_LIST names no group {group} any more"));
        };
        if let Some(why) = &now.not_growable {
            return GroupAnswer::Refused(why.clone());
        }
        let size = now.target_size;
        let goal = to.min(size.saturating_add(to.saturating_sub(from)));
        if goal <= size {
            return GroupAnswer::AlreadySo;
        }
        let store = self.scope.notes.as_ref();
        let before = match notes::read(store, self.clock.now(), grace).await {
            Ok(before) => before,
            Err(error) => return GroupAnswer::Failed(format!("EXEC_GROW was not started: {error}")),
        };
        let asked = Asked { group: group.to_owned(), count: goal.saturating_sub(size), at: self.clock.now() };
        let with: Vec<Asked> = before.iter().cloned().chain([asked]).collect();
        if let Err(error) = notes::write(store, &with).await {
            return GroupAnswer::Failed(format!(
                "EXEC_GROW was not started, as it could not be noted: {error}"
            ));
        }
        let request = Request {
            schema: SCHEMA,
            verb: Verb::Grow,
            group: Some(group.to_owned()),
            from: Some(size),
            to: Some(goal),
            nodes: Vec::new(),
        };
        let answer = match self.ask(words, &request).await {
            Ok((ended, answer)) => by_code("EXEC_GROW", &ended, &answer),
            Err(Broken::NotStarted(words)) => GroupAnswer::Failed(words),
            Err(Broken::Killed(words) | Broken::OutOfTime(words)) => GroupAnswer::InDoubt(words),
        };
        self.earlier.doubt(Whose::Group(group.to_owned()), &answer);
        if !matches!(answer, GroupAnswer::Done | GroupAnswer::InDoubt(_))
            && let Err(error) = notes::write(store, &before).await
        {
            log::warn!("failed growth counts as booting for BOOT_GRACE: {error}");
        }
        answer
    }

    async fn delete(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        self.change(Verb::Delete, self.scope.commands.delete.as_ref(), nodes).await
    }

    async fn park(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        self.change(Verb::Park, self.scope.commands.park.as_ref(), nodes).await
    }

    async fn wake(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        self.change(Verb::Wake, self.scope.commands.wake.as_ref(), nodes).await
    }

    async fn fates(&self, nodes: &[InstanceToDelete]) -> Vec<MachineFate> {
        self.fates_of(nodes).await
    }
}
