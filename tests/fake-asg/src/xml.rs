//! XML of the query protocol.

/// An element with text in it.
#[expect(clippy::needless_pass_by_value, reason = "numbers, switches and references to text alike")]
pub(crate) fn leaf(name: &str, text: impl ToString) -> String {
    let text = text.to_string().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<{name}>{text}</{name}>")
}

/// An element with text in it, if there is one.
pub(crate) fn maybe(name: &str, text: Option<impl ToString>) -> String {
    text.map(|text| leaf(name, text)).unwrap_or_default()
}

/// An element with elements in it.
pub(crate) fn nest(name: &str, inner: &[String]) -> String {
    format!("<{name}>{}</{name}>", inner.concat())
}

/// A list of EC2: each of its members is an element called `item`.
pub(crate) fn items(name: &str, members: impl IntoIterator<Item = String>) -> String {
    let members: Vec<String> = members.into_iter().map(|inner| format!("<item>{inner}</item>")).collect();
    nest(name, &members)
}

/// A list: each of its members is an element called `member`.
pub(crate) fn list(name: &str, members: impl IntoIterator<Item = String>) -> String {
    let members: Vec<String> = members.into_iter().map(|inner| format!("<member>{inner}</member>")).collect();
    nest(name, &members)
}
