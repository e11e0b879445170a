//! Queries a Prometheus.

use kube_rebalancer_core::model::PodSample;
use kube_rebalancer_core::text::clean;
use kube_rebalancer_ports::{Bounded, LONGEST_FAILURE, LONGEST_USAGE, PortError, UsageSource, chain};
use reqwest::Url;
use serde::Deserialize;

use crate::LIMIT;
use crate::answer::samples;

/// A Prometheus, or anything with its HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prometheus {
    /// Its address, with a path where it has a prefix.
    pub url: String,
    /// The query for memory in bytes, by namespace and pod.
    pub memory_query: String,
    /// The query for processor time in cores, by namespace and pod.
    pub cpu_query: String,
}

impl UsageSource for Prometheus {
    async fn usage(&self) -> Result<Vec<PodSample>, PortError> {
        // Another part of the run may have installed a provider before; the first one stays.
        rustls::crypto::ring::default_provider().install_default().ok();
        let agent = concat!("kube-rebalancer/", env!("CARGO_PKG_VERSION"));
        let client =
            reqwest::Client::builder().user_agent(agent).redirect(reqwest::redirect::Policy::none()).build();
        let client = client.map_err(|error| PortError(chain(&error.without_url())))?;
        let both = futures_util::future::try_join(
            self.ask(&client, &self.memory_query),
            self.ask(&client, &self.cpu_query),
        );
        let late = || self.failed(&format!("no answer within {} s", LIMIT.as_secs()));
        let (memory, cpu) = tokio::time::timeout(LIMIT, both).await.map_err(|_| late())??;
        samples(&memory, &cpu).map_err(|error| self.failed(&chain(&error)))
    }
}

impl Prometheus {
    /// The body of an answer to a query.
    async fn ask(&self, client: &reqwest::Client, query: &str) -> Result<Vec<u8>, PortError> {
        let url = format!("{}/api/v1/query", self.url.trim_end_matches('/'));
        let url =
            Url::parse_with_params(&url, [("query", query)]).map_err(|error| self.failed(&chain(&error)))?;
        let broken = |error: reqwest::Error| self.failed(&chain(&error.without_url()));
        let mut answer = client.get(url).send().await.map_err(broken)?;
        let status = answer.status();
        if status.is_redirection() {
            let why = format!("the answer is a redirect (status {}), which is not followed", status.as_u16());
            return Err(self.failed(&why));
        }
        let mut body = Bounded::new(if status.is_success() { LONGEST_USAGE / 2 } else { LONGEST_FAILURE });
        while let Some(bytes) = answer.chunk().await.map_err(broken)? {
            if !body.push(&bytes) {
                break;
            }
        }
        if !status.is_success() {
            let why = format!("the answer has status {}{}", status.as_u16(), words(&body.into_bytes()));
            return Err(self.failed(&why));
        }
        if body.is_cut() {
            return Err(self.failed(&format!("the answer is longer than {} MiB", (LONGEST_USAGE / 2) >> 20)));
        }
        Ok(body.into_bytes())
    }

    fn failed(&self, why: &str) -> PortError {
        PortError(format!("{}: {}", self.url, clean(why)))
    }
}

/// The message of a refusal by Prometheus; nothing of another server's answer.
fn words(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    serde_json::from_slice(body).map_or_else(|_| String::new(), |Refusal { error }| format!(": {error}"))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::{Arc, Mutex};

    use fake_http::{Outcome, cut, endless, parameter, serve, whole};
    use hyper::Response;

    use super::*;

    const GOOD: &str = r#"{"status":"success","data":{"resultType":"vector","result":[
        {"metric":{"namespace":"hub","pod":"ada"},"value":[1768467600.5,"1024"]}]}}"#;

    /// A Prometheus that gives this answer to every query, and the queries that it gets.
    fn prometheus(
        answer: impl Fn() -> Outcome + Send + Sync + 'static,
    ) -> (Prometheus, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/prefix/", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        let task = serve(listener, move |head, _| {
            assert_eq!((head.method.as_str(), head.uri.path()), ("GET", "/prefix/api/v1/query"));
            let query = parameter(head.uri.query().unwrap_or_default(), "query").unwrap_or_default();
            noted.lock().unwrap().push(query);
            answer()
        });
        drop(task); // it goes on until the process ends
        let (memory_query, cpu_query) = ("sum by (namespace, pod) (m{a!=\"\"})".into(), "cpu".into());
        (Prometheus { url, memory_query, cpu_query }, asked)
    }

    fn answered(status: u16, body: fake_http::AnswerBody) -> Outcome {
        let answer = Response::builder().status(status).header("location", "http://127.0.0.1:1/");
        Outcome::Answer(answer.body(body).unwrap())
    }

    #[tokio::test]
    async fn each_query_is_sent_once() {
        let (prometheus, asked) = prometheus(|| answered(200, whole(GOOD)));
        let samples = prometheus.usage().await.unwrap();
        assert_eq!(samples.len(), 1);
        let mut asked = asked.lock().unwrap().clone();
        asked.sort();
        assert_eq!(asked, ["cpu", "sum by (namespace, pod) (m{a!=\"\"})"]);
    }

    #[tokio::test]
    async fn what_fails_is_told_in_a_line() {
        type Way = fn() -> Outcome;
        let refused = r#"{"status":"error","errorType":"bad_data","error":"1:5: parse error\u001b[31m"}"#;
        let (half, _) = GOOD.split_at(40);
        let cases: [(Way, &str); 6] = [
            (|| answered(302, whole("")), "the answer is a redirect (status 302), which is not followed"),
            (|| answered(503, whole("<html>")), "the answer has status 503"),
            (|| answered(200, whole("<html>")), "the answer is not one of Prometheus: expected value"),
            (|| answered(200, endless("")), "the answer is longer than 32 MiB"),
            (|| answered(500, endless("")), "the answer has status 500"),
            (|| answered(200, whole("")), "the answer is not one of Prometheus: EOF"),
        ];
        for (answer, words) in cases {
            let (prometheus, _) = prometheus(answer);
            let error = prometheus.usage().await.unwrap_err().to_string();
            let expected = format!("{}: {words}", prometheus.url);
            assert!(error.starts_with(&expected), "{error}");
        }
        let (unparsed, _) = prometheus(move || answered(400, whole(refused)));
        let error = unparsed.usage().await.unwrap_err().to_string();
        assert!(error.ends_with("the answer has status 400: 1:5: parse error\\u{1b}[31m"), "{error}");
        let (broken, _) = prometheus(move || answered(200, cut(half)));
        assert!(broken.usage().await.is_err());
    }

    /// This takes as long as the limit; a manual clock would expire before the connection is made.
    #[tokio::test]
    async fn a_prometheus_that_never_answers_is_given_up() {
        let (prometheus, _) = prometheus(|| Outcome::Hang);
        let error = prometheus.usage().await.unwrap_err().to_string();
        assert!(error.ends_with(": no answer within 5 s"), "{error}");
    }

    #[tokio::test]
    async fn nobody_at_the_address_is_a_failure() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let prometheus = Prometheus { url, memory_query: "m".into(), cpu_query: "c".into() };
        assert!(prometheus.usage().await.is_err());
    }
}
