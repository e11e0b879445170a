//! The pages of this repository, and the commands in their blocks of code.

use std::fs;
use std::mem;
use std::path::{Path, PathBuf};

/// The blocks that a reader copies into a shell.
const SHELLS: [&str; 4] = ["sh", "bash", "shell", "console"];

/// A file in Markdown.
#[derive(Debug)]
pub(super) struct Page {
    /// Its path in the repository.
    pub(super) name: String,
    pub(super) text: String,
}

impl Page {
    /// All pages of the repository, in order of their names.
    pub(super) fn all() -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut pages: Vec<Self> = markdown(root)
            .into_iter()
            .map(|path| Self {
                name: path.strip_prefix(root).unwrap().display().to_string(),
                text: fs::read_to_string(path).unwrap(),
            })
            .collect();
        pages.sort_by(|one, other| one.name.cmp(&other.name));
        assert!(pages.iter().any(|page| page.name == "README.md"), "{pages:?}");
        pages
    }

    /// The blocks of code, each with the text after its opening fence.
    pub(super) fn blocks(&self) -> Vec<(&str, &str)> {
        let fenced = self.text.split("\n```").skip(1).step_by(2);
        fenced.map(|block| block.split_once('\n').unwrap_or((block, ""))).collect()
    }

    /// The commands of all blocks for a shell, in order.
    pub(super) fn commands(&self) -> Vec<String> {
        let shells = self.blocks().into_iter().filter(|(kind, _)| SHELLS.contains(kind));
        shells.flat_map(|(_, block)| commands(block)).collect()
    }
}

/// The Markdown files of a folder, except what is hidden or built.
fn markdown(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        if name.starts_with('.') || name == "target" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            files.extend(markdown(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path);
        }
    }
    files
}

/// Splits a script at the ends of its lines and at `&&`, where they are not quoted; comments are left out.
fn commands(script: &str) -> Vec<String> {
    let script = script.replace("\\\n", "");
    let mut characters = script.chars().peekable();
    let mut commands = Vec::new();
    let mut command = String::new();
    let mut quote = None;
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, '#') if command.is_empty() || command.ends_with(' ') => {
                while characters.next_if(|next| *next != '\n').is_some() {}
                continue;
            }
            (None, '&') if characters.next_if_eq(&'&').is_some() => {
                commands.push(mem::take(&mut command));
                continue;
            }
            (None, '\n') => {
                commands.push(mem::take(&mut command));
                continue;
            }
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
        command.push(character);
    }
    commands.push(command);
    commands.iter().map(|command| command.trim().to_owned()).filter(|command| !command.is_empty()).collect()
}

#[test]
fn comments_are_left_out_lines_joined_and_lists_split() {
    let text = "One:\n\n```text\nnot this\n```\n\n```sh\n# first\nmake one \\\n  two   # why\nsay 'a # b && c' && say d#e\n```\n";
    let page = Page { name: "page.md".to_owned(), text: text.to_owned() };
    assert_eq!(page.commands(), ["make one   two", "say 'a # b && c'", "say d#e"]);
}
