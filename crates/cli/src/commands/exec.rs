//! `podometer exec`.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use model::{Order, OrderId, Resources, Task, TaskName, order::Messages, run::RunEnd};
use orchestrator::StdioPolicy;
use serde_json::json;

use super::host;
use crate::{
    args::ExecArgs,
    data::DataFolder,
    exit::Code,
    load::Prepared,
    metrics::Metrics,
    output::{
        self,
        json::{self, OrderJson},
        progress::Progress,
        summary,
    },
    session::{Done, Host, Line, run_all},
};

pub(super) async fn run(args: ExecArgs, data: DataFolder, quiet: bool) -> Result<Code> {
    let folder = env::current_dir().context("there is no current folder to run in")?;
    let name = args.name.unwrap_or_else(|| task_name(&args.command[0]));
    let order = order(name, args.command, &folder);
    let host = host::start(
        data,
        args.measure,
        args.bus,
        StdioPolicy::Inherit,
        Metrics::default(),
    )
    .await?;
    let mut batch = run_all(&host, &Line::of(vec![order]), 1, &Progress::Silent).await;
    let Some(done) = batch.done.pop() else {
        host::end(host).await;
        return match batch.error {
            Some(error) => Err(error),
            None => Ok(Code::INTERRUPTED),
        };
    };
    let said = say(&host, &done, quiet, args.json).await;
    let code = code(done.outcome.last_end.as_ref(), host.wish.is_to_end());
    host::end(host).await;
    said.map(|()| code)
}

/// The program's name as a task's: what a DNS label doesn't take becomes a hyphen.
fn task_name(program: &str) -> TaskName {
    let name = Path::new(program)
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let name = name.to_ascii_lowercase().replace(|c| !fits(c), "-");
    let name = name.trim_matches('-');
    let short = &name[..name.len().min(TaskName::MAX)];
    short
        .trim_end_matches('-')
        .parse()
        .unwrap_or_else(|_| fallback())
}

fn fallback() -> TaskName {
    // A literal that is a label.
    "command".parse().unwrap_or_else(|_| unreachable!())
}

fn order(name: TaskName, command: Vec<String>, folder: &Path) -> Prepared {
    let id = format!("exec-{name}");
    let id = id[..id.len().min(OrderId::MAX)]
        .trim_end_matches('-')
        .parse();
    let id: OrderId = id.unwrap_or_else(|_| unreachable!("the beginning of a label is one"));
    let definition = json!({ "id": id, "tasks": [{ "name": name, "local": command }] });
    let task = Task {
        name,
        image: None,
        command: Vec::new(),
        args: Vec::new(),
        local: Some(command),
        env: std::collections::BTreeMap::new(),
        working_dir: Some(folder.display().to_string()),
        resources: Resources::default(),
        retries: 0,
        timeout: None,
        messages: Messages::Runner,
        pod: None,
    };
    let order = Order {
        id,
        input: None,
        tasks: vec![task],
        prewarm: false,
    };
    Prepared {
        order,
        definition: definition.to_string(),
        input: None,
    }
}

async fn say(host: &Host, done: &Done, quiet: bool, file: Option<PathBuf>) -> Result<()> {
    let runs = host.store.runs(&done.id).await?;
    let folder = &done.folder.shown;
    if !quiet {
        let mut lines = vec![format!("podometer: order {}", done.id)];
        if runs.is_empty() {
            lines.extend(done.outcome.message.clone());
        }
        for run in &runs {
            lines.extend(summary::of_run(run, folder));
        }
        let complete = done.outcome.storing_complete && done.finished.stored;
        lines.extend(summary::notes(&runs, complete));
        let error = done.finished.draw_error.as_ref();
        lines.extend(error.map(|error| format!("it could not be drawn: {error}")));
        output::note(&lines.join("\n  "));
    }
    if let Some(file) = file {
        let (status, message) = (done.outcome.status, done.outcome.message.clone());
        let order = OrderJson::new(done.id.clone(), status, message, runs, folder);
        let failed = || format!("{} can't be written; check its folder", file.display());
        fs::write(&file, json::text(&[order])?).with_context(failed)?;
    }
    Ok(())
}

/// The command's own exit code; 128 and the number of the signal that ended it.
fn code(end: Option<&RunEnd>, is_to_end: bool) -> Code {
    if is_to_end {
        return Code::INTERRUPTED;
    }
    let of = |end: &RunEnd| end.exit_code.or(end.signal.map(|signal| 128 + signal));
    let code = end.and_then(of).and_then(|code| u8::try_from(code).ok());
    code.map_or(Code::OTHER, Code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_have_names() {
        for (program, name) in [
            ("/usr/bin/python3.11", "python3-11"),
            ("./Run_It.sh", "run-it-sh"),
            ("...", "command"),
            ("/", "command"),
            ("ü", "command"),
            (&"x".repeat(200), &"x".repeat(63)),
        ] {
            assert_eq!(task_name(program).as_str(), name, "{program}");
            let prepared = order(task_name(program), vec![program.to_owned()], Path::new("/"));
            assert!(prepared.order.id.as_str().starts_with("exec-"));
            assert!(
                Order::parse(
                    &model::order::OrderSource {
                        file: "exec".to_owned(),
                        text: prepared.definition
                    },
                    &model::Catalogue::default()
                )
                .is_ok()
            );
        }
    }
}
