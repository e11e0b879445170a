//! Label selectors in the grammar of `kubectl -l`.
//!
//! ```text
//! selector    = requirement { "," requirement }
//! requirement = [ "!" ] key
//!             | key ( "=" | "==" | "!=" ) value
//!             | key ( ">" | "<" ) number
//!             | key ( "in" | "notin" ) "(" value { "," value } ")"
//! ```
//!
//! Blanks between the parts are allowed. A value may be empty (`key=`); `!=` and `notin` also match where the label
//! is absent. Both are Kubernetes' rules.

use std::collections::BTreeSet;
use std::fmt;

use kube_rebalancer_core::model::{LabelSelector, Operator, Requirement};

use super::complaint::SelectorError;
use super::name::{label_key, label_value};
use super::{Complaint, Form, JsonKind, Shape};

/// The selector of managed nodes.
pub(in crate::settings) const SELECTOR: Form<LabelSelector> = Form {
    shape: Shape {
        unit: "selector",
        expected: "a selector as for kubectl -l, such as 'pool=users,!spot'",
        json: JsonKind::Text,
    },
    read: selector,
};

fn selector(text: &str) -> Result<LabelSelector, Complaint> {
    let mut parser = Parser { tokens: tokens(text) };
    let mut requirements = Vec::new();
    if parser.peek().is_none() {
        return Ok(LabelSelector(requirements));
    }
    loop {
        requirements.push(parser.requirement()?);
        match parser.next() {
            None => return Ok(LabelSelector(requirements)),
            Some(Token::Comma) => {}
            found => return Err(unexpected(found, "',' or the end")),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Comma,
    Open,
    Close,
    Not,
    Equal,
    NotEqual,
    Greater,
    Less,
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Word(word) => word,
            Self::Comma => ",",
            Self::Open => "(",
            Self::Close => ")",
            Self::Not => "!",
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Greater => ">",
            Self::Less => "<",
        })
    }
}

/// Splits a text at blanks and signs. All other characters belong to a word; whether the word is a valid key or value
/// is checked later, when its role is known.
fn tokens(text: &str) -> Vec<Token<'_>> {
    const SIGNS: [(&str, Token<'static>); 9] = [
        ("==", Token::Equal), // before its own first half
        ("!=", Token::NotEqual),
        ("=", Token::Equal),
        ("!", Token::Not),
        (",", Token::Comma),
        ("(", Token::Open),
        (")", Token::Close),
        (">", Token::Greater),
        ("<", Token::Less),
    ];
    let ends_word = |letter: char| letter.is_ascii_whitespace() || "=!,()><".contains(letter);
    let mut tokens = Vec::new();
    let mut rest = text.trim_ascii_start();
    while !rest.is_empty() {
        let sign = SIGNS.iter().find_map(|(sign, token)| Some((rest.strip_prefix(sign)?, *token)));
        let (after, token) = sign.unwrap_or_else(|| {
            let (word, after) = rest.split_at(rest.find(ends_word).unwrap_or(rest.len()));
            (after, Token::Word(word))
        });
        tokens.push(token);
        rest = after.trim_ascii_start();
    }
    tokens.reverse(); // so that the next one is at the end, where it can be taken
    tokens
}

/// The tokens still to be read, the next one last.
struct Parser<'a> {
    tokens: Vec<Token<'a>>,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.last().copied()
    }

    fn next(&mut self) -> Option<Token<'a>> {
        self.tokens.pop()
    }

    fn requirement(&mut self) -> Result<Requirement, Complaint> {
        let negated = self.peek() == Some(Token::Not);
        if negated {
            self.next();
        }
        let key = match self.next() {
            Some(Token::Word(word)) => label_key(word)?,
            found => return Err(unexpected(found, "a label key")),
        };
        let operator = if negated { Operator::DoesNotExist } else { self.operator()? };
        Ok(Requirement { key, operator })
    }

    fn operator(&mut self) -> Result<Operator, Complaint> {
        if matches!(self.peek(), None | Some(Token::Comma)) {
            return Ok(Operator::Exists);
        }
        match self.next() {
            Some(Token::Equal) => Ok(Operator::In(vec![self.value()?])),
            Some(Token::NotEqual) => Ok(Operator::NotIn(vec![self.value()?])),
            Some(Token::Greater) => Ok(Operator::Gt(self.number()?)),
            Some(Token::Less) => Ok(Operator::Lt(self.number()?)),
            Some(Token::Word("in")) => Ok(Operator::In(self.values()?)),
            Some(Token::Word("notin")) => Ok(Operator::NotIn(self.values()?)),
            found => Err(unexpected(found, "'=', '!=', 'in', 'notin' or ','")),
        }
    }

    /// One value; empty if none is written.
    fn value(&mut self) -> Result<String, Complaint> {
        match self.peek() {
            None | Some(Token::Comma | Token::Close) => Ok(String::new()),
            Some(Token::Word(word)) => {
                self.next();
                label_value(word)
            }
            found => Err(unexpected(found, "a label value")),
        }
    }

    fn number(&mut self) -> Result<i64, Complaint> {
        let value = self.value()?;
        value.parse().map_err(|_| SelectorError::NotWhole(value).into())
    }

    /// A set of values, sorted, each once.
    fn values(&mut self) -> Result<Vec<String>, Complaint> {
        match self.next() {
            Some(Token::Open) => {}
            found => return Err(unexpected(found, "'('")),
        }
        let mut values = BTreeSet::new();
        loop {
            values.insert(self.value()?);
            match self.next() {
                Some(Token::Comma) => {}
                Some(Token::Close) => return Ok(values.into_iter().collect()),
                found => return Err(unexpected(found, "',' or ')'")),
            }
        }
    }
}

