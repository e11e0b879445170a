//! Reads one document of any format that serde knows: a node, a pod, or a list of them, item by item.
//!
//! ```text
//!   document --> object { kind, metadata, spec, status } ------> collector
//!                  | items?                                         ^
//!                  +--> object, object, …  each dropped at once ----+
//! ```
//!
//! Only one item is in memory at a time. `kubectl` writes a kind with every item. The raw API does not: there the
//! list's kind tells, and when it comes after the items their shape has to until then.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::collector::{Collector, Kind};
use super::error::{FieldProblem, ObjectError};
use super::raw::{Object, Text};

/// Why a document could not be read.
#[derive(Debug)]
pub(super) enum DocumentError<E> {
    /// The format is broken.
    Format(E),
    /// An object in it is.
    Object(ObjectError),
}

/// Reads one document into the collector. A caller that read the items of it beforehand says what came of that.
pub(super) fn read<'de, D: Deserializer<'de>>(
    deserializer: D,
    items_read: Guesses,
    collector: &mut Collector,
) -> Result<(), DocumentError<D::Error>> {
    let result = Reader { collector, items_of: ItemsOf::Nothing, items_read }.deserialize(deserializer);
    outcome(result, collector).map(drop)
}

/// Reads one item of a list into the collector.
pub(super) fn read_item<'de, D: Deserializer<'de>>(
    deserializer: D,
    items_of: ItemsOf,
    collector: &mut Collector,
) -> Result<Guess, DocumentError<D::Error>> {
    let result = Reader { collector, items_of, items_read: Guesses::default() }.deserialize(deserializer);
    outcome(result, collector)
}

fn outcome<E>(result: Result<Guess, E>, collector: &mut Collector) -> Result<Guess, DocumentError<E>> {
    match collector.failure.take() {
        Some(failure) => Err(DocumentError::Object(failure)),
        None => result.map_err(DocumentError::Format),
    }
}

/// What an object is an item of, which says what it is where it does not say so itself.
#[derive(Clone, Copy, Debug)]
pub(super) enum ItemsOf {
    /// Of no list: a document of its own.
    Nothing,
    /// Of a `List`, whose items must speak for themselves.
    MixedList,
    /// Of a `NodeList`, a `PodList` or another list of one kind.
    ListOf(Kind),
    /// Of a list that has not said yet what it is.
    UnknownList,
}

impl ItemsOf {
    /// What the items of a list with this kind are items of.
    pub(super) fn list(kind: Option<&str>) -> Self {
        match kind.map(|kind| kind.strip_suffix("List").unwrap_or_default()) {
            None => Self::UnknownList,
            Some("") => Self::MixedList,
            Some(item) => Self::ListOf(Kind::named(item)),
        }
    }
}

/// The kind of an object that did not have one, as far as its shape tells.
pub(super) type Guess = Option<Kind>;

/// What the guesses about the items of one list came to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Guesses {
    nodes: bool,
    pods: bool,
    others: bool,
}

impl Guesses {
    pub(super) fn add(&mut self, guess: Guess) {
        match guess {
            None => {}
            Some(Kind::Node) => self.nodes = true,
            Some(Kind::Pod) => self.pods = true,
            Some(Kind::Other) => self.others = true,
        }
    }

    fn merge(self, other: Self) -> Self {
        Self {
            nodes: self.nodes || other.nodes,
            pods: self.pods || other.pods,
            others: self.others || other.others,
        }
    }

