//! The messages about credentials that do not work, each wrong in a way that people make.

use fake_openstack::{Account, Fault, Requests};
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_ports::{Environment, Provider, ProviderError};

use super::world::{World, node, ops, snapshot};

fn with(environment: &Environment, changes: &[(&str, &str)]) -> Environment {
    environment.iter().chain(changes.iter().copied()).collect()
}

#[tokio::test]
async fn a_login_that_fails_says_what_is_wrong() {
    let mut world = World::of(1, Account::ops().with_credential("abc123", "s3cret", None));
    let url = world.fake.auth_url();
    let good = ops(&url);
    let application =
        [("OS_APPLICATION_CREDENTIAL_ID", "abc123"), ("OS_APPLICATION_CREDENTIAL_SECRET", "s3cret")];
    world.scope.environment = application.into_iter().chain([("OS_AUTH_URL", url.as_str())]).collect();
    world.connect().await.unwrap();
    for (changes, told) in [
        (
            &[("OS_PASSWORD", "wrong")][..],
            "does not accept user `ops` of domain `Default` with this password",
        ),
        (
            &[("OS_USERNAME", "nobody")],
            "does not accept user `nobody` of domain `Default` with this password",
        ),
        (
            &[("OS_USER_DOMAIN_NAME", "nope")],
            "does not accept user `ops` of domain `nope` with this password",
        ),
        (
            &[("OS_PROJECT_NAME", "nope")],
            "accepts user `ops` of domain `Default`, but not for project `nope` of the domain with ID `default`",
        ),
        (&[("OS_PROJECT_ID", "123")], "but not for project `123` (an ID)"),
        (&[("OS_REGION_NAME", "Mars")], "no compute service is in region `Mars`; there are: RegionOne"),
        (&[("OS_INTERFACE", "secret")], "`secret` is no interface; expected public, internal or admin"),
        (&[("OS_AUTH_URL", "http://127.0.0.1:9")], "the auth URL http://127.0.0.1:9/v3 does not answer"),
        (&[("OS_AUTH_URL", "127.0.0.1")], "the auth URL is no URL"),
        (&[("OS_AUTH_URL", "http://ops:secret@127.0.0.1/v3")], "the auth URL is no URL"),
        (&[("OS_AUTH_TYPE", "v3oidcpassword")], "auth type `v3oidcpassword` is not supported"),
        (&[("OS_APPLICATION_CREDENTIAL_ID", "nope")], "the application credential has no secret"),
        (
            &[("OS_APPLICATION_CREDENTIAL_ID", "nope"), ("OS_APPLICATION_CREDENTIAL_SECRET", "x")],
            "has no application credential `nope`",
        ),
        (
            &[("OS_APPLICATION_CREDENTIAL_ID", "abc123"), ("OS_APPLICATION_CREDENTIAL_SECRET", "x")],
            "does not accept the application credential `abc123`: its secret is wrong",
        ),
        (
            &[("OS_APPLICATION_CREDENTIAL_NAME", "other"), ("OS_APPLICATION_CREDENTIAL_SECRET", "x")],
            "has no application credential `other` of user `ops` of domain `Default`",
        ),
    ] {
        world.scope.environment = with(&good, changes);
        let error = world.connect().await.unwrap_err();
        assert!(error.message.starts_with("the OS_* variables: "), "{error}");
        assert!(error.message.contains(told), "{changes:?}: {error}");
        assert!(!error.message.contains("secret\"") && !format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}

#[tokio::test]
async fn a_service_that_is_no_keystone_or_has_no_nova_is_named() {
    let world = World::new(1);
    world.fake.set_regions(&[]);
    let error = world.connect().await.unwrap_err();
    let told = "the OS_* variables: the catalogue of project hub has no public endpoint of a compute service";
    assert_eq!(error.message, told);
    world.fake.set_regions(&["RegionTwo", "RegionOne"]);
    let error = world.connect().await.unwrap_err();
    let told =
        "the OS_* variables: the compute service is in several regions: RegionOne, RegionTwo; name one";
    assert_eq!(error.message, told);
    let mut one = World::new(1);
    one.scope.environment =
        with(&one.scope.environment, &[("OS_AUTH_URL", &one.fake.auth_url().replace("/v3", "/x"))]);
    let error = one.connect().await.unwrap_err();
    assert!(error.message.contains("is no Keystone of version 3, or refuses: status 404"), "{error}");
    world.fake.fail(Requests::method("identity.token"), Fault::Unavailable);
    let error = world.connect().await.unwrap_err();
    assert!(error.message.contains("cannot log in: status 503"), "{error}");
}

#[tokio::test]
async fn an_application_credential_without_the_rule_is_named_as_that() {
    let account = Account::ops().with_credential("narrow", "s3cret", Some(&[("GET", "/v2.1/flavors")]));
    let mut world = World::of(1, account);
    let url = world.fake.auth_url();
    world.scope.environment = [
        ("OS_AUTH_URL", url.as_str()),
        ("OS_APPLICATION_CREDENTIAL_ID", "narrow"),
        ("OS_APPLICATION_CREDENTIAL_SECRET", "s3cret"),
    ]
    .into_iter()
    .collect();
    let mut cloud = world.connect().await.unwrap();
    let error = cloud.list(&snapshot(&[node(1)]), &Policy::default()).await.unwrap_err();
    let ProviderError::Unseen(words) = error else { panic!("{error:?}") };
    let told = "the application credential has no access rule for GET /servers/detail of the service compute, or Nova lacks \
                its setting service_type";
    assert!(words.contains(told), "{words}");
}
