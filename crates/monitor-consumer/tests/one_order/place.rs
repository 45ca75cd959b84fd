//! An order on the servers of test.sh, and what its orchestrator does.

use std::time::Duration;

use bus::{Bus, Publisher, Settings, TopicSettings};
use model::{
    Attempt, AttemptKey, AttemptSpec, Envelope, Message, OrderId, OrderTopics, OrderUid, Position,
    Reason, Resources, Status, TerminationLog,
    attempt::{Launcher, SPEC_VARIABLE, Stdio, TOKEN_VARIABLE, Token},
    message::{AttemptEnd, Header, Stop},
    order::Messages,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use store::{Location, Migrations, ServerAddress, Store};
use uuid::Uuid;

use crate::program::{Program, built};

const TOKEN: &str = "a-token";

pub(crate) struct Place {
    pub(crate) order: OrderId,
    pub(crate) uid: OrderUid,
    pub(crate) store: Store,
    kafka: String,
    database: String,
    prefix: String,
    topics: OrderTopics,
    bus: Bus,
    publisher: Publisher,
    folder: tempfile::TempDir,
}

/// The value of a variable that test.sh sets.
fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok();
    let fast = std::env::var_os("PODOMETER_TEST_FAST").is_some();
    assert!(value.is_some() || fast, "{name} is not set: run ./test.sh");
    value.or_else(|| {
        eprintln!("NOT RUN: what needs a server (PODOMETER_TEST_FAST is set)");
        None
    })
}

impl Place {
    pub(crate) async fn make() -> Option<Self> {
        let kafka = variable("PODOMETER_TEST_BOOTSTRAP_SERVERS")?;
        let server = variable("PODOMETER_TEST_DATABASE_URL")?;
        let uid = Uuid::now_v7();
        let name = format!("one_{}", uid.simple());
        let mut connection = PgConnection::connect(&server).await.unwrap();
        let create = sqlx::raw_sql(AssertSqlSafe(format!("create database {name}")));
        create.execute(&mut connection).await.unwrap();
        let database = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
        let location = Location::from(database.parse::<ServerAddress>().unwrap());
        let store = Store::open(&location, Migrations::Run).await.unwrap();
        let (prefix, order) = (format!("{}-", &name[..20]), "leaf-1".parse().unwrap());
        let settings = Settings::new(&kafka).unwrap();
        let bus = Bus::external(&settings, TopicSettings::with_prefix(&prefix)).unwrap();
        Some(Self {
            topics: OrderTopics::own(&prefix, &order),
            order,
            uid: OrderUid(uid),
            store,
            kafka,
            database,
            prefix,
            publisher: bus.publisher().unwrap(),
            bus,
            folder: tempfile::tempdir().unwrap(),
        })
    }

    pub(crate) async fn topics_exist(&self) {
        self.bus.create_topics(&self.topics).await.unwrap();
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("BOOTSTRAP_SERVERS", self.kafka.clone()),
            ("DATABASE_URL", self.database.clone()),
            ("TOPIC_PREFIX", self.prefix.clone()),
            ("PODOMETER_ORDER", self.order.to_string()),
            ("PODOMETER_ORDER_UID", self.uid.to_string()),
            (TOKEN_VARIABLE, TOKEN.to_owned()),
        ]
    }

    pub(crate) fn producer(&self) -> Program {
        Program::start("monitor-producer", self.environment())
    }

    pub(crate) fn consumer(&self) -> Program {
        Program::start("monitor-consumer", self.environment())
    }

    /// Runs an attempt to its end, with a runner as in a cluster; what its termination log says.
    pub(crate) async fn attempt(&self, position: u32, script: &str) -> TerminationLog {
        self.topics_exist().await;
        let path = |name: &str| self.folder.path().join(format!("{position}-{name}"));
        let mut address = self.bus.address(&self.topics);
        address.options.clear();
        let spec = AttemptSpec {
            order: self.order.clone(),
            key: AttemptKey {
                order_uid: self.uid,
                position: Position(position),
                attempt: Attempt(1),
            },
            task: format!("task-{position}").parse().unwrap(),
            argv: ["sh", "-c", script].map(str::to_owned).into(),
            env: [].into(),
            working_dir: None,
            image: None,
            image_digest: None,
            resources: Resources::default(),
            timeout: None,
            grace: "1s".parse().unwrap(),
            period: "100ms".parse().unwrap(),
            messages: Messages::Runner,
            launcher: Launcher::Kubernetes,
            own_cgroup: false,
            own_network: false,
            bus: Some(address),
            token: Token(String::new()),
            stream_host: "127.0.0.1".to_owned(),
            stream_port: None,
            wait: false,
            termination_log: path("end"),
            undelivered: None,
            output_file: path("output"),
            input: None,
            stdio: Stdio::Tee,
        };
        let status = tokio::process::Command::new(built("task-runner"))
            .env(SPEC_VARIABLE, serde_json::to_string(&spec).unwrap())
            .env(TOKEN_VARIABLE, TOKEN)
            .status();
        let status = tokio::time::timeout(Duration::from_mins(1), status).await;
        assert!(status.unwrap().unwrap().success());
        let log = std::fs::read(&spec.termination_log).unwrap();
        serde_json::from_slice(&log).unwrap()
    }

    /// The order is over.
    pub(crate) async fn stop(&self, attempts: &[TerminationLog]) {
        let ends = attempts.iter().zip(0..).map(|(_, position)| AttemptEnd {
            position: Position(position),
            attempt: Attempt(1),
            task: format!("task-{position}").parse().unwrap(),
            reason: Reason::Completed,
        });
        let stop = Stop {
            status: Status::Succeeded,
            message: None,
            ended_at: attempts.last().unwrap().written_at,
            attempts: ends.collect(),
            undrained: Vec::new(),
        };
        let header = Header::order(self.order.clone(), self.uid);
        let message = Message::Stop(stop);
        let envelope = Envelope { header, message };
        self.publisher
            .publish(&self.topics.task, &envelope)
            .await
            .unwrap();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let server = variable("PODOMETER_TEST_DATABASE_URL").unwrap();
        let name = self.database.rsplit_once('/').unwrap().1.to_owned();
        // A destructor can't wait within the runtime that it is called in.
        let dropping = std::thread::spawn(move || {
            tokio::runtime::Runtime::new().unwrap().block_on(async {
                let mut connection = PgConnection::connect(&server).await.unwrap();
                let drop_it = format!("drop database {name} with (force)");
                let done = sqlx::raw_sql(AssertSqlSafe(drop_it));
                done.execute(&mut connection).await.unwrap();
            });
        });
        dropping.join().ok();
    }
}
