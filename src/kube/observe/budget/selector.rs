//! The selector of a budget, read up to a bound: every text counts with what it takes in memory.

use std::fmt;
use std::marker::PhantomData;

use kube_rebalancer_core::model::{LabelSelector, Operator, Requirement};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use super::LARGEST_SELECTORS;

/// Number of bytes that a text takes in addition to its letters.
const A_TEXT: usize = 48;

/// `spec.selector`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Selector {
    match_labels: Option<Bounded<Labels>>,
    match_expressions: Option<Bounded<Expressions>>,
}

/// Requirements up to the bound, with the bytes of all of them.
#[derive(Debug)]
struct Bounded<Form> {
    requirements: Vec<Requirement>,
    bytes: usize,
    form: PhantomData<Form>,
}

/// `matchLabels`, an object.
#[derive(Debug)]
struct Labels;

/// `matchExpressions`, a list.
#[derive(Debug)]
struct Expressions;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Expression {
    key: String,
    operator: String,
    values: Option<Values>,
}

/// Values up to the bound, with the bytes of all of them.
#[derive(Debug, Default)]
struct Values {
    texts: Vec<String>,
    bytes: usize,
}

impl Selector {
    /// The approximate number of bytes of all requirements, whether they were kept or not.
    pub(super) fn bytes(&self) -> usize {
        let labels = self.match_labels.as_ref().map_or(0, |labels| labels.bytes);
        labels.saturating_add(self.match_expressions.as_ref().map_or(0, |expressions| expressions.bytes))
    }

    /// Converts a selector. An unknown operator matches every pod, so that it protects more, not
    /// fewer.
    pub(super) fn into_model(self) -> LabelSelector {
        let mut all = self.match_labels.map(|labels| labels.requirements).unwrap_or_default();
        all.extend(self.match_expressions.map(|expressions| expressions.requirements).unwrap_or_default());
        LabelSelector(all)
    }
}

impl<Form> Bounded<Form> {
    fn new() -> Self {
        Self { requirements: Vec::new(), bytes: 0, form: PhantomData }
    }

    /// Keeps a requirement of this size if all are within the bound, and counts it in any case.
    fn add(&mut self, bytes: usize, requirement: Option<Requirement>) {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes <= LARGEST_SELECTORS {
            self.requirements.extend(requirement);
        }
    }
}

impl Expression {
    fn bytes(&self) -> usize {
        let values = self.values.as_ref().map_or(0, |values| values.bytes);
        of_text(&self.key).saturating_add(values)
    }

    fn into_model(self) -> Option<Requirement> {
        let Self { key, operator, values } = self;
        let values = values.unwrap_or_default().texts;
        let operator = match operator.as_str() {
            "In" => Operator::In(values),
            "NotIn" => Operator::NotIn(values),
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            _ => return None,
        };
        Some(Requirement { key, operator })
    }
}

fn of_text(text: &str) -> usize {
    text.len() + A_TEXT
}

impl<'de> Deserialize<'de> for Bounded<Labels> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Bounded<Labels>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object of labels")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut labels: A) -> Result<Self::Value, A::Error> {
                let mut all = Bounded::new();
                while let Some((key, value)) = labels.next_entry::<String, String>()? {
                    let bytes = of_text(&key) + of_text(&value);
                    all.add(bytes, Some(Requirement { key, operator: Operator::In(vec![value]) }));
                }
                Ok(all)
            }
        }
        deserializer.deserialize_map(All)
    }
}

impl<'de> Deserialize<'de> for Bounded<Expressions> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Bounded<Expressions>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of expressions")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut expressions: A) -> Result<Self::Value, A::Error> {
                let mut all = Bounded::new();
                while let Some(expression) = expressions.next_element::<Expression>()? {
                    all.add(expression.bytes(), expression.into_model());
                }
                Ok(all)
            }
        }
        deserializer.deserialize_seq(All)
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Values;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of texts")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Values, A::Error> {
                let mut all = Values::default();
                while let Some(value) = values.next_element::<String>()? {
                    all.bytes = all.bytes.saturating_add(of_text(&value));
                    if all.bytes <= LARGEST_SELECTORS {
                        all.texts.push(value);
                    }
                }
                Ok(all)
            }
        }
        deserializer.deserialize_seq(All)
    }
}
