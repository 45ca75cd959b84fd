use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use model::{
    Attempt, Catalogue, Order, OrderHandle, OrderTopics, OrderUid, Position, TaskName,
    attempt::{BusAddress, Token},
    order::OrderSource,
};
use tokio::sync::watch;

use super::*;
use crate::{
    Control, Resume, Source, StdioPolicy,
    kubernetes::{config::tests::config, images::User, spec},
    plan::Earlier,
};

const ORDER: &str = r#"{
  "id": "leaf-1",
  "input": "images/leaf.jpg",
  "tasks": [
    "resize",
    { "name": "segment", "args": ["--threshold", "$(cat x)"], "timeout": "5m", "env": { "LEVEL": "2" },
      "resources": { "requests": { "cpu": "500m", "memory": "128Mi" }, "limits": { "memory": "256Mi" } },
      "pod": { "nodeSelector": { "disk": "ssd" }, "securityContext": { "runAsUser": 1000 } } },
    { "name": "old", "image": "registry.example/old:1", "command": ["/old"], "messages": "task" },
    { "name": "none", "image": "registry.example/none:1", "workingDir": "part" },
    { "name": "root", "image": "registry.example/root:1", "command": ["/root"],
      "pod": { "securityContext": { "runAsUser": 0 } } }
  ]
}"#;

fn request() -> OrderRequest {
    let source = OrderSource {
        file: "leaf.json".to_owned(),
        text: ORDER.to_owned(),
    };
    let order = Order::parse(&source, &Catalogue::builtin().unwrap()).unwrap();
    OrderRequest {
        handle: OrderHandle {
            order: order.id.clone(),
            order_uid: OrderUid(uuid::Uuid::nil()),
            topics: OrderTopics::own("", &order.id),
            token: Token("secret".to_owned()),
        },
        order,
        folder: "/podometer".into(),
        input: Some("/podometer/workspace/leaf.jpg".into()),
        period: "1s".parse().unwrap(),
        grace: "10s".parse().unwrap(),
        stdio: StdioPolicy::Files,
        source: Source::Auto,
        events: None,
        refused: None,
        control: watch::channel(Control::Run).1,
        resume: Resume::default(),
    }
}

fn bus() -> BusAddress {
    BusAddress {
        bootstrap_servers: "kafka:9092".to_owned(),
        options: [("sasl.password".to_owned(), Token("secret".to_owned()))].into(),
        topics: request().handle.topics,
        partitions: std::collections::BTreeMap::new(),
    }
}

fn owner() -> OwnerReference {
    OwnerReference {
        api_version: "batch/v1".to_owned(),
        kind: "Job".to_owned(),
        name: "leaf-1-orchestrator".to_owned(),
        uid: "u".to_owned(),
        controller: Some(true),
        ..OwnerReference::default()
    }
}

/// What was looked up of an image.
fn image() -> Image {
    Image {
        digest: format!("sha256:{}", "a".repeat(64)),
        entrypoint: vec!["./run".to_owned()],
        cmd: vec!["--fast".to_owned()],
        working_dir: Some("/app".into()),
        user: Some(User {
            uid: 1234,
            gid: None,
        }),
    }
}

fn of(position: u32, earlier: &[Earlier], volume: Option<&Volume>) -> String {
    of_image(position, earlier, volume, None)
}

fn of_image(
    position: u32,
    earlier: &[Earlier],
    volume: Option<&Volume>,
    image: Option<&Image>,
) -> String {
    let at = (Position(position), Attempt(1));
    let told = spec::told(&request(), at, earlier, &bus(), volume.is_some(), image).unwrap();
    serde_json::to_string_pretty(&made(at, volume, &told, image)).unwrap()
}

fn made(at: At, volume: Option<&Volume>, told: &Told, image: Option<&Image>) -> Job {
    let config = config();
    let parts = Parts {
        owner: owner(),
        config: &config,
        volume,
        told,
        image,
        pull_secret: image.is_some(),
    };
    job(&request(), at, &parts).unwrap()
}

fn volume() -> Volume {
    Volume {
        claim: "podometer-workspace".to_owned(),
        order_uid: OrderUid(uuid::Uuid::nil()),
        filled_by: FilledBy::Orchestrator,
    }
}

/// Of an order whose orchestrator serves others too, in a claim of its own.
fn own_volume() -> Volume {
    let input = InputFile {
        name: "leaf.jpg".to_owned(),
        bytes: 1_000_000,
        chunks: 2,
    };
    Volume {
        claim: "leaf-1-workspace".to_owned(),
        filled_by: FilledBy::Pods(Some(input)),
        ..volume()
    }
}

