//! Makes the client: region and credentials as AWS's own tools find them, from the environment that the program read.

use aws_config::BehaviorVersion;
use aws_sdk_autoscaling::config::retry::RetryConfig;
use aws_sdk_autoscaling::config::{Region, StalledStreamProtectionConfig};
use aws_types::os_shim_internal::Env;
use kube_rebalancer_ports::{Environment, SharedClock};
use tokio::time::timeout;

use super::Client;
use super::call::{Caller, Pace};
use super::ec2::Ec2;
use super::http::Transport;
use crate::error::{CloudError, Kind};

impl Client {
    /// Connects. The region is the environment's, a profile's, or else `region`, which comes from the nodes.
    ///
    /// The process must have installed a provider of cryptography for rustls. Its clock signs requests; the official
    /// client corrects it by the service's answers.
    pub(crate) async fn connect(
        environment: &Environment,
        region: Option<&str>,
        clock: SharedClock,
        pace: Pace,
    ) -> Result<Self, CloudError> {
        let transport = Transport::new(pace.connect).map_err(|silence| {
            CloudError::new(Kind::Other, format!("no connection to AWS can be made: {silence}"))
        })?;
        let variables: Vec<(&str, &str)> =
            environment.iter().filter(|(_, value)| !value.is_empty()).collect();
        let named = environment.get("AWS_REGION").or_else(|| environment.get("AWS_DEFAULT_REGION"));
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .env(Env::from_slice(&variables))
            .http_client(transport.clone())
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Some(region) = named.or(region) {
            loader = loader.region(Region::new(region.to_owned()));
        }
        let config = timeout(pace.credentials, loader.load()).await.map_err(|_| {
            let seconds = pace.credentials.as_secs();
            CloudError::new(
                Kind::Forbidden,
                format!("no region and credentials of AWS were found within {seconds} s"),
            )
        })?;
        let region = config.region().map(ToString::to_string).ok_or_else(|| {
            let words = "the region of AWS is not known: set AWS_REGION";
            CloudError::new(Kind::Setting, words)
        })?;
        let named = environment.get("AWS_ENDPOINT_URL_EC2").filter(|url| !url.is_empty());
        let ec2 = Ec2::connect(&config, named, &region, transport).await;
        let asg = aws_sdk_autoscaling::Client::new(&config);
        Ok(Self { asg, ec2, region, caller: Caller { clock, pace } })
    }
}
