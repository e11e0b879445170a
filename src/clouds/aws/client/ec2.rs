//! Requests to EC2. The ones here are for parking: the states of machines, stop, start.
//!
//! EC2's official client would be larger than this whole program, so these requests are made here, by the parts of which the
//! official client of Auto Scaling consists: `aws-sigv4` signs them, `aws-smithy-xml` reads the answers, and credentials,
//! region and transport are the same. They follow EC2's Query protocol of version 2016-11-15.

use std::time::SystemTime;

use aws_sdk_autoscaling::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sdk_autoscaling::config::{Credentials, ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use tokio::sync::OnceCell;

use super::Client;
use super::call::{Effect, Tried, erased, has_silence, no_credentials, of_answer};
use super::ec2_answer;
use super::http::Transport;
use crate::error::{CloudError, Kind};
use crate::id::InstanceId;
use crate::machine::Machine;
use kube_rebalancer_ports::words;

/// The version of the interface.
const VERSION: &str = "2016-11-15";
/// Maximum number of instances of one request: a filter takes 200 values.
const MACHINES: usize = 100;
/// Maximum number of pages of one request's answer.
const PAGES: usize = 20;
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// A connection to EC2 in the region of the groups.
pub(super) struct Ec2 {
    transport: Transport,
    provider: Option<SharedCredentialsProvider>,
    /// The credentials of this run, once they were needed.
    credentials: OnceCell<Credentials>,
    /// The address, or the reason why there is none.
    endpoint: Result<String, String>,
    region: String,
}

/// What to do with a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Stop it.
    Stop,
    /// Start it.
    Start,
}

impl Deed {
    fn action(self) -> &'static str {
        match self {
            Self::Stop => "StopInstances",
            Self::Start => "StartInstances",
        }
    }

    fn verb(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Start => "start",
        }
    }
}

impl Ec2 {
    /// Connects. `named` is the address in `AWS_ENDPOINT_URL_EC2`.
    pub(super) async fn connect(
        config: &SdkConfig,
        named: Option<&str>,
        region: &str,
        transport: Transport,
    ) -> Self {
        let endpoint = match named.or_else(|| config.endpoint_url()) {
            Some(url) => of_override(url),
            None => of_region(config, region).await,
        };
        let (provider, credentials) = (config.credentials_provider(), OnceCell::new());
        Self { transport, provider, credentials, endpoint, region: region.to_owned() }
    }

    /// The credentials, from where the official client has them.
    async fn credentials(&self) -> Result<&Credentials, Tried> {
        let find = || async {
            let Some(provider) = &self.provider else {
                return Err(no_credentials(false, "no provider of credentials is configured"));
            };
            let found = provider.provide_credentials().await;
            found.map_err(|error| no_credentials(has_silence(&error), &words::root_cause(&error)))
        };
        self.credentials.get_or_try_init(find).await
    }

    /// Sends one request, and returns the body of a successful answer.
    async fn ask(&self, pairs: &[(String, String)], now: SystemTime) -> Result<Vec<u8>, Tried> {
        let failed = |words: String| Tried { kind: Kind::Other, may_pass: false, in_doubt: false, words };
        let url = self.endpoint.as_ref().map_err(|why| failed(why.clone()))?;
        let identity = self.credentials().await?.clone().into();
        let body = form(pairs);
        let unsigned = |error: &dyn std::error::Error| {
            failed(format!("the request cannot be signed: {}", words::root_cause(error)))
        };
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("ec2")
            .time(now)
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| unsigned(&error))?
            .into();
        let headers = [("content-type", FORM)].into_iter();
        let signable =
            SignableRequest::new("POST", url.as_str(), headers, SignableBody::Bytes(body.as_bytes()))
                .map_err(|error| unsigned(&error))?;
        let (signed, _) = sign(signable, &params).map_err(|error| unsigned(&error))?.into_parts();
        let mut request = http::Request::post(url.as_str())
            .header("content-type", FORM)
            .body(SdkBody::from(body))
            .map_err(|error| unsigned(&error))?;
        signed.apply_to_request_http1x(&mut request);
        let request = HttpRequest::try_from(request).map_err(|error| unsigned(&error))?;
        let silence = |silence: super::http::Silence| Tried {
            kind: Kind::Busy,
            may_pass: true,
            in_doubt: silence.in_doubt,
            words: silence.words,
        };
        let answer = self.transport.clone().ask(request).await.map_err(silence)?;
        let (status, bytes) = (answer.status().as_u16(), answer.body().bytes().unwrap_or_default());
        if answer.status().is_success() {
            return Ok(bytes.to_vec());
        }
        if (300..400).contains(&status) {
            return Err(Tried { may_pass: true, in_doubt: true, ..failed(format!("status {status}")) });
        }
        let (code, message) = ec2_answer::error(bytes);
        Err(of_answer(status, &code, &message))
    }
}