fn earlier(output: &str) -> Earlier {
    Earlier {
        position: Position(0),
        task: "resize".parse::<TaskName>().unwrap(),
        attempt: Attempt(1),
        output: output.to_owned(),
    }
}

#[test]
fn jobs() {
    insta::assert_snapshot!("in_a_volume", of(1, &[earlier("one")], Some(&volume())));
    insta::assert_snapshot!("that_fills_a_volume", of(0, &[], Some(&own_volume())));
    assert!(!of(1, &[], Some(&own_volume())).contains("gather"));
    insta::assert_snapshot!("without_a_volume", of(0, &[], None));
    insta::assert_snapshot!(
        "entrypoint_that_was_looked_up",
        of_image(3, &[], Some(&volume()), Some(&image()))
    );
    insta::assert_snapshot!(
        "plain_text_after_a_long_output",
        of(2, &[earlier(&"x".repeat(100_000))], None).replace(&"x".repeat(100_000), "x...")
    );
}

#[test]
fn one_made_ahead_waits_and_is_told_the_rest() {
    let (request, at) = (request(), (Position(2), Attempt(1)));
    let told = spec::told_ahead(&request, at, &bus(), false, None).unwrap();
    let earlier = [earlier("one"), earlier("two")];
    let go = spec::given(&request, at, &earlier).unwrap();
    insta::assert_snapshot!("go", serde_json::to_string_pretty(&go).unwrap());
    let text = &told.env.last().unwrap().1;
    assert!(
        text.contains(r#""wait":true"#) && !text.contains("one"),
        "{text}"
    );
    // Its time would run while it waits.
    let at = (Position(1), Attempt(1));
    let deadline = |told| {
        made(at, None, told, None)
            .spec
            .unwrap()
            .active_deadline_seconds
    };
    let ahead = spec::told_ahead(&request, at, &bus(), false, None).unwrap();
    assert_eq!(deadline(&ahead), None);
    let launched = spec::told(&request, at, &earlier, &bus(), false, None).unwrap();
    assert_eq!(deadline(&launched), Some(20 * 60));
}

#[test]
fn what_is_too_long_for_a_word() {
    let (request, at) = (request(), (Position(1), Attempt(1)));
    assert!(spec::given(&request, at, &[earlier(&"x".repeat(100_000))]).is_none());
}

#[test]
fn no_secret_is_in_a_job() {
    assert!(!of(1, &[], Some(&volume())).contains("\"secret\""));
}

#[test]
fn what_cannot_run() {
    let none = (Position(3), Attempt(1));
    let none = spec::told(&request(), none, &[], &bus(), true, None).unwrap_err();
    insta::assert_snapshot!(none, @r#"neither the task none nor its image has a command; give it "command": ["..."]"#);
    let earlier = [earlier(&"x".repeat(1_100_000))];
    assert!(
        spec::told(
            &request(),
            (Position(1), Attempt(1)),
            &earlier,
            &bus(),
            true,
            None
        )
        .is_err()
    );
}

/// The pod's security context, and the image it runs.
fn who(position: u32, image: &Image) -> (Value, String) {
    let job = of_image(position, &[], None, Some(image));
    let job: Value = serde_json::from_str(&job).unwrap();
    let pod = &job["spec"]["template"]["spec"];
    let image = pod["containers"][0]["image"].as_str().unwrap();
    (pod["securityContext"].clone(), image.to_owned())
}

#[test]
fn a_task_with_a_command_runs_as_its_images_user_in_the_image_that_the_order_names() {
    let (context, image) = who(2, &image());
    assert_eq!(
        (&context["runAsUser"], &context["fsGroup"]),
        (&json!(1234), &json!(USER))
    );
    assert_eq!(
        (&context["runAsGroup"], &context["runAsNonRoot"]),
        (&json!(null), &json!(true))
    );
    assert_eq!(image, "registry.example/old:1");
}

#[test]
fn what_the_order_says_of_the_user_goes_before_the_image() {
    let (context, _) = who(1, &image());
    assert_eq!(
        (&context["runAsUser"], &context["runAsNonRoot"]),
        (&json!(1000), &json!(true))
    );
    let (context, _) = who(4, &image());
    assert_eq!(
        (&context["runAsUser"], &context["runAsNonRoot"]),
        (&json!(0), &json!(false))
    );
}
