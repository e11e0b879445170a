//! The transport of Google's client: the same requests and types, over [`http`](super::http), which bounds every
//! answer.
//!
//! Google's client is made with stubs for its own transport. Only the requests that this program makes are here; any
//! other one panics in that client.

use std::sync::Arc;

use google_cloud_auth::credentials::{CacheableResource, Credentials};
use google_cloud_compute::model;
use google_cloud_compute::stub;
use google_cloud_gax::error::Error;
use google_cloud_gax::error::rpc::Status;
use google_cloud_gax::options::RequestOptions;
use google_cloud_gax::response::{Parts, Response};
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{Extensions, Method};
use reqwest::Url;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::http::{Unreadable, ask, decode};

/// The version of the API that the types of Google's client are made for.
const VERSION: &str = "2026-09-01";

type Result<T> = google_cloud_gax::Result<Response<T>>;

/// A connection, shared by all collections.
#[derive(Clone, Debug)]
pub(super) struct Transport(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: reqwest::Client,
    base: Url,
    credentials: Credentials,
}

/// A request about an object of a project.
struct Request<'a> {
    method: Method,
    project: &'a str,
    /// The parts of the path after the project.
    path: Vec<&'a str>,
    query: Vec<(&'static str, String)>,
    /// JSON.
    body: Option<Vec<u8>>,
}

impl<'a> Request<'a> {
    fn get<const N: usize>(project: &'a str, path: [&'a str; N]) -> Self {
        Self { method: Method::GET, project, path: path.to_vec(), query: Vec::new(), body: None }
    }

    fn post<const N: usize>(project: &'a str, path: [&'a str; N]) -> Self {
        Self { method: Method::POST, body: Some(b"{}".to_vec()), ..Self::get(project, path) }
    }

    fn with(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.query.extend(value.map(|value| (name, value.to_string())));
        self
    }

    fn with_body(self, body: Option<&impl Serialize>) -> google_cloud_gax::Result<Self> {
        let Some(body) = body else { return Ok(self) };
        Ok(Self { body: Some(serde_json::to_vec(body).map_err(Error::ser)?), ..self })
    }
}

impl Transport {
    pub(super) fn new(client: reqwest::Client, base: Url, credentials: Credentials) -> Self {
        Self(Arc::new(Inner { client, base, credentials }))
    }

    /// Sends a request about a versioned object.
    async fn send<T: DeserializeOwned>(&self, request: Request<'_>, options: &RequestOptions) -> Result<T> {
        let request = request.with("$alt", Some("json")).with("$apiVersion", Some(VERSION));
        self.send_as_it_is(request, options).await
    }

    async fn send_as_it_is<T: DeserializeOwned>(
        &self,
        request: Request<'_>,
        options: &RequestOptions,
    ) -> Result<T> {
        let Inner { client, base, credentials } = self.0.as_ref();
        let mut url = base.clone();
        {
            let mut path = url.path_segments_mut().map_err(|()| Error::ser(NoBase))?;
            path.pop_if_empty().extend(["compute", "v1", "projects", request.project]).extend(&request.path);
        }
        url.query_pairs_mut().extend_pairs(&request.query);
        let headers = match credentials.headers(Extensions::new()).await.map_err(Error::authentication)? {
            CacheableResource::New { data, .. } => data,
            CacheableResource::NotModified => http::HeaderMap::new(),
        };
        let mut builder = client.request(request.method, url).headers(headers);
        if let Some(agent) = options.user_agent() {
            builder = builder.header(USER_AGENT, agent);
        }
        if let Some(body) = request.body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body);
        }
        let answer = ask(builder).await.map_err(|error| match error {
            Unreadable::Broken(error) if error.is_builder() => Error::ser(error),
            Unreadable::Broken(error) if error.is_connect() => Error::connect(error),
            Unreadable::Broken(error) if error.is_timeout() => Error::timeout(error),
            Unreadable::Broken(error) => Error::io(error),
            Unreadable::TooLarge(error) => Error::deser(error),
        })?;
        if answer.status.is_success() {
            let body = decode(&answer.body).map_err(Error::deser)?;
            return Ok(Response::from_parts(Parts::new().set_headers(answer.headers), body));
        }
        let (code, headers, body) = (answer.status.as_u16(), answer.headers, answer.body.into());
        Err(match Status::try_from(&body) {
            Ok(status) => Error::service_with_http_metadata(status, Some(code), Some(headers)),
            Err(_) => Error::http(code, headers, body),
        })
    }
}

/// An address to which no path can be added.
#[derive(Debug, thiserror::Error)]
#[error("the address of Compute Engine takes no path")]
struct NoBase;

impl stub::InstanceGroupManagers for Transport {
    async fn aggregated_list(
        &self,
        request: model::instance_group_managers::AggregatedListRequest,
        options: RequestOptions,
    ) -> Result<model::InstanceGroupManagerAggregatedList> {
        let get = Request::get(&request.project, ["aggregated", "instanceGroupManagers"]);
        let get = get.with("maxResults", request.max_results).with("pageToken", request.page_token.as_ref());
        self.send(get, &options).await
    }

    async fn get(
        &self,
        request: model::instance_group_managers::GetRequest,
        options: RequestOptions,
    ) -> Result<model::InstanceGroupManager> {
        let group = ["zones", &request.zone, MANAGERS, &request.instance_group_manager];
        self.send(Request::get(&request.project, group), &options).await
    }

