//! Carries out a request to Keystone, Nova or Magnum, and answers.

use fake_http::{Answer, parameter};
use hyper::header::HeaderName;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::answer::{empty, json};
use crate::call::Call;
use crate::keystone::{Denied, Keystone, Token};
use crate::magnum::Magnum;
use crate::nova::{Nova, Refusal, Server, gone};
use crate::route::{Infra, Route};

/// The largest page of servers, as Nova has it by default.
const LARGEST_PAGE: usize = 1000;
/// The newest microversion of Nova, as a number after `2.`.
const NEWEST: u32 = 104;
/// The microversion of Magnum from which on a node group may have no node.
const ZERO: u32 = 10;
/// The microversion that shows what a server's flavor is like.
const EMBEDDED_FLAVOR: u32 = 47;
/// The microversion that shows whether a server is locked.
const LOCKED: u32 = 9;

/// Carries out a request.
pub(crate) fn respond(
    keystone: &mut Keystone,
    (nova, magnum): (&mut Nova, &mut Magnum),
    route: Option<&Route>,
    call: &Call,
    now: Timestamp,
    url: &str,
) -> Answer {
    let Some(route) = route else {
        return Refusal(404, "itemNotFound", "The resource could not be found.".to_owned()).into();
    };
    match route {
        Route::IdentityVersion => return json(200, &identity_version(url)),
        Route::ComputeVersion => return json(200, &compute_version(url)),
        Route::Token => {
            return match keystone.issue(&call.body, now, url) {
                Ok((token, body)) => {
                    json(201, &body).with_header(HeaderName::from_static("x-subject-token"), &token)
                }
                Err(denied) => denied.into(),
            };
        }
        Route::List { .. } | Route::Show(_) | Route::Act(..) | Route::Delete(_) | Route::Infra(..) => {}
    }
    let token = call.header("x-auth-token").and_then(|text| keystone.token(text, now));
    let Some(project) = token.filter(|token| allows(token, call)).and_then(|token| token.project.clone())
    else {
        return Denied::unauthorized().into();
    };
    if let Route::Infra(cluster, what) = route {
        return infra(nova, magnum, (&project, cluster), what, call, now).unwrap_or_else(infra_refusal);
    }
    compute(nova, route, call, &project, url).unwrap_or_else(Answer::from)
}

fn infra(
    nova: &mut Nova,
    magnum: &mut Magnum,
    (project, cluster): (&str, &str),
    what: &Infra,
    call: &Call,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let asked = call.header("openstack-api-version").and_then(|text| text.strip_prefix("container-infra 1."));
    let version: u32 = asked.and_then(|number| number.parse().ok()).unwrap_or(1);
    if version > magnum.newest {
        let newest = format!("1.{}", magnum.newest);
        let error = json!({
            "max_version": newest, "min_version": "1.1", "code": "magnum.microversion-unsupported", "links": [],
            "title": "Requested microversion is unsupported",
        });
        return Ok(json(406, &json!({"errors": [error]})));
    }
    let takes = nova.timing.spawning;
    let body = match what {
        Infra::Cluster => magnum.show(project, cluster)?,
        Infra::Groups => magnum.groups(project, cluster)?,
        Infra::Group(group) => magnum.group(project, cluster, group)?,
        Infra::Resize if call.body["node_count"] == 0 && version < ZERO => {
            let words = "Resizing a nodegroup to zero is not supported in the provided microversion.";
            return Err(Refusal(400, "errors", words.to_owned()));
        }
        Infra::Resize => magnum.resize(nova, (project, cluster), &call.body, (now, takes))?,
    };
    Ok(json(if *what == Infra::Resize { 202 } else { 200 }, &body))
}

/// A refusal of Magnum, whose failures look unlike Nova's.
fn infra_refusal(Refusal(status, _, words): Refusal) -> Answer {
    let error = json!({"status": status, "code": "client", "links": [], "title": words, "detail": words, "request_id": ""});
    json(status, &json!({"errors": [error]}))
}

fn compute(nova: &mut Nova, route: &Route, call: &Call, project: &str, url: &str) -> Result<Answer, Refusal> {
    let version = version(call)?;
    // The servers of other projects are not there.
    if let Some(id) = route.target()
        && nova.servers.get(id).is_none_or(|server| server.project != project)
    {
        return Err(gone(id));
    }
    match route {
        Route::List { detail } => list(nova, call, project, *detail, version, url),
        Route::Show(id) => {
            let server = nova.servers.get(id).ok_or_else(|| gone(id))?;
            Ok(json(200, &json!({"server": shown(server, version, true)})))
        }
        Route::Act(id, action) => nova.act(id, action).map(|()| empty(202)),
        Route::Delete(id) => nova.delete(id).map(|()| empty(204)),
        Route::IdentityVersion | Route::Token | Route::ComputeVersion | Route::Infra(..) => Err(gone("")),
    }
}

