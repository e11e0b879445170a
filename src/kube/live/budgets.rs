//! The budgets that protect pods, listed if any pod may be evicted, and before the pods, whose labels are kept if a budget
//! selects by them.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use kube_rebalancer_core::model::DisruptionBudget;
use kube_rebalancer_core::policy::Drain;
use kube_rebalancer_ports::{PortError, chain};

use super::Live;
use super::body;
use super::call::Call;
use super::cluster::escaped;
use crate::observe::read_budgets;

const PATH: &str = "/apis/policy/v1/poddisruptionbudgets";

/// Maximum number of pages of 500. No cluster has as many budgets.
const MOST_PAGES: usize = 40;

impl Live {
    /// Lists the budgets; none if no pod may be evicted.
    pub(super) async fn budgets(&self) -> Result<Vec<DisruptionBudget>, PortError> {
        if self.drain == Drain::None {
            return Ok(Vec::new());
        }
        let budgets = self.all_budgets().await?;
        let keys = budgets.iter().filter_map(|budget| budget.selector.as_ref());
        let keys = keys.flat_map(|selector| selector.0.iter().map(|requirement| requirement.key.clone()));
        let keys: BTreeSet<String> = self.label_keys.iter().cloned().chain(keys).collect();
        *self.wanted_keys.lock().unwrap_or_else(PoisonError::into_inner) = Some(keys.into());
        Ok(budgets)
    }

    async fn all_budgets(&self) -> Result<Vec<DisruptionBudget>, PortError> {
        let mut budgets = Vec::new();
        let mut from = String::new();
        for _ in 0..MOST_PAGES {
            let text = self
                .server
                .call(&Call::get(format!("{PATH}?limit=500{from}")).at_most(body::LONGEST))
                .await?;
            let (page, next) =
                read_budgets(&text).map_err(|error| PortError(format!("GET {PATH}: {}", chain(&error))))?;
            budgets.extend(page);
            let Some(next) = next else { return Ok(budgets) };
            from = format!("&continue={}", escaped(&next));
        }
        Err(PortError(format!("GET {PATH}: the list does not end within {MOST_PAGES} pages")))
    }
}
