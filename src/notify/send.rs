//! Delivers messages: each once, all at the same time, within one limit.

use std::fmt;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderValue};

use crate::receivers::Secret;

/// Maximum time of all receivers together. A longer wait for a chat channel would delay the run's work.
pub const LIMIT: Duration = Duration::from_secs(3);

/// The header of the signature.
const SIGNATURE: &str = "x-kube-rebalancer-signature-256";

/// One message for one receiver.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// The setting that names the receiver.
    setting: &'static str,
    method: Method,
    url: Secret,
    content_type: &'static str,
    body: String,
    signature: Option<String>,
}

impl Parcel {
    /// A JSON document.
    pub(crate) fn json(setting: &'static str, url: &Secret, body: String, signature: Option<String>) -> Self {
        let (url, content_type) = (url.clone(), "application/json");
        Self { setting, method: Method::POST, url, content_type, body, signature }
    }

    /// A text that replaces the previous one.
    pub(crate) fn put_text(setting: &'static str, url: &Secret, body: String) -> Self {
        let (url, content_type) = (url.clone(), "text/plain; version=0.0.4; charset=utf-8");
        Self { setting, method: Method::PUT, url, content_type, body, signature: None }
    }
}

/// A receiver that did not take its message. Its address is a secret, so the setting names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// The setting.
    pub setting: &'static str,
    why: String,
}

impl fmt::Display for Missed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: the message was not delivered: {}", self.setting, self.why)
    }
}

/// Sends every message and returns the failed deliveries.
pub async fn send(parcels: Vec<Parcel>) -> Vec<Missed> {
    if parcels.is_empty() {
        return Vec::new();
    }
    // Another part of the run may have installed a provider before; the first one stays.
    rustls::crypto::ring::default_provider().install_default().ok();
    let agent = concat!("kube-rebalancer/", env!("CARGO_PKG_VERSION"));
    // A redirect would send the message to a receiver that is not configured.
    let client =
        reqwest::Client::builder().user_agent(agent).redirect(reqwest::redirect::Policy::none()).build();
    let client = match client {
        Ok(client) => client,
        Err(error) => {
            let why = error.without_url().to_string();
            return parcels.iter().map(|one| Missed { setting: one.setting, why: why.clone() }).collect();
        }
    };
    let sending = parcels.into_iter().map(|parcel| deliver(&client, parcel));
    join_all(sending).await.into_iter().filter_map(Result::err).collect()
}

