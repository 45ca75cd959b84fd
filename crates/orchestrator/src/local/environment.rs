//! What a runner inherits of the hosting process's environment, and what its task is told.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::ffi::OsStrExt,
    path::Path,
};

use model::{AttemptSpec, Task, order::Input};
use serde_json::json;

use super::AttemptFiles;
use crate::{
    OrderRequest,
    plan::{At, Earlier},
};

/// The longest list of earlier outputs that stands in a variable, bytes.
pub const MAX_PROGRESS_BYTES: usize = 96 * 1024;
/// The variable with the earlier outputs.
pub(crate) const PROGRESS: &str = "PODOMETER_PROGRESS";
/// The variable with the file of the earlier outputs, where they are long.
pub(crate) const PROGRESS_FILE: &str = "PODOMETER_PROGRESS_FILE";
/// The longest string, `NAME=value`, that Linux hands to a program (`MAX_ARG_STRLEN` less its end).
const MAX_STRING: usize = 128 * 1024 - 1;

/// Variables of ours and credentials of ours stay with us; all else is the user's.
pub(super) fn inherits(name: &OsStr) -> bool {
    const SECRETS: [&[u8]; 4] = [
        b"PGPASSWORD",
        b"PGPASSFILE",
        b"PGSERVICEFILE",
        b"DATABASE_URL",
    ];
    let name = name.as_bytes();
    !(name.starts_with(b"PODOMETER_")
        || name.starts_with(b"KAFKA_")
        || name.windows(4).any(|part| part == b"SASL")
        || SECRETS.contains(&name))
}

/// The variables that the task gets: its own, and what Podometer tells it. Writes the file of
/// earlier outputs where they are long.
pub(super) fn of_task(
    request: &OrderRequest,
    at: At,
    task: &Task,
    earlier: &[Earlier],
    files: &AttemptFiles,
) -> io::Result<BTreeMap<String, String>> {
    let mut env = variables(request, at, task, Some(&request.workspace()), &files.output);
    let progress = progress_json(earlier);
    if progress.len() > MAX_PROGRESS_BYTES {
        fs::write(&files.progress, progress)?;
        let file = files.progress.display().to_string();
        env.insert(PROGRESS_FILE.to_owned(), file);
    } else {
        env.insert(PROGRESS.to_owned(), progress);
    }
    Ok(env)
}

/// The variables that the task gets, but for the earlier outputs.
pub(crate) fn variables(
    request: &OrderRequest,
    at: At,
    task: &Task,
    workspace: Option<&Path>,
    output: &Path,
) -> BTreeMap<String, String> {
    let mut env = task.env.clone();
    let mut set = |name: &str, value: String| env.insert(format!("PODOMETER_{name}"), value);
    if let Some(workspace) = workspace {
        set("WORKSPACE", workspace.display().to_string());
    }
    set("ORDER", request.order.id.to_string());
    set("TASK", task.name.to_string());
    set("POSITION", at.0.to_string());
    set("ATTEMPT_NUMBER", at.1.to_string());
    set("OUTPUT", output.display().to_string());
    match (&request.order.input, &request.input) {
        (_, Some(path)) => set("INPUT", path.display().to_string()),
        (Some(Input::Path(text) | Input::Text(text)), None) => set("INPUT", text.clone()),
        (None, None) => None,
    };
    env
}

/// The earlier outputs, as tasks are told of them.
pub(crate) fn progress_json(earlier: &[Earlier]) -> String {
    let list = earlier.iter().map(|e| {
        json!({ "position": e.position, "task": e.task, "attempt": e.attempt, "output": e.output })
    });
    serde_json::Value::Array(list.collect()).to_string()
}

/// The spec as the text of one variable, and those of its task's variables that had no room in it
/// and go straight into the runner's environment, from where the task inherits them as well.
///
/// # Errors
/// The length that it has at least, if that is too long.
pub(crate) fn encode(mut spec: AttemptSpec) -> Result<(String, Vec<(OsString, OsString)>), usize> {
    let room = MAX_STRING - model::attempt::SPEC_VARIABLE.len() - 1;
    let mut beside = Vec::new();
    loop {
        // All of it can be written as JSON.
        let text = serde_json::to_string(&spec).unwrap_or_default();
        if text.len() <= room {
            return Ok((text, beside));
        }
        let longest = spec.env.iter().max_by_key(|(_, value)| value.len());
        let Some(name) = longest.map(|(name, _)| name.clone()) else {
            return Err(text.len());
        };
        if let Some(value) = spec.env.remove(&name) {
            if name.len() + 1 + value.len() > MAX_STRING {
                return Err(value.len());
            }
            beside.push((name.into(), value.into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_stay() {
        let stays = |name: &str| !inherits(OsStr::new(name));
        assert!(stays("PODOMETER_DATABASE_URL") && stays("PGPASSWORD") && stays("DATABASE_URL"));
        assert!(stays("KAFKA_SASL_PASSWORD") && stays("MY_SASL_JAAS") && stays("KAFKA_X"));
        assert!(inherits(OsStr::new("PATH")) && inherits(OsStr::new("HOME")));
    }

    #[test]
    fn earlier_outputs_as_json() {
        let earlier = [Earlier {
            position: model::Position(0),
            task: "camera".parse().unwrap(),
            attempt: model::Attempt(1),
            output: "a \"b\"".to_owned(),
        }];
        assert_eq!(
            progress_json(&earlier),
            r#"[{"attempt":1,"output":"a \"b\"","position":0,"task":"camera"}]"#
        );
        assert_eq!(progress_json(&[]), "[]");
    }

    fn spec(env: &BTreeMap<String, String>, argument: &str) -> AttemptSpec {
        let json = json!({
            "order": "a", "task": "b", "argv": [argument], "env": env, "working_dir": null,
            "key": { "order_uid": uuid::Uuid::nil(), "position": 0, "attempt": 1 },
            "image": null, "resources": {}, "timeout": null, "grace": "1s", "period": "1s",
            "messages": "runner", "launcher": "local", "own_cgroup": false, "own_network": false,
            "bus": null, "token": "t", "stream_host": "h", "termination_log": "/l",
            "output_file": "/o", "input": null, "stdio": "inherit",
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn what_is_too_long_in_all_goes_beside() {
        let env = BTreeMap::from([
            ("LONG".to_owned(), "\"".repeat(100_000)),
            ("SHORT".to_owned(), "x".to_owned()),
        ]);
        let (text, beside) = encode(spec(&env, "true")).unwrap();
        let back: AttemptSpec = serde_json::from_str(&text).unwrap();
        assert_eq!(back.env.keys().collect::<Vec<_>>(), ["SHORT"]);
        assert_eq!(beside, [("LONG".into(), "\"".repeat(100_000).into())]);
        assert!(encode(spec(&BTreeMap::new(), &"x".repeat(MAX_STRING))).is_err());
        let env = BTreeMap::from([("TOO".to_owned(), "x".repeat(MAX_STRING))]);
        assert!(encode(spec(&env, "true")).is_err());
    }
}
