//! The operator's own commands as a provider: Terraform, Ansible, libvirt, a script. Section 18 of docs/decisions.md.
//!
//! ```text
//!   EXEC_LIST ------------> look: groups, memberships, what is coming --> CloudView
//!                             ^
//!   notes (on the Lease) -----+--- growth that was asked for and does not show yet
//!   sightings (there, too) ---+--- when instances without createdAt were first seen
//!
//!   apply --> provider: looked at once more, noted, then EXEC_GROW, EXEC_DELETE, EXEC_PARK, EXEC_WAKE
//!   Node objects -> gone: EXEC_GONE, about these nodes and some whose machines are there
//!                             |
//!                          command: arguments, no shell; own process group, bounded in time and in output
//!                          earlier: none changes anything again after one that time ended, or that left it in doubt
//!                          protocol: one JSON document in, one out
//! ```

mod command;
mod earlier;
mod gone;
mod look;
mod notes;
mod protocol;
mod provider;
mod sightings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use kube_rebalancer_core::model::{Node, Snapshot};
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_ports::{
    Abilities, Can, CloudScope, Connecting, NotWanted, Provider, ProviderError, ProviderKind, SharedClock,
};

pub use protocol::{Answer, Request, schema};

/// The commands, for the program's table of providers.
pub const PROVIDER: &dyn ProviderKind = &Kind;

/// Parses any text as an answer to `EXEC_LIST`, as a run does, and returns the number of groups: for tests with generated
/// texts.
pub fn read_answer(output: &[u8], snapshot: &Snapshot) -> Result<usize, String> {
    let groups = Answer::read(output)?.groups.ok_or("the answer has no groups")?;
    Ok(look::look(groups, snapshot, &[], &sightings::Sightings::new(), &CloudScope::default())?.groups.len())
}

/// Its name in `PROVIDER`.
const NAME: &str = "exec";

#[derive(Debug)]
struct Kind;

impl ProviderKind for Kind {
    fn cloud(&self) -> &'static str {
        "the commands of EXEC_LIST"
    }

    fn name(&self) -> &'static str {
        NAME
    }

    fn scheme(&self) -> Option<&'static str> {
        None
    }

    fn abilities(&self) -> &'static [Abilities] {
        &[Abilities {
            groups: "your own commands (`PROVIDER=exec`): Terraform, Ansible, bare metal",
            grow: Can::Yes,
            delete: Can::Yes,
            park: Can::Yes,
            zones: Can::Yes,
            from_zero: Can::With("a template"),
        }]
    }

    fn cannot_prove_gone(&self, scope: &CloudScope) -> Option<String> {
        let why = "EXEC_GONE, the command that knows whether machines are gone, is not set";
        scope.commands.gone.is_none().then(|| why.to_owned())
    }

    fn wanted(&self, _: &[Node], _: &Policy, scope: &CloudScope) -> Result<(), NotWanted> {
        if scope.provider.as_deref() == Some(NAME) { Ok(()) } else { Err(NotWanted::Elsewhere) }
    }

    fn connect(&self, scope: CloudScope, clock: SharedClock) -> Connecting {
        Box::pin(async move {
            let Some(list) = scope.commands.list.clone() else {
                let words = "EXEC_LIST: PROVIDER=exec needs the command that lists the node groups";
                return Err(ProviderError::Setting(words.to_owned()));
            };
            let provider: Box<dyn Provider> = Box::new(provider::Exec::new(list, scope, Arc::clone(&clock)));
            Ok(provider)
        })
    }
}
