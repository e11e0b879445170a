//! The budgets that protect pods, listed if any pod may be evicted, and before the pods, whose labels are kept if a budget
//! selects by them.
//!
//! A list that cannot be read ends the run. A list beyond these bounds does not: a user who may create budgets must not stop all
//! runs. Then no pod is evicted.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use kube_rebalancer_core::model::DisruptionBudget;
use kube_rebalancer_core::policy::Drain;
use kube_rebalancer_ports::{PortError, chain};

use super::Live;
use super::body;
use super::call::Call;
use super::cluster::escaped;
use crate::observe::{LARGEST_SELECTORS, read_budgets};

const PATH: &str = "/apis/policy/v1/poddisruptionbudgets";

/// Maximum number of pages of 500. No cluster has as many budgets.
const MOST_PAGES: usize = 40;

/// Maximum number of keys of labels that budgets select by. The values of each are stored for each pod.
const MOST_KEYS: usize = 256;

/// The reason why there is no list of budgets.
#[derive(Debug)]
enum NoBudgets {
    /// The list failed.
    Failed(PortError),
    /// There are more budgets, or larger ones, than in any cluster.
    Beyond(String),
}

impl Live {
    /// Lists the budgets; none if no pod may be evicted.
    pub(super) async fn budgets(&self) -> Result<Vec<DisruptionBudget>, PortError> {
        if self.drain == Drain::None {
            return Ok(Vec::new());
        }
        match self.all_budgets().await {
            Ok((budgets, keys)) => {
                let keys: BTreeSet<String> = self.label_keys.iter().cloned().chain(keys).collect();
                *self.wanted_keys.lock().unwrap_or_else(PoisonError::into_inner) = Some(keys.into());
                Ok(budgets)
            }
            Err(NoBudgets::Failed(error)) => Err(error),
            Err(NoBudgets::Beyond(what)) => {
                log::warn!("no pod is evicted, because {what}");
                self.no_evictions.store(true, Ordering::Relaxed);
                Ok(Vec::new())
            }
        }
    }

    /// All budgets, and the keys of labels that they select by.
    async fn all_budgets(&self) -> Result<(Vec<DisruptionBudget>, BTreeSet<String>), NoBudgets> {
        let (mut budgets, mut keys, mut bytes) = (Vec::new(), BTreeSet::new(), 0);
        let mut from = String::new();
        for _ in 0..MOST_PAGES {
            let call = Call::get(format!("{PATH}?limit=500{from}")).at_most(body::LONGEST);
            let text = match self.server.call(&call).await {
                Ok(text) => text,
                Err(error) if error.is_too_long() => return Err(NoBudgets::Beyond(error.to_string())),
                Err(error) => return Err(NoBudgets::Failed(error.into())),
            };
            let page = read_budgets(&text)
                .map_err(|error| NoBudgets::Failed(PortError(format!("GET {PATH}: {}", chain(&error)))))?;
            bytes += page.bytes;
            if page.is_beyond || bytes > LARGEST_SELECTORS {
                return Err(NoBudgets::Beyond(format!(
                    "there are more budgets than any cluster has, or their selectors take more than {} MiB",
                    LARGEST_SELECTORS >> 20
                )));
            }
            for requirement in
                page.budgets.iter().filter_map(|one| one.selector.as_ref()).flat_map(|all| &all.0)
            {
                if !keys.contains(&requirement.key) {
                    keys.insert(requirement.key.clone());
                }
            }
            if keys.len() > MOST_KEYS {
                let what = format!("the selectors of budgets name more than {MOST_KEYS} keys of labels");
                return Err(NoBudgets::Beyond(what));
            }
            budgets.extend(page.budgets);
            let Some(next) = page.next else { return Ok((budgets, keys)) };
            from = format!("&continue={}", escaped(&next));
        }
        Err(NoBudgets::Beyond(format!("the list of budgets does not end within {MOST_PAGES} pages")))
    }
}
