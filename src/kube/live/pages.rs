//! Lists objects page by page, with bounded memory for objects of any size.
//!
//! The pages are of one moment: the request has no resource version, so the server reads from its store, and later pages
//! continue from there. A page has the token of the next one before its objects, so the next page is requested while another
//! thread parses this one; the token of the parsed page decides. Two pages are in memory at a time. A page whose answer
//! would be too large is requested again with fewer objects, so that the memory of a run does not depend on the contents of
//! users' pods.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use http::StatusCode;
use kube_rebalancer_core::policy::Drain;
use kube_rebalancer_ports::{PortError, chain};

use super::Live;
use super::body;
use super::call::{Answer, Call, CallError, Server};
use super::cluster::escaped;
use crate::observe::{self, Asked, Encoding, ReadError, Reading};

/// Maximum number of objects of a page. Small enough that a busy API server answers within seconds, large enough that a
/// cluster of a thousand pods is two requests.
const PAGE: usize = 500;
/// The desired maximum number of bytes of a page: 500 pods with all fields of kubelets and controllers.
const GOOD: usize = 8 << 20;
/// Maximum number of bytes of a page of several objects.
const LARGE: usize = 2 * GOOD;
/// The divisor of the number of objects after a page that was too large.
const SHRINK: usize = 8;
/// Maximum number of pages of a list: five million objects.
const MOST_PAGES: usize = 10_000;

impl Live {
    /// The reading of a run, which decides what is kept.
    pub(super) fn reading(&self) -> Reading {
        let wanted = self.wanted_keys.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let reading =
            Reading::of_labels(wanted.unwrap_or_else(|| Arc::clone(&self.label_keys)), self.own_pod.clone());
        let reading = if self.each_pod { reading.with_each_pod() } else { reading };
        match self.drain {
            Drain::None => reading,
            // Without the facts that an eviction needs, no pod is evicted.
            _ if self.no_evictions.load(Ordering::Relaxed) => reading.with_each_pod(),
            Drain::Omitted | Drain::Movable => reading.with_evictions(),
        }
    }

    /// Adds a list, read as a whole if the server supports that, otherwise in pages. If the server no longer has the list's
    /// moment (410), the list starts again, once.
    pub(super) async fn list(
        &self,
        path: &str,
        selector: &str,
        asked: Asked,
        whole: &mut Reading,
    ) -> Result<(), PortError> {
        if let Some(reading) = self.whole(path, selector, asked).await {
            whole.absorb(reading);
            return Ok(());
        }
        for last_try in [false, true] {
            match self.pages(path, selector, asked, self.reading()).await {
                Ok(reading) => {
                    self.server.buffers().free();
                    whole.absorb(reading);
                    return Ok(());
                }
                Err(ListError::Call(error)) if error.status() == Some(StatusCode::GONE) && !last_try => {
                    log::info!("the list of {path} took too long and is started again");
                }
                Err(ListError::Call(error)) => return Err(error.into()),
                Err(ListError::Read(error)) => return Err(PortError(chain(&error))),
                Err(error @ (ListError::Stuck(_) | ListError::Endless(_) | ListError::Reader)) => {
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
        mut reading: Reading,
    ) -> Result<Reading, ListError> {
        let mut source =
            Source { server: &self.server, path, selector, limit: PAGE, encoding: Encoding::Protobuf };
        let mut from: Option<String> = None;
        let mut ahead: Option<(String, Answer)> = None;
        for _ in 0..MOST_PAGES {
            let page = match (ahead.take(), &from) {
                (Some((token, page)), Some(from)) if token == *from => page,
                _ => source.page(from.as_deref()).await?,
            };
            // The next page arrives while this one is parsed. The token of the parsed page decides where the next one
            // begins.
            let expected =
                observe::next_page(&page.bytes, page.encoding).filter(|next| from.as_ref() != Some(next));
            let read = read(path.to_owned(), page, asked, reading, self.server.buffers());
            let fetch = async {
                match expected {
                    Some(token) => {
                        let page = source.page(Some(&token)).await;
                        Ok(Some((token, page)))
                    }
                    None => Ok(None),
                }
            };
            let ((read, after), fetched) = tokio::try_join!(read, fetch)?;
            reading = read;
            let Some(after) = after else { return Ok(reading) };
            if from.as_ref() == Some(&after) {
                return Err(ListError::Stuck(path.to_owned()));
            }
            ahead = match fetched {
                Some((token, page)) if token == after => Some((token, page?)),
                _ => None,
            };
            from = Some(after);
        }
        Err(ListError::Endless(path.to_owned()))
    }
}

/// Parses a page on another thread, so that the next page can arrive in the meantime.
async fn read(
    path: String,
    page: Answer,
    asked: Asked,
    mut reading: Reading,
    buffers: Arc<body::Buffers>,
) -> Result<(Reading, Option<String>), ListError> {
    let reader = tokio::task::spawn_blocking(move || {
        let next = reading.add_page(&path, &page.bytes, page.encoding, asked)?;
        buffers.give_back(page.bytes);
        Ok((reading, next))
    });
    reader.await.unwrap_or(Err(ListError::Reader))
}

/// The source of pages.
struct Source<'s> {
    server: &'s Server,
    path: &'s str,
    selector: &'s str,
    /// The number of objects to request.
    limit: usize,
    /// The encoding to request.
    encoding: Encoding,
}

impl Source<'_> {
    /// The page that begins at this token, with as many objects as fit.
    async fn page(&mut self, from: Option<&str>) -> Result<Answer, CallError> {
        let Self { path, selector, .. } = *self;
        let from = from.map(|token| format!("&continue={}", escaped(token))).unwrap_or_default();
        loop {
            let limit = self.limit;
            let most = if limit > 1 { LARGE } else { body::LONGEST };
            let call = Call::get(format!("{path}?limit={limit}{selector}{from}")).at_most(most);
            match self.server.answer(&call.in_encoding(self.encoding).compressed()).await {
                Ok(page) => {
                    self.limit = limit_after(limit, page.bytes.len());
                    return Ok(page);
                }
                Err(error) if error.is_too_long() && limit > 1 => self.limit = (limit / SHRINK).max(1),
                Err(error)
                    if error.status() == Some(StatusCode::NOT_ACCEPTABLE)
                        && self.encoding == Encoding::Protobuf =>
                {
                    log::info!("{error}; the list is requested in JSON");
                    self.encoding = Encoding::Json;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// The number of objects to request after a page of `bytes`: as many as fit, at most twice the previous number.
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
    #[error("the reader of a page broke down")]
    Reader,
    #[error("GET {0}: the list does not end within {MOST_PAGES} pages")]
    Endless(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_shrink_to_what_fits_and_grow_again_by_doubling() {
        // Requested objects, bytes of the answer, and the number of objects to request next.
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
