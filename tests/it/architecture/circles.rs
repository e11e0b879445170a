//! No circle of files: within a crate, what two files need of each other lies in a third one.
//!
//! A file needs another one if it names an item that is declared there, also through re-exports. The file of a folder
//! and the files in it count as one: a reference to its own parts is no arrow here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::{code, sources};

type ModulePath = Vec<String>;

/// A name that a `use` imports, and its path; the name `*` imports everything.
struct Import {
    name: String,
    path: Vec<String>,
}

struct Module {
    /// The modules with files of their own that it declares.
    declared: Vec<String>,
    /// The items that it declares.
    defined: BTreeSet<String>,
    imports: Vec<Import>,
    /// The paths in the code apart from the imports.
    named: Vec<Vec<String>>,
}

struct Crate(BTreeMap<ModulePath, Module>);

/// The code of a source without what only its tests need.
fn without_tests(code: &str) -> String {
    const TEST: &str = "#[cfg(test)]";
    let (mut kept, mut rest) = (String::new(), code);
    while let Some(at) = rest.find(TEST) {
        kept.push_str(&rest[..at]);
        let item = &rest[at + TEST.len()..];
        let mut depth = 0_usize;
        let end = item.char_indices().find(|(_, character)| {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            depth == 0 && matches!(character, '}' | ';')
        });
        rest = end.map_or("", |(end, _)| &item[end + 1..]);
    }
    kept + rest
}

/// Words, `::`, and every other sign alone.
fn tokens(code: &str) -> Vec<&str> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            _ if is_word(first) => rest.find(|character| !is_word(character)).unwrap_or(rest.len()),
            _ if rest.starts_with("::") => 2,
            _ => first.len_utf8(),
        };
        tokens.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    tokens
}

fn is_word(token: &str) -> bool {
    token.starts_with(|character: char| character.is_alphabetic() || character == '_')
}

/// Reads one tree of a `use` from the tokens behind a prefix.
fn read_tree<'t>(
    tokens: &mut std::iter::Peekable<impl Iterator<Item = &'t str>>,
    prefix: &[String],
    found: &mut Vec<Import>,
) {
    let mut path = prefix.to_vec();
    while let Some(token) = tokens.next() {
        match token {
            "::" => {}
            "{" => {
                while tokens.peek().is_some_and(|token| *token != "}") {
                    read_tree(tokens, &path, found);
                    tokens.next_if_eq(&",");
                }
                tokens.next();
                return;
            }
            "*" => {
                found.push(Import { name: "*".to_owned(), path });
                return;
            }
            "self" if !path.is_empty() => {}
            word => path.push(word.to_owned()),
        }
        if !matches!(tokens.peek(), Some(&"::")) && token != "::" {
            break;
        }
    }
    let renamed = tokens.next_if_eq(&"as").and_then(|_| tokens.next());
    let name = renamed.map(str::to_owned).or_else(|| path.last().cloned()).unwrap_or_default();
    found.push(Import { name, path });
}

impl Module {
    fn new(source: &str) -> Self {
        let code = without_tests(&code(source));
        let (mut imports, mut named) = (Vec::new(), Vec::new());
        let all = tokens(&code);
        let mut tokens = all.iter().copied().peekable();
        while let Some(token) = tokens.next() {
            match token {
                "use" => read_tree(&mut tokens, &[], &mut imports),
                // `pub(in some::path)` needs nothing of that path.
                "in" if tokens.peek() == Some(&"crate") => {
                    tokens.by_ref().take_while(|token| *token != ")").for_each(drop);
                }
                word if is_word(word) && tokens.peek() == Some(&"::") => {
                    let mut path = vec![word.to_owned()];
                    while tokens.next_if_eq(&"::").is_some() {
                        path.extend(tokens.next_if(|token| is_word(token)).map(str::to_owned));
                    }
                    named.push(path);
                }
                _ => {}
            }
        }
        let words = ["struct", "enum", "trait", "type", "const", "static", "fn"];
        let windows = || all.windows(3);
        let declared = windows().filter(|window| window[0] == "mod" && window[2] == ";");
        let defined = windows().filter(|window| words.contains(&window[0]));
        Self {
            declared: declared.map(|window| window[1].to_owned()).collect(),
            defined: defined.map(|window| window[1].to_owned()).collect(),
            imports,
            named,
        }
    }
}

