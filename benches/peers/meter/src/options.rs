//! What the command line asks for: `--quick`, and lists of names.

/// The options, and the arguments they came from.
#[derive(Debug)]
pub struct Arguments {
    /// Fewer rounds.
    pub quick: bool,
    /// For a process that shall measure the same.
    pub arguments: Vec<String>,
    lists: Vec<(&'static str, Vec<String>)>,
}

impl Arguments {
    /// Reads them; `lists` are the options that take names. `None`: they are not to be understood.
    pub fn parse(arguments: impl Iterator<Item = String>, lists: &[&'static str]) -> Option<Self> {
        let arguments: Vec<_> = arguments.collect();
        let lists = lists.iter().map(|option| (*option, Vec::new())).collect();
        let mut parsed = Self { quick: false, arguments: arguments.clone(), lists };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            if argument == "--quick" {
                parsed.quick = true;
                continue;
            }
            let (_, list) = parsed.lists.iter_mut().find(|(option, _)| argument == option)?;
            list.extend(arguments.next()?.split(',').map(String::from));
        }
        Some(parsed)
    }

    /// The names behind an option.
    pub fn list(&self, option: &str) -> &[String] {
        self.lists.iter().find(|(name, _)| *name == option).map_or(&[], |(_, list)| list)
    }

    /// Whether `name` is asked for, because it or nothing is in the list of the option.
    pub fn wants(&self, option: &str, name: &str) -> bool {
        let list = self.list(option);
        list.is_empty() || list.iter().any(|wanted| wanted == name)
    }

    /// Whether a name that begins with one in the list of the option is asked for, or everything.
    pub fn wants_beginning(&self, option: &str, name: &str) -> bool {
        let list = self.list(option);
        list.is_empty() || list.iter().any(|wanted| name.starts_with(wanted.as_str()))
    }
}
