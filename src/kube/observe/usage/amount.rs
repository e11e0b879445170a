//! An amount of a metric, as text or as a number. Anything else is none, and is not kept.

use std::fmt;

use kube_rebalancer_core::model::Measured;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

/// An amount as it was written.
#[derive(Debug)]
pub(super) enum Amount {
    /// A text, or the digits of a number.
    Text(String),
    /// Neither.
    Other,
}

impl Amount {
    /// The amount as this function reads it.
    pub(super) fn measured(&self, read: fn(&str) -> Measured) -> Measured {
        match self {
            Self::Text(text) => read(text),
            Self::Other => Measured::Absurd,
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Amount;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an amount")
    }

    fn visit_str<E>(self, text: &str) -> Result<Amount, E> {
        Ok(Amount::Text(text.to_owned()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Amount, E> {
        Ok(Amount::Text(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Amount, E> {
        Ok(Amount::Text(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Amount, E> {
        Ok(Number::from_f64(number).map_or(Amount::Other, |number| Amount::Text(number.to_string())))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Amount, E> {
        Ok(Amount::Other)
    }

    fn visit_unit<E>(self) -> Result<Amount, E> {
        Ok(Amount::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Amount, A::Error> {
        while values.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Amount::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Amount, A::Error> {
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Amount::Other)
    }
}
