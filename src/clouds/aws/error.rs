//! The errors of AWS.

/// A failure, with a sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct CloudError {
    /// Its kind.
    pub(crate) kind: Kind,
    /// Whether it is certain that the request changed nothing.
    pub(crate) unchanged: bool,
    /// One sentence: the request and the answer, with the cloud's message if there is one.
    pub(crate) message: String,
}

/// The kind of a failure, which decides the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A setting is wrong.
    Setting,
    /// The credentials are not accepted, or do not permit it.
    Forbidden,
    /// The service does not know the request.
    NoSuchRequest,
    /// The service refuses the request for this group: a `ValidationError`.
    Invalid,
    /// There is no such group or instance.
    NotFound,
    /// There are no more machines of that kind.
    Exhausted,
    /// A quota is used up.
    Quota,
    /// The service is busy, or the group is changing.
    Busy,
    /// A rule of the group forbids the change.
    Refused,
    /// A dry run would succeed.
    WouldDo,
    /// Anything else.
    Other,
}

impl CloudError {
    /// A failure that changed nothing.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, unchanged: true, message: message.into() }
    }

    /// A failure after which it is not known whether something changed.
    pub(crate) fn in_doubt(message: impl Into<String>) -> Self {
        Self { kind: Kind::Other, unchanged: false, message: message.into() }
    }
}

impl Kind {
    /// The kind of an answer, by its code and its message; the status decides if they do not.
    ///
    /// Auto Scaling throttles with status 400; status 500 means that a group is changing (`ResourceContention`).
    pub(crate) fn of_answer(status: u16, code: &str, words: &str) -> Self {
        match code {
            "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "SlowDown"
            | "ServiceUnavailable"
            | "ResourceContention"
            | "ScalingActivityInProgress"
            | "InstanceRefreshInProgress"
            | "IdempotentCallInProgress"
            | "IncorrectInstanceState" => Self::Busy,
            "AccessDenied"
            | "AccessDeniedException"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "IncompleteSignature"
            | "InvalidClientTokenId"
            | "MissingAuthenticationToken"
            | "NotAuthorized"
            | "OptInRequired"
            | "RequestExpired"
            | "SignatureDoesNotMatch"
            | "UnauthorizedOperation"
            | "UnrecognizedClientException" => Self::Forbidden,
            "InvalidAction" | "UnknownOperationException" => Self::NoSuchRequest,
            "DryRunOperation" => Self::WouldDo,
            "LimitExceeded" | "VcpuLimitExceeded" | "InstanceLimitExceeded" => Self::Quota,
            "InsufficientInstanceCapacity"
            | "InsufficientHostCapacity"
            | "InsufficientReservedInstanceCapacity"
            | "InsufficientCapacity" => Self::Exhausted,
            "InvalidInstanceID.NotFound" | "InvalidInstanceID.Malformed" => Self::NotFound,
            "UnsupportedOperation" | "OperationNotPermitted" | "UnsupportedHibernationConfiguration" => {
                Self::Refused
            }
            "ValidationError" | "ValidationException" => Self::of_validation(words),
            _ => match status {
                401 | 403 => Self::Forbidden,
                404 => Self::NotFound,
                408 | 429 | 500.. => Self::Busy,
                _ => Self::Other,
            },
        }
    }

    /// The kind of a `ValidationError`, by its message, because it has no further code.
    fn of_validation(words: &str) -> Self {
        let words = words.to_ascii_lowercase();
        if words.contains("min size constraint")
            || words.contains("desiredsize equals minsize")
            || words.contains("update the autoscalinggroup sizes")
        {
            Self::Refused
        } else if words.contains("not found") {
            Self::NotFound
        } else {
            Self::Invalid
        }
    }