impl Crate {
    fn of(sources: &[(&str, &str)]) -> Self {
        let path = |path: &str| path.split("::").filter(|word| !word.is_empty()).map(str::to_owned).collect();
        Self(sources.iter().map(|(name, source)| (path(name), Module::new(source))).collect())
    }

    fn load(root: &Path) -> Self {
        let mut modules = BTreeMap::new();
        let mut files = vec![(Vec::new(), root.to_owned(), root.parent().unwrap().to_owned())];
        while let Some((path, file, folder)) = files.pop() {
            let module = Module::new(&fs::read_to_string(&file).unwrap());
            for name in module.declared.clone() {
                let parts = folder.join(&name);
                let own = folder.join(format!("{name}.rs"));
                let file = if own.exists() { own } else { parts.join("mod.rs") };
                files.push(([path.as_slice(), &[name]].concat(), file, parts));
            }
            modules.insert(path, module);
        }
        Self(modules)
    }

    /// The file in which the end of a path is declared, as far as it is of this crate.
    fn resolve(&self, from: &ModulePath, path: &[String], depth: usize) -> Option<ModulePath> {
        if depth > 20 {
            return None;
        }
        let first = path.first()?;
        let child = [from.as_slice(), std::slice::from_ref(first)].concat();
        match first.as_str() {
            "crate" => Some(self.walk(Vec::new(), &path[1..], depth)),
            "self" => Some(self.walk(from.clone(), &path[1..], depth)),
            "super" => {
                let ups = path.iter().take_while(|word| *word == "super").count();
                let above = from[..from.len().checked_sub(ups)?].to_vec();
                Some(self.walk(above, &path[ups..], depth))
            }
            _ if self.0.contains_key(&child) => Some(self.walk(child, &path[1..], depth)),
            _ => {
                let import = self.0.get(from)?.imports.iter().find(|import| import.name == *first)?;
                self.resolve(from, &[&import.path, &path[1..]].concat(), depth + 1)
            }
        }
    }

    fn is_module(&self, from: &ModulePath, path: &[String]) -> bool {
        let ups = path.iter().take_while(|word| *word == "super").count();
        let base = match path.first().map(String::as_str) {
            Some("crate") => &[],
            _ => from.get(..from.len().saturating_sub(ups)).unwrap_or_default(),
        };
        let rest = path.iter().filter(|word| !["crate", "self", "super"].contains(&word.as_str()));
        self.0.contains_key(&base.iter().chain(rest).cloned().collect::<ModulePath>())
    }

    fn walk(&self, mut at: ModulePath, rest: &[String], depth: usize) -> ModulePath {
        for (index, word) in rest.iter().enumerate() {
            let child = [at.as_slice(), std::slice::from_ref(word)].concat();
            if self.0.contains_key(&child) {
                at = child;
                continue;
            }
            let Some(module) = self.0.get(&at).filter(|module| !module.defined.contains(word)) else {
                return at;
            };
            let by_name = module.imports.iter().find(|import| import.name == *word);
            let found = by_name.and_then(|import| {
                self.resolve(&at, &[&import.path, &rest[index + 1..]].concat(), depth + 1)
            });
            let mut globs = module.imports.iter().filter(|import| import.name == "*");
            let found = found.or_else(|| {
                globs.find_map(|glob| {
                    let end = self.resolve(&at, &[glob.path.clone(), vec![word.clone()]].concat(), depth + 1);
                    end.filter(|end| self.0.get(end).is_some_and(|module| module.defined.contains(word)))
                })
            });
            return found.unwrap_or(at);
        }
        at
    }

