//! The metadata item `kube-env` of an instance template: GKE's settings for the kubelet of a new instance.
//!
//! ```text
//!   AUTOSCALER_ENV_VARS: node_labels=a=b,c=d;node_taints=k=v:NoSchedule;kube_reserved=cpu=60m,memory=960Mi;os=linux
//! ```
//!
//! Cluster Autoscaler reads the same variables. One invalid part makes the whole text invalid: with an overlooked
//! taint, a run would create a node on which no pod is scheduled.

use std::collections::BTreeMap;

use kube_rebalancer_core::model::{Labels, Taint, TaintEffect, parse_bytes, parse_count, parse_millicores};
use kube_rebalancer_join::{EVICTION, Eviction, Reserved};
use serde::Deserialize;

/// Maximum length of a metadata item on Compute Engine.
const LONGEST: usize = 256 * 1024;

/// GKE's label with the number of pods of a node.
const MAX_PODS: &str = "cloud.google.com/gke-max-pods-per-node";

/// The properties of a node by its `kube-env`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KubeEnv {
    /// Its labels.
    pub(super) labels: Labels,
    /// Its taints.
    pub(super) taints: Vec<Taint>,
    /// The amounts reserved from its capacity, if both are known.
    pub(super) reserved: Option<Reserved>,
    /// The number of its pods.
    pub(super) pods: Option<u64>,
    /// Its operating system, `linux` unless it is another.
    pub(super) os: String,
}

/// The reason why a `kube-env` cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum KubeEnvError {
    /// It is longer than Compute Engine allows.
    #[error("it has {0} bytes, expected at most {LONGEST}")]
    Long(usize),
    /// It is no YAML of names and values.
    #[error("it is not YAML of the form that is expected")]
    Yaml,
    /// A variable within one of its values has another form.
    #[error("{variable} has an entry that is not understood")]
    Malformed {
        /// The variable.
        variable: &'static str,
    },
}

/// The values that are read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", default)]
struct Raw {
    autoscaler_env_vars: Option<String>,
    node_labels: Option<String>,
    node_taints: Option<String>,
}

impl KubeEnv {
    /// Parses a `kube-env`.
    pub(super) fn parse(text: &str) -> Result<Self, KubeEnvError> {
        if text.len() > LONGEST {
            return Err(KubeEnvError::Long(text.len()));
        }
        // The error quotes the text, which may contain a credential of the kubelet.
        let raw: Raw = serde_saphyr::from_str(text).map_err(|_| KubeEnvError::Yaml)?;
        let variables = variables(raw.autoscaler_env_vars.as_deref().unwrap_or_default())?;
        let variable =
            |name: &str, old: Option<String>| variables.get(name).cloned().or(old).unwrap_or_default();
        let labels = variable("node_labels", raw.node_labels);
        let labels: Labels = pairs("node_labels", &labels)?
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let taints = variable("node_taints", raw.node_taints);
        let reserved = variable("kube_reserved", None);
        let eviction = variable("evictionHard", None);
        let os = variable("os", None);
        Ok(Self {
            taints: pairs("node_taints", &taints)?.into_iter().map(taint).collect::<Result<_, _>>()?,
            reserved: reserved_of(&pairs("kube_reserved", &reserved)?, &pairs("evictionHard", &eviction)?)?,
            pods: labels.get(MAX_PODS).and_then(|pods| parse_count(pods).ok()),
            labels,
            os: if os.is_empty() { "linux".to_owned() } else { os },
        })
    }
}

/// The variables of `AUTOSCALER_ENV_VARS`.
fn variables(text: &str) -> Result<BTreeMap<String, String>, KubeEnvError> {
    let entries = text.split(';').map(str::trim).filter(|entry| !entry.is_empty());
    let variable = |entry: &str| {
        let (name, value) = entry.split_once('=')?;
        Some((name.trim().to_owned(), value.trim_matches([' ', '"', '\'']).to_owned()))
    };
    let malformed = KubeEnvError::Malformed { variable: "AUTOSCALER_ENV_VARS" };
    entries.map(variable).collect::<Option<_>>().ok_or(malformed)
}

