//! A list of the texts that errors are made of, so that a new one is read by somebody before it is shown to anybody.

use std::collections::BTreeSet;
use std::path::Path;

/// What the source writes before such a text: a field of an error, or a variable or function for one.
const BEFORE: [&str; 12] = [
    "wants: ",
    "wants = ",
    "problem: ",
    "problem = ",
    "problem(",
    "needs: ",
    "what: ",
    "what = ",
    "wrong(",
    "Err(",
    "ok_or(",
    "check_setting(",
];

/// The texts in a source file, as they are written there, on one line.
fn texts(source: &str, into: &mut BTreeSet<String>) {
    let code: Vec<&str> = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    for before in BEFORE {
        for (at, _) in code.match_indices(before) {
            let rest = code[at + before.len()..].trim_start();
            let rest = rest.strip_prefix("format!(").unwrap_or(rest).trim_start();
            let Some(rest) = rest.strip_prefix('"') else { continue };
            let end =
                rest.match_indices('"').find(|(at, _)| !rest[..*at].ends_with('\\')).map_or(rest.len(), |(at, _)| at);
            // A backslash at the end of a line continues the text.
            let words: Vec<&str> = rest[..end].split_whitespace().filter(|word| *word != "\\").collect();
            if !words.is_empty() {
                into.insert(words.join(" "));
            }
        }
    }
}

fn read(folder: &Path, into: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            texts(&std::fs::read_to_string(&path).unwrap(), into);
        }
    }
}

#[test]
fn the_texts_of_errors_are_on_the_list() {
    let mut found = BTreeSet::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    let list = include_str!("fixtures/error_texts.txt");
    let listed: BTreeSet<String> = list.lines().map(str::to_owned).collect();
    let new: Vec<&String> = found.difference(&listed).collect();
    assert!(new.is_empty(), "add to tests/fixtures/error_texts.txt, and a call for each to tests/mistakes: {new:#?}");
    let old: Vec<&String> = listed.difference(&found).collect();
    assert!(old.is_empty(), "no longer in the source, remove from tests/fixtures/error_texts.txt: {old:#?}");
    assert!(found.len() > 300, "{}", found.len());
    for text in &found {
        assert!(!text.ends_with('.'), "`{text}` ends with a full stop");
    }
}
