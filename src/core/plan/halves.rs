//! Work on two threads, for clusters of many nodes.
//!
//! The planner stays a function of its input. Where the work is divided depends on the number of nodes alone, not on the
//! machine; the halves share only data that neither changes, which the compiler proves (`Sync`, `&mut`); and the results are
//! joined in the order of the nodes. A panic in a half is a panic of the whole. Without a second thread, this one does both.

use std::panic::resume_unwind;
use std::thread::{Builder, scope};

/// The number of nodes from which on a second thread costs less than it saves: starting one takes as long as some hundred
/// nodes.
const MANY: usize = 2000;

/// The index of the first node of the second half; `None` for few nodes, which are one part.
fn middle(nodes: usize) -> Option<usize> {
    (nodes >= MANY).then_some(nodes / 2)
}

/// Computes one result for each half of a slice, or for all of it. The work gets the index of its first item.
pub(super) fn of_halves<T: Sync, R: Send>(items: &[T], work: impl Fn(usize, &[T]) -> R + Sync) -> Vec<R> {
    match middle(items.len()).and_then(|middle| Some((middle, items.split_at_checked(middle)?))) {
        None => vec![work(0, items)],
        Some((middle, (first, second))) => both(|| work(0, first), || work(middle, second)).into(),
    }
}

/// The same with work that changes the items.
pub(super) fn of_changed_halves<T: Send, R: Send>(
    items: &mut [T],
    work: impl Fn(usize, &mut [T]) -> R + Sync,
) -> Vec<R> {
    match middle(items.len()) {
        None => vec![work(0, items)],
        Some(middle) => {
            let (first, second) = items.split_at_mut(middle);
            both(|| work(0, first), || work(middle, second)).into()
        }
    }
}

/// Both results, the second one from another thread.
fn both<R: Send>(first: impl FnOnce() -> R, mut second: impl FnMut() -> R + Send) -> [R; 2] {
    let (one, other) = scope(|scope| {
        let other = Builder::new().spawn_scoped(scope, &mut second);
        let one = first();
        let other = other.ok().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        (one, other)
    });
    [one, other.unwrap_or_else(second)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_are_in_the_order_of_the_items() {
        for (items, parts) in [(0, 1), (MANY - 1, 1), (MANY, 2), (MANY + 1, 2), (3 * MANY + 1, 2)] {
            let mut numbers: Vec<usize> = (0..items).collect();
            let seen = of_halves(&numbers, |begin, half| (begin, half.to_vec()));
            assert_eq!(seen.len(), parts, "{items}");
            let mut next = 0;
            for (begin, half) in &seen {
                assert_eq!(*begin, next, "{items}");
                next += half.len();
            }
            assert_eq!(seen.into_iter().flat_map(|(_, half)| half).collect::<Vec<_>>(), numbers);

            let begins = of_changed_halves(&mut numbers, |begin, half| {
                for number in half {
                    *number += begin;
                }
                begin
            });
            let expected: Vec<usize> = (0..items)
                .map(|number| if number < items / 2 || parts == 1 { number } else { number + items / 2 })
                .collect();
            assert_eq!((begins.len(), numbers), (parts, expected));
        }
    }

    #[test]
    #[should_panic(expected = "the second half")]
    fn a_panic_of_a_half_is_one_of_the_whole() {
        let items = [(); MANY];
        drop(of_halves(&items, |begin, _| assert_eq!(begin, 0, "the second half")));
    }
}