/// Whether the access rules of an application credential allow the request.
fn allows(token: &Token, call: &Call) -> bool {
    let Some(rules) = &token.rules else { return true };
    rules.iter().any(|rule| rule.allows(call.verb.as_str(), &call.path))
}

/// The microversion of the request, as the number after `2.`.
fn version(call: &Call) -> Result<u32, Refusal> {
    let Some(text) = call.header("openstack-api-version").and_then(|text| text.strip_prefix("compute "))
    else {
        return Ok(1);
    };
    let number = text.strip_prefix("2.").and_then(|number| number.parse().ok());
    number.filter(|number| *number <= NEWEST).ok_or_else(|| {
        let words =
            format!("Version {text} is not supported by the API. Minimum is 2.1 and maximum is 2.{NEWEST}.");
        Refusal(406, "computeFault", words)
    })
}

/// A page of servers, the newest first; servers created in the same second are sorted by ID.
fn list(
    nova: &Nova,
    call: &Call,
    project: &str,
    detail: bool,
    version: u32,
    url: &str,
) -> Result<Answer, Refusal> {
    let number = |name: &str| -> Result<Option<usize>, Refusal> {
        let Some(text) = parameter(&call.query, name) else { return Ok(None) };
        let wrong = || Refusal(400, "badRequest", format!("Invalid input for query parameters {name}."));
        text.parse().map(Some).map_err(|_| wrong())
    };
    let limit = number("limit")?.unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE);
    let mut servers: Vec<&Server> =
        nova.servers.values().filter(|server| server.project == project).collect();
    servers.sort_by(|one, other| other.created.cmp(&one.created).then_with(|| one.id.cmp(&other.id)));
    let marker = parameter(&call.query, "marker");
    let start = match &marker {
        None => 0,
        Some(marker) => match servers.iter().position(|server| server.id == *marker) {
            Some(at) => at + 1,
            None => return Err(Refusal(400, "badRequest", format!("marker [{marker}] not found"))),
        },
    };
    let page: Vec<&Server> = servers.into_iter().skip(start).take(limit).collect();
    let mut body = json!({"servers": page.iter().map(|one| shown(one, version, detail)).collect::<Vec<_>>()});
    // A full page has a next one, if only an empty one.
    if let (Some(last), true) = (page.last(), page.len() == limit) {
        let path = &call.path;
        let next = format!("{url}{path}?limit={limit}&marker={}", last.id);
        body["servers_links"] = json!([{"rel": "next", "href": next}]);
    }
    Ok(json(200, &body))
}

fn shown(server: &Server, version: u32, detail: bool) -> Value {
    let mut shown = json!({"id": server.id, "name": server.name});
    if !detail {
        return shown;
    }
    let created = server.created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let on_host = server.status != crate::nova::Status::ShelvedOffloaded;
    shown["status"] = json!(server.status.shown());
    shown["tenant_id"] = json!(server.project);
    shown["metadata"] = json!(server.metadata);
    // This is the image of a server that runs from a volume.
    shown["image"] = json!("");
    shown["flavor"] = if version >= EMBEDDED_FLAVOR {
        json!({"original_name": "m1", "vcpus": 4, "ram": 8192, "disk": 20, "ephemeral": 0, "swap": 0, "extra_specs": {}})
    } else {
        json!({"id": "1", "links": []})
    };
    shown["created"] = json!(created);
    shown["updated"] = json!(created);
    shown["OS-EXT-AZ:availability_zone"] = json!(if on_host { &server.zone } else { "" });
    shown["OS-EXT-STS:vm_state"] = json!(server.status.vm_state());
    let addresses: Vec<Value> =
        server.addresses.iter().map(|one| json!({"version": 4, "addr": one})).collect();
    shown["addresses"] = if addresses.is_empty() { json!({}) } else { json!({"net": addresses}) };
    shown["OS-EXT-STS:task_state"] = json!(server.task);
    shown["OS-EXT-STS:power_state"] = json!(if server.status.shown() == "ACTIVE" { 1 } else { 4 });
    if version >= LOCKED {
        shown["locked"] = json!(server.locked);
    }
    shown
}

fn identity_version(url: &str) -> Value {
    let links = json!([{"rel": "self", "href": format!("{url}/v3/")}]);
    let types = json!([{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}]);
    json!({"version": {"id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z", "links": links,
        "media-types": types}})
}

fn compute_version(url: &str) -> Value {
    let links = json!([{"rel": "self", "href": format!("{url}/v2.1/")}]);
    json!({"version": {"id": "v2.1", "status": "CURRENT", "version": format!("2.{NEWEST}"), "min_version": "2.1",
        "updated": "2013-07-23T11:33:21Z", "links": links, "media-types": []}})
}
