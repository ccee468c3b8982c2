//! The guards of the manifests: nothing that must be proven is without a test, no test names what does not exist, and the
//! tables that are committed are those of today.

use std::collections::BTreeSet;
use std::fs;

use spec_tests::manifest::{Open, Side, Statement, Version, embedder, open, statements};
use spec_tests::report::{Report, files};
use spec_tests::tests::{Test, collect, tests_in};
use spec_tests::{client, root, server};

#[test]
fn the_manifests_are_whole() {
    for (version, count) in [(Version::V5_0, 251), (Version::V3_1_1, 141), (Version::V3_1, 59)] {
        let statements = statements(version);
        assert_eq!(statements.len(), count, "{version}");
        let slugs: BTreeSet<_> = statements.iter().map(Statement::slug).collect();
        assert_eq!(slugs.len(), count, "{version}");
        for row in statements {
            for cell in [row.id, row.section, row.requirement, row.reaction] {
                assert!(!cell.trim().is_empty() && cell.trim() == cell, "{row:?}");
            }
        }
    }
    let slug = |version, id| statements(version).iter().find(|row| row.id == id).map(Statement::slug);
    assert_eq!(slug(Version::V5_0, "MQTT-4.2-1").as_deref(), Some("mqtt5_4_2_1"));
    assert_eq!(slug(Version::V3_1_1, "MQTT-3.10.3-1").as_deref(), Some("mqtt311_3_10_3_1"));
    assert_eq!(slug(Version::V3_1, "M31-12").as_deref(), Some("m31_12"));
}

