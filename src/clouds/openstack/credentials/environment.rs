//! The variables that OpenStack's own clients read.

use kube_rebalancer_ports::Environment;

use super::Fields;

/// The fields of the `OS_*` variables.
pub(super) fn fields(environment: &Environment) -> Fields {
    let first = |names: &[&str]| names.iter().find_map(|name| environment.get(name)).map(str::to_owned);
    Fields {
        auth_type: first(&["OS_AUTH_TYPE"]),
        auth_url: first(&["OS_AUTH_URL"]),
        username: first(&["OS_USERNAME"]),
        user_id: first(&["OS_USER_ID"]),
        password: first(&["OS_PASSWORD"]),
        user_domain_name: first(&["OS_USER_DOMAIN_NAME", "OS_DEFAULT_DOMAIN_NAME"]),
        user_domain_id: first(&["OS_USER_DOMAIN_ID"]),
        project_name: first(&["OS_PROJECT_NAME", "OS_TENANT_NAME"]),
        project_id: first(&["OS_PROJECT_ID", "OS_TENANT_ID"]),
        project_domain_name: first(&["OS_PROJECT_DOMAIN_NAME", "OS_DEFAULT_DOMAIN_NAME"]),
        project_domain_id: first(&["OS_PROJECT_DOMAIN_ID"]),
        trust_id: first(&["OS_TRUST_ID"]),
        application_id: first(&["OS_APPLICATION_CREDENTIAL_ID"]),
        application_name: first(&["OS_APPLICATION_CREDENTIAL_NAME"]),
        application_secret: first(&["OS_APPLICATION_CREDENTIAL_SECRET"]),
        region: first(&["OS_REGION_NAME"]),
        interface: first(&["OS_INTERFACE", "OS_ENDPOINT_TYPE"]),
        authorities: first(&["OS_CACERT"]),
        certificate: first(&["OS_CERT"]),
        key: first(&["OS_KEY"]),
        insecure: first(&["OS_INSECURE"]).is_some_and(|text| is_true(&text)),
    }
}

/// Whether a text is a word that means yes for OpenStack's clients.
pub(super) fn is_true(text: &str) -> bool {
    ["1", "true", "yes", "on", "t", "y"].contains(&text.to_ascii_lowercase().as_str())
}
