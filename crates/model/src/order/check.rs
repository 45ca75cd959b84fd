//! Completes an order from the catalogue and checks what JSON's types can't say.

use super::{
    Input, Order, OrderError, OrderFile, OrderProblem, OrderSource, Task, TaskEntry, TaskFields,
};
use crate::{Catalogue, Resources};

/// The most tasks that an order takes.
pub(super) const MAX_TASKS: usize = 10_000;
/// The most retries of a task.
pub(super) const MAX_RETRIES: u32 = 100;

type Problem = (String, OrderProblem);

pub(super) fn complete(
    file: OrderFile,
    source: &OrderSource,
    catalogue: &Catalogue,
) -> Result<Order, OrderError> {
    let at = |(path, problem): Problem| source.error(&path, problem);
    let list = source.first_of(&["tasks", "required_tasks"]);
    if file.tasks.is_empty() {
        return Err(at((list.to_owned(), OrderProblem::NoTasks)));
    }
    if file.tasks.len() > MAX_TASKS {
        return Err(at((
            list.to_owned(),
            OrderProblem::TooManyTasks(file.tasks.len()),
        )));
    }
    let tasks = file.tasks.into_iter().enumerate();
    Ok(Order {
        id: file.id,
        input: file.input.map(|value| match value {
            serde_json::Value::String(path) => Input::Path(path),
            other => Input::Text(other.to_string()),
        }),
        tasks: tasks
            .map(|(i, entry)| complete_task(entry, &format!("{list}[{i}]"), catalogue).map_err(at))
            .collect::<Result<_, _>>()?,
        prewarm: file.prewarm,
    })
}

fn complete_task(entry: TaskEntry, path: &str, catalogue: &Catalogue) -> Result<Task, Problem> {
    let fields = match entry {
        TaskEntry::Name(name) => TaskFields {
            name: Some(name),
            ..TaskFields::default()
        },
        TaskEntry::Fields(fields) => *fields,
    };
    let Some(name) = fields.name.clone() else {
        return Err((path.to_owned(), OrderProblem::NoName));
    };
    check_fields(&fields, path)?;
    let fields = match catalogue.get(&name) {
        Some(entry) => fields.or(entry),
        None if fields.image.is_none() && fields.command.is_none() && fields.local.is_none() => {
            let known = catalogue.names().collect::<Vec<_>>().join(", ");
            return Err((path.to_owned(), OrderProblem::UnknownTask { name, known }));
        }
        None => fields,
    };
    let resources = fields.resources.unwrap_or_default();
    check_resources(&resources, path)?;
    Ok(Task {
        name,
        image: fields.image,
        command: fields.command.unwrap_or_default(),
        args: fields.args.unwrap_or_default(),
        local: fields.local,
        env: fields.env.unwrap_or_default(),
        working_dir: fields.working_dir,
        resources,
        retries: fields.retries.unwrap_or_default(),
        timeout: fields.timeout,
        messages: fields.messages.unwrap_or_default(),
        pod: fields.pod,
    })
}

/// Checks the fields of a task or of a catalogue's entry.
pub(crate) fn check_fields(fields: &TaskFields, path: &str) -> Result<(), Problem> {
    for (field, argv) in [("command", &fields.command), ("local", &fields.local)] {
        if argv
            .as_ref()
            .is_some_and(|argv| argv.first().is_none_or(String::is_empty))
        {
            return Err((format!("{path}.{field}"), OrderProblem::EmptyCommand));
        }
    }
    for (field, argv) in [
        ("command", &fields.command),
        ("local", &fields.local),
        ("args", &fields.args),
    ] {
        let nul = argv.iter().flatten().position(|text| text.contains('\0'));
        if let Some(i) = nul {
            return Err((format!("{path}.{field}[{i}]"), OrderProblem::Nul));
        }
    }
    for (name, value) in fields.env.iter().flatten() {
        let at = format!("{path}.env.{name}");
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err((at, OrderProblem::EnvName(name.clone())));
        }
        if name.starts_with("PODOMETER_") {
            return Err((at, OrderProblem::ReservedEnv(name.clone())));
        }
        if value.contains('\0') {
            return Err((at, OrderProblem::Nul));
        }
    }
    if let Some(folder) = &fields.working_dir
        && folder.contains('\0')
    {
        return Err((format!("{path}.workingDir"), OrderProblem::Nul));
    }
    if let Some(image) = &fields.image
        && (image.is_empty() || image.contains(|c: char| c.is_whitespace() || c.is_control()))
    {
        return Err((format!("{path}.image"), OrderProblem::Image(image.clone())));
    }
    match fields.retries {
        Some(n) if n > MAX_RETRIES => {
            Err((format!("{path}.retries"), OrderProblem::TooManyRetries(n)))
        }
        _ => Ok(()),
    }
}

fn check_resources(resources: &Resources, path: &str) -> Result<(), Problem> {
    let (requests, limits) = (&resources.requests, &resources.limits);
    let above = |field: &str, request: String, limit: String| {
        let at = format!("{path}.resources.requests.{field}");
        Err((at, OrderProblem::RequestAboveLimit { request, limit }))
    };
    match (&requests.cpu, &limits.cpu) {
        (Some(r), Some(l)) if r.cores() > l.cores() => {
            return above("cpu", r.to_string(), l.to_string());
        }
        _ => {}
    }
    match (&requests.memory, &limits.memory) {
        (Some(r), Some(l)) if r.bytes() > l.bytes() => {
            above("memory", r.to_string(), l.to_string())
        }
        _ => Ok(()),
    }
}
