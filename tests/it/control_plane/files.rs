//! The files that the programs read: keys, certificates, kubeconfigs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rcgen::KeyPair;
use serde_json::json;

use super::certificates::{Authority, Certificate};
use super::identity::kubeconfig;
use super::start::StartError;

/// The group that may do everything.
const MASTERS: &str = "system:masters";

/// Each program's file, user and group.
const PROGRAMS: [(&str, &str, Option<&str>); 3] = [
    ("controller-manager", "system:kube-controller-manager", None),
    ("scheduler", "system:kube-scheduler", None),
    ("kwok", "kwok", Some(MASTERS)),
];

/// Writes all of them; returns the admin's certificate.
pub(super) fn write(directory: &Path, authority: &Authority, url: &str) -> Result<Certificate, StartError> {
    let write = |name: &str, text: &str| fs::write(directory.join(name), text);
    write("ca.crt", authority.pem())?;
    write_certificate(directory, "server", &authority.server()?)?;
    let service_account = KeyPair::generate()?;
    write("service-account.key", &service_account.serialize_pem())?;
    write("service-account.pub", &service_account.public_key_pem())?;

    write_certificate(directory, "front-proxy", &authority.user("front-proxy", None)?)?;
    let ca_file = directory.join("ca.crt").display().to_string();
    let write_user = |file: &str, certificate: &Certificate| {
        let (certificate_file, key_file) = write_certificate(directory, file, certificate)?;
        let user = json!({"client-certificate": certificate_file, "client-key": key_file});
        write(&format!("{file}.kubeconfig"), &kubeconfig(url, Some(&ca_file), &user))
    };
    let admin = authority.user("admin", Some(MASTERS))?;
    write_user("admin", &admin)?;
    for (file, user, group) in PROGRAMS {
        write_user(file, &authority.user(user, group)?)?;
    }
    Ok(admin)
}

/// Writes `name.crt` and `name.key`, and returns their paths.
pub(super) fn write_certificate(
    directory: &Path,
    name: &str,
    certificate: &Certificate,
) -> io::Result<(PathBuf, PathBuf)> {
    let paths = (directory.join(format!("{name}.crt")), directory.join(format!("{name}.key")));
    fs::write(&paths.0, &certificate.certificate)?;
    fs::write(&paths.1, &certificate.key)?;
    Ok(paths)
}
