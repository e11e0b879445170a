//! One request: bounded in time, retried if that is safe.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use aws_sdk_autoscaling::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use kube_rebalancer_ports::{NOT_ASKED, SharedClock};
use kube_rebalancer_retry::{Failed, retry};
use tokio::time::{sleep, timeout};

use super::http::Silence;
use crate::error::{CloudError, Kind};
use kube_rebalancer_ports::words;

/// The timeouts and tries of the client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// The number of tries of a request.
    pub(crate) tries: u32,
    /// Maximum time of making a connection.
    pub(crate) connect: Duration,
    /// Maximum time of finding region and credentials.
    pub(crate) credentials: Duration,
    /// Maximum time of one try. A launch is answered when its instances exist.
    pub(crate) attempt: Duration,
    /// The pause before the second try; each further one is twice as long.
    pub(crate) first_pause: Duration,
    /// Maximum time of a last read after the run's time.
    pub(crate) last_look: Duration,
    /// Maximum time of watching an instance that enters standby, or starts. A machine starts within some twenty
    /// seconds; behind a load balancer, entering standby takes minutes, and a later try ends it.
    pub(crate) watching: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            tries: 5,
            connect: Duration::from_secs(4),
            credentials: Duration::from_secs(15),
            attempt: Duration::from_secs(30),
            first_pause: Duration::from_millis(250),
            last_look: Duration::from_secs(5),
            watching: Duration::from_secs(40),
        }
    }
}

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The effect of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It reads.
    Look,
    /// It reads once more after a change, also when `RUN_TIMEOUT` has expired.
    LastLook,
    /// It changes something, and a second one would change it again.
    Once,
    /// The same, and it is never retried: the caller reads again before another try.
    Single,
    /// It changes something, and its token makes a second one the same change.
    WithToken,
}

/// The bounds of every request.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) clock: SharedClock,
    pub(super) pace: Pace,
}

/// A failed try.
pub(super) struct Tried {
    pub(super) kind: Kind,
    /// Whether another try may succeed.
    pub(super) may_pass: bool,
    /// Whether the request may have been carried out.
    pub(super) in_doubt: bool,
    pub(super) words: String,
}

impl fmt::Display for Tried {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.words)
    }
}

/// A try without its type: the compiler cannot lay out futures that are nested so deep.
pub(super) fn erased<'a, T>(
    attempt: impl Future<Output = Result<T, Tried>> + Send + 'a,
) -> Pin<Box<dyn Future<Output = Result<T, Tried>> + Send + 'a>> {
    Box::pin(attempt)
}

impl Caller {
    /// The time that a request may take.
    fn left(&self, effect: Effect) -> Duration {
        let left = self.clock.left();
        let left = if left.is_positive() { left.unsigned_abs() } else { Duration::ZERO };
        if effect == Effect::LastLook { left.max(self.pace.last_look) } else { left }
    }

    /// Waits between two reads, but no longer than the run may take. Returns whether there is time for another read.
    pub(super) async fn pause(&self, duration: Duration) -> bool {
        let left = self.left(Effect::Look);
        sleep(duration.min(left)).await;
        left > duration
    }

    /// Makes a request. A read, or a request with a token, is retried after every temporary failure; any other one only
    /// after a failure that certainly changed nothing, and [`Effect::Single`] never.
    pub(super) async fn call<T, E, F>(
        &self,
        what: &str,
        effect: Effect,
        attempt: impl Fn() -> F + Sync,
    ) -> Result<T, CloudError>
    where
        T: Send,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send,
    {
        let attempt = || {
            let asked = attempt();
            erased(async move { asked.await.map_err(|error| tried(&error)) })
        };
        self.bounded(what, effect, attempt).await
    }

    /// The same for a request that the official client does not make.
    pub(super) async fn bounded<T, F>(
        &self,
        what: &str,
        effect: Effect,
        attempt: impl Fn() -> F + Sync,
    ) -> Result<T, CloudError>
    where
        T: Send,
        F: Future<Output = Result<T, Tried>> + Send,
    {
        let pace = kube_rebalancer_retry::Pace {
            tries: self.pace.tries,
            first_pause: self.pace.first_pause,
            longest_pause: LONGEST_PAUSE,
            longest_asked: LONGEST_PAUSE,
        };
        let one_try = || async {
            let tried = match self.once(effect, &attempt).await {
                Ok(answer) => return Ok(answer),
                Err(tried) => tried,
            };
            let again = match effect {
                Effect::Look | Effect::LastLook | Effect::WithToken => tried.may_pass,
                Effect::Once => tried.may_pass && !tried.in_doubt,
                Effect::Single => false,
            };
            let changes = matches!(effect, Effect::Once | Effect::Single | Effect::WithToken);
            let in_doubt = tried.in_doubt && changes;
            Err(Failed { error: tried, in_doubt, retry_after: again.then_some(Duration::ZERO) })
        };
        let given_up = match retry(pace, one_try, |_| self.left(effect), sleep).await {
            Ok(answer) => return Ok(answer),
            Err(given_up) => given_up,
        };
        let Tried { kind, words, .. } = given_up.error;
        let times =
            if given_up.tries > 1 { format!(" (tried {} times)", given_up.tries) } else { String::new() };
        let message = format!("cannot {what}: {words}{times}");
        Err(CloudError { kind, unchanged: !given_up.in_doubt, message })
    }

