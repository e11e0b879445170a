//! Carries out a request: issues keys, reads or changes groups, and answers.

use fake_http::Answer;

use crate::account::Account;
use crate::answer::{Refusal, ec2_refusal, result};
use crate::call::Call;
use crate::launch::Tokens;
use crate::machines;
use crate::steps::Engine;
use crate::xml::{leaf, nest};

/// The service without its groups.
#[derive(Debug)]
pub(crate) struct Service {
    /// The accounts of the service.
    pub(crate) accounts: Vec<Account>,
    /// The token of a service account that gives temporary keys.
    pub(crate) web_token: String,
    /// Its region.
    pub(crate) region: String,
    /// Whether it has `LaunchInstances`.
    pub(crate) has_launch: bool,
    /// The largest page.
    pub(crate) page: usize,
    pub(crate) tokens: Tokens,
}

/// Carries out a request.
pub(crate) fn respond(service: &mut Service, engine: &mut Engine, call: &Call) -> Answer {
    match call.method.as_str() {
        "credentials" => return service.of_pod(call),
        "AssumeRoleWithWebIdentity" => return service.of_web_identity(call),
        _ => {}
    }
    let is_of_ec2 = call.parameter("Version") == Some(machines::VERSION);
    if let Err(refusal) = service.permit(call, is_of_ec2) {
        return if is_of_ec2 { ec2_refusal(refusal) } else { refusal.into() };
    }
    let action = call.method.as_str();
    let page = service.page;
    if is_of_ec2 {
        return engine.machines(call, page);
    }
    let answer = match action {
        "DescribeAutoScalingGroups" => engine.describe_groups(call, page),
        "DescribeAutoScalingInstances" => engine.describe_instances(call),
        "DescribeScalingActivities" => engine.describe_activities(call, page),
        "DescribePolicies" => engine.describe_policies(call),
        "DescribeScheduledActions" => engine.describe_scheduled(call),
        "DescribeLifecycleHooks" => engine.describe_hooks(call),
        "DescribeInstanceRefreshes" => engine.describe_refreshes(call),
        "TerminateInstanceInAutoScalingGroup" => engine.terminate_one(call),
        "EnterStandby" => engine.enter_standby(call),
        "ExitStandby" => engine.exit_standby(call),
        "LaunchInstances" if service.has_launch => engine.launch_some(call, &mut service.tokens),
        "SetDesiredCapacity" => {
            return engine.set_desired(call).map_or_else(Answer::from, |()| result(action, None));
        }
        _ => Err(Refusal(
            400,
            "InvalidAction",
            format!("Could not find operation {action} for version 2011-01-01"),
        )),
    };
    answer.map_or_else(Answer::from, |inner| result(action, Some(&inner)))
}

impl Service {
    /// Whether the signer of the request may make it.
    fn permit(&self, call: &Call, is_of_ec2: bool) -> Result<(), Refusal> {
        let denied = |code, words: String| Refusal(403, code, words);
        let Some((key, region)) = call.signed_by() else {
            return Err(denied("MissingAuthenticationToken", "Missing Authentication Token".to_owned()));
        };
        let session = call.header("x-amz-security-token");
        let is_known = |account: &&Account| account.key == key && account.session.as_deref() == session;
        let Some(account) = self.accounts.iter().find(is_known) else {
            let words = "The security token included in the request is invalid.".to_owned();
            return Err(denied("InvalidClientTokenId", words));
        };
        if region != self.region {
            let words = format!("Credential should be scoped to a valid region, not '{region}'.");
            return Err(denied("SignatureDoesNotMatch", words));
        }
        if !account.permits(&call.method) {
            let (service, code) =
                if is_of_ec2 { ("ec2", "UnauthorizedOperation") } else { ("autoscaling", "AccessDenied") };
            let words = format!(
                "User: arn:aws:iam::123456789012:user/{key} is not authorized to perform: {service}:{} because no \
                 identity-based policy allows the action",
                call.method
            );
            return Err(denied(code, words));
        }
        Ok(())
    }

    /// The account whose keys are temporary.
    fn temporary(&self) -> Option<&Account> {
        self.accounts.iter().find(|account| account.session.is_some())
    }

    /// The keys of EKS Pod Identity.
    fn of_pod(&self, call: &Call) -> Answer {
        let Some(account) =
            self.temporary().filter(|_| call.header("authorization") == Some(&self.web_token))
        else {
            return Answer::new(401, "text/plain", "unauthorized");
        };
        let json = format!(
            r#"{{"AccessKeyId":"{}","SecretAccessKey":"{}","Token":"{}","Expiration":"{}"}}"#,
            account.key,
            account.secret,
            account.session.as_deref().unwrap_or_default(),
            EXPIRY
        );
        Answer::new(200, "application/json", json)
    }

    /// The keys of a service account's role: STS.
    fn of_web_identity(&self, call: &Call) -> Answer {
        let is_valid = call.parameter("WebIdentityToken") == Some(&self.web_token);
        let Some(account) = self.temporary().filter(|_| is_valid) else {
            let words = "Couldn't retrieve verification key from your identity provider".to_owned();
            return Refusal(400, "InvalidIdentityToken", words).into();
        };
        let keys = [
            leaf("AccessKeyId", &account.key),
            leaf("SecretAccessKey", &account.secret),
            leaf("SessionToken", account.session.as_deref().unwrap_or_default()),
            leaf("Expiration", EXPIRY),
        ];
        result(&call.method, Some(&[nest("Credentials", &keys)]))
    }
}

/// The expiry of temporary keys. AWS's clients compare it with the machine's clock, not with the fake's, so it is in a distant
/// year.
const EXPIRY: &str = "2099-01-01T00:00:00Z";
