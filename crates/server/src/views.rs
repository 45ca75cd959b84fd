//! What the API says of orders and runs, beside what the store says.

use model::{Catalogue, Order, OrderId, Position, TaskName, order::OrderSource};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use store::{OrderRow, OrderSummary, RunRow, TaskRun};

use crate::Draw;

/// A page of orders.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct OrderList {
    /// The newest first.
    pub(crate) orders: Vec<OrderSummary>,
    /// What `before` must be for the next page; null on the last one.
    pub(crate) next: Option<String>,
}

/// An order with its runs.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct OrderDetail {
    /// The order.
    #[serde(flatten)]
    pub(crate) summary: OrderSummary,
    /// As it was loaded; `{}` while nobody has registered it.
    pub(crate) definition: Value,
    /// Its tasks; empty while nobody has registered it.
    pub(crate) plan: Vec<PlannedTask>,
    /// Its runs so far, by position and attempt.
    pub(crate) runs: Vec<RunView>,
    /// Where a small copy of its input is, if that is a picture and can be seen from here.
    pub(crate) input_picture: Option<String>,
}

/// A task of an order, completed from the catalogue.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct PlannedTask {
    /// Its place.
    position: Position,
    /// Its name.
    task: String,
    /// The container image.
    image: Option<String>,
    /// The command with its arguments: on this machine if it has one for it.
    command: Option<Vec<String>>,
    /// Requested processor, cores.
    requested_cpu: Option<f64>,
    /// Requested memory, bytes.
    requested_memory_bytes: Option<u64>,
    /// The limit of processor, cores.
    limit_cpu: Option<f64>,
    /// The limit of memory, bytes.
    limit_memory_bytes: Option<u64>,
}

/// A run.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RunView {
    #[serde(flatten)]
    pub(crate) run: RunRow,
    /// Where a small copy of the picture is that it wrote, if it can be seen from here.
    pub(crate) picture: Option<String>,
}

/// A run with its order.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TaskRunView {
    #[serde(flatten)]
    pub(crate) run: TaskRun,
    /// Null: the order says where its pictures are.
    pub(crate) picture: Option<String>,
}

/// The runs of an order.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RunList {
    /// By position and attempt.
    pub(crate) runs: Vec<RunView>,
}

impl RunView {
    pub(crate) fn new(order: &OrderRow, run: RunRow, draw: &dyn Draw) -> Self {
        let is_seen = draw.is_seen(order, Some(&run));
        let name = format!("{}-{}", run.position, run.attempt);
        Self {
            picture: is_seen.then(|| picture(&order.name, &name)),
            run,
        }
    }
}

/// The path of a picture.
pub(crate) fn picture(order: &OrderId, name: &str) -> String {
    format!("/api/orders/{order}/pictures/{name}")
}

/// An order's definition as JSON.
pub(crate) fn definition(order: &OrderRow) -> Value {
    serde_json::from_str(&order.definition)
        .unwrap_or_else(|_| Value::Object(serde_json::Map::new()))
}

/// An order's tasks. Where the order used another catalogue than the server's, only what it says itself is known.
pub(crate) fn plan(order: &OrderRow, catalogue: &Catalogue) -> Vec<PlannedTask> {
    let source = OrderSource {
        file: order.name.to_string(),
        text: order.definition.clone(),
    };
    match Order::parse(&source, catalogue) {
        Ok(order) => order.tasks.iter().enumerate().map(planned).collect(),
        Err(_) => named(&definition(order)),
    }
}

fn planned((place, task): (usize, &model::order::Task)) -> PlannedTask {
    let of_image = || {
        let all = [task.command.as_slice(), task.args.as_slice()].concat();
        Some(all).filter(|all| !all.is_empty())
    };
    let (requests, limits) = (&task.resources.requests, &task.resources.limits);
    PlannedTask {
        position: Position(place as u32),
        task: task.name.to_string(),
        image: task.image.clone(),
        command: task.local_argv().or_else(of_image),
        requested_cpu: requests.cpu.as_ref().map(model::CpuQuantity::cores),
        requested_memory_bytes: requests.memory.as_ref().map(model::ByteQuantity::bytes),
        limit_cpu: limits.cpu.as_ref().map(model::CpuQuantity::cores),
        limit_memory_bytes: limits.memory.as_ref().map(model::ByteQuantity::bytes),
    }
}

fn named(definition: &Value) -> Vec<PlannedTask> {
    let tasks = definition
        .get("tasks")
        .or_else(|| definition.get("required_tasks"));
    let tasks = tasks
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let name = |task: &Value| -> Option<TaskName> {
        let name = task.as_str().or_else(|| task.get("name")?.as_str())?;
        name.parse().ok()
    };
    let text = |task: &Value, field: &str| Some(task.get(field)?.as_str()?.to_owned());
    tasks
        .iter()
        .enumerate()
        .filter_map(|(place, task)| {
            Some(PlannedTask {
                position: Position(place as u32),
                task: name(task)?.to_string(),
                image: text(task, "image"),
                command: None,
                requested_cpu: None,
                requested_memory_bytes: None,
                limit_cpu: None,
                limit_memory_bytes: None,
            })
        })
        .collect()
}