/// A form, as the query protocol sends it.
fn form(pairs: &[(String, String)]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let encoded = |text: &str| -> String {
        let bytes = text.bytes();
        bytes
            .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
            .collect()
    };
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    pairs.join("&")
}

/// The address that the environment or a profile names: the requests are signed, but their answers are not, so it is one of
/// this machine, or encrypted.
fn of_override(url: &str) -> Result<String, String> {
    let wrong = || {
        let url = words::clean(url);
        format!(
            "the endpoint of EC2 is {url}; it must begin with https://, or with http:// and a loopback address"
        )
    };
    let parsed = reqwest::Url::parse(url).map_err(|_| wrong())?;
    let host = parsed.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let is_loopback =
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match parsed.scheme() {
        "https" => Ok(parsed.to_string()),
        "http" if is_loopback => Ok(parsed.to_string()),
        _ => Err(wrong()),
    }
}

/// The address of EC2 in a region. Its domain is the one of Auto Scaling, whose client knows all partitions.
async fn of_region(config: &SdkConfig, region: &str) -> Result<String, String> {
    let failed = |why: &dyn std::error::Error| {
        format!("the address of EC2 in region {region} is not known: {}", words::root_cause(why))
    };
    let params = Params::builder()
        .region(region)
        .use_fips(config.use_fips().unwrap_or_default())
        .use_dual_stack(config.use_dual_stack().unwrap_or_default())
        .build()
        .map_err(|error| failed(&error))?;
    let endpoint = DefaultResolver::new().resolve_endpoint(&params).await;
    let endpoint = endpoint.map_err(|error| failed(error.as_ref()))?;
    let rest = endpoint.url().strip_prefix("https://autoscaling");
    rest.map(|rest| format!("https://ec2{rest}/")).ok_or_else(|| {
        format!("the address of EC2 in region {region} is not known: set AWS_ENDPOINT_URL_EC2")
    })
}

impl Client {
    /// The machines of these instances: `DescribeInstances`. One that is gone for long is missing from the answer.
    pub(crate) async fn machines(
        &self,
        ids: &[&InstanceId],
        is_last: bool,
    ) -> Result<Vec<Machine>, CloudError> {
        let what = "look at the machines of instances (ec2:DescribeInstances)";
        let effect = if is_last { Effect::LastLook } else { Effect::Look };
        let mut found = Vec::new();
        for some in ids.chunks(MACHINES) {
            let mut pairs = request("DescribeInstances");
            pairs.push(("Filter.1.Name".to_owned(), "instance-id".to_owned()));
            // A filter, because one unknown ID in a list of IDs is an error.
            pairs.extend(
                (1_usize..).zip(some).map(|(at, id)| (format!("Filter.1.Value.{at}"), id.to_string())),
            );
            let mut token: Option<String> = None;
            let mut pages = 0_usize;
            loop {
                let mut pairs = pairs.clone();
                pairs.extend(token.map(|token| ("NextToken".to_owned(), token)));
                let bytes = self.ask_ec2(what, effect, &pairs).await?;
                let (machines, next) = ec2_answer::machines(&bytes).map_err(|odd| {
                    CloudError::new(
                        Kind::Other,
                        format!("cannot {what}: the answer is not understood: {odd}"),
                    )
                })?;
                found.extend(machines);
                pages = pages.saturating_add(1);
                token = next;
                if token.is_none() {
                    break;
                }
                if pages >= PAGES {
                    let words = format!("cannot {what}: the list does not end after {PAGES} pages");
                    return Err(CloudError::new(Kind::Other, words));
                }
            }
        }
        Ok(found)
    }

