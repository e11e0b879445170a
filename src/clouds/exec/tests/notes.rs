//! Notes of growth that a run cannot read.

use std::fs;
use std::sync::Arc;

use async_trait::async_trait;
use kube_rebalancer_ports::{GroupAnswer, Notes, PortError, SharedNotes};

use super::{now, unseen, world};

/// Notes that cannot be read.
#[derive(Debug)]
struct TooLong;

#[async_trait]
impl Notes for TooLong {
    async fn read(&self, _: &str) -> Result<Option<String>, PortError> {
        Err(PortError("annotation a has 65537 bytes".to_owned()))
    }

    async fn write(&self, _: &str, _: Option<&str>) -> Result<(), PortError> {
        panic!("a note that cannot be read is not replaced");
    }
}

/// A growth that the note has may still be coming, so nothing is grown a second time.
#[test]
fn a_note_that_cannot_be_read_leaves_all_groups_alone_and_says_how_to_remove_it() {
    for note in ["none", "{}", "[{\"group\": \"pool\"}]", "[", "[]]"] {
        let mut world = world().lists_three();
        world.scope.commands.grow = Some(world.script("grow", ""));
        world.scope.commands.delete = Some(world.script("delete", ""));
        let (provider, _) = now(world.looked()).unwrap();
        fs::write(world.path("notes"), note).unwrap();
        let words = unseen(&world);
        let begins = "the earlier requests are not known: annotation kube-rebalancer/exec-growth of the Lease is not \
                      understood: ";
        assert!(words.starts_with(begins), "{words}");
        let ends = "; once no EXEC_GROW works any more, remove annotation kube-rebalancer/exec-growth from the Lease";
        assert!(words.contains(ends), "{words}");
        for answer in
            [now(provider.grow("pool", 3, 5)), now(provider.delete(&world.instances(&["n1"]))).remove(0)]
        {
            assert_eq!(answer, GroupAnswer::Failed(words.clone()));
        }
        assert_eq!((world.read("grow.in"), world.read("delete.in")), (String::new(), String::new()));
        assert_eq!(world.read("notes"), note, "it stays for the operator");
    }
}

#[test]
fn notes_that_the_cluster_does_not_give_leave_all_groups_alone() {
    let mut world = world().lists_three();
    world.scope.notes = Some(SharedNotes::new(Arc::new(TooLong)));
    assert_eq!(unseen(&world), "the earlier requests are not known: annotation a has 65537 bytes");
}
