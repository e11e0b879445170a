//! Converts the result of a change to the program's answer.

use kube_rebalancer_join::Became;
use kube_rebalancer_ports::{GroupAnswer, ProviderError};

use crate::error::{CloudError, Kind};

/// The program's answer.
#[must_use]
pub fn answer(became: Became<CloudError>) -> GroupAnswer {
    match became {
        Became::Done => GroupAnswer::Done,
        Became::AlreadySo => GroupAnswer::AlreadySo,
        Became::Conflict(why) => GroupAnswer::Conflict(why),
        Became::Refused(why) => GroupAnswer::Refused(why),
        Became::NotTaken(why) => GroupAnswer::Failed(why),
        Became::NotSeen(error) => GroupAnswer::InDoubt(error.message),
        Became::InDoubt(why) => GroupAnswer::InDoubt(why),
        Became::Failed(CloudError { kind, message }) => match kind {
            Kind::Forbidden => GroupAnswer::Forbidden(message),
            Kind::NotFound => GroupAnswer::Gone(message),
            Kind::Exhausted => GroupAnswer::Exhausted(message),
            Kind::Quota => GroupAnswer::Quota(message),
            Kind::Busy => GroupAnswer::Busy(message),
            Kind::Refused => GroupAnswer::Refused(message),
            Kind::Doubt => GroupAnswer::InDoubt(message),
            Kind::Setting | Kind::Other => GroupAnswer::Failed(message),
        },
    }
}

impl From<CloudError> for ProviderError {
    fn from(CloudError { kind, message }: CloudError) -> Self {
        match kind {
            Kind::Setting => Self::Setting(message),
            Kind::Forbidden
            | Kind::NotFound
            | Kind::Exhausted
            | Kind::Quota
            | Kind::Busy
            | Kind::Refused
            | Kind::Doubt
            | Kind::Other => Self::Unseen(message),
        }
    }
}
