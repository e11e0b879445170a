//! Tokens: three kinds of login, and what is said where one does not work.

use std::io::Write;

use kube_rebalancer_ports::{Environment, GroupAnswer, Provider};
use kube_rebalancer_rest::Kind;

use super::world::World;

fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs.iter().copied().collect()
}

#[tokio::test]
async fn each_kind_of_login_gets_a_token() {
    let mut world = World::new(1);
    let url = world.fake.url();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "assertion").unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    let place = [("AZURE_AUTHORITY_HOST", &*url), ("AZURE_RESOURCE_MANAGER_ENDPOINT", &*url)];
    let application = [("AZURE_TENANT_ID", "tenant"), ("AZURE_CLIENT_ID", "client")];
    for more in [
        vec![application[0], application[1], ("AZURE_FEDERATED_TOKEN_FILE", &*path)],
        vec![application[0], application[1], ("AZURE_CLIENT_SECRET", "secret")],
        vec![("AZURE_POD_IDENTITY_AUTHORITY_HOST", &*url)],
        vec![("AZURE_POD_IDENTITY_AUTHORITY_HOST", &*url), application[1]],
    ] {
        world.scope.environment = environment(&[&place[..], &more].concat());
        let (_, view) = world.seen(&world.nodes()).await;
        assert_eq!(view.groups.len(), 1, "{more:?}");
    }
}

#[tokio::test]
async fn a_login_that_does_not_work_is_told_in_entras_words_without_the_secret() {
    let mut world = World::new(1);
    let url = world.fake.url();
    let place = [("AZURE_AUTHORITY_HOST", &*url), ("AZURE_RESOURCE_MANAGER_ENDPOINT", &*url)];
    for (more, told) in [
        (
            vec![
                ("AZURE_TENANT_ID", "tenant"),
                ("AZURE_CLIENT_ID", "client"),
                ("AZURE_CLIENT_SECRET", "s3cr3t"),
            ],
            "no token by AZURE_CLIENT_SECRET from",
        ),
        (
            vec![
                ("AZURE_TENANT_ID", "other"),
                ("AZURE_CLIENT_ID", "client"),
                ("AZURE_CLIENT_SECRET", "s3cr3t"),
            ],
            "AADSTS90002: Tenant not found.",
        ),
        (
            vec![
                ("AZURE_TENANT_ID", "tenant"),
                ("AZURE_CLIENT_ID", "client"),
                ("AZURE_FEDERATED_TOKEN_FILE", "/no/such"),
            ],
            "AZURE_FEDERATED_TOKEN_FILE: cannot read /no/such: No such file or directory",
        ),
        (
            vec![("AZURE_POD_IDENTITY_AUTHORITY_HOST", &*url), ("AZURE_CLIENT_ID", "nobody")],
            "no token by the managed identity from",
        ),
    ] {
        world.scope.environment = environment(&[&place[..], &more].concat());
        let error = world.connect().await.unwrap_err();
        assert_eq!(error.kind, Kind::Forbidden, "{error}");
        assert!(error.message.contains(told) && !error.message.contains("s3cr3t"), "{error}");
    }
}

#[tokio::test]
async fn a_token_that_ends_in_the_middle_is_renewed_once() {
    let world = World::new(1);
    let cloud = world.cloud().await;
    world.fake.revoke_tokens();
    assert_eq!(cloud.park(&world.these(&[0])).await, [GroupAnswer::Done]);
    assert_eq!(world.count("token"), 2);
}