    async fn once<T, F>(&self, effect: Effect, attempt: &(impl Fn() -> F + Sync)) -> Result<T, Tried>
    where
        F: Future<Output = Result<T, Tried>> + Send,
    {
        let limit = self.left(effect).min(self.pace.attempt);
        if limit.is_zero() {
            let words = NOT_ASKED.to_owned();
            return Err(Tried { kind: Kind::Other, may_pass: false, in_doubt: false, words });
        }
        let answer = timeout(limit, attempt()).await.map_err(|_| {
            let words = format!("no answer within {}.{} s", limit.as_secs(), limit.subsec_millis() / 100);
            Tried { kind: Kind::Busy, may_pass: true, in_doubt: true, words }
        });
        answer?
    }
}

fn tried<E>(error: &SdkError<E, HttpResponse>) -> Tried
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let status = error.raw_response().map_or(0, |raw| raw.status().as_u16());
    match error {
        SdkError::ServiceError(answer) if status >= 400 => {
            let meta = answer.err().meta();
            of_answer(status, meta.code().unwrap_or_default(), meta.message().unwrap_or_default())
        }
        SdkError::DispatchFailure(failure) => {
            let source = failure.as_connector_error().and_then(std::error::Error::source);
            let words = words::root_cause(failure_of(error));
            match source.and_then(|source| source.downcast_ref::<Silence>()) {
                Some(silence) => {
                    Tried { kind: Kind::Busy, may_pass: true, in_doubt: silence.in_doubt, words }
                }
                None => no_credentials(has_silence(failure_of(error)), &words),
            }
        }
        SdkError::ConstructionFailure(_) => no_credentials(false, &words::root_cause(failure_of(error))),
        // An answer that is not Auto Scaling's: from a proxy, or incomplete.
        SdkError::ServiceError(_) | SdkError::ResponseError(_) | SdkError::TimeoutError(_) | _
            if status >= 400 =>
        {
            of_answer(status, "", "")
        }
        SdkError::ServiceError(_) | SdkError::ResponseError(_) | SdkError::TimeoutError(_) | _ => {
            let words = format!("the answer is not understood: {}", words::root_cause(failure_of(error)));
            Tried { kind: Kind::Other, may_pass: true, in_doubt: true, words }
        }
    }
}

/// The failure before the request: there are no credentials.
pub(super) fn no_credentials(may_pass: bool, words: &str) -> Tried {
    let words = format!("there are no credentials: {words}");
    Tried { kind: Kind::Forbidden, may_pass, in_doubt: false, words }
}

/// Whether a service did not answer.
pub(super) fn has_silence(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(<dyn std::error::Error>::is::<Silence>)
}

fn failure_of<E>(error: &SdkError<E, HttpResponse>) -> &(dyn std::error::Error + 'static)
where
    E: std::error::Error + Send + Sync + 'static,
{
    error
}

/// The failure that an answer reports.
pub(super) fn of_answer(status: u16, code: &str, message: &str) -> Tried {
    let kind = Kind::of_answer(status, code, message);
    let message = words::clean(message);
    let words = match (code, message.as_str()) {
        ("", _) => format!("status {status}"),
        (code, "") => format!("status {status}: {code}"),
        (code, message) => format!("status {status}: {code}: \"{message}\""),
    };
    // If the service has a code for it, it did not carry the request out; a status alone may come from a proxy.
    let is_named =
        !matches!(code, "" | "ServiceUnavailable" | "InternalFailure" | "InternalError" | "Unavailable");
    let is_told = is_named && matches!(kind, Kind::Busy | Kind::Exhausted | Kind::Quota);
    let in_doubt = (status >= 500 || status == 408) && !is_told;
    // A changing group takes longer than seconds: the caller reads it again.
    let is_changing = matches!(
        code,
        "ResourceContention"
            | "ScalingActivityInProgress"
            | "InstanceRefreshInProgress"
            | "IncorrectInstanceState"
    );
    Tried { kind, may_pass: kind == Kind::Busy && !is_changing, in_doubt, words }
}
