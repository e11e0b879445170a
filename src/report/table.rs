//! Every node in a table, by name: verdict, state, pods, the requests with a bar, and the reason.
//!
//! ```text
//!   verdict   node    state     pods         memory         cpu
//!   cordon    ..17c7  serving      0  0.5 of 12.7Gi  0.2 of 7.9  #.........
//!             utilization 0.412 of cpu is below 0.65; it has no pods
//! ```
//!
//! The first column has the verdicts, so that a reader can scan them. A reason is a sentence: in 80 columns it gets a
//! separate line below its node, on a wide terminal it follows the figures. The table always shows memory, and another
//! resource if that decides the pool's utilization; the bar shows the resource that decides.

use std::io::Result;

use kube_rebalancer_core::model::Resource;
use kube_rebalancer_core::plan::{NodeState, NodeVerdict, Verdict};

use super::amount::{CELLS, bar, share};
use super::names::{common_prefix, legend, short};
use kube_rebalancer_page::{Page, Tone};

/// The column in which verdicts start.
pub(super) const INDENT: usize = 2;
/// The column in which names and reasons start: after the longest verb, `uncordon`.
pub(super) const COLUMN: usize = 12;
const GAP: usize = 2;
/// Minimum width of a column of reasons.
const REASON_COLUMNS: usize = 64;

/// Writes a table of some nodes, which the title names; `decides` is the resource that decides their utilization.
pub(super) fn write(
    page: &mut Page<'_>,
    title: &str,
    nodes: &[&NodeVerdict],
    decides: Resource,
) -> Result<()> {
    if nodes.is_empty() {
        return Ok(());
    }
    let figures: Vec<Figures> = nodes.iter().map(|node| Figures::of(node, decides)).collect();
    let mut columns = Columns::fit(&figures, decides, page.width().saturating_sub(COLUMN));
    let room = page.width().saturating_sub(COLUMN + columns.width());
    let longest = |prefix| nodes.iter().map(|node| short(&node.name, prefix).len()).max().unwrap_or(0);
    let prefix = if longest("") > room { common_prefix(nodes) } else { "" };
    columns.name = longest(prefix).max("node".len()).min(room);
    let one_line = columns.name + GAP + REASON_COLUMNS <= room;

    page.heading(&format!("{title} ({}){}", nodes.len(), legend(prefix)))?;
    let titles = columns.row("node", &Figures::titles(decides));
    let titles = if one_line { format!("{titles}  reason") } else { titles.trim_end().to_owned() };
    page.line(INDENT, &[(Tone::Dim, &verb_column("verdict")), (Tone::Dim, &titles)])?;

    for (node, figures) in nodes.iter().zip(&figures) {
        let name = short(&node.name, prefix);
        let verb = verb_column(node.verdict.verb());
        let verb_tone = Tone::of_verdict(&node.verdict);
        let tone = if matches!(node.verdict, Verdict::Keep(_)) { Tone::Dim } else { Tone::Plain };
        let reason = node.verdict.reason().to_string();
        let (verb, row) = if name.len() > columns.name {
            page.paragraph(INDENT, COLUMN, (verb_tone, &verb), (tone, &name))?;
            (verb_column(""), columns.row("", figures))
        } else {
            (verb, columns.row(&name, figures))
        };
        if one_line {
            let hang = COLUMN + columns.name + columns.width() + GAP;
            page.paragraph(INDENT, hang, (verb_tone, &format!("{verb}{row}  ")), (tone, &reason))?;
        } else {
            page.line(INDENT, &[(verb_tone, &verb), (tone, row.trim_end())])?;
            page.paragraph(COLUMN, COLUMN + 2, (tone, ""), (tone, &reason))?;
        }
    }
    Ok(())
}

/// A verdict's verb, padded to the column of names.
pub(super) fn verb_column(verb: &str) -> String {
    format!("{verb:<width$}", width = COLUMN - INDENT)
}

/// The figures in the columns after a node's name.
struct Figures {
    state: &'static str,
    pods: String,
    memory: String,
    /// The column of the resource that decides, if that is not memory.
    other: Option<String>,
    bar: String,
}

impl Figures {
    fn titles(decides: Resource) -> Self {
        let other = (decides != Resource::Memory).then(|| decides.name().to_owned());
        Self {
            state: "state",
            pods: "pods".to_owned(),
            memory: "memory".to_owned(),
            other,
            bar: String::new(),
        }
    }

    /// An unmanaged node shows no pods: they are ignored, and a zero would claim that there are none.
    fn of(node: &NodeVerdict, decides: Resource) -> Self {
        let share_of = |resource| {
            if node.managed {
                share(resource, node.requested.of(resource), node.capacity.of(resource))
            } else {
                "-".to_owned()
            }
        };
        Self {
            state: state(node.state),
            pods: if node.managed { node.occupants.to_string() } else { "-".to_owned() },
            memory: share_of(Resource::Memory),
            other: (decides != Resource::Memory).then(|| share_of(decides)),
            bar: if node.managed {
                bar(node.requested.of(decides), node.capacity.of(decides))
            } else {
                "-".to_owned()
            },
        }
    }

    fn other(&self) -> &str {
        self.other.as_deref().unwrap_or_default()
    }
}

/// The state in one to three words.
pub(super) fn state(state: NodeState) -> &'static str {
    match state {
        NodeState::Serving => "serving",
        NodeState::Cordoned => "cordoned",
        NodeState::Booting => "booting",
        NodeState::Broken => "broken",
        NodeState::NotInUse => "not in use",
        NodeState::UnderPressure => "pressure",
        NodeState::Claimed => "claimed",
        NodeState::Parked => "parked",
    }
}

/// The widths of the columns.
struct Columns {
    name: usize,
    state: usize,
    pods: usize,
    memory: usize,
    /// The column of the resource that decides, if that is not memory.
    other: Option<usize>,
    /// Whether there is room for the bar, which absurd amounts do not leave.
    bar: bool,
}

impl Columns {
    fn fit(figures: &[Figures], decides: Resource, room: usize) -> Self {
        let titles = Figures::titles(decides);
        let widest =
            |width: fn(&Figures) -> usize| figures.iter().map(width).fold(width(&titles), usize::max);
        let mut columns = Self {
            name: 0,
            state: widest(|figures| figures.state.len()),
            pods: widest(|figures| figures.pods.len()),
            memory: widest(|figures| figures.memory.len()),
            other: titles.other.as_ref().map(|_| widest(|figures| figures.other().len())),
            bar: true,
        };
        columns.bar = columns.width() <= room;
        columns
    }

    /// All columns but the name, with the gaps before them.
    fn width(&self) -> usize {
        let other = self.other.map_or(0, |other| GAP + other);
        let bar = if self.bar { GAP + usize::from(CELLS) } else { 0 };
        GAP + self.state + GAP + self.pods + GAP + self.memory + other + bar
    }

    fn row(&self, name: &str, figures: &Figures) -> String {
        let Self { name: name_width, state, pods, memory, other, bar } = *self;
        let other = other.map_or_else(String::new, |other| format!("  {:>other$}", figures.other()));
        let bar = if bar {
            format!("  {:<cells$}", figures.bar, cells = usize::from(CELLS))
        } else {
            String::new()
        };
        format!(
            "{name:<name_width$}  {:<state$}  {:>pods$}  {:>memory$}{other}{bar}",
            figures.state, figures.pods, figures.memory
        )
    }
}
