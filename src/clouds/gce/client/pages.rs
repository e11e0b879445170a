//! Lists, page after page to the end.

use std::collections::BTreeSet;

use google_cloud_compute::Result as ClientResult;

use super::call::Call;
use crate::error::ComputeError;

/// How many items are asked for at once: the most that Compute Engine gives.
pub(super) const SIZE: u32 = 500;
/// More pages than any list has: 500 000 items. It ends a list that goes on for ever.
const MOST: usize = 1000;

/// All pages of a list. `fetch` takes the token of a page, `None` for the first, and gives the page and the token of
/// the next.
pub(super) async fn all<P, F>(
    call: &Call,
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
            return Err(
                call.not_understood("the token of a page came twice, so that the list would never end")
            );
        }
        if pages.len() >= MOST {
            return Err(call.not_understood(&format!("the list does not end within {MOST} pages")));
        }
        token = Some(next);
    }
}
