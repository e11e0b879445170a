//! Values with overrides by pool: `3`, `3:gpu=0`, `gpu=0:big=1`.

use std::collections::BTreeMap;

use kube_rebalancer_core::policy::{PartsPerMillion, PoolName};

use super::count::nodes;
use super::name::pool_name;
use super::ratio::ratio;
use super::sign::{OF_POOL, SEPARATOR};
use super::word::switch;
use super::{Complaint, Form, JsonKind, Shape};

/// A value for all pools, and values for some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::settings) struct ByPool<T> {
    /// The value of the pools without an override; `None` if only overrides are given.
    pub(in crate::settings) common: Option<T>,
    /// The overrides.
    pub(in crate::settings) pools: BTreeMap<PoolName, T>,
}

/// A ratio, also by pool.
pub(in crate::settings) const RATIO_BY_POOL: Form<ByPool<PartsPerMillion>> = Form {
    shape: Shape {
        unit: "ratio",
        expected: "a decimal above 0 and up to 1, or 0.85:pool=0.9",
        json: JsonKind::Scalar,
    },
    read: |text| by_pool(text, ratio),
};

/// A number of nodes, also by pool.
pub(in crate::settings) const NODES_BY_POOL: Form<ByPool<usize>> = Form {
    shape: Shape {
        unit: "nodes",
        expected: "a whole number from 0 to 100000, or 3:pool=0",
        json: JsonKind::Scalar,
    },
    read: |text| by_pool(text, nodes),
};

/// Yes or no, also by pool.
pub(in crate::settings) const SWITCH_BY_POOL: Form<ByPool<bool>> = Form {
    shape: Shape {
        unit: "true|false",
        expected: "true or false, or true:pool=false",
        json: JsonKind::Scalar,
    },
    read: |text| by_pool(text, switch),
};

fn by_pool<T>(text: &str, read: fn(&str) -> Result<T, Complaint>) -> Result<ByPool<T>, Complaint> {
    let mut values = ByPool { common: None, pools: BTreeMap::new() };
    for (position, element) in (1..).zip(text.split(SEPARATOR)) {
        match element.split_once(OF_POOL) {
            None if element.is_empty() && text.contains(SEPARATOR) => {
                return Err(Complaint::EmptyElement { position });
            }
            None => {
                if values.common.replace(read(element)?).is_some() {
                    return Err(Complaint::TwoValues { pool: None });
                }
            }
            Some((pool, value)) => {
                let pool = pool_name(pool)?;
                let value = read(value).map_err(|complaint| Complaint::OfPool {
                    pool: pool.clone(),
                    complaint: Box::new(complaint),
                })?;
                if values.pools.insert(pool.clone(), value).is_some() {
                    return Err(Complaint::TwoValues { pool: Some(pool) });
                }
            }
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(common: Option<usize>, pools: &[(&str, usize)]) -> ByPool<usize> {
        let pools = pools.iter().map(|(pool, value)| ((*pool).to_owned(), *value));
        ByPool { common, pools: pools.collect() }
    }

    #[test]
    fn a_value_may_be_overridden_by_pool_or_be_given_by_pool_alone() {
        let of_gpu = |complaint| Complaint::OfPool { pool: "gpu".into(), complaint: Box::new(complaint) };
        let cases = [
            ("3", Ok(values(Some(3), &[]))),
            ("3:gpu=0", Ok(values(Some(3), &[("gpu", 0)]))),
            ("gpu=0:3", Ok(values(Some(3), &[("gpu", 0)]))),
            ("gpu=5", Ok(values(None, &[("gpu", 5)]))),
            ("gpu=5:Big_1.x=0", Ok(values(None, &[("Big_1.x", 0), ("gpu", 5)]))),
            ("3:4", Err(Complaint::TwoValues { pool: None })),
            ("gpu=1:gpu=1", Err(Complaint::TwoValues { pool: Some("gpu".into()) })),
            ("3:", Err(Complaint::EmptyElement { position: 2 })),
            (":3", Err(Complaint::EmptyElement { position: 1 })),
            ("3:gpu=", Err(of_gpu(Complaint::NotWhole))),
            ("3:gpu=-1", Err(of_gpu(Complaint::NotWhole))),
            ("3:gpu=1=2", Err(of_gpu(Complaint::NotWhole))),
            ("3:gpu=100001", Err(of_gpu(Complaint::Above("100000")))),
            ("=3", Err(Complaint::NotAName { text: String::new(), what: "pool" })),
            ("a/b=3", Err(Complaint::NotAName { text: "a/b".into(), what: "pool" })),
            ("many", Err(Complaint::NotWhole)),
        ];
        for (text, expected) in cases {
            assert_eq!((NODES_BY_POOL.read)(text), expected, "{text:?}");
        }
    }

    #[test]
    fn each_value_has_the_form_of_its_setting() {
        let switches = ByPool { common: Some(true), pools: BTreeMap::from([("gpu".to_owned(), false)]) };
        assert_eq!((SWITCH_BY_POOL.read)("true:gpu=false"), Ok(switches));
        let ratios = (RATIO_BY_POOL.read)("0.85:gpu=1").unwrap();
        assert_eq!(
            (ratios.common, ratios.pools["gpu"]),
            (Some(PartsPerMillion(850_000)), PartsPerMillion::ONE)
        );
        let complaint = (RATIO_BY_POOL.read)("0.85:gpu=90").unwrap_err();
        assert_eq!(complaint.to_string(), "pool gpu: did you mean 0.9?");
    }
}
