//! Runs the container of a real pod as a process, with the input that a kubelet would give it: the arguments, the
//! environment, and the service account's files at their paths in a pod.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::control_plane::ControlPlane;
use crate::control_plane::identity::Identity;

/// Mounts a new folder at /var/run, copies the files there, and executes the program. No other process sees the
/// mount.
const AS_IN_A_POD: &str = r#"
set -e
mount -t tmpfs none /var/run
mkdir -p /var/run/secrets/kubernetes.io
cp -r "$1" /var/run/secrets/kubernetes.io/serviceaccount
shift
exec "$@"
"#;

const UNSHARE: [&str; 3] = ["--user", "--map-root-user", "--mount"];

impl ControlPlane {
    /// Runs the one container of a pod that a node has got.
    pub(super) fn run_pod(&self, pod: &Value) -> Output {
        let namespace = pod["metadata"]["namespace"].as_str().unwrap();
        let token = self.token(namespace, pod["spec"]["serviceAccountName"].as_str().unwrap());
        let container = &pod["spec"]["containers"][0];
        let program = env!("CARGO_BIN_EXE_kube-rebalancer");
        let arguments = container["args"].as_array().unwrap().iter().map(|one| one.as_str().unwrap());
        let mut command = if may_mount() {
            let files = self.service_account_files(namespace, &token);
            let mut command = Command::new("unshare");
            command.env_clear().args(UNSHARE).args(["sh", "-c", AS_IN_A_POD, "sh"]).arg(files).arg(program);
            command
        } else {
            println!("no mount of its own for a process here: the token is given by a kubeconfig instead");
            let kubeconfig = self.directory().join(self.unique("pod.kubeconfig"));
            std::fs::write(&kubeconfig, self.kubeconfig(&Identity::Token(token))).unwrap();
            let mut command = Command::new(program);
            command.env_clear().env("KUBECONFIG", kubeconfig);
            command
        };
        command.args(arguments).envs(self.environment(pod)).stdin(Stdio::null()).output().unwrap()
    }

    /// The variables of the container, and the variables that Kubernetes sets in every container.
    fn environment(&self, pod: &Value) -> BTreeMap<String, String> {
        let container = &pod["spec"]["containers"][0];
        let (host, port) = self.url().strip_prefix("https://").unwrap().split_once(':').unwrap();
        let mut environment: BTreeMap<String, String> = [
            ("KUBERNETES_SERVICE_HOST", host),
            ("KUBERNETES_SERVICE_PORT", port),
            ("KUBERNETES_PORT", &format!("tcp://{host}:{port}")),
            ("HOSTNAME", pod["metadata"]["name"].as_str().unwrap()),
            ("HOME", "/"),
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        for source in container["envFrom"].as_array().into_iter().flatten() {
            let name = source["configMapRef"]["name"].as_str().unwrap();
            let namespace = pod["metadata"]["namespace"].as_str().unwrap();
            let path = format!("/api/v1/namespaces/{namespace}/configmaps/{name}");
            let config_map = self.admin().get(&path).success();
            for (name, value) in config_map["data"].as_object().into_iter().flatten() {
                environment.insert(name.clone(), value.as_str().unwrap().to_owned());
            }
        }
        for variable in container["env"].as_array().into_iter().flatten() {
            let field = variable["valueFrom"]["fieldRef"]["fieldPath"].as_str().unwrap();
            let value = &pod[field.split('.').next().unwrap()][field.split('.').nth(1).unwrap()];
            environment.insert(
                variable["name"].as_str().unwrap().to_owned(),
                value.as_str().unwrap_or_else(|| unreachable!("{field} of {pod}")).to_owned(),
            );
        }
        environment
    }

    pub(super) fn token(&self, namespace: &str, account: &str) -> String {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
        let request = json!({"spec": {"expirationSeconds": 3600}});
        self.admin().post(&path, &request).success()["status"]["token"].as_str().unwrap().to_owned()
    }

    /// The files of a pod below /var/run/secrets/kubernetes.io.
    fn service_account_files(&self, namespace: &str, token: &str) -> PathBuf {
        let files = self.directory().join(self.unique("serviceaccount"));
        std::fs::create_dir(&files).unwrap();
        std::fs::write(files.join("token"), token).unwrap();
        std::fs::write(files.join("namespace"), namespace).unwrap();
        std::fs::copy(self.directory().join("ca.crt"), files.join("ca.crt")).unwrap();
        files
    }
}

/// Whether a process may have separate mounts here; in many containers it may not.
fn may_mount() -> bool {
    let probe =
        Command::new("unshare").args(UNSHARE).args(["mount", "-t", "tmpfs", "none", "/var/run"]).output();
    probe.is_ok_and(|output| output.status.success())
}
