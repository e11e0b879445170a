//! A list, page by page, whatever the objects hold.
//!
//! The pages are of one moment: no resource version is named, so the server reads from its store, and later pages
//! continue from there. A page whose answer would be large is asked for again with fewer objects, so that the memory of
//! a run does not depend on what users write into their pods.

use http::StatusCode;
use kube_rebalancer_ports::{PortError, chain};

use super::Live;
use super::body;
use super::call::{Call, CallError};
use super::cluster::escaped;
use crate::observe::{Asked, ReadError, Reading};

/// Maximum number of objects of a page. Small enough that a busy API server answers within seconds, large enough that a
/// cluster of a thousand pods is two requests.
const PAGE: usize = 500;
/// Number of bytes that a page should have at most: 500 pods with all that kubelets and controllers write into them.
const GOOD: usize = 8 << 20;
/// Maximum number of bytes of a page of several objects.
const LARGE: usize = 2 * GOOD;
/// A page that was too large is asked for again with this part of its objects.
const SHRINK: usize = 8;
/// Maximum number of pages of a list: five million objects.
const MOST_PAGES: usize = 10_000;

impl Live {
    /// What a run keeps of what it reads.
    pub(super) fn reading(&self) -> Reading {
        Reading::of_labels(std::sync::Arc::clone(&self.label_keys))
    }

    /// Adds a list. When the server has forgotten its moment (410), the list starts anew, once.
    pub(super) async fn list(
        &self,
        path: &str,
        selector: &str,
        asked: Asked,
        whole: &mut Reading,
    ) -> Result<(), PortError> {
        for last_try in [false, true] {
            let mut reading = self.reading();
            match self.pages(path, selector, asked, &mut reading).await {
                Ok(()) => {
                    whole.absorb(reading);
                    return Ok(());
                }
                Err(ListError::Call(error)) if error.status() == Some(StatusCode::GONE) && !last_try => {
                    log::info!("the list of {path} took too long and starts anew");
                }
                Err(ListError::Call(error)) => return Err(error.into()),
                Err(ListError::Read(error)) => return Err(PortError(chain(&error))),
                Err(error @ (ListError::Stuck(_) | ListError::Endless(_))) => {
                    return Err(PortError(error.to_string()));
                }
            }
        }
        Err(PortError(format!("GET {path}: the list could not be finished")))
    }

    async fn pages(
        &self,
        path: &str,
        selector: &str,
        asked: Asked,
        reading: &mut Reading,
    ) -> Result<(), ListError> {
        let mut next: Option<String> = None;
        let mut limit = PAGE;
        for _ in 0..MOST_PAGES {
            let from = next.as_ref().map(|token| format!("&continue={}", escaped(token))).unwrap_or_default();
            let text = loop {
                let most = if limit > 1 { LARGE } else { body::LONGEST };
                let call = Call::get(format!("{path}?limit={limit}{selector}{from}")).at_most(most);
                match self.server.call(&call).await {
                    Ok(text) => break text,
                    Err(error) if error.is_too_long() && limit > 1 => limit = (limit / SHRINK).max(1),
                    Err(error) => return Err(error.into()),
                }
            };
            limit = limit_after(limit, text.len());
            let after = reading.add_answer(path, &text, asked)?;
            if after.is_none() {
                return Ok(());
            }
            if after == next {
                return Err(ListError::Stuck(path.to_owned()));
            }
            next = after;
        }
        Err(ListError::Endless(path.to_owned()))
    }
}

/// The number of objects to ask for after a page of `bytes`: what fits, at most twice the previous number.
fn limit_after(limit: usize, bytes: usize) -> usize {
    let fit = limit.saturating_mul(GOOD).checked_div(bytes).unwrap_or(PAGE);
    fit.clamp(1, PAGE.min(limit.saturating_mul(2)))
}

#[derive(Debug, thiserror::Error)]
enum ListError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("GET {0}: a page says that the next one is itself, so that the list would never end")]
    Stuck(String),
    #[error("GET {0}: the list does not end within {MOST_PAGES} pages")]
    Endless(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_shrink_to_what_fits_and_grow_again_by_doubling() {
        // Objects asked for, bytes of the answer, and how many objects to ask for next.
        for (limit, bytes, expected) in [
            (500, 5 << 20, 500),
            (500, 12 << 20, 333),
            (62, 100 << 10, 124),
            (400, 100 << 10, 500),
            (1, 1 << 20, 2),
            (4, 6 << 20, 5),
            (5, 60 << 20, 1),
            (1, 60 << 20, 1),
            (500, 0, 500),
        ] {
            assert_eq!(limit_after(limit, bytes), expected, "{limit} {bytes}");
        }
    }
}
