//! Good orders and broken ones.

use std::fmt::Write;

use proptest::prelude::*;

use super::*;

fn catalogue() -> Catalogue {
    let text = r#"{
        "resize": {"image": "tasks:1", "command": ["/t", "resize"], "local": ["t", "resize"]},
        "segment": {"image": "tasks:1", "local": ["t", "segment"], "args": ["--fast"], "retries": 1,
                    "resources": {"requests": {"memory": "64Mi"}}}
    }"#;
    Catalogue::parse(&source("catalogue.json", text)).unwrap()
}

fn source(file: &str, text: &str) -> OrderSource {
    OrderSource {
        file: file.to_owned(),
        text: text.to_owned(),
    }
}

fn parse(text: &str) -> Result<Order, OrderError> {
    Order::parse(&source("order.json", text), &catalogue())
}

fn tasks(list: &str) -> String {
    format!("{{\"id\": \"a\",\n \"tasks\": [{list}]}}")
}

#[test]
fn the_plain_form_loads_unchanged() {
    let plain = r#"{"orderID": "leaf-1", "required_tasks": ["resize", "segment", "resize"],
                    "completed_tasks": ["resize"], "done": false}"#;
    let order = parse(plain).unwrap();
    assert_eq!(order.id.as_str(), "leaf-1");
    assert_eq!(order.input, None);
    let names: Vec<_> = order.tasks.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["resize", "segment", "resize"]);
    assert_eq!(
        order.tasks[1].local_argv().unwrap(),
        ["t", "segment", "--fast"]
    );
}

#[test]
fn an_object_takes_what_it_omits_from_the_catalogue() {
    let order = parse(&tasks(
        r#"{"name": "segment", "args": ["--threshold", "0.35"], "timeout": "5m", "retries": 2},
           {"name": "hash", "image": "example/hash:1", "command": ["/hash"], "local": ["sha256sum"]},
           {"name": "bare", "command": ["sleep", "1"], "env": {"A": "b"}}"#,
    ))
    .unwrap();
    let [segment, hash, bare] = &order.tasks[..] else {
        panic!()
    };
    assert_eq!(segment.image.as_deref(), Some("tasks:1"));
    assert_eq!(
        segment.local_argv().unwrap(),
        ["t", "segment", "--threshold", "0.35"]
    );
    assert_eq!(segment.retries, 2);
    assert_eq!(
        segment.resources.requests.memory.as_ref().unwrap().bytes(),
        64 << 20
    );
    assert_eq!(hash.local_argv().unwrap(), ["sha256sum"]);
    assert_eq!(bare.local_argv().unwrap(), ["sleep", "1"]);
}

