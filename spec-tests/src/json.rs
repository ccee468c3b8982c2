//! Just enough JSON to write a report.

use core::fmt;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// A text.
    Text(String),
    /// A number.
    Number(usize),
    /// Some values.
    Array(Vec<Self>),
    /// Some values with names.
    Object(Vec<(&'static str, Self)>),
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl fmt::Display for Json {
    /// Elements of an array and members of an object that has arrays or objects in it stand on lines of their own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => {
                f.write_str("\"")?;
                for character in text.chars() {
                    match character {
                        '"' => f.write_str("\\\"")?,
                        '\\' => f.write_str("\\\\")?,
                        '\n' => f.write_str("\\n")?,
                        control if control.is_control() => write!(f, "\\u{:04x}", u32::from(control))?,
                        other => write!(f, "{other}")?,
                    }
                }
                f.write_str("\"")
            }
            Self::Number(number) => number.fmt(f),
            Self::Array(values) => {
                let is_flat = values.iter().all(|value| matches!(value, Self::Text(_) | Self::Number(_)));
                let (gap, end) = if is_flat { (" ", "") } else { ("\n", "\n") };
                f.write_str("[")?;
                for (number, value) in values.iter().enumerate() {
                    match (number, is_flat) {
                        (0, true) => {}
                        (0, false) => f.write_str("\n")?,
                        _ => write!(f, ",{gap}")?,
                    }
                    value.fmt(f)?;
                }
                write!(f, "{end}]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (number, (name, value)) in members.iter().enumerate() {
                    write!(f, "{}\"{name}\": {value}", if number == 0 { "" } else { ", " })?;
                }
                f.write_str("}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_json() {
        let object =
            Json::Object(vec![("a", Json::from("x\"\\\n\u{1}")), ("b", Json::Array(vec![Json::Number(3)]))]);
        assert_eq!(object.to_string(), "{\"a\": \"x\\\"\\\\\\n\\u0001\", \"b\": [3]}");
        assert_eq!(Json::Array(vec![Json::Object(vec![])]).to_string(), "[\n{}\n]");
    }
}
