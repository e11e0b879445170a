//! The lower median: what most nodes of a group have.

use crate::model::{Amounts, Bytes, FurtherAmounts, Millicores};

/// The lower median of some numbers; `None` if there are none.
pub(super) fn lower_median(mut numbers: Vec<u64>) -> Option<u64> {
    let middle = numbers.len().checked_sub(1)? / 2;
    Some(*numbers.select_nth_unstable(middle).1)
}

/// The lower median of each resource by itself; `None` if there are no amounts.
pub(super) fn lower_median_amounts<'a>(amounts: impl IntoIterator<Item = &'a Amounts>) -> Option<Amounts> {
    let all: Vec<&Amounts> = amounts.into_iter().collect();
    let of = |number: &dyn Fn(&Amounts) -> u64| lower_median(all.iter().map(|one| number(one)).collect());
    let mut median = Amounts::pod(Bytes(of(&|one| one.memory.0)?), Millicores(of(&|one| one.cpu.0)?));
    median.pods = of(&|one| one.pods)?;
    let names = all.iter().flat_map(|one| one.further().map(|(name, _)| name));
    let mut further = FurtherAmounts::new();
    for name in names {
        if !further.contains_key(name) {
            further.insert(name.clone(), of(&|one| one.further_of(name))?);
        }
    }
    Some(median.with_further(Some(further.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_middle_numbers_the_lower_one_is_the_median() {
        for (numbers, expected) in [
            (vec![], None),
            (vec![7], Some(7)),
            (vec![9, 1], Some(1)),
            (vec![9, 1, 5], Some(5)),
            (vec![4, 3, 2, 1], Some(2)),
        ] {
            assert_eq!(lower_median(numbers.clone()), expected, "{numbers:?}");
        }
    }

    #[test]
    fn a_resource_that_most_nodes_lack_is_not_in_the_median() {
        let with = |gpus: u64, memory| {
            let further = FurtherAmounts::from([("nvidia.com/gpu".into(), gpus)]);
            Amounts::pod(Bytes(memory), Millicores(0)).with_further(Some(further.into()))
        };
        let median = lower_median_amounts(&[with(0, 8), with(0, 6), with(4, 7)]).unwrap();
        assert_eq!((median.further_of("nvidia.com/gpu"), median.memory), (0, Bytes(7)));
        let median = lower_median_amounts(&[with(4, 8), with(0, 6), with(4, 7)]).unwrap();
        assert_eq!(median.further_of("nvidia.com/gpu"), 4);
        assert!(lower_median_amounts(&[]).is_none());
    }
}