/// The pairs of a list such as `a=b,c=d`. The values of `evictionHard` may follow a `<`.
fn pairs<'a>(variable: &'static str, list: &'a str) -> Result<Vec<(&'a str, &'a str)>, KubeEnvError> {
    let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let pair = |entry: &'a str| entry.split_once(['=', '<']).filter(|(key, _)| !key.is_empty());
    entries.map(pair).collect::<Option<_>>().ok_or(KubeEnvError::Malformed { variable })
}

/// A taint, such as `dedicated=gpu:NoSchedule`.
fn taint((key, rest): (&str, &str)) -> Result<Taint, KubeEnvError> {
    let malformed = KubeEnvError::Malformed { variable: "node_taints" };
    let (value, effect) = rest.split_once(':').ok_or(malformed.clone())?;
    let effect = match effect {
        "NoSchedule" => TaintEffect::NoSchedule,
        "PreferNoSchedule" => TaintEffect::PreferNoSchedule,
        "NoExecute" => TaintEffect::NoExecute,
        _ => return Err(malformed),
    };
    Ok(Taint { key: key.to_owned(), value: value.to_owned(), effect, added_at: None })
}

/// The reserved amounts; `None` unless CPU and memory are both known.
fn reserved_of(
    reserved: &[(&str, &str)],
    eviction: &[(&str, &str)],
) -> Result<Option<Reserved>, KubeEnvError> {
    let of = |list: &[(&str, &str)], name: &str| {
        list.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    };
    let (Some(cpu), Some(memory)) = (of(reserved, "cpu"), of(reserved, "memory")) else { return Ok(None) };
    let malformed = |variable| KubeEnvError::Malformed { variable };
    let eviction = match of(eviction, "memory.available") {
        None => Eviction::Bytes(EVICTION),
        Some(text) => match text.strip_suffix('%') {
            // Rounded up, so that the amount that is kept free is not underestimated.
            Some(percent) => Eviction::Percent(parse_count(percent).map_err(|_| malformed("evictionHard"))?),
            None => Eviction::Bytes(parse_bytes(&text).map_err(|_| malformed("evictionHard"))?),
        },
    };
    Ok(Some(Reserved {
        cpu: parse_millicores(&cpu).map_err(|_| malformed("kube_reserved"))?,
        memory: parse_bytes(&memory).map_err(|_| malformed("kube_reserved"))?,
        eviction,
    }))
}

#[cfg(test)]
mod tests {
    use kube_rebalancer_core::model::{Bytes, Millicores};

    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn vars(variables: &str) -> Result<KubeEnv, KubeEnvError> {
        KubeEnv::parse(&format!(
            "ALLOCATE_NODE_CIDRS: \"true\"\nAUTOSCALER_ENV_VARS: {variables}\nZONE: us-central1-a\n"
        ))
    }