async fn deliver(client: &reqwest::Client, parcel: Parcel) -> Result<(), Missed> {
    let Parcel { setting, method, url, content_type, body, signature } = parcel;
    let mut request = client
        .request(method, url.expose())
        .header(CONTENT_TYPE, HeaderValue::from_static(content_type))
        .body(body);
    if let Some(signature) = signature {
        request = request.header(SIGNATURE, signature);
    }
    // The body of the answer is not read, because nothing depends on it.
    let why = match tokio::time::timeout(LIMIT, request.send()).await {
        Ok(Ok(answer)) if answer.status().is_success() => return Ok(()),
        Ok(Ok(answer)) if answer.status().is_redirection() => {
            format!("the answer is a redirect (status {}), which is not followed", answer.status().as_u16())
        }
        Ok(Ok(answer)) => format!("the answer has status {}", answer.status().as_u16()),
        Ok(Err(error)) if error.is_connect() => "no connection".to_owned(),
        Ok(Err(error)) => error.without_url().to_string(),
        Err(_) => format!("no answer within {} seconds", LIMIT.as_secs()),
    };
    Err(Missed { setting, why })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::mpsc;

    use super::*;
    use crate::webhook::tests::digest;
    use crate::{Receivers, messages, pushed};
    use fake_http::{Outcome, serve, whole};

    /// A received request: method, path, signature and body.
    type Got = (String, String, Option<String>, String);

    /// A receiver that answers with this status; a status of 0 never answers.
    fn receiver(status: u16) -> (Secret, mpsc::Receiver<Got>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Secret::from(format!("http://{}/hook", listener.local_addr().unwrap()));
        let (got, kept) = mpsc::channel();
        let task = serve(listener, move |head, body| {
            let signature = head.headers.get(SIGNATURE).map(|value| value.to_str().unwrap().to_owned());
            let body = String::from_utf8(body.to_vec()).unwrap();
            got.send((head.method.to_string(), head.uri.to_string(), signature, body)).ok();
            if status == 0 {
                return Outcome::Hang;
            }
            let answer = hyper::Response::builder().status(status).header("location", "http://127.0.0.1:1/");
            Outcome::Answer(answer.body(whole("")).unwrap())
        });
        drop(task); // it goes on until the process ends
        (url, kept)
    }

    #[tokio::test]
    async fn each_receiver_gets_its_message_once() {
        let (hook, at_hook) = receiver(200);
        let (channel, at_slack) = receiver(200);
        let (gateway, at_gateway) = receiver(202);
        let receivers = Receivers {
            webhook: Some(hook),
            webhook_key: Some(Secret::from("key".to_owned())),
            slack: Some(channel),
            pushgateway: Some(gateway),
            ..Receivers::default()
        };
        let mut parcels = messages(&digest(), &receivers);
        parcels.extend(pushed("kube_rebalancer_last_run_success 1\n", "users", &receivers));
        assert_eq!(send(parcels).await, []);
        let (method, path, signature, body) = at_hook.recv().unwrap();
        assert_eq!((method.as_str(), path.as_str()), ("POST", "/hook"));
        assert_eq!(signature, Some(crate::webhook::signature(&Secret::from("key".to_owned()), &body)));
        assert!(at_slack.recv().unwrap().3.contains("\"blocks\""));
        let (method, path, signature, body) = at_gateway.recv().unwrap();
        assert_eq!(
            (method.as_str(), path.as_str(), signature),
            ("PUT", "/hook/metrics/job/kube-rebalancer/lease/users", None)
        );
        assert_eq!(body, "kube_rebalancer_last_run_success 1\n");
        assert!(
            at_hook.try_recv().is_err() && at_slack.try_recv().is_err() && at_gateway.try_recv().is_err()
        );
    }

    #[tokio::test]
    async fn a_redirect_and_a_failure_are_reported_without_the_address() {
        for (status, words) in [
            (302, "the answer is a redirect (status 302), which is not followed"),
            (404, "the answer has status 404"),
        ] {
            let (slack, got) = receiver(status);
            let receivers = Receivers { slack: Some(slack), ..Receivers::default() };
            let missed = send(messages(&digest(), &receivers)).await;
            let expected = format!("SLACK_WEBHOOK_URL: the message was not delivered: {words}");
            assert_eq!(missed.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
            got.recv().unwrap();
            assert!(got.try_recv().is_err(), "it is tried once");
        }
    }

    /// This takes as long as the limit; a manual clock would expire before the connection is made.
    #[tokio::test]
    async fn a_receiver_that_never_answers_is_given_up() {
        let (webhook, got) = receiver(0);
        let receivers = Receivers { webhook: Some(webhook), ..Receivers::default() };
        let missed = send(messages(&digest(), &receivers)).await;
        assert_eq!(missed.len(), 1);
        assert!(missed[0].to_string().ends_with("no answer within 3 seconds"));
        got.recv().unwrap();
    }

    #[tokio::test]
    async fn nobody_at_the_address_is_no_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Secret::from(format!("http://{}/T0/SECRET", listener.local_addr().unwrap()));
        drop(listener);
        let receivers = Receivers { slack: Some(url), ..Receivers::default() };
        let missed = send(messages(&digest(), &receivers)).await;
        assert_eq!(
            missed.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["SLACK_WEBHOOK_URL: the message was not delivered: no connection"]
        );
    }
}