    fn arrows(&self) -> BTreeMap<&ModulePath, BTreeSet<ModulePath>> {
        let of = |(path, module): (&ModulePath, &Module)| {
            // Of a module that is imported whole, the paths in the code tell what is needed.
            let imported = module.imports.iter().map(|import| &import.path);
            let imported = imported.filter(|imported| !self.is_module(path, imported));
            let ends = imported.chain(&module.named).filter_map(|named| self.resolve(path, named, 0));
            ends.filter(|end| !end.starts_with(path)).collect()
        };
        self.0.iter().map(|(path, module)| (path, of((path, module)))).collect()
    }

    /// The files that need each other, each circle once.
    fn circles(&self) -> BTreeSet<Vec<String>> {
        let arrows = self.arrows();
        let reached = |from: &ModulePath| {
            let (mut seen, mut left) = (BTreeSet::new(), vec![from.clone()]);
            while let Some(at) = left.pop() {
                let next = arrows.get(&at).into_iter().flatten();
                left.extend(next.filter(|next| seen.insert((*next).clone())).cloned());
            }
            seen
        };
        let reach: BTreeMap<&ModulePath, BTreeSet<ModulePath>> =
            self.0.keys().map(|path| (path, reached(path))).collect();
        let with = |path: &ModulePath| {
            let back = |other: &&ModulePath| reach[path].contains(*other) && reach[*other].contains(path);
            self.0.keys().filter(back).map(|path| path.join("::")).collect()
        };
        self.0.keys().filter(|path| reach[*path].contains(*path)).map(with).collect()
    }
}

#[test]
fn no_crate_has_a_circle_of_files() {
    let roots: Vec<_> =
        sources("src").into_iter().map(|(path, _)| path).filter(|path| path.ends_with("lib.rs")).collect();
    assert!(roots.len() > 9, "{roots:?}");
    let mut files = 0;
    for root in roots {
        let loaded = Crate::load(&root);
        files += loaded.0.len();
        let circles = loaded.circles();
        assert!(circles.is_empty(), "{}: these files need each other: {circles:?}", root.display());
    }
    assert!(files > 200, "{files}");
}

#[test]
fn a_circle_is_found_whatever_lies_between() {
    let circles = |sources: &[(&str, &str)]| -> Vec<String> {
        Crate::of(sources).circles().into_iter().map(|circle| circle.join(" ")).collect()
    };
    let root = ("", "mod a; mod b; mod c; pub use a::*;");
    let a = ("a", "use super::b::{inner::X, B as C}; pub struct A; pub fn made() {}");
    for b in [
        "use super::a::A;",
        "use crate::{other::Y, a::{self, A}};",
        "fn f() -> crate::a::A { }",
        "use super::made;",
        "use super::c; fn f(x: c::A) { }",
        "use super::c::A;",
    ] {
        assert_eq!(circles(&[root, a, ("b", b), ("c", "pub use super::a::A;")]), ["a b"], "{b}");
    }
    for b in [
        "",
        "// use super::a::A;",
        "pub(in crate::a) struct B;",
        "#[cfg(test)] mod tests { use super::super::a::A; } struct B;",
        "use std::a::A;",
    ] {
        assert!(circles(&[root, a, ("b", b), ("c", "pub use super::a::A;")]).is_empty(), "{b}");
    }
    // A folder and its parts are one thing; two of its parts are two.
    assert!(circles(&[("", "mod p;"), ("p", "mod q; use q::f;"), ("p::q", "use super::g;")]).is_empty());
    let parts =
        [("", "mod p;"), ("p", "mod q; mod r; pub use q::f;"), ("p::q", "use super::r::g; pub fn f() {}")];
    assert_eq!(circles(&[&parts[..], &[("p::r", "use super::f; pub fn g() {}")]].concat()), ["p::q p::r"]);
}
