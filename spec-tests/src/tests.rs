//! The tests of the workspace, and the statements their names carry.

use std::fs;
use std::io;
use std::path::Path;

use crate::manifest::{Side, Version};

/// What announces the number of a decision of ours in the name of a test.
pub const DECISION: &str = "decision";

/// A test function, or a row of a table of tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// Its file, relative to the root of the workspace.
    pub file: String,
    /// Its name.
    pub name: String,
    /// The versions it is tried in, where it is a row that says so.
    pub versions: Option<Vec<Version>>,
}

impl Test {
    /// The side that it shows to keep a rule, where it is one of the tests of `mqtt-session` or of the scripts.
    pub fn side(&self) -> Option<Side> {
        let of = |folders: [&str; 2]| folders.iter().any(|folder| self.file.starts_with(folder));
        if of(["mqtt-session/tests/broker/", "spec-tests/src/server/"]) {
            Some(Side::Server)
        } else if of(["mqtt-session/tests/client/", "spec-tests/src/client/"]) {
            Some(Side::Client)
        } else {
            None
        }
    }

    /// The statements its name carries, as [`slug`](crate::manifest::Statement::slug)s: a version's prefix and all the
    /// numbers that follow it.
    pub fn slugs(&self) -> Vec<String> {
        let words: Vec<_> = self.name.split('_').collect();
        let is_prefix =
            |word: &str| word == DECISION || Version::ALL.iter().any(|version| version.prefix() == word);
        let starts = words.iter().enumerate().filter(|(_, word)| is_prefix(word)).map(|(start, _)| start);
        starts
            .map(|start| {
                let numbers = &words[start + 1..];
                let is_number =
                    |word: &&&str| word.bytes().all(|byte| byte.is_ascii_digit()) && !word.is_empty();
                let len = numbers.iter().take_while(is_number).count();
                words[start..=start + len].join("_")
            })
            .collect()
    }
}

/// Every test of the workspace, by file and in the order of the source.
///
/// # Errors
/// When a source cannot be read.
pub fn collect(root: &Path) -> io::Result<Vec<Test>> {
    let mut tests = Vec::new();
    for member in ["mqtt-topic", "mqtt-codec", "mqtt-session", "spec-tests"] {
        for part in ["src", "tests"] {
            visit(root, &format!("{member}/{part}"), &mut tests)?;
        }
    }
    Ok(tests)
}

fn visit(root: &Path, path: &str, tests: &mut Vec<Test>) -> io::Result<()> {
    let full = root.join(path);
    if full.is_dir() {
        let mut names: Vec<_> = fs::read_dir(&full)?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<Result<_, _>>()?;
        names.sort();
        for name in names {
            visit(root, &format!("{path}/{}", name.to_string_lossy()), tests)?;
        }
    } else if full.extension().is_some_and(|extension| extension == "rs") {
        tests.extend(tests_in(path, &fs::read_to_string(full)?));
    }
    Ok(())
}

/// Macros whose rows are tests.
#[derive(Clone, Copy)]
enum Table {
    Malformed,
    Scripts,
}

impl Table {
    fn beginning(line: &str) -> Option<Self> {
        match line {
            "malformed! {" => Some(Self::Malformed),
            "crate::scripts! {" | "crate::client_scripts! {" => Some(Self::Scripts),
            _ => None,
        }
    }
}

/// The tests in a source: functions below `#[test]`, also in `proptest!`, and the rows of `malformed!`, `scripts!` and `client_scripts!`. A test
/// that is ignored is none.
pub fn tests_in(file: &str, source: &str) -> Vec<Test> {
    let mut tests = Vec::new();
    let mut attributes = Vec::new();
    let mut table = None;
    for line in source.lines() {
        let (indented, line) = (line.starts_with(' '), line.trim());
        let mut push = |name: &str, versions| {
            tests.push(Test { file: file.to_owned(), name: name.to_owned(), versions });
        };
        if line.starts_with("//") || line.is_empty() {
            continue;
        }
        if line.starts_with("#[") {
            attributes.push(line);
            continue;
        }
        if !indented {
            table = Table::beginning(line);
        } else if let Some((name, row)) = line.split_once(": ") {
            match table {
                Some(Table::Malformed) => push(name, row.split(' ').next().map(versions)),
                Some(Table::Scripts) => push(name, None),
                None => {}
            }
        }
        let is_ignored = attributes.iter().any(|attribute| attribute.starts_with("#[ignore"));
        if attributes.contains(&"#[test]")
            && !is_ignored
            && let Some((name, _)) = line.strip_prefix("fn ").and_then(|line| line.split_once('('))
            && !name.starts_with('$')
        {
            push(name, None);
        }
        attributes.clear();
    }
    tests
}

/// The versions a row of `malformed!` is tried in.
fn versions(name: &str) -> Vec<Version> {
    use Version::{V3_1, V3_1_1, V5_0};
    match name {
        "ALL" => vec![V3_1, V3_1_1, V5_0],
        "STRICT" => vec![V3_1_1, V5_0],
        "V3" => vec![V3_1, V3_1_1],
        "V31" => vec![V3_1],
        "V311" => vec![V3_1_1],
        "V5" => vec![V5_0],
        _ => Vec::new(),
    }
}