#[test]
fn the_guards_hold() {
    let tests = collect(root()).unwrap();
    let faults = Report::new(&tests).faults;
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn the_tables_are_current() {
    let tests = collect(root()).unwrap();
    let report = Report::new(&tests);
    let folder = root().join("spec-tests");
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    for (name, text) in files(&report, &readme) {
        let committed = fs::read_to_string(folder.join(&name)).unwrap_or_default();
        assert!(committed == text, "cargo run -p spec-tests writes {name}");
    }
}

#[test]
fn nothing_is_open_and_what_is_the_embedders_is_bounded() {
    assert!(open().is_empty(), "{:?}", open());
    assert!(embedder().len() <= 15);
    for row in embedder() {
        assert!(!row.reason.is_empty() && !row.help.is_empty(), "{row:?}");
    }
}

/// Every script is a test in process, and is found by its name.
#[test]
fn every_script_is_a_test_of_its_side() {
    let tests = collect(root()).unwrap();
    let check = |side, scripts: Vec<(&str, Vec<String>)>| {
        let mut names = BTreeSet::new();
        for (name, slugs) in scripts {
            assert!(names.insert(name), "{name} is there twice");
            assert!(!slugs.is_empty(), "{name} proves nothing");
            let is_it = |test: &Test| test.name == name && test.side() == Some(side);
            assert!(tests.iter().any(is_it), "{name}");
        }
    };
    check(Side::Server, server::scripts().map(|script| (script.name, script.slugs())).collect());
    check(Side::Client, client::scripts().map(|script| (script.name, script.slugs())).collect());
}

#[test]
fn a_test_is_a_function_or_a_row_that_is_run() {
    // Behind a mark, or these would be tests of this file.
    let source = "
|#[test]
|fn mqtt5_3_3_1_4_alone() {
|    #[test]
|    #[should_panic]
|    fn within() {}
|}
|proptest! {
|    #[test]
|    // A comment.
|    fn property(x in 0..1) {}
|}
|fn mqtt5_3_3_1_4_helper() {}
|// #[test]
|fn mqtt5_3_3_1_4_commented_out() {}
|#[test]
|#[ignore = \"slow\"]
|fn mqtt5_3_3_1_4_ignored() {}
|malformed! {
|    row: V5 Client b\"\" => Truncated 0x81;
|    // gone: V5 Client b\"\" => Truncated 0x81;
|    other_row: STRICT Client p(0x10, b\": \") => Truncated 0x81;
|}
|crate::scripts! {
|    mqtt5_3_3_1_4_script: any,
|    // mqtt5_3_3_1_4_gone: any,
|}
|crate::client_scripts! {
|    mqtt5_3_3_1_4_client_script: calls,
|}
|fn mqtt5_3_3_1_4_script(s: &Scene) {
|    client: any,
|}
|struct NotARow {
|    field: V5,
|}
";
    let source = source.replace("\n|", "\n");
    let found = tests_in("a.rs", &source);
    let names: Vec<_> = found.iter().map(|test| test.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "mqtt5_3_3_1_4_alone",
            "within",
            "property",
            "row",
            "other_row",
            "mqtt5_3_3_1_4_script",
            "mqtt5_3_3_1_4_client_script"
        ]
    );
    assert_eq!(found[2].versions, None);
    assert_eq!(found[4].versions, Some(vec![Version::V3_1_1, Version::V5_0]));
}

fn test(name: &str) -> Test {
    Test { file: "mqtt-codec/tests/a.rs".to_owned(), name: name.to_owned(), versions: None }
}

#[test]
fn a_name_carries_every_id_in_it_and_all_its_numbers() {
    for (name, slugs) in [
        ("mqtt5_3_3_1_4_publish_with_qos_3", &["mqtt5_3_3_1_4"][..]),
        ("mqtt311_1_5_3_1_mqtt5_1_5_4_1_m31_9_text", &["mqtt311_1_5_3_1", "mqtt5_1_5_4_1", "m31_9"]),
        ("publish_with_qos_3", &[]),
        ("m31_12", &["m31_12"]),
        ("mqtt5_3_3_1_4_7_bytes", &["mqtt5_3_3_1_4_7"]),
        ("mqtt311_without_a_number", &["mqtt311"]),
        ("mqtt5_3_3_1_4_decision_7_text", &["mqtt5_3_3_1_4", "decision_7"]),
    ] {
        assert_eq!(test(name).slugs(), slugs, "{name}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    let is_open = |id| Open { version: Version::V5_0, id, side: Side::Client, why: "it has to wait" };
    let known = [is_open("MQTT-2.2.1-3"), is_open("MQTT-3.3.4-7")];
    let faults = |tests: &[Test]| Report::with(tests, &known).faults;
    let missing = faults(&[]);
    assert!(missing.contains(&"MQTT-3.3.1-4 of MQTT 5.0 has no test in its layer, codec".to_owned()));
    assert!(missing.contains(&"MQTT-3.1.0-2 of MQTT 5.0 has no test of the server".to_owned()));
    assert!(missing.contains(&"decision 29 has no test: 3.1.1 Client with Clean Session 0, messages under way, and Session Present 0".to_owned()));
    assert!(missing.iter().any(|fault| fault.contains("is cited, but not in")));
    assert!(!missing.iter().any(|fault| fault.contains("MQTT-2.2.1-3 of MQTT 5.0")), "known to be open");
    assert!(!missing.iter().any(|fault| fault.contains("MQTT-6.0.0-1")), "the embedder's");
    let with = |test: Test| -> Vec<_> {
        faults(&[test]).into_iter().filter(|fault| !missing.contains(fault)).collect()
    };
    for name in ["mqtt5_3_3_1_99_x", "mqtt311_x", "m31_60_x", "mqtt5_3_3_1_x"] {
        let [fault] = &with(test(name))[..] else { panic!("one fault for {name}") };
        assert!(fault.contains("is no statement") && fault.contains(name), "{fault}");
    }
    assert!(with(test("mqtt5_3_3_1_4_x")).is_empty());
    let elsewhere = Test { file: "mqtt-session/tests/a.rs".to_owned(), ..test("mqtt5_3_3_1_4_x") };
    assert_eq!(faults(&[elsewhere]).len(), missing.len(), "no test in the layer of the statement");
    let row = |versions| Test { versions: Some(versions), ..test("mqtt5_3_3_1_4_x") };
    assert!(with(row(vec![Version::V5_0, Version::V3_1])).is_empty());
    let [fault] = &with(row(vec![Version::V3_1_1]))[..] else { panic!("one fault") };
    assert!(fault.contains("is not tried in MQTT 5.0"), "{fault}");
    // One side proven is not the other.
    let both = Test { file: "spec-tests/src/server/a.rs".to_owned(), ..test("mqtt5_4_3_1_1_x") };
    assert!(with(both).is_empty());
    assert!(missing.contains(&"MQTT-4.3.1-1 of MQTT 5.0 has no test of the client".to_owned()));
    let client = Test { file: "mqtt-session/tests/client/a.rs".to_owned(), ..test("mqtt5_3_3_4_7_x") };
    let [fault] = &with(client)[..] else { panic!("one fault") };
    assert_eq!(fault, "MQTT-3.3.4-7 of MQTT 5.0 is not open any more for the client");
    for name in ["decision_99_x", "decision_x"] {
        let [fault] = &with(test(name))[..] else { panic!("one fault for {name}") };
        assert!(fault.contains("is no statement"), "{fault}");
    }
}
