//! The token of a kubeconfig's plugin or file, read up to a bound and again before it expires. The client library itself
//! would read a plugin's output without a bound.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use jiff::{SignedDuration, Timestamp};
use kube::config::{AuthInfo, ExecConfig, ExecInteractiveMode};
use serde::Deserialize;
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Maximum number of bytes of a token file, and of a plugin's output.
const LONGEST: u64 = 1 << 20;
/// The time before its expiry at which a token is replaced.
const EARLY: SignedDuration = SignedDuration::from_mins(1);
/// The time after which a token file is read again.
const BELIEVED: Duration = Duration::from_secs(50);

/// Why there is no token. The error has no text of a plugin or a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CredentialsError {
    /// The plugin cannot be started.
    #[error("the credentials plugin {0} cannot be started: {1}")]
    NotStarted(String, std::io::ErrorKind),
    /// The plugin was lost.
    #[error("the credentials plugin {0} was lost: {1}")]
    Lost(String, std::io::ErrorKind),
    /// The plugin failed.
    #[error("the credentials plugin {0} failed with {1}")]
    Failed(String, std::process::ExitStatus),
    /// The plugin writes without end.
    #[error("the credentials plugin {0} writes more than {LONGEST} bytes")]
    TooMuch(String),
    /// The plugin's output is not understood.
    #[error("the output of the credentials plugin {0} is no ExecCredential")]
    NotUnderstood(String),
    /// The kubeconfig has a plugin without a command.
    #[error("the kubeconfig names no command of a credentials plugin")]
    NoCommand,
    /// The token file cannot be read.
    #[error("the token file {} cannot be read: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: std::io::ErrorKind,
    },
    /// The token file has no end.
    #[error("the token file {} is longer than {LONGEST} bytes", .0.display())]
    LongFile(PathBuf),
    /// The token is no text for a header.
    #[error("the token cannot be sent in a header")]
    Unsendable,
    /// The kubeconfig has a kind of command that kubectl no longer supports.
    #[error(
        "the kubeconfig has an auth-provider with a command, which kubectl does not run any more; expected exec"
    )]
    Provider,
}

/// The source of tokens.
#[derive(Debug)]
enum Source {
    File(PathBuf),
    Plugin(Box<ExecConfig>),
}

/// The token in use.
#[derive(Debug)]
struct Held {
    header: Option<HeaderValue>,
    expires: Option<Timestamp>,
    read: Instant,
}

/// Provides the token of each request.
#[derive(Debug, Default)]
pub(super) struct Credentials {
    source: Option<Source>,
    held: Mutex<Option<Held>>,
}

/// The output of a plugin.
#[derive(Deserialize)]
struct ExecCredential {
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    expiration_timestamp: Option<Timestamp>,
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

impl Credentials {
    /// Takes the parts of a kubeconfig's user that the client library would read without a bound, and reads them once. A
    /// certificate of a plugin is passed to the client.
    pub(super) async fn take(user: &mut AuthInfo, now: Timestamp) -> Result<Self, CredentialsError> {
        let provider = user.auth_provider.as_ref();
        if provider.is_some_and(|provider| provider.config.contains_key("cmd-path")) {
            return Err(CredentialsError::Provider);
        }
        let file = user.token_file.take();
        let plugin = user.exec.take();
        let has_more = user.auth_provider.is_some()
            || user.token.is_some()
            || (user.username.is_some() && user.password.is_some());
        let source = match (file, plugin) {
            _ if has_more => None,
            (Some(file), _) => Some(Source::File(file.into())),
            (None, Some(plugin)) => Some(Source::Plugin(Box::new(plugin))),
            (None, None) => None,
        };
        let credentials = Self { source, held: Mutex::new(None) };
        let Some(source) = &credentials.source else { return Ok(credentials) };
        let held = match source {
            Source::File(path) => of_file(path).await?,
            Source::Plugin(plugin) => {
                let status = run(plugin).await?;
                if let (Some(certificate), Some(key)) =
                    (&status.client_certificate_data, &status.client_key_data)
                {
                    let given = json!({
                        "client-certificate-data": STANDARD.encode(certificate),
                        "client-key-data": STANDARD.encode(key),
                    });
                    let given = AuthInfo::deserialize(given)
                        .map_err(|_| CredentialsError::NotUnderstood(name(plugin)))?;
                    user.client_certificate_data = given.client_certificate_data;
                    user.client_key_data = given.client_key_data;
                }
                status.held()?
            }
        };
        if held.is_good(source, now) {
            *credentials.held.lock().await = Some(held);
        }
        Ok(credentials)
    }

