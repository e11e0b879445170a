//! Reads one document of any format that serde knows: a node, a pod, or a list of them, item by item.
//!
//! ```text
//!   document --> object { kind, metadata, spec, status } ------> collector
//!                  | items?                                         ^
//!                  +--> object, object, …  each dropped at once ----+
//! ```
//!
//! Only one item is in memory at a time. `kubectl` writes a kind with every item. The raw API does not: there the
//! list's kind determines it, and if that comes after the items, their shape until then.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::budget;
use super::collector::{Collector, Kind};
use super::error::{FieldProblem, ObjectError, ReadProblem};
use super::raw::{Object, Text};

/// The token of the next page of a list, if it comes before the items, as the API server writes it.
pub(super) fn next_page(page: &[u8]) -> Option<String> {
    let mut next = None;
    // The rest is not needed, and the reader reports errors there.
    drop(Head { next: &mut next }.deserialize(&mut serde_json::Deserializer::from_slice(page)));
    next.filter(|token| !token.is_empty())
}

/// Reads the fields of a list before its items.
struct Head<'n> {
    next: &'n mut Option<String>,
}

/// The part of a list's metadata that is needed before the items.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ListMetadata {
    #[serde(rename = "continue")]
    next: Option<String>,
}

impl<'de> DeserializeSeed<'de> for Head<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Head<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of Kubernetes objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(field) = map.next_key()? {
            match field {
                Field::Items => return Err(A::Error::custom("the items are for another reader")),
                Field::Metadata => *self.next = or_default::<_, ListMetadata>(&mut map)?.next,
                Field::ApiVersion
                | Field::Kind
                | Field::Spec
                | Field::Status
                | Field::Message
                | Field::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// The reason why a document could not be read.
#[derive(Debug)]
pub(super) enum DocumentError<E> {
    /// The format is broken.
    Format(E),
    /// An object in it is invalid.
    Object(ObjectError),
}

impl DocumentError<serde_json::Error> {
    /// The same problem for an answer of the API server.
    pub(super) fn into_answer(self) -> ReadProblem {
        match self {
            Self::Format(error) => ReadProblem::Answer(error),
            Self::Object(error) => ReadProblem::Object(Box::new(error)),
        }
    }
}

/// Reads one document into the collector. A caller that has read its items before passes the result of that.
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

/// The list of an object, which determines its kind if the object has none.
#[derive(Clone, Copy, Debug)]
pub(super) enum ItemsOf {
    /// A separate document, of no list.
    Nothing,
    /// Of a `List`, whose items must have a kind.
    MixedList,
    /// Of a `NodeList`, a `PodList` or another list of one kind.
    ListOf(Kind),
    /// Of a list whose kind is not known yet.
    UnknownList,
}

impl ItemsOf {
    /// The list of the items, by its version and kind.
    pub(super) fn list(version: Option<&Text<'_>>, kind: Option<&str>) -> Self {
        // A Node of another group, such as Longhorn's, is another thing.
        if !is_core(version) {
            return Self::ListOf(Kind::Other);
        }
        match kind.map(|kind| kind.strip_suffix("List").unwrap_or_default()) {
            None => Self::UnknownList,
            Some("") => Self::MixedList,
            Some(item) => Self::ListOf(Kind::named(item)),
        }
    }
}

/// The kind of an item whose list has no known kind yet.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item {
    /// The item has a kind.
    Named(Kind),
    /// The kind by the item's shape.
    Guessed(Kind),
}

/// The item that was read, if its list must still confirm the kind.
pub(super) type Guess = Option<Item>;

/// The items whose list must still confirm their kinds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Guesses {
    named: Kinds,
    guessed: Kinds,
}

/// The kinds that occurred.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one kind, independent of the others")]
struct Kinds {
    nodes: bool,
    pods: bool,
    volumes: bool,
    others: bool,
}

impl Kinds {
    fn add(&mut self, kind: Kind) {
        match kind {
            Kind::Node => self.nodes = true,
            Kind::Pod => self.pods = true,
            Kind::Volume => self.volumes = true,
            Kind::Claim | Kind::Other => self.others = true,
        }
    }

    fn merge(self, other: Self) -> Self {
        Self {
            nodes: self.nodes || other.nodes,
            pods: self.pods || other.pods,
            volumes: self.volumes || other.volumes,
            others: self.others || other.others,
        }
    }
}

impl Guesses {
    pub(super) fn add(&mut self, guess: Guess) {
        match guess {
            None => {}
            Some(Item::Named(kind)) => self.named.add(kind),
            Some(Item::Guessed(kind)) => self.guessed.add(kind),
        }
    }

    fn merge(self, other: Self) -> Self {
        Self { named: self.named.merge(other.named), guessed: self.guessed.merge(other.guessed) }
    }

