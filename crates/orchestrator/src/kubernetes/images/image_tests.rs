use super::*;

fn image(config: &str) -> Image {
    let text = format!(r#"{{ "os": "linux", "rootfs": {{}}, "config": {config} }}"#);
    Image::parse("sha256:1".to_owned(), text.as_bytes()).unwrap()
}

fn task(fields: &str) -> Task {
    let text = format!(r#"{{ "id": "x", "tasks": [{{ "name": "t", "image": "i", {fields} }}] }}"#);
    let source = model::order::OrderSource {
        file: "x.json".to_owned(),
        text,
    };
    let mut order = model::Order::parse(&source, &model::Catalogue::default()).unwrap();
    order.tasks.remove(0)
}

/// What runs, as one text; `-` if nothing can.
fn runs(image: Option<&Image>, fields: &str) -> String {
    argv(&task(fields), image).map_or("-".to_owned(), |argv| argv.join(" "))
}

#[test]
fn command_replaces_the_entrypoint_and_args_the_images_own() {
    let both = image(r#"{ "Entrypoint": ["/e", "-x"], "Cmd": ["c"] }"#);
    assert_eq!(runs(Some(&both), r#""args": []"#), "/e -x c");
    assert_eq!(runs(Some(&both), r#""args": ["a"]"#), "/e -x a");
    assert_eq!(runs(Some(&both), r#""command": ["/p"]"#), "/p");
    let both_given = r#""command": ["/p"], "args": ["a"]"#;
    assert_eq!(runs(Some(&both), both_given), "/p a");
    assert_eq!(runs(None, both_given), "/p a");
}

#[test]
fn podometers_arguments_for_a_plain_text_task_replace_no_program() {
    let both = image(r#"{ "Entrypoint": ["/e"], "Cmd": ["c"] }"#);
    assert_eq!(runs(Some(&both), r#""messages": "task""#), "/e");
    assert_eq!(
        runs(Some(&both), r#""messages": "task", "args": ["a"]"#),
        "/e a"
    );
    let cmd = image(r#"{ "Entrypoint": null, "Cmd": ["python", "t.py"] }"#);
    assert_eq!(runs(Some(&cmd), r#""messages": "task""#), "python t.py");
}

#[test]
fn without_a_program_nothing_runs() {
    assert_eq!(runs(None, r#""args": ["a"]"#), "-");
    assert_eq!(runs(Some(&image("{}")), r#""args": []"#), "-");
    let none = Image::parse(String::new(), b"{}").unwrap();
    assert_eq!(none, Image::default());
}

#[test]
fn only_a_number_that_is_not_roots_is_a_user() {
    let of = |user: &str| image(&format!(r#"{{ "User": "{user}" }}"#)).user;
    let user = |uid, gid| Some(User { uid, gid });
    assert_eq!(of("1000"), user(1000, None));
    assert_eq!(of("1000:100"), user(1000, Some(100)));
    assert_eq!(of("1000:app"), user(1000, None));
    assert_eq!(of("1000:0"), user(1000, None));
    for nobody in [
        "",
        "0",
        "0:0",
        "root",
        "app",
        "app:1000",
        "-1",
        "4294967295",
        ":",
    ] {
        assert_eq!(of(nobody), None, "{nobody:?}");
    }
}

#[test]
fn the_root_is_no_folder_to_work_in() {
    let of = |folder: &str| image(&format!(r#"{{ "WorkingDir": "{folder}" }}"#)).working_dir;
    assert_eq!(of("/app"), Some(PathBuf::from("/app")));
    assert_eq!((of("/"), of("")), (None, None));
}

#[test]
fn what_is_no_configuration_is_said() {
    let no = Image::parse(String::new(), b"<html>").unwrap_err();
    assert!(no.to_string().contains("can't be read"), "{no}");
    let long = format!(r#"{{ "config": {{ "Cmd": ["{}"] }} }}"#, "x".repeat(20_000));
    let long = Image::parse(String::new(), long.as_bytes()).unwrap_err();
    assert!(long.to_string().contains("20000"), "{long}");
}
