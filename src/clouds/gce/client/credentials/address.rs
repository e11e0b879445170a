//! Addresses that a file of credentials names. Secrets are sent to them, so they are encrypted or on this machine.

use std::fmt;

use reqwest::Url;

/// The metadata server of a virtual machine, at whose address no other machine answers.
const METADATA: &str = "169.254.169.254";

/// An address to which a secret may be sent.
pub(super) struct Address(Url);

impl Address {
    /// Reads an address to which secrets are sent; `field` is its name in the file. The text itself may hold a secret: no error
    /// repeats it.
    pub(super) fn of_secrets(text: &str, field: &str) -> Result<Self, String> {
        let url = parsed(text).filter(|url| url.scheme() == "https" || is_this_machine(url));
        url.map(Self)
            .ok_or_else(|| format!("its {field} is neither an https address nor one of this machine"))
    }

    /// Reads an address that returns a token.
    pub(super) fn of_source(text: &str, field: &str) -> Result<Self, String> {
        let is_metadata = |url: &Url| url.host_str() == Some(METADATA);
        let is_right = |url: &Url| url.scheme() == "https" || is_this_machine(url) || is_metadata(url);
        parsed(text).filter(is_right).map(Self).ok_or_else(|| {
            format!(
                "its {field} is neither an https address nor one of this machine or of its metadata server"
            )
        })
    }
}

/// Parses a URL without user and password.
fn parsed(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_web = matches!(url.scheme(), "https" | "http") && url.has_host();
    (is_web && url.username().is_empty() && url.password().is_none()).then_some(url)
}

fn is_this_machine(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

/// Shows only the host: the rest may be a secret.
impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.host_str().unwrap_or_default())
    }
}

/// The HTTP clients for requests for tokens.
#[derive(Clone)]
pub(super) struct Clients {
    /// The client that uses the proxy of the environment, if any.
    pub(super) proxied: reqwest::Client,
    /// The client without a proxy.
    pub(super) direct: reqwest::Client,
}

impl Clients {
    pub(super) fn get(&self, address: &Address) -> reqwest::RequestBuilder {
        self.of(address).get(address.0.clone())
    }

    pub(super) fn post(&self, address: &Address) -> reqwest::RequestBuilder {
        self.of(address).post(address.0.clone())
    }

    /// An unencrypted address is on this machine; a proxy would send the secret elsewhere.
    fn of(&self, address: &Address) -> &reqwest::Client {
        if address.0.scheme() == "http" { &self.direct } else { &self.proxied }
    }
}