fn unexpected(found: Option<Token<'_>>, expected: &'static str) -> Complaint {
    let found = found.map_or_else(|| "the end".to_owned(), |token| format!("'{token}'"));
    SelectorError::Unexpected { found, expected }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirement(key: &str, operator: Operator) -> Requirement {
        Requirement { key: key.into(), operator }
    }

    fn values(values: &[&str]) -> Vec<String> {
        values.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_operator_of_kubectl_is_read() {
        let cases = [
            ("pool=users", "pool", Operator::In(values(&["users"]))),
            ("pool==users", "pool", Operator::In(values(&["users"]))),
            (" pool = users ", "pool", Operator::In(values(&["users"]))),
            ("pool!=users", "pool", Operator::NotIn(values(&["users"]))),
            ("pool", "pool", Operator::Exists),
            ("!pool", "pool", Operator::DoesNotExist),
            ("! pool", "pool", Operator::DoesNotExist),
            ("cores>8", "cores", Operator::Gt(8)),
            ("cores < 8", "cores", Operator::Lt(8)),
            ("pool in (b,a, b)", "pool", Operator::In(values(&["a", "b"]))),
            ("pool notin(a)", "pool", Operator::NotIn(values(&["a"]))),
            // Kubernetes' own examples of empty values.
            ("pool=", "pool", Operator::In(values(&[""]))),
            ("pool in ()", "pool", Operator::In(values(&[""]))),
            ("pool in (foo,,baz)", "pool", Operator::In(values(&["", "baz", "foo"]))),
            // Words of the grammar are keys and values too.
            ("in in (in,notin)", "in", Operator::In(values(&["in", "notin"]))),
            (
                "cloud.google.com/gke-nodepool=a.b_c",
                "cloud.google.com/gke-nodepool",
                Operator::In(values(&["a.b_c"])),
            ),
        ];
        for (text, key, operator) in cases {
            assert_eq!(selector(text), Ok(LabelSelector(vec![requirement(key, operator)])), "{text:?}");
        }
    }

    #[test]
    fn commas_mean_and() {
        let expected = vec![
            requirement("key", Operator::In(values(&["value"]))),
            requirement("key2", Operator::In(values(&["a", "b"]))),
            requirement("key3", Operator::DoesNotExist),
            requirement("empty", Operator::In(values(&[""]))),
            requirement("key4", Operator::Exists),
        ];
        assert_eq!(selector("key=value,key2 in (a,b),!key3,empty=,key4"), Ok(LabelSelector(expected)));
        assert_eq!(selector(""), Ok(LabelSelector::default()));
        assert_eq!(selector(" \t"), Ok(LabelSelector::default()));
    }

    #[test]
    fn what_is_not_a_selector_says_where_it_ceases_to_be_one() {
        let cases = [
            ("pool=users,", "the end where a label key should be"),
            (",pool", "',' where a label key should be"),
            ("a,,b", "',' where a label key should be"),
            ("=users", "'=' where a label key should be"),
            ("!", "the end where a label key should be"),
            ("!!pool", "'!' where a label key should be"),
            ("!pool=users", "'=' where ',' or the end should be"),
            ("pool users", "'users' where '=', '!=', 'in', 'notin' or ',' should be"),
            ("pool in users", "'users' where '(' should be"),
            ("pool in (users", "the end where ',' or ')' should be"),
            ("pool in (a b)", "'b' where ',' or ')' should be"),
            ("pool in ((a))", "'(' where a label value should be"),
            ("pool in (a) b", "'b' where ',' or the end should be"),
            ("pool=a=b", "'=' where ',' or the end should be"),
            ("pool=!a", "'!' where a label value should be"),
            ("pool=)", "')' where ',' or the end should be"),
            ("cores>many", "'many' is not a whole number"),
            ("cores>", "'' is not a whole number"),
            ("-pool=a", "\"-pool\" is not a label key"),
            ("pool=a/b", "\"a/b\" is not a label value"),
            ("pool:users", "\"pool:users\" is not a label key"),
        ];
        for (text, message) in cases {
            assert_eq!(selector(text).unwrap_err().to_string(), message, "{text:?}");
        }
    }
}
