//! Lists, page after page to the end.

use std::collections::BTreeSet;

use google_cloud_compute::Result as ClientResult;

use super::call::Call;
use crate::error::ComputeError;

/// Number of requested items of a page: Compute Engine's maximum.
pub(super) const SIZE: u32 = 500;
/// Maximum number of pages of a list of a project's groups: 500 000 items. It ends an endless list.
pub(super) const MOST: usize = 1000;
/// Maximum number of pages of a list of a group's instances: 10 000 items. A group has at most 2 000.
pub(super) const MOST_OF_A_GROUP: usize = 20;

/// All pages of a list, at most `most` of them. `fetch` takes the token of a page, `None` for the first, and returns
/// the page and the token of the next.
pub(super) async fn all<P, F>(
    call: &Call,
    most: usize,
    fetch: impl Fn(Option<String>) -> F + Send + Sync,
) -> Result<Vec<P>, ComputeError>
where
    P: Send,
    F: Future<Output = ClientResult<(P, Option<String>)>> + Send,
{
    let mut pages = Vec::new();
    let mut seen = BTreeSet::new();
    let mut token = None;
    loop {
        let (page, next) = call.make(|| fetch(token.clone())).await?;
        pages.push(page);
        let Some(next) = next.filter(|next| !next.is_empty()) else { return Ok(pages) };
        if !seen.insert(next.clone()) {
            return Err(call.not_understood("a page token was returned twice, so the list would never end"));
        }
        if pages.len() >= most {
            return Err(call.not_understood(&format!("the list does not end within {most} pages")));
        }
        token = Some(next);
    }
}
