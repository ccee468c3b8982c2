//! The guards of the manifests: nothing that must be proven is without a test, no test names what does not exist, and the
//! tables that are committed are those of today.

use std::collections::BTreeSet;
use std::fs;

use spec_tests::manifest::{Statement, Version, statements};
use spec_tests::report::{PROVEN, Report};
use spec_tests::root;
use spec_tests::tests::{Test, collect, tests_in};

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
    for layer in PROVEN {
        let path = root().join(format!("spec-tests/clauses-{layer}.md"));
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == report.markdown(*layer), "cargo run -p spec-tests writes {}", path.display());
    }
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
|struct NotARow {
|    field: V5,
|}
";
    let source = source.replace("\n|", "\n");
    let found = tests_in("a.rs", &source);
    let names: Vec<_> = found.iter().map(|test| test.name.as_str()).collect();
    assert_eq!(names, ["mqtt5_3_3_1_4_alone", "within", "property", "row", "other_row"]);
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
    ] {
        assert_eq!(test(name).slugs(), slugs, "{name}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    let faults = |tests: &[Test]| Report::new(tests).faults;
    let missing = faults(&[]);
    assert!(missing.contains(&"MQTT-3.3.1-4 of MQTT 5.0 has no test in its layer, codec".to_owned()));
    assert!(!missing.iter().any(|fault| fault.contains("MQTT-3.1.0-1")), "of layer session");
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
}