    /// Whether the list turned out to be what its items were taken for.
    fn fit(self, list: &str) -> bool {
        match list {
            "NodeList" => !self.pods && !self.others,
            "PodList" => !self.nodes && !self.others,
            _ => !self.nodes && !self.pods,
        }
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Field {
    ApiVersion,
    Kind,
    Metadata,
    Spec,
    Status,
    Items,
    #[serde(other)]
    Other,
}

/// Reads an object, and the items of it if it is a list.
struct Reader<'c> {
    collector: &'c mut Collector,
    items_of: ItemsOf,
    items_read: Guesses,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Guess;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Guess, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Guess;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a Kubernetes object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Guess, A::Error> {
        let Self { collector, items_of, items_read } = self;
        let mut version: Option<Text<'de>> = None;
        let mut kind: Option<Text<'de>> = None;
        let mut object = Object::default();
        let mut items: Option<Guesses> = None;
        while let Some(field) = map.next_key()? {
            // The rest of a Secret, a Service or the like is of no use, and may have other things in these fields.
            let foreign = kind.as_ref().is_some_and(|kind| Kind::named(kind.as_str()) == Kind::Other);
            match field {
                Field::ApiVersion => version = map.next_value()?,
                Field::Kind => kind = map.next_value()?,
                Field::Items => {
                    let items_of = ItemsOf::list(kind.as_ref().and_then(Text::non_empty));
                    let guesses = map.next_value_seed(Items { collector: &mut *collector, items_of })?;
                    items = Some(guesses.merge(items_read));
                }
                Field::Metadata if !foreign => object.metadata = map.next_value()?,
                Field::Spec if !foreign => object.spec = map.next_value()?,
                Field::Status if !foreign => object.status = map.next_value()?,
                Field::Metadata | Field::Spec | Field::Status | Field::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let kind = kind.as_ref().and_then(Text::non_empty);
        let outcome = match (items, kind) {
            (Some(guesses), Some(kind)) => end_list(guesses, kind, collector),
            (Some(_), None) => {
                collector.fail("a list", "kind", FieldProblem::ListWithoutKind);
                Err(())
            }
            (None, kind) if is_core(version.as_ref()) => end_object(items_of, kind, &object, collector),
            (None, kind) => {
                collector.skip(kind.unwrap_or_default());
                Ok(None)
            }
        };
        outcome.map_err(|()| A::Error::custom("see the collector"))
    }
}

/// Whether an object is of the group that nodes and pods are of. Other groups have kinds of these names too.
fn is_core(version: Option<&Text<'_>>) -> bool {
    version.is_none_or(|version| version.as_str() == "v1")
}

fn end_list(guesses: Guesses, kind: &str, collector: &mut Collector) -> Result<Guess, ()> {
    if !guesses.fit(kind) {
        collector.fail("an item of a list", "kind", FieldProblem::UnknownKind);
        return Err(());
    }
    collector.list(kind);
    Ok(None)
}

fn end_object(
    items_of: ItemsOf,
    name: Option<&str>,
    object: &Object<'_>,
    collector: &mut Collector,
) -> Result<Guess, ()> {
    let (kind, guess) = match (name, items_of) {
        (Some(name), _) => (Kind::named(name), None),
        (None, ItemsOf::ListOf(kind)) => (kind, None),
        (None, ItemsOf::UnknownList) => {
            let kind = Kind::of_shape(object);
            (kind, Some(kind))
        }
        (None, ItemsOf::Nothing | ItemsOf::MixedList) => (Kind::Other, None),
    };
    // An item that leaves it to its list to say what it is, is counted there.
    let counted_with_its_list =
        matches!(items_of, ItemsOf::ListOf(_) | ItemsOf::UnknownList) && name.is_none();
    if kind == Kind::Other && !counted_with_its_list {
        collector.skip(name.unwrap_or_default());
    }
    collector.take(kind, object).map_err(|failure| collector.failure = Some(failure))?;
    Ok(guess)
}

/// Reads the items of a list.
struct Items<'c> {
    collector: &'c mut Collector,
    items_of: ItemsOf,
}

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = Guesses;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Guesses, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = Guesses;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of Kubernetes objects")
    }

    // Go writes an empty list as `null` where nobody made one.
    fn visit_none<E: Error>(self) -> Result<Guesses, E> {
        Ok(Guesses::default())
    }

    fn visit_unit<E: Error>(self) -> Result<Guesses, E> {
        Ok(Guesses::default())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Guesses, D::Error> {
        deserializer.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Guesses, A::Error> {
        let Self { collector, items_of } = self;
        let mut guesses = Guesses::default();
        while let Some(guess) = items.next_element_seed(Reader {
            collector: &mut *collector,
            items_of,
            items_read: Guesses::default(),
        })? {
            guesses.add(guess);
        }
        Ok(guesses)
    }
}

/// A document on its own, for readers that cannot take a seed: what it held, or why it could not be kept.
pub(super) struct Document(pub(super) Result<Collector, ObjectError>);

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut collector = Collector::default();
        match read(deserializer, Guesses::default(), &mut collector) {
            Ok(()) => Ok(Self(Ok(collector))),
            Err(DocumentError::Object(failure)) => Ok(Self(Err(failure))),
            Err(DocumentError::Format(error)) => Err(error),
        }
    }
}
