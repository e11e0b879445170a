//! The fields of EC2 that a run reads.

use crate::id::InstanceId;

/// The machine of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    /// The instance.
    pub(crate) id: InstanceId,
    /// `instanceState`.
    pub(crate) power: Power,
    /// Whether it is a Spot Instance: `instanceLifecycle`.
    pub(crate) is_spot: bool,
    /// Whether its root device is a volume of EBS: `rootDeviceType`.
    pub(crate) has_ebs_root: bool,
    /// Why it changed its state, as a code and a message: `stateReason`.
    pub(crate) reason: Option<(String, String)>,
}

/// The state of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    /// It starts.
    Pending,
    /// It runs.
    Running,
    /// It is being stopped.
    Stopping,
    /// It is stopped.
    Stopped,
    /// It is being terminated, or is terminated.
    Gone,
}

impl Power {
    /// The state of this name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "pending" => Self::Pending,
            "running" => Self::Running,
            "stopping" => Self::Stopping,
            "stopped" => Self::Stopped,
            "shutting-down" | "terminated" => Self::Gone,
            _ => return None,
        })
    }

    /// Its name.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Gone => "being terminated",
        }
    }
}

impl Machine {
    /// EC2's message, if it did not start for want of a machine.
    pub(crate) fn had_no_room(&self) -> Option<String> {
        let (code, message) = self.reason.as_ref()?;
        (self.power == Power::Stopped && code.starts_with("Server.Insufficient"))
            .then(|| kube_rebalancer_ports::words::clean(&format!("{code}: {message}")))
    }
}