    /// Stops or starts a machine: `StopInstances`, `StartInstances`. A second request has no further effect.
    pub(crate) async fn turn(&self, id: &InstanceId, deed: Deed) -> Result<(), CloudError> {
        let what = format!("{} the machine of instance {id}", deed.verb());
        let mut pairs = request(deed.action());
        pairs.push(("InstanceId.1".to_owned(), id.to_string()));
        let bytes = self.ask_ec2(&what, Effect::Once, &pairs).await?;
        if ec2_answer::is_of(&bytes, deed.action()) {
            return Ok(());
        }
        Err(CloudError::in_doubt(format!("cannot {what}: the answer is not understood")))
    }

    /// Whether the credentials permit that, without doing it.
    pub(crate) async fn may_turn(&self, id: &InstanceId, deed: Deed) -> Result<(), CloudError> {
        let what = format!("{} instance {id} (ec2:{}, as a dry run)", deed.verb(), deed.action());
        let mut pairs = request(deed.action());
        pairs.push(("InstanceId.1".to_owned(), id.to_string()));
        pairs.push(("DryRun".to_owned(), "true".to_owned()));
        match self.ask_ec2(&what, Effect::Look, &pairs).await {
            Err(yes) if yes.kind == Kind::WouldDo => Ok(()),
            Err(why) => Err(why),
            Ok(_) => {
                Err(CloudError::new(Kind::Other, format!("cannot {what}: the answer is not understood")))
            }
        }
    }

    /// Sends a request, and returns the body of its answer.
    pub(super) async fn ask_ec2(
        &self,
        what: &str,
        effect: Effect,
        pairs: &[(String, String)],
    ) -> Result<Vec<u8>, CloudError> {
        let clock = &self.caller.clock;
        self.caller.bounded(what, effect, || erased(self.ec2.ask(pairs, SystemTime::from(clock.now())))).await
    }
}

/// The beginning of a request.
pub(super) fn request(action: &str) -> Vec<(String, String)> {
    [("Action", action), ("Version", VERSION)].map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_encrypted_or_of_this_machine() {
        for (url, is_taken) in [
            ("https://ec2.eu-west-1.amazonaws.com", true),
            ("https://proxy.example:8443/ec2", true),
            ("http://127.0.0.1:4566", true),
            ("http://localhost:4566", true),
            ("http://[::1]:4566", true),
            ("http://localstack:4566", false),
            ("http://10.0.0.7", false),
            ("ftp://127.0.0.1", false),
            ("ec2", false),
        ] {
            assert_eq!(of_override(url).is_ok(), is_taken, "{url}");
        }
    }

    #[tokio::test]
    async fn the_address_of_ec2_is_in_the_domain_of_the_region_s_partition() {
        let config = SdkConfig::builder().build();
        for (region, url) in [
            ("us-east-1", "https://ec2.us-east-1.amazonaws.com/"),
            ("cn-north-1", "https://ec2.cn-north-1.amazonaws.com.cn/"),
            ("us-gov-west-1", "https://ec2.us-gov-west-1.amazonaws.com/"),
        ] {
            assert_eq!(of_region(&config, region).await.as_deref(), Ok(url), "{region}");
        }
        let fips = SdkConfig::builder().use_fips(true).build();
        assert_eq!(of_region(&fips, "us-east-1").await.unwrap(), "https://ec2-fips.us-east-1.amazonaws.com/");
    }

    #[test]
    fn a_form_is_encoded() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(form(&[pair("a", "b c&d="), pair("e", "\u{e9}")]), "a=b%20c%26d%3D&e=%C3%A9");
    }
}
