//! Commands that ask a `podometer serve` (`--server`).

use std::{fs, process::Child, time::Duration};

use serde_json::json;

use crate::{
    harness::{Place, Running, Said, until},
    serving::Serving,
};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// On a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// A server, and a place from which it is asked, which shares nothing with it.
struct Far {
    here: Place,
    _there: Place,
    server: Serving,
}

impl Far {
    fn start() -> Self {
        let (here, there) = (Place::new(), Place::new());
        there.write("token.txt", TOKEN);
        let args = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--token-file",
            "token.txt",
        ];
        let server = Serving::start(there.command(&args));
        Self {
            here,
            _there: there,
            server,
        }
    }

    fn url(&self) -> String {
        format!("http://{}/", self.server.address)
    }

    fn start_command(&self, args: &[&str], token: Option<&str>) -> Running {
        let url = self.url();
        let mut command = self.here.command(&[args, &["--server", &url]].concat());
        if let Some(token) = token {
            command.env("PODOMETER_TOKEN", token);
        }
        Running::start(command)
    }

    fn ask(&self, args: &[&str], code: i32) -> Said {
        let said = self.start_command(args, Some(TOKEN)).wait();
        assert_eq!(said.code, Some(code), "{args:?}: {said:?}");
        said
    }
}

#[test]
fn an_order_goes_to_a_server_and_what_came_of_it_is_fetched() {
    let far = Far::start();
    let picture = far.here.path("leaf.png");
    image::RgbImage::new(8, 6).save(&picture).unwrap();
    let order = json!({ "id": "leaf", "input": "leaf.png", "tasks": ["resize", { "name": "sh", "local": ["true"] }] });
    far.here.write("leaf.json", order.to_string());

    assert_eq!(far.ask(&["load", "leaf.json"], 0).out, "leaf\n");
    let followed = far.ask(&["status", "leaf", "--follow"], 0);
    assert!(
        followed.err.contains("leaf: task 2/2 sh completed\n"),
        "{followed:?}"
    );
    assert!(
        followed.out.contains("order leaf succeeded"),
        "{followed:?}"
    );
    let orders = far.ask(&["orders"], 0).out;
    assert!(
        orders.contains("leaf") && orders.contains("succeeded"),
        "{orders}"
    );

    let status = far.ask(&["status", "leaf", "--json"], 0).out;
    assert!(
        status.starts_with("{\n  \"id\": \"leaf\","),
        "as the columns are: {status}"
    );
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(
        status["report"],
        format!("{}api/orders/leaf/report.html", far.url())
    );
    assert_eq!(status["runs"][0]["task"], "resize");

    let charts = far.ask(
        &["chart", "leaf", "--format", "png", "--output", "charts"],
        0,
    );
    let written: Vec<_> = charts
        .out
        .lines()
        .map(|path| fs::read(far.here.path(path)).unwrap())
        .collect();
    assert_eq!(written.len(), 3, "{charts:?}");
    assert!(
        written
            .iter()
            .all(|picture| picture.starts_with(b"\x89PNG"))
    );
    far.ask(&["report", "leaf", "--output", "report.html"], 0);
    let report = fs::read(far.here.path("report.html")).unwrap();
    assert!(report.starts_with(b"<!DOCTYPE html>"));

    let again = far.ask(&["load", "leaf.json"], 2);
    assert!(
        again.err.contains("knows the id leaf") && again.err.contains("`--again`"),
        "{again:?}"
    );
    assert_eq!(
        far.ask(&["load", "leaf.json", "--again"], 0).out,
        "leaf-2\n"
    );
    let watched = far.ask(&["watch", "leaf-2"], 0);
    assert!(
        watched.out.contains("order leaf-2 succeeded"),
        "{watched:?}"
    );
    let unknown = far.ask(&["status", "fern"], 2);
    assert!(
        unknown.err.contains("fern") && unknown.err.contains(&far.url()),
        "{unknown:?}"
    );
}

#[test]
fn an_order_is_ended_on_a_server() {
    let far = Far::start();
    let order = json!({ "id": "long", "tasks": [{ "name": "sleep", "local": ["sleep", "600"] }] });
    far.here.write("long.json", order.to_string());
    far.ask(&["load", "long.json"], 0);
    let watching = far.start_command(&["watch", "long"], Some(TOKEN));
    until("the task runs", SOON, || {
        let status = far.ask(&["status", "long", "--json"], 0).out;
        status.contains("\"task\": \"sleep\"")
    });
    let told = far.ask(&["terminate", "long"], 0);
    assert!(told.out.contains("order long is told to end"), "{told:?}");
    let watched = watching.wait();
    assert_eq!(watched.code, Some(1), "{watched:?}");
    assert!(watched.out.contains("order long terminated"), "{watched:?}");
    let over = far.ask(&["terminate", "long"], 0);
    assert_eq!(over.out, "order long is over: terminated\n");
}

#[test]
fn without_the_right_token_and_without_a_server_one_is_told_what_to_do() {
    let far = Far::start();
    for (token, words) in [
        (None, "wants a token: put it into PODOMETER_TOKEN"),
        (
            Some("fedcba9876543210fedcba9876543210"),
            "refuses the token",
        ),
    ] {
        for command in [&["orders"][..], &["watch", "leaf"], &["terminate", "leaf"]] {
            let said = far.start_command(command, token).wait();
            assert_eq!(said.code, Some(2), "{said:?}");
            assert!(said.err.contains(words), "{said:?}");
            assert!(
                !said.err.contains("fedcba"),
                "a token is a secret: {said:?}"
            );
        }
    }
    let Far { here, server, .. } = far;
    let url = format!("http://{}/", server.address);
    drop(server);
    let said = here.run(&["orders", "--server", &url]);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(
        said.err.contains("is `podometer serve` running there?"),
        "{said:?}"
    );
}

/// A command that would go on without a server; it ends with the test.
struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn who_watches_is_connected_again_when_the_server_is_back() {
    let place = Place::new();
    let wait = "touch running; until test -e go; do sleep 0.05; done";
    let order = json!({ "id": "a", "tasks": [{ "name": "wait", "local": ["sh", "-c", wait] }] });
    place.write("a.json", order.to_string());
    let running = Running::start(place.command(&["run", "a.json", "--no-charts"]));
    until("the task runs", SOON, || {
        place.data("a/workspace/running").exists()
    });

    let server = Serving::start(place.command(&["serve", "--listen", "127.0.0.1:0"]));
    let address = server.address.clone();
    let url = format!("http://{address}/");
    let (out, err) = (place.path("out"), place.path("err"));
    let mut watch = place.command(&["watch", "a", "--server", &url]);
    watch.stdout(fs::File::create(&out).unwrap());
    watch.stderr(fs::File::create(&err).unwrap());
    let mut watch = Watching(watch.spawn().unwrap());
    let said = |path, text: &str| fs::read_to_string(path).unwrap().contains(text);
    until("a reading", SOON, || said(&out, "a: task 1/1 wait at "));
    drop(server);
    until("it is away", SOON, || said(&err, "a: connecting again in "));
    let server = Serving::start(place.command(&["serve", "--listen", &address]));
    until("it is back", SOON, || said(&err, "a: connected again"));
    fs::write(place.data("a/workspace/go"), "").unwrap();
    until("the end", SOON, || watch.0.try_wait().unwrap().is_some());
    assert!(
        watch.0.wait().unwrap().success(),
        "{}",
        fs::read_to_string(&err).unwrap()
    );
    assert!(said(&out, "order a succeeded"));
    assert_eq!(running.wait().code, Some(0));
    drop(server);
}
