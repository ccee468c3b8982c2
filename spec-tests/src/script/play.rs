//! Playing a script, in process or elsewhere.

use core::fmt;
use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};

use super::{InProcess, Scene};
use crate::manifest::{Version, decisions};
use crate::tests::Test;

/// What a script asks of what it is played against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(non_camel_case_types, reason = "words of the table `scripts!`")]
pub enum Need {
    /// Nothing: any will do.
    any,
    /// That its configuration can be chosen.
    config,
    /// That it goes by [`Rules`](super::Rules).
    rules,
    /// Of a Client: that its methods can be called, and its events are seen.
    calls,
}

/// One script, with the statements it proves in its name.
#[derive(Debug)]
pub struct Script<S: 'static = Scene> {
    /// `mqtt5_3_1_0_2_a_second_connect`.
    pub name: &'static str,
    /// What it asks of a Server, or of a Client.
    pub need: Need,
    /// The script.
    pub run: fn(&S),
}

/// What became of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be. The notes say where the Server does what it may and we do not.
    Pass(Vec<String>),
    /// Something else came than what is demanded.
    Fail(String),
    /// It could not be tried.
    Skip(String),
}

/// Ends a script that cannot be tried, for this reason.
pub(super) struct Skipped(pub(super) String);

/// Where scripts are played.
pub trait Play {
    /// Why a script with this need cannot be played here.
    fn lacks(&self, need: Need) -> Option<&'static str>;

    /// Everything that was sent and received, a line each.
    fn transcript(&self) -> String;

    /// What the other side does that it may and we do not.
    fn notes(&self) -> Vec<String>;

    /// Removes what the script has left.
    fn tidy_up(&self);
}

/// The slugs of the statements in the name of a script.
pub fn slugs_of(name: &str) -> Vec<String> {
    Test { file: String::new(), name: name.to_owned(), versions: None }.slugs()
}

impl<S> Script<S> {
    /// The slugs of the statements in its name.
    pub fn slugs(&self) -> Vec<String> {
        slugs_of(self.name)
    }

    /// The versions it is played in: those of its statements, or of its decisions where it names no statement.
    pub fn versions(&self) -> Vec<Version> {
        let slugs = self.slugs();
        let is_named =
            |version: &Version| slugs.iter().any(|slug| slug.split('_').next() == Some(version.prefix()));
        let is_decided = |version: &Version| {
            decisions().iter().any(|decision| decision.is_of(*version) && slugs.contains(&decision.slug()))
        };
        let of = |is: &dyn Fn(&Version) -> bool| -> Vec<_> { Version::ALL.into_iter().filter(is).collect() };
        if self.is_decision() { of(&is_decided) } else { of(&is_named) }
    }

    /// Whether it pins nothing but decisions of ours.
    pub fn is_decision(&self) -> bool {
        self.slugs().iter().all(|slug| slug.starts_with("decision"))
    }

    /// Whether its name has the text in it, or it proves the statement of that id in this version.
    pub fn is_about(&self, version: Version, text: &str) -> bool {
        let number = text.trim_start_matches("MQTT-").trim_start_matches("M31-").replace(['.', '-'], "_");
        self.name.contains(text) || self.slugs().contains(&format!("{}_{number}", version.prefix()))
    }

    /// Plays it on each of these scenes.
    ///
    /// # Panics
    /// When it fails on one.
    pub(super) fn play_on(&self, scenes: impl Iterator<Item = (Version, S)>)
    where
        S: Play,
    {
        for (version, scene) in scenes {
            let told = panic::catch_unwind(AssertUnwindSafe(|| (self.run)(&scene)));
            if let Err(cause) = told {
                let why = match cause.downcast_ref::<Skipped>() {
                    Some(Skipped(reason)) => format!("skipped: {reason}"),
                    None => text_of(&*cause),
                };
                panic!("{} in {version}: {why}\n{}", self.name, scene.transcript());
            }
        }
    }
}

impl Script {
    /// Plays it against the broker of this workspace, in each of its versions.
    ///
    /// # Panics
    /// When it fails.
    pub fn play_in_process(&self) {
        let scene = |version| (version, Scene::new(InProcess::default(), version));
        self.play_on(self.versions().into_iter().map(scene));
    }
}

/// Plays a script to its end. [`remember_panics`] first, or each failure is printed as well.
pub fn play<S: Play>(script: &Script<S>, scene: &S) -> Verdict {
    if let Some(reason) = scene.lacks(script.need) {
        return Verdict::Skip(reason.to_owned());
    }
    LAST_PANIC.take();
    let told = panic::catch_unwind(AssertUnwindSafe(|| (script.run)(scene)));
    let verdict = match told {
        Ok(()) => Verdict::Pass(scene.notes()),
        Err(cause) => match cause.downcast_ref::<Skipped>() {
            Some(Skipped(reason)) => Verdict::Skip(reason.clone()),
            None => Verdict::Fail(LAST_PANIC.take().unwrap_or_else(|| text_of(&*cause))),
        },
    };
    let _ = panic::catch_unwind(AssertUnwindSafe(|| scene.tidy_up()));
    verdict
}

thread_local! {
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// From here on, a panic is not printed but becomes the verdict of its script, with its place.
pub fn remember_panics() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(|place| format!(" ({}:{})", place.file(), place.line()));
        LAST_PANIC.set(Some(format!("{}{}", text_of(info.payload()), place.unwrap_or_default())));
    }));
}

fn text_of(cause: &(dyn Any + Send)) -> String {
    match (cause.downcast_ref::<String>(), cause.downcast_ref::<&str>()) {
        (Some(text), _) => text.clone(),
        (_, Some(text)) => (*text).to_owned(),
        _ => "a panic without words".to_owned(),
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass(notes) if notes.is_empty() => f.write_str("pass"),
            Self::Pass(notes) => write!(f, "pass ({})", notes.join("; ")),
            Self::Fail(why) => write!(f, "FAIL {why}"),
            Self::Skip(why) => write!(f, "skip {why}"),
        }
    }
}
