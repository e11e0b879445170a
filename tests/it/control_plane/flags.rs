//! The flags of each program, with the placeholders DIR (the private directory) and PORT (the program's own port).
//! tests/control-plane/README.md explains them.

use std::path::Path;

pub(super) const ETCD: [&str; 6] = [
    "--data-dir=DIR/etcd",
    "--listen-client-urls=unix://DIR/etcd.sock",
    "--advertise-client-urls=unix://DIR/etcd.sock",
    "--listen-peer-urls=http://127.0.0.1:0",
    "--unsafe-no-fsync",
    "--log-level=warn",
];

pub(super) const API_SERVER: [&str; 21] = [
    "--etcd-servers=unix://DIR/etcd.sock",
    "--bind-address=127.0.0.1",
    "--secure-port=PORT",
    "--advertise-address=127.0.0.1",
    "--endpoint-reconciler-type=none",
    "--service-cluster-ip-range=10.96.0.0/16",
    "--tls-cert-file=DIR/server.crt",
    "--tls-private-key-file=DIR/server.key",
    "--client-ca-file=DIR/ca.crt",
    "--authorization-mode=Node,RBAC",
    "--service-account-issuer=https://kubernetes.default.svc",
    "--service-account-key-file=DIR/service-account.pub",
    "--service-account-signing-key-file=DIR/service-account.key",
    "--profiling=false",
    // For further API servers behind it, such as the metrics-server: the user of a request, in headers.
    "--requestheader-client-ca-file=DIR/ca.crt",
    "--requestheader-allowed-names=front-proxy",
    "--requestheader-username-headers=X-Remote-User",
    "--requestheader-group-headers=X-Remote-Group",
    "--requestheader-extra-headers-prefix=X-Remote-Extra-",
    "--proxy-client-cert-file=DIR/front-proxy.crt",
    "--proxy-client-key-file=DIR/front-proxy.key",
];

pub(super) const CONTROLLER_MANAGER: [&str; 16] = [
    "--kubeconfig=DIR/controller-manager.kubeconfig",
    "--bind-address=127.0.0.1",
    "--secure-port=PORT",
    "--tls-cert-file=DIR/server.crt",
    "--tls-private-key-file=DIR/server.key",
    "--leader-elect=false",
    "--use-service-account-credentials=true",
    "--service-account-private-key-file=DIR/service-account.key",
    "--root-ca-file=DIR/ca.crt",
    "--node-monitor-period=1s",
    "--profiling=false",
    "--kube-api-qps=200",
    "--kube-api-burst=400",
    // A HorizontalPodAutoscaler looks every 15 s by default, and passes over new pods for minutes.
    "--horizontal-pod-autoscaler-sync-period=2s",
    "--horizontal-pod-autoscaler-cpu-initialization-period=1s",
    "--horizontal-pod-autoscaler-initial-readiness-delay=1s",
];

/// It scrapes kwok, which plays the kubelets, every ten seconds: the shortest that it takes.
pub(super) const METRICS_SERVER: [&str; 12] = [
    "--kubeconfig=DIR/admin.kubeconfig",
    "--authentication-kubeconfig=DIR/admin.kubeconfig",
    "--authorization-kubeconfig=DIR/admin.kubeconfig",
    "--bind-address=127.0.0.1",
    "--secure-port=PORT",
    "--tls-cert-file=DIR/server.crt",
    "--tls-private-key-file=DIR/server.key",
    "--metric-resolution=10s",
    "--kubelet-request-timeout=5s",
    "--kubelet-use-node-status-port",
    "--kubelet-preferred-address-types=InternalIP",
    "--deprecated-kubelet-completely-insecure",
];

pub(super) const SCHEDULER: [&str; 9] = [
    "--kubeconfig=DIR/scheduler.kubeconfig",
    "--bind-address=127.0.0.1",
    "--secure-port=PORT",
    "--tls-cert-file=DIR/server.crt",
    "--tls-private-key-file=DIR/server.key",
    "--leader-elect=false",
    "--profiling=false",
    "--kube-api-qps=200",
    "--kube-api-burst=400",
];

pub(super) const KWOK: [&str; 3] =
    ["--kubeconfig=DIR/kwok.kubeconfig", "--config=KWOK_YAML", "--server-address=127.0.0.1:PORT"];

/// The flags with their places filled in.
pub(super) fn fill<const N: usize>(flags: [&str; N], directory: &Path, port: u16) -> [String; N] {
    let (directory, port) = (directory.display().to_string(), port.to_string());
    let kwok_yaml = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/control-plane/kwok.yaml");
    flags.map(|flag| flag.replace("DIR", &directory).replace("PORT", &port).replace("KWOK_YAML", kwok_yaml))
}
