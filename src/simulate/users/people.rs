//! The owners of disks: most users are returning users.
//!
//! A disk is in the zone of the first node of its owner. A returning user therefore needs a node in that zone.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand::RngExt;

use crate::random::{Purpose, generator};
use crate::session::Session;

/// A person who owns a disk; the number is by the order of their first sessions.
pub type Person = usize;

/// The share of sessions, in percent, of returning users.
const COMES_BACK: u32 = 80;

/// The owner of each session's disk. If all users are served at once, no person has two servers at one time.
#[must_use]
pub fn people(sessions: &[Session], seed: u64) -> Vec<Person> {
    let mut random = generator(seed, Purpose::People);
    let mut known = 0;
    let mut away: Vec<Person> = Vec::new();
    let mut leaving: BinaryHeap<Reverse<(u64, Person)>> = BinaryHeap::new();
    let who = |session: &Session| {
        while let Some(Reverse((at, person))) = leaving.peek().copied()
            && at <= session.start
        {
            leaving.pop();
            away.push(person);
        }
        let comes_back = random.random_range(0..100) < COMES_BACK;
        let person = if comes_back && !away.is_empty() {
            away.swap_remove(random.random_range(0..away.len()))
        } else {
            known += 1;
            known - 1
        };
        leaving.push(Reverse((session.end, person)));
        person
    };
    sessions.iter().map(who).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions() -> Vec<Session> {
        let session = |start| Session { start, end: start + 50, ..Session::default() };
        (0..1000).map(|number| session(number * 10)).collect()
    }

    #[test]
    fn most_have_been_there_before_and_a_seed_makes_the_same_people() {
        let (sessions, one) = (sessions(), people(&sessions(), 1));
        let first_time = one.iter().max().unwrap() + 1;
        // 200 of 1000, with a deviation of 13: five of them are never reached.
        assert!((135..=265).contains(&first_time), "{first_time}");
        assert_eq!(people(&sessions, 1), one);
        assert_ne!(people(&sessions, 2), one);
    }

    #[test]
    fn nobody_is_there_twice_at_one_time() {
        let sessions = sessions();
        let people = people(&sessions, 3);
        for (index, person) in people.iter().enumerate() {
            let meanwhile =
                (index + 1..sessions.len()).take_while(|later| sessions[*later].start < sessions[index].end);
            for later in meanwhile {
                assert_ne!(people[later], *person, "sessions {index} and {later}");
            }
        }
    }
}