#[test]
fn input_is_a_path_or_a_text() {
    let input = |json: &str| {
        parse(&format!(
            r#"{{"id": "a", "tasks": ["resize"], "input": {json}}}"#
        ))
        .unwrap()
        .input
    };
    assert_eq!(
        input(r#""leaf.jpg""#),
        Some(Input::Path("leaf.jpg".to_owned()))
    );
    assert_eq!(
        input(r#"{"a": [1]}"#),
        Some(Input::Text(r#"{"a":[1]}"#.to_owned()))
    );
    assert_eq!(input("7"), Some(Input::Text("7".to_owned())));
    assert_eq!(input("null"), None);
}

#[test]
fn a_byte_order_mark_is_no_error() {
    assert!(parse("\u{feff}{\"id\": \"a\", \"tasks\": [\"resize\"]}").is_ok());
}

#[test]
fn a_task_with_an_image_only_is_not_for_this_machine() {
    let text = tasks(r#""resize", {"name": "x", "image": "example/x"}"#);
    let error = parse(&text)
        .unwrap()
        .check_local(&source("order.json", &text))
        .unwrap_err();
    insta::assert_snapshot!(error, @r#"order.json:2:22: tasks[1]: task "x" can't run on this machine: it has an image only; give it "local": ["COMMAND", ...], or run the order on a cluster"#);
}

/// Broken orders; `@` stands for the tasks of an otherwise good order.
const BROKEN: &[&str] = &[
    "",
    "   ",
    "null",
    "[]",
    "\"leaf\"",
    "{",
    "{}",
    "{\"id\": \"a\"",
    "{\"id\": \"a\", \"tasks\": [\"resize\"],}",
    "{\"id\": \"a\", \"tasks\": [\"resize\"]} x",
    "{\"id\": \"a\", // comment\n \"tasks\": [\"resize\"]}",
    "{'id': 'a', 'tasks': ['resize']}",
    "{\"tasks\": [\"resize\"]}",
    "{\"id\": \"a\"}",
    "{\"id\": \"a\", \"tasks\": []}",
    "{\"orderID\": \"a\", \"required_tasks\": []}",
    "{\"id\": \"a\", \"orderID\": \"a\", \"tasks\": [\"resize\"]}",
    "{\"id\": \"a\", \"id\": \"b\", \"tasks\": [\"resize\"]}",
    "{\"id\": 7, \"tasks\": [\"resize\"]}",
    "{\"id\": \"Leaf 1\", \"tasks\": [\"resize\"]}",
    "{\"id\": \"\", \"tasks\": [\"resize\"]}",
    "{\"id\": \"an-id-that-is-longer-than-a-dns-label-may-be-here\", \"tasks\": [\"resize\"]}",
    "{\"id\": \"a\", \"tasks\": \"resize\"}",
    "{\"id\": \"a\", \"tasks\": {\"resize\": 1}}",
    "{\"id\": \"a\", \"taks\": [\"resize\"]}",
    "{\"id\": \"a\", \"tasks\": [\"resize\"], \"image\": \"x\"}",
    "@\"resise\"",
    "@\"\"",
    "@\"Resize\"",
    "@7",
    "@null",
    "@[\"resize\"]",
    "@\"resize\",\n  {}",
    "@{\"name\": \"nothing\"}",
    "@{\"image\": \"x\"}",
    "@{\"name\": \"x y\", \"image\": \"x\"}",
    "@{\"name\": \"x\", \"image\": \"\"}",
    "@{\"name\": \"x\", \"image\": \"a b\"}",
    "@{\"name\": \"x\", \"imgae\": \"x\"}",
    "@{\"name\": \"x\", \"command\": []}",
    "@{\"name\": \"x\", \"command\": [\"\"]}",
    "@{\"name\": \"x\", \"command\": \"sleep 1\"}",
    "@{\"name\": \"x\", \"command\": [\"sleep\", 1]}",
    "@{\"name\": \"resize\", \"local\": []}",
    "@{\"name\": \"resize\", \"args\": [\"a\\u0000b\"]}",
    "@{\"name\": \"resize\", \"args\": {\"a\": 1}}",
    "@{\"name\": \"resize\", \"env\": {\"A=B\": \"x\"}}",
    "@{\"name\": \"resize\", \"env\": {\"\": \"x\"}}",
    "@{\"name\": \"resize\", \"env\": {\"A\": 1}}",
    "@{\"name\": \"resize\", \"env\": {\"PODOMETER_OUTPUT\": \"x\"}}",
    "@{\"name\": \"resize\", \"timeout\": \"5 parsecs\"}",
    "@{\"name\": \"resize\",\n   \"timeout\": \"0s\"}",
    "@{\"name\": \"resize\", \"timeout\": -3}",
    "@{\"name\": \"resize\", \"timeout\": []}",
    "@{\"name\": \"resize\", \"retries\": -1}",
    "@{\"name\": \"resize\", \"retries\": 1.5}",
    "@{\"name\": \"resize\", \"retries\": 5000}",
    "@{\"name\": \"resize\", \"retries\": \"2\"}",
    "@{\"name\": \"resize\", \"resources\": {\"requests\": {\"cpu\": \"lots\"}}}",
    "@{\"name\": \"resize\", \"resources\": {\"requests\": {\"cpu\": \"-1\"}}}",
    "@{\"name\": \"resize\", \"resources\": {\"requests\": {\"memory\": \"128MB\"}}}",
    "@{\"name\": \"resize\", \"resources\": {\"requests\": {\"gpu\": 1}}}",
    "@{\"name\": \"resize\", \"resources\": {\"limit\": {\"cpu\": 1}}}",
    "@{\"name\": \"resize\", \"resources\": {\"requests\": {\"cpu\": 2}, \"limits\": {\"cpu\": 1}}}",
    "@{\"name\": \"segment\", \"resources\": {\"requests\": {\"memory\": \"2Gi\"}, \"limits\": {\"memory\": \"1Gi\"}}}",
    "@{\"name\": \"resize\", \"messages\": \"kafka\"}",
    "@{\"name\": \"resize\", \"pod\": []}",
    "@{\"name\": \"resize\", \"workingDir\": \"a\\u0000\"}",
    "@{\"name\": \"resize\", \"name\": \"segment\"}",
];

#[test]
fn broken_orders_say_where_and_what() {
    let mut said = String::new();
    for broken in BROKEN {
        let text = broken
            .strip_prefix('@')
            .map_or_else(|| (*broken).to_owned(), tasks);
        let error = parse(&text).expect_err(&text);
        writeln!(said, "{text}\n  => {error}\n").unwrap();
    }
    insta::assert_snapshot!(said);
}

#[test]
fn broken_catalogues_say_where_and_what() {
    let mut said = String::new();
    for text in [
        "",
        "[]",
        "{\"Bad Name\": {}}",
        "{\"a\": 1}",
        "{\"a\": {\"nmae\": \"x\"}}",
        "{\"a\": {\"name\": \"b\"}}",
        "{\"a\": {\"command\": []}}",
        "{\"a\": {\n  \"env\": {\"PODOMETER_X\": \"1\"}}}",
        "{\"a\": {\"image\": \"x y\"}}",
        "{\"a\": {\"timeout\": \"soon\"}}",
    ] {
        let error = Catalogue::parse(&source("catalogue.json", text)).expect_err(text);
        writeln!(said, "{text}\n  => {error}\n").unwrap();
    }
    insta::assert_snapshot!(said);
}

#[test]
fn nesting_without_end_is_an_error_and_no_overflow() {
    let deep = "[".repeat(200_000);
    for text in [
        deep.clone(),
        format!("{{\"id\": 7, \"completed_tasks\": {deep}"),
        format!(
            "{{\"completed_tasks\": {deep}{}, \"id\": 7}}",
            "]".repeat(200_000)
        ),
        format!("{{\"id\": \"a\", \"tasks\": [\"resize\"], \"input\": {deep}"),
    ] {
        assert!(parse(&text).is_err());
    }
}

#[test]
fn too_many_tasks() {
    let list = vec!["\"resize\""; check::MAX_TASKS + 1].join(",");
    let error = parse(&tasks(&list)).unwrap_err();
    assert_eq!(
        error.problem,
        OrderProblem::TooManyTasks(check::MAX_TASKS + 1)
    );
}

#[test]
fn the_checked_in_schema_is_current() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../orders/order.schema.json"
    );
    let current = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(path, &current).unwrap();
    }
    let checked_in = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        checked_in, current,
        "run: UPDATE_SCHEMA=1 cargo test -p model schema"
    );
}

#[test]
fn the_builtin_catalogue_can_be_read() {
    Catalogue::builtin().unwrap();
}

/// JSON that looks like an order often enough to get past the first check.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let word = prop_oneof![
        Just("id"),
        Just("tasks"),
        Just("name"),
        Just("resize"),
        Just("command"),
        Just("timeout"),
        Just("resources"),
        Just("requests"),
        Just("cpu"),
        Just("5m"),
        Just("env"),
        Just("args"),
    ];
    let leaf = prop_oneof![
        word.clone().prop_map(serde_json::Value::from),
        any::<i32>().prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null),
        ".{0,6}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
            prop::collection::vec((word.clone().prop_map(str::to_owned), inner), 0..5)
                .prop_map(|fields| serde_json::Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_parses_or_errs(text in ".*") {
        let _ = parse(&text);
    }

    #[test]
    fn any_json_parses_or_errs_at_a_place_in_it(
        id in "[a-z]{1,9}", list in prop::collection::vec(json(), 0..4), other in json(),
    ) {
        for value in [
            serde_json::json!({"id": id, "tasks": list}),
            serde_json::json!({"id": id, "tasks": [{"name": "resize", "resources": other}]}),
            other,
        ] {
            let text = serde_json::to_string_pretty(&value).unwrap();
            if let Err(error) = parse(&text) {
                prop_assert!(error.line >= 1 && error.line <= text.lines().count().max(1));
                prop_assert!(error.column >= 1);
            }
        }
    }

    #[test]
    fn a_good_order_parses(id in "[a-z0-9]{1,34}", names in prop::collection::vec("resize|segment", 1..20)) {
        let text = serde_json::json!({"id": id, "tasks": names}).to_string();
        let order = parse(&text).unwrap();
        prop_assert_eq!(order.tasks.len(), names.len());
    }
}