    fn label(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn labels_taints_and_reserved_amounts_are_read_as_gke_writes_them() {
        let found = vars(
            "kube_reserved=cpu=60m,memory=960Mi,ephemeral-storage=41Gi;node_labels=cloud.google.com/gke-nodepool=gpu,\
             cloud.google.com/gke-max-pods-per-node=32,empty=;os=linux;os_distribution=cos;evictionHard=memory.available=\
             200Mi,nodefs.available=10%;node_taints=nvidia.com/gpu=present:NoSchedule,soft=:PreferNoSchedule",
        )
        .unwrap();
        let pool = label("cloud.google.com/gke-nodepool", "gpu");
        assert_eq!(found.labels, Labels::from([pool, label(MAX_PODS, "32"), label("empty", "")]));
        let taint = |key: &str, value: &str, effect| Taint {
            key: key.to_owned(),
            value: value.to_owned(),
            effect,
            added_at: None,
        };
        let taints = [
            taint("nvidia.com/gpu", "present", TaintEffect::NoSchedule),
            taint("soft", "", TaintEffect::PreferNoSchedule),
        ];
        assert_eq!(found.taints, taints);
        let reserved = Reserved {
            cpu: Millicores(60),
            memory: Bytes(960 * MIB),
            eviction: Eviction::Bytes(Bytes(200 * MIB)),
        };
        assert_eq!((found.reserved, found.pods, &*found.os), (Some(reserved), Some(32), "linux"));
    }

    #[test]
    fn a_text_over_several_lines_and_the_older_variables_are_read_too() {
        let folded = KubeEnv::parse("AUTOSCALER_ENV_VARS: node_labels=a=b;\n  os=windows\n").unwrap();
        assert_eq!((folded.labels, &*folded.os), (Labels::from([label("a", "b")]), "windows"));
        let older =
            KubeEnv::parse("NODE_LABELS: a=b\nNODE_TAINTS: 'k=v:NoExecute'\nCA: |\n  x\n  y\n").unwrap();
        assert_eq!((older.labels, older.taints.len()), (Labels::from([label("a", "b")]), 1));
        assert_eq!((older.reserved, older.pods), (None, None));
        let newer = KubeEnv::parse("NODE_LABELS: a=b\nAUTOSCALER_ENV_VARS: node_labels=c=d\n").unwrap();
        assert_eq!(newer.labels, Labels::from([label("c", "d")]));
        assert_eq!(KubeEnv::parse("ZONE: z\n").unwrap().labels, Labels::default());
    }

    #[test]
    fn what_is_reserved_is_known_only_where_both_amounts_are() {
        for text in ["kube_reserved=memory=1Gi", "kube_reserved=cpu=60m", "os=linux", "kube_reserved="] {
            assert_eq!(vars(text).unwrap().reserved, None, "{text}");
        }
        let eviction = |text: &str| {
            let found = vars(&format!("kube_reserved=cpu=1,memory=1Gi;{text}")).unwrap();
            found.reserved.unwrap().eviction
        };
        assert_eq!(eviction(""), Eviction::Bytes(Bytes(100 * MIB)));
        assert_eq!(eviction("evictionHard=nodefs.available=10%"), Eviction::Bytes(Bytes(100 * MIB)));
        assert_eq!(eviction("evictionHard=memory.available=7.5%"), Eviction::Percent(8));
        assert_eq!(eviction("evictionHard=memory.available<1Gi"), Eviction::Bytes(Bytes(1024 * MIB)));
    }

    #[test]
    fn what_is_not_understood_makes_the_whole_text_unreadable() {
        for (text, variable) in [
            ("node_labels=a", "node_labels"),
            ("node_labels==b", "node_labels"),
            ("node_taints=a=b", "node_taints"),
            ("node_taints=a=b:NoWay", "node_taints"),
            ("kube_reserved=cpu=1,memory=lots", "kube_reserved"),
            ("kube_reserved=cpu=-1,memory=1Gi", "kube_reserved"),
            ("kube_reserved=cpu=1,memory=1Gi;evictionHard=memory.available=much", "evictionHard"),
            ("nonsense", "AUTOSCALER_ENV_VARS"),
        ] {
            assert_eq!(vars(text), Err(KubeEnvError::Malformed { variable }), "{text}");
        }
        for text in ["- a\n- b\n", "AUTOSCALER_ENV_VARS: [a]\n", "a: b: c\n", "a: *b\n"] {
            assert_eq!(KubeEnv::parse(text), Err(KubeEnvError::Yaml), "{text}");
        }
        assert_eq!(KubeEnv::parse(&"a".repeat(LONGEST + 1)), Err(KubeEnvError::Long(LONGEST + 1)));
    }
}