    /// The kind of an EC2 code that a launch or a scaling activity quotes.
    pub(crate) fn of_launch(code: &str, words: &str) -> Self {
        let has = |needles: &[&str]| needles.iter().any(|needle| code == *needle || words.contains(needle));
        if has(&[
            "VcpuLimitExceeded",
            "InstanceLimitExceeded",
            "MaxSpotInstanceCountExceeded",
            "more vCPU capacity than your current vCPU limit",
        ]) {
            Self::Quota
        } else if has(&[
            "InsufficientInstanceCapacity",
            "InsufficientHostCapacity",
            "InsufficientReservedInstanceCapacity",
            "InsufficientFreeAddressesInSubnet",
            "ReservationCapacityExceeded",
            "SpotMaxPriceTooLow",
            "Unsupported",
            "sufficient",
        ]) {
            Self::Exhausted
        } else if has(&["UnauthorizedOperation", "AccessDenied"]) {
            Self::Forbidden
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Kind::{
        self, Busy, Exhausted, Forbidden, Invalid, NoSuchRequest, NotFound, Other, Quota, Refused,
    };

    #[test]
    fn an_answer_is_sorted_by_its_code_and_then_by_its_status() {
        let minimum = "Currently, desiredSize equals minSize (3). Terminating instance without replacement will violate \
                       group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower \
                       group's min size.";
        for (status, code, words, expected) in [
            (400, "Throttling", "Rate exceeded", Busy),
            (500, "ResourceContention", "", Busy),
            (400, "ScalingActivityInProgress", "", Busy),
            (400, "IdempotentCallInProgress", "", Busy),
            (403, "AccessDenied", "User: ... is not authorized to perform", Forbidden),
            (400, "InvalidAction", "Could not find operation LaunchInstances", NoSuchRequest),
            (400, "ValidationError", minimum, Refused),
            (400, "ValidationError", "AutoScalingGroup name not found - no such group: a", NotFound),
            (400, "ValidationError", "Instance Id not found - No managed instance found", NotFound),
            (400, "ValidationError", "New SetDesiredCapacity value 9 is above max value 8", Invalid),
            (
                400,
                "ValidationError",
                "AutoScalingGroup a has min-size=1, max-size=1, and desired-size=1. To place into standby 1 instance, \
                 please update the AutoScalingGroup sizes appropriately.",
                Refused,
            ),
            (400, "ValidationError", "The instance i-0a1b2c3d4e5f67890 is not in InService.", Invalid),
            (400, "LimitExceeded", "", Quota),
            (403, "UnauthorizedOperation", "You are not authorized to perform this operation.", Forbidden),
            (400, "IncorrectInstanceState", "", Busy),
            (500, "InsufficientInstanceCapacity", "", Exhausted),
            (400, "InvalidInstanceID.NotFound", "", NotFound),
            (400, "UnsupportedOperation", "", Refused),
            (400, "IdempotentParameterMismatch", "", Other),
            (403, "", "", Forbidden),
            (502, "", "", Busy),
            (400, "", "", Other),
        ] {
            assert_eq!(Kind::of_answer(status, code, words), expected, "{status} {code} {words}");
        }
    }

    #[test]
    fn a_launch_fails_for_want_of_machines_of_quota_or_of_permission() {
        let capacity = "We currently do not have sufficient m5.4xlarge capacity in the Availability Zone you requested \
                        (us-east-1a). Launching EC2 instance failed.";
        let quota = "You have requested more vCPU capacity than your current vCPU limit of 32 allows for the instance \
                     bucket that the specified instance type belongs to. Launching EC2 instance failed.";
        for (code, words, expected) in [
            ("InsufficientInstanceCapacity", "", Kind::Exhausted),
            ("", capacity, Kind::Exhausted),
            ("VcpuLimitExceeded", "", Quota),
            ("", quota, Quota),
            ("UnauthorizedOperation", "", Forbidden),
            ("", "The key pair 'a' does not exist. Launching EC2 instance failed.", Other),
        ] {
            assert_eq!(Kind::of_launch(code, words), expected, "{code} {words}");
        }
    }
}