    /// Whether the kind of the list agrees with the kinds of its items.
    fn fit(self, list: &str) -> bool {
        let all = self.named.merge(self.guessed);
        match list {
            "NodeList" => !all.pods && !all.volumes && !all.others,
            "PodList" => !all.nodes && !all.volumes && !all.others,
            // Of another shape are volumes that every node can use: no decision depends on these.
            "PersistentVolumeList" => !all.nodes && !all.pods,
            // Items of any kind are valid in a List, if they have a kind.
            _ => !self.guessed.nodes && !self.guessed.pods && !self.guessed.volumes,
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
    Message,
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
        let is_document = matches!(items_of, ItemsOf::Nothing);
        let mut version: Option<Text<'de>> = None;
        let mut kind: Option<Text<'de>> = None;
        let mut message: Option<Text<'de>> = None;
        let mut object = Object::default();
        let mut budget = serde_json::Map::new();
        let mut items: Option<Guesses> = None;
        while let Some(field) = map.next_key()? {
            // The rest of a Secret, a Service or another kind is skipped, and may have other contents in these
            // fields.
            let named = kind.as_ref().map_or("", Text::as_str);
            let is_list = named.ends_with("List");
            let part = match field {
                Field::Metadata => "metadata",
                Field::Spec => "spec",
                Field::Status => "status",
                Field::ApiVersion | Field::Kind | Field::Items | Field::Message | Field::Other => "",
            };
            if !part.is_empty() && is_budget(version.as_ref(), Some(named)) {
                budget.insert(part.to_owned(), map.next_value()?);
                continue;
            }
            let foreign = !is_core(version.as_ref())
                || !(named.is_empty() || is_list) && Kind::named(named) == Kind::Other;
            match field {
                Field::ApiVersion => version = map.next_value()?,
                Field::Kind => kind = map.next_value()?,
                Field::Items => {
                    let items_of = ItemsOf::list(version.as_ref(), kind.as_ref().and_then(Text::non_empty));
                    let guesses = map.next_value_seed(Items { collector: &mut *collector, items_of })?;
                    items = Some(guesses.merge(items_read));
                }
                Field::Metadata if !foreign => object.metadata = or_default(&mut map)?,
                Field::Spec if !foreign && !is_list => object.spec = or_default(&mut map)?,
                Field::Status if !foreign && !is_list => object.status = or_default(&mut map)?,
                Field::Message if named == STATUS => message = map.next_value()?,
                Field::Metadata | Field::Spec | Field::Status | Field::Message | Field::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let kind = kind.as_ref().and_then(Text::non_empty);
        let is_core = is_core(version.as_ref());
        if is_document {
            // A list of another group is another kind, even with the same name.
            let group = version.as_ref().map(Text::as_str).filter(|_| !is_core);
            let name =
                kind.map(|kind| group.map_or_else(|| kind.to_owned(), |group| format!("{group} {kind}")));
            collector.document(name);
        }
        let outcome = match (items, kind) {
            (None, Some(STATUS)) if is_document => {
                let message = message.as_ref().map(Text::as_str).unwrap_or_default().to_owned();
                collector.fail("a document", "kind", FieldProblem::Status { message });
                Err(())
            }
            (None, Some("Table")) if is_document => {
                collector.fail("a document", "kind", FieldProblem::Table);
                Err(())
            }
            (Some(_), Some(kind)) if !is_core => {
                collector.skip(kind);
                Ok(None)
            }
            (Some(guesses), Some(kind)) => end_list(guesses, kind, object.metadata.next.as_ref(), collector),
            (Some(_), None) => {
                collector.fail("a list", "kind", FieldProblem::ListWithoutKind);
                Err(())
            }
            (None, kind) if is_budget(version.as_ref(), kind) => {
                let version = version.as_ref().map(Text::as_str).unwrap_or_default();
                match budget::read_one(version, serde_json::Value::Object(budget)) {
                    Ok(budget) => collector.take_budget(budget),
                    Err(_) => collector.skip(budget::KIND),
                }
                Ok(None)
            }
            (None, kind) if is_core => end_object(items_of, kind, &object, collector),
            (None, kind) => {
                collector.skip(kind.unwrap_or_default());
                Ok(None)
            }
        };
        outcome.map_err(|()| A::Error::custom("see the collector"))
    }
}

/// The kind of the object by which the API server reports a failure.
const STATUS: &str = "Status";

/// Reads `null` as the default, as the API server does.
fn or_default<'de, A: MapAccess<'de>, T: Deserialize<'de> + Default>(map: &mut A) -> Result<T, A::Error> {
    Ok(map.next_value::<Option<T>>()?.unwrap_or_default())
}

/// Whether an object is a budget that protects pods.
fn is_budget(version: Option<&Text<'_>>, kind: Option<&str>) -> bool {
    version.is_some_and(|version| budget::VERSIONS.contains(&version.as_str())) && kind == Some(budget::KIND)
}

/// Whether an object is of the API group of nodes and pods. Other groups have kinds with these names too.
fn is_core(version: Option<&Text<'_>>) -> bool {
    version.is_none_or(|version| version.as_str() == "v1")
}

fn end_list(
    guesses: Guesses,
    kind: &str,
    next: Option<&Text<'_>>,
    collector: &mut Collector,
) -> Result<Guess, ()> {
    if !guesses.fit(kind) {
        collector.fail("an item of a list", "kind", FieldProblem::UnknownKind);
        return Err(());
    }
    collector.list(kind, next).map_err(|failure| collector.failure = Some(failure))?;
    Ok(None)
}

fn end_object(
    items_of: ItemsOf,
    name: Option<&str>,
    object: &Object<'_>,
    collector: &mut Collector,
) -> Result<Guess, ()> {
    let (kind, guess) = match (name, items_of) {
        (Some(name), ItemsOf::ListOf(kind)) if kind != Kind::Other && kind != Kind::named(name) => {
            let problem = FieldProblem::OtherKind { found: name.to_owned(), expected: kind.name() };
            collector.fail("an item of a list", "kind", problem);
            return Err(());
        }
        (Some(name), ItemsOf::UnknownList) => {
            let kind = Kind::named(name);
            (kind, Some(Item::Named(kind)))
        }
        (Some(name), _) => (Kind::named(name), None),
        (None, ItemsOf::ListOf(kind)) => (kind, None),
        (None, ItemsOf::UnknownList) => {
            let kind = Kind::of_shape(object);
            (kind, Some(Item::Guessed(kind)))
        }
        (None, ItemsOf::Nothing | ItemsOf::MixedList) => (Kind::Other, None),
    };
    // An item whose kind comes from its list is counted there.
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

    // Go writes a missing list as `null`.
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

/// A document for readers that cannot take a seed: its objects, or the error.
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