    /// The header of a request; `None` if the client needs none.
    pub(super) async fn header(&self, now: Timestamp) -> Result<Option<HeaderValue>, CredentialsError> {
        let Some(source) = &self.source else { return Ok(None) };
        let mut held = self.held.lock().await;
        if let Some(held) = held.as_ref().filter(|held| held.is_good(source, now)) {
            return Ok(held.header.clone());
        }
        let asked = match source {
            Source::File(path) => of_file(path).await,
            Source::Plugin(plugin) => match run(plugin).await {
                Ok(status) => status.held(),
                Err(error) => Err(error),
            },
        };
        let found = match (asked, source, held.take()) {
            (Ok(found), ..) => found,
            // Some token files are removed after they were read.
            (Err(_), Source::File(_), Some(last)) => Held { read: Instant::now(), ..last },
            (Err(error), ..) => return Err(error),
        };
        Ok(held.insert(found).header.clone())
    }
}

impl Held {
    fn is_good(&self, source: &Source, now: Timestamp) -> bool {
        match source {
            Source::File(_) => self.read.elapsed() < BELIEVED,
            Source::Plugin(_) => {
                let soon = now.checked_add(EARLY).unwrap_or(Timestamp::MAX);
                self.expires.is_none_or(|expires| soon < expires)
            }
        }
    }
}

impl Status {
    fn held(self) -> Result<Held, CredentialsError> {
        let header = self.token.as_deref().map(bearer).transpose()?;
        Ok(Held { header, expires: self.expiration_timestamp, read: Instant::now() })
    }
}

fn bearer(token: &str) -> Result<HeaderValue, CredentialsError> {
    let value = HeaderValue::from_str(&format!("Bearer {}", token.trim()));
    let mut value = value.map_err(|_| CredentialsError::Unsendable)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Reads a token file, which may be a pipe, on a thread that can be abandoned.
async fn of_file(path: &Path) -> Result<Held, CredentialsError> {
    let file = path.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        File::open(file)?.take(LONGEST.saturating_add(1)).read_to_string(&mut text)?;
        Ok(text)
    });
    let read = read.await.unwrap_or_else(|_| Err(std::io::ErrorKind::Interrupted.into()));
    let text = read.map_err(|error: std::io::Error| CredentialsError::File {
        path: path.to_owned(),
        why: error.kind(),
    })?;
    if is_too_long(text.len()) {
        return Err(CredentialsError::LongFile(path.to_owned()));
    }
    Ok(Held { header: Some(bearer(&text)?), expires: None, read: Instant::now() })
}

fn is_too_long(length: usize) -> bool {
    u64::try_from(length).map_or(true, |length| length > LONGEST)
}

fn name(plugin: &ExecConfig) -> String {
    plugin.command.clone().unwrap_or_default()
}

/// Runs a plugin, which is killed when the wait for it ends.
async fn run(plugin: &ExecConfig) -> Result<Status, CredentialsError> {
    let command = plugin.command.as_ref().ok_or(CredentialsError::NoCommand)?;
    // As in the client library, a plugin that may ask a person has the terminal.
    let interactive = plugin.interactive_mode != Some(ExecInteractiveMode::Never);
    let terminal = || if interactive { Stdio::inherit() } else { Stdio::null() };
    let variables = plugin.env.iter().flatten();
    let variables = variables.filter_map(|variable| Some((variable.get("name")?, variable.get("value")?)));
    let mut spec = json!({ "interactive": interactive });
    if plugin.provide_cluster_info
        && let (Some(spec), Some(cluster)) = (spec.as_object_mut(), &plugin.cluster)
    {
        spec.insert("cluster".to_owned(), json!(cluster));
    }
    let asked = json!({ "kind": "ExecCredential", "apiVersion": plugin.api_version, "spec": spec });
    let mut child = Command::new(command)
        .args(plugin.args.iter().flatten())
        .envs(variables)
        .env("KUBERNETES_EXEC_INFO", asked.to_string())
        .stdin(terminal())
        .stdout(Stdio::piped())
        .stderr(terminal())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| CredentialsError::NotStarted(name(plugin), error.kind()))?;
    let lost = |error: std::io::Error| CredentialsError::Lost(name(plugin), error.kind());
    let mut written = Vec::new();
    if let Some(output) = child.stdout.take() {
        output.take(LONGEST.saturating_add(1)).read_to_end(&mut written).await.map_err(lost)?;
    }
    if is_too_long(written.len()) {
        return Err(CredentialsError::TooMuch(name(plugin)));
    }
    let status = child.wait().await.map_err(lost)?;
    if !status.success() {
        return Err(CredentialsError::Failed(name(plugin), status));
    }
    understood(&written).ok_or_else(|| CredentialsError::NotUnderstood(name(plugin)))
}

/// Parses the output of a plugin, in JSON or in YAML.
fn understood(written: &[u8]) -> Option<Status> {
    let read: ExecCredential =
        serde_json::from_slice(written).ok().or_else(|| serde_saphyr::from_slice(written).ok())?;
    Some(read.status)
}

#[cfg(test)]
mod tests;
