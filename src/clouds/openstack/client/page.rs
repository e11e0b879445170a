//! All servers of a project, page by page, within bounds.

use std::collections::BTreeMap;

use super::nova::Nova;
use super::server::{PageBody, Server};
use super::transport::read;
use crate::id::ServerId;
use kube_rebalancer_ports::words;
use kube_rebalancer_rest::LONGEST;
use kube_rebalancer_rest::{CloudError, Kind};

/// The requested number of servers of a page. Nova may return fewer.
const SIZE: usize = 500;
/// Maximum number of pages. This program does not support larger projects.
const MOST_PAGES: usize = 200;

/// The request, as it follows the word *cannot*.
const WHAT: &str = "list the servers";

impl Nova {
    /// Lists all servers of the project. A last read is made after the run's time too.
    pub(crate) async fn servers(&self, is_last: bool) -> Result<Vec<Server>, CloudError> {
        let mut servers: BTreeMap<ServerId, Server> = BTreeMap::new();
        let mut marker: Option<ServerId> = None;
        let mut bytes = 0_usize;
        for _ in 0..MOST_PAGES {
            let after = marker.as_ref().map(|id| format!("&marker={id}")).unwrap_or_default();
            let reply = self.look(WHAT, &format!("/servers/detail?limit={SIZE}{after}"), is_last).await?;
            if !reply.status.is_success() {
                return Err(self.failure(WHAT, "GET", "/servers/detail", &reply));
            }
            bytes = bytes.saturating_add(reply.body.len());
            if bytes > LONGEST {
                return Err(too_much(&format!("the pages have more than {LONGEST} bytes")));
            }
            let page: PageBody = read(&reply, WHAT)?;
            let has_next = page.has_next();
            let before = servers.len();
            let mut last = None;
            for raw in page.servers {
                let server = Server::try_from(raw).map_err(|why| too_much(&words::clean(&why)))?;
                last = Some(server.id.clone());
                servers.insert(server.id.clone(), server);
            }
            match last {
                Some(id) if has_next && servers.len() > before => marker = Some(id),
                Some(_) if has_next => return Err(too_much("the pages repeat")),
                Some(_) | None => return Ok(servers.into_values().collect()),
            }
        }
        Err(too_much(&format!("there are more than {MOST_PAGES} pages")))
    }
}

fn too_much(why: &str) -> CloudError {
    CloudError::new(Kind::Other, format!("cannot {WHAT}: {why}"))
}