    async fn list_managed_instances(
        &self,
        request: model::instance_group_managers::ListManagedInstancesRequest,
        options: RequestOptions,
    ) -> Result<model::InstanceGroupManagersListManagedInstancesResponse> {
        let path =
            ["zones", &request.zone, MANAGERS, &request.instance_group_manager, "listManagedInstances"];
        let post = Request::post(&request.project, path);
        let post =
            post.with("maxResults", request.max_results).with("pageToken", request.page_token.as_ref());
        self.send(post, &options).await
    }

    async fn resize(
        &self,
        request: model::instance_group_managers::ResizeRequest,
        options: RequestOptions,
    ) -> Result<model::Operation> {
        let path = ["zones", &request.zone, MANAGERS, &request.instance_group_manager, "resize"];
        let post = Request::post(&request.project, path);
        let post = post.with("requestId", request.request_id.as_ref()).with("size", Some(request.size));
        self.send(post, &options).await
    }

    async fn delete_instances(
        &self,
        request: model::instance_group_managers::DeleteInstancesRequest,
        options: RequestOptions,
    ) -> Result<model::Operation> {
        let path = ["zones", &request.zone, MANAGERS, &request.instance_group_manager, "deleteInstances"];
        let post = Request::post(&request.project, path).with("requestId", request.request_id.as_ref());
        self.send(post.with_body(request.body.as_ref())?, &options).await
    }

    async fn get_operation(
        &self,
        request: model::zone_operations::GetRequest,
        options: RequestOptions,
    ) -> Result<model::Operation> {
        let path = ["zones", &request.zone, "operations", &request.operation];
        self.send_as_it_is(Request::get(&request.project, path).with("$alt", Some("json")), &options).await
    }
}

impl stub::RegionInstanceGroupManagers for Transport {
    async fn get(
        &self,
        request: model::region_instance_group_managers::GetRequest,
        options: RequestOptions,
    ) -> Result<model::InstanceGroupManager> {
        let group = ["regions", &request.region, MANAGERS, &request.instance_group_manager];
        self.send(Request::get(&request.project, group), &options).await
    }

    async fn list_managed_instances(
        &self,
        request: model::region_instance_group_managers::ListManagedInstancesRequest,
        options: RequestOptions,
    ) -> Result<model::RegionInstanceGroupManagersListInstancesResponse> {
        let group = &request.instance_group_manager;
        let path = ["regions", &request.region, MANAGERS, group, "listManagedInstances"];
        let post = Request::post(&request.project, path);
        let post =
            post.with("maxResults", request.max_results).with("pageToken", request.page_token.as_ref());
        self.send(post, &options).await
    }

    async fn resize(
        &self,
        request: model::region_instance_group_managers::ResizeRequest,
        options: RequestOptions,
    ) -> Result<model::Operation> {
        let path = ["regions", &request.region, MANAGERS, &request.instance_group_manager, "resize"];
        let post = Request::post(&request.project, path);
        let post = post.with("requestId", request.request_id.as_ref()).with("size", Some(request.size));
        self.send(post, &options).await
    }

    async fn delete_instances(
        &self,
        request: model::region_instance_group_managers::DeleteInstancesRequest,
        options: RequestOptions,
    ) -> Result<model::Operation> {
        let group = &request.instance_group_manager;
        let path = ["regions", &request.region, MANAGERS, group, "deleteInstances"];
        let post = Request::post(&request.project, path).with("requestId", request.request_id.as_ref());
        self.send(post.with_body(request.body.as_ref())?, &options).await
    }

    async fn get_operation(
        &self,
        request: model::region_operations::GetRequest,
        options: RequestOptions,
    ) -> Result<model::Operation> {
        let path = ["regions", &request.region, "operations", &request.operation];
        self.send_as_it_is(Request::get(&request.project, path).with("$alt", Some("json")), &options).await
    }
}

impl stub::Instances for Transport {
    async fn get(
        &self,
        request: model::instances::GetRequest,
        options: RequestOptions,
    ) -> Result<model::Instance> {
        let path = ["zones", &request.zone, "instances", &request.instance];
        self.send(Request::get(&request.project, path), &options).await
    }
}

impl stub::InstanceTemplates for Transport {
    async fn get(
        &self,
        request: model::instance_templates::GetRequest,
        options: RequestOptions,
    ) -> Result<model::InstanceTemplate> {
        let path = ["global", "instanceTemplates", &request.instance_template];
        self.send(Request::get(&request.project, path), &options).await
    }
}

impl stub::RegionInstanceTemplates for Transport {
    async fn get(
        &self,
        request: model::region_instance_templates::GetRequest,
        options: RequestOptions,
    ) -> Result<model::InstanceTemplate> {
        let path = ["regions", &request.region, "instanceTemplates", &request.instance_template];
        self.send(Request::get(&request.project, path), &options).await
    }
}

impl stub::MachineTypes for Transport {
    async fn get(
        &self,
        request: model::machine_types::GetRequest,
        options: RequestOptions,
    ) -> Result<model::MachineType> {
        let path = ["zones", &request.zone, "machineTypes", &request.machine_type];
        self.send(Request::get(&request.project, path), &options).await
    }
}

/// The collection of node groups.
const MANAGERS: &str = "instanceGroupManagers";
