//! Section 4.7 of the specifications, word for word: what all faster code is held against.

/// Whether a valid filter matches a valid name.
pub fn matches(filter: &str, name: &str) -> bool {
    let filter: Vec<&str> = filter.split('/').collect();
    let name: Vec<&str> = name.split('/').collect();
    !(name[0].starts_with('$') && ["+", "#"].contains(&filter[0])) && levels_match(&filter, &name)
}

fn levels_match(filter: &[&str], name: &[&str]) -> bool {
    match (filter, name) {
        (["#"], _) | ([], []) => true,
        (["+", filter @ ..], [_, name @ ..]) => levels_match(filter, name),
        ([wanted, filter @ ..], [present, name @ ..]) => wanted == present && levels_match(filter, name),
        _ => false,
    }
}
