//! Quantities, by the names of resources.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::Text;

/// The text of a quantity, which the API writes as a string and accepts as a number too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::observe) struct Amount<'a>(pub(in crate::observe) Cow<'a, str>);

/// Amounts by resource name.
#[derive(Debug, Default)]
pub(in crate::observe) struct Amounts<'a> {
    pub(in crate::observe) cpu: Option<Amount<'a>>,
    pub(in crate::observe) memory: Option<Amount<'a>>,
    pub(in crate::observe) pods: Option<Amount<'a>>,
    /// All other resources: devices, huge pages, the node's own disk.
    pub(in crate::observe) further: BTreeMap<Text<'a>, Amount<'a>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Amounts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AmountsVisitor)
    }
}

struct AmountsVisitor;

impl<'de> Visitor<'de> for AmountsVisitor {
    type Value = Amounts<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("quantities by the names of resources")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut amounts = Amounts::default();
        while let Some(name) = map.next_key::<Text<'de>>()? {
            let Some(amount) = map.next_value::<Option<Amount<'de>>>()? else { continue };
            let former = match name.as_str() {
                "cpu" => amounts.cpu.replace(amount),
                "memory" => amounts.memory.replace(amount),
                "pods" => amounts.pods.replace(amount),
                _ => amounts.further.insert(name, amount),
            };
            if former.is_some() {
                return Err(A::Error::custom("one resource is there twice"));
            }
        }
        Ok(amounts)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Amount<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor).map(Amount)
    }
}

struct AmountVisitor;

impl<'de> Visitor<'de> for AmountVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a quantity such as \"500m\" or \"1.5Gi\"")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(number.to_string()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(number.to_string()))
    }

    // The shortest decimal that means this float is what the writer wrote, up to 15 digits; no arithmetic is done.
    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(number.to_string()))
    }
}
