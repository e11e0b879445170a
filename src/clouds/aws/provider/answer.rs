//! Converts the result of a change to the program's answer.

use kube_rebalancer_join::Became;
use kube_rebalancer_ports::{GroupAnswer, ProviderError};

use crate::error::{CloudError, Kind};

/// The program's answer.
pub(super) fn answer(became: Became<CloudError>) -> GroupAnswer {
    match became {
        Became::Done => GroupAnswer::Done,
        Became::AlreadySo => GroupAnswer::AlreadySo,
        Became::Conflict(why) => GroupAnswer::Conflict(why),
        Became::Refused(why) => GroupAnswer::Refused(why),
        Became::NotTaken(why) => GroupAnswer::Failed(why),
        Became::NotSeen(error) => GroupAnswer::InDoubt(error.message),
        Became::InDoubt(why) => GroupAnswer::InDoubt(why),
        Became::Failed(CloudError { unchanged: false, message, .. }) => GroupAnswer::InDoubt(message),
        Became::Failed(CloudError { kind, message, .. }) => match kind {
            Kind::Forbidden => GroupAnswer::Forbidden(message),
            Kind::NotFound => GroupAnswer::Gone(message),
            Kind::Exhausted => GroupAnswer::Exhausted(message),
            Kind::Quota => GroupAnswer::Quota(message),
            Kind::Busy => GroupAnswer::Busy(message),
            Kind::Refused | Kind::Invalid => GroupAnswer::Refused(message),
            Kind::Setting | Kind::NoSuchRequest | Kind::WouldDo | Kind::Other => GroupAnswer::Failed(message),
        },
    }
}

impl From<CloudError> for ProviderError {
    fn from(CloudError { kind, message, .. }: CloudError) -> Self {
        if kind == Kind::Setting { Self::Setting(message) } else { Self::Unseen(message) }
    }
}
