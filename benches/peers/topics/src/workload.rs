//! What is stored and asked for, and what must be found.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use benches::topics::{LOADS, exact, load};

use crate::oracle::{self, Subscribers};
use crate::store::Found;

/// What kind of store a workload is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Subscriptions.
    Subscriptions,
    /// Retained messages.
    Retained,
    /// One filter against one name.
    Single,
}

/// One question, and what must be found.
#[derive(Clone, Debug)]
pub struct Question {
    /// Questions with the same label are measured together.
    pub label: String,
    /// A Topic Name or Topic Filter.
    pub text: String,
    /// What must be found.
    pub expected: Found,
}

/// What is stored, each with its place as its number, and what is asked for.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Topic Filters of subscriptions, or Topic Names.
    pub stored: Vec<String>,
    /// The questions, those with the same label next to each other.
    pub questions: Vec<Question>,
}

/// The workload of retained messages.
pub const RETAINED: &str = "retained/1m";

/// The workload with one filter.
pub const SINGLE: &str = "single";

/// Their names, and whether they belong to the quick form.
pub fn names() -> impl Iterator<Item = (&'static str, Kind)> {
    let subscriptions = LOADS.into_iter().map(|name| (name, Kind::Subscriptions));
    subscriptions.chain([(RETAINED, Kind::Retained), (SINGLE, Kind::Single)])
}

/// Makes a workload of [`names`].
pub fn workload(name: &str) -> Option<Workload> {
    match name {
        RETAINED => Some(retained()),
        SINGLE => Some(single()),
        _ => {
            let load = load(name)?;
            let subscribers = Subscribers::new(&load.filters);
            let question = |text: &String| Question {
                label: name.to_owned(),
                text: text.clone(),
                expected: subscribers.found(text),
            };
            Some(Workload { questions: load.names.iter().map(question).collect(), stored: load.filters })
        }
    }
}

/// A million topics of a fleet. Questions with several texts, so that nobody can remember the answer.
fn retained() -> Workload {
    let stored = exact(1_000_000);
    let mut questions = Vec::new();
    for (value, text) in (0..).zip(&stored).step_by(50) {
        let mut expected = Found::default();
        expected.push(value);
        questions.push(Question { label: "exact".into(), text: text.clone(), expected });
    }
    let regions = 0..8;
    let texts = [
        ("a/+/c", regions.clone().map(|n| format!("fleet/region-{n:02}/site-{n:04}/+/gps")).collect()),
        ("+/+/x/#", regions.map(|n| format!("+/+/site-{n:04}/#")).collect()),
        ("no hit", vec!["+/+/+/+/none".to_owned()]),
        ("#", vec!["#".to_owned()]),
    ];
    for (label, texts) in texts {
        questions.extend(texts.into_iter().map(|text: String| Question {
            label: label.to_owned(),
            expected: oracle::retained(&stored, &text),
            text,
        }));
    }
    Workload { stored, questions }
}

/// One name of 45 bytes, and filters for it.
fn single() -> Workload {
    let stored = vec!["fleet/region-07/site-0007/dev-000007/pressure".to_owned()];
    let texts = [
        ("exact", stored[0].as_str()),
        ("one +", "fleet/region-07/site-0007/+/pressure"),
        ("two +", "fleet/+/site-0007/+/pressure"),
        ("only +", "+/+/+/+/+"),
        ("#", "fleet/region-07/#"),
        ("one +, no match", "fleet/region-07/site-0007/+/humidity"),
    ];
    let question = |(label, text): (&str, &str)| Question {
        label: label.to_owned(),
        text: text.to_owned(),
        expected: oracle::retained(&stored, text),
    };
    Workload { questions: texts.into_iter().map(question).collect(), stored }
}

impl Workload {
    /// Writes it to a directory, for the processes that shall measure it.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&self, dir: &Path) -> io::Result<()> {
        let mut stored = io::BufWriter::new(fs::File::create(dir.join("stored"))?);
        for text in &self.stored {
            writeln!(stored, "{text}")?;
        }
        stored.flush()?;
        let mut questions = io::BufWriter::new(fs::File::create(dir.join("questions"))?);
        for Question { label, text, expected } in &self.questions {
            writeln!(questions, "{label}\t{}\t{}\t{text}", expected.hits, expected.sum)?;
        }
        questions.flush()
    }

    /// Reads it again.
    ///
    /// # Errors
    /// Those of the file system, or it is not what was written.
    pub fn read(dir: &Path) -> io::Result<Self> {
        let stored = fs::read_to_string(dir.join("stored"))?.lines().map(String::from).collect();
        let question = |line: &str| -> io::Result<Question> {
            let mut fields = line.splitn(4, '\t');
            let mut field = || fields.next().ok_or_else(|| io::Error::other("a field is missing"));
            let label = field()?.to_owned();
            let mut number = || field()?.parse().map_err(io::Error::other);
            let expected = Found { hits: number()?, sum: number()? };
            Ok(Question { label, expected, text: field()?.to_owned() })
        };
        let questions = fs::read_to_string(dir.join("questions"))?;
        Ok(Self { stored, questions: questions.lines().map(question).collect::<Result<_, _>>()? })
    }
}
