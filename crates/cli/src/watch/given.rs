//! An order that the tests look at.

use model::{Resource, Timestamp, Values};
use serde_json::{Value, json};

use super::{
    data::{Data, Update},
    series::Measured,
    state::State,
};

/// Seconds after the order's creation.
pub(crate) fn at(seconds: f64) -> Timestamp {
    Timestamp(1_767_225_600_000_000 + (seconds * 1e6) as i64)
}

pub(crate) fn state(data: Data) -> State {
    State::new(data)
}

pub(crate) fn order(status: &str) -> Value {
    json!({
        "id": "leaf-1", "order_uid": "00000000-0000-0000-0000-000000000001", "status": status,
        "message": null, "created_at": at(0.0).to_string(), "started_at": at(1.0).to_string(),
        "ended_at": null, "launcher": "local", "input": null, "tasks": 3, "storing_complete": false,
    })
}

pub(crate) fn run(position: u32, task: &str, ended: Option<&Value>) -> Value {
    let mut run = json!({
        "position": position, "task": task, "task_id": 1, "attempt": 1, "exit_code": null,
        "signal": null, "reason": null, "message": null, "censored": null,
        "started_at": at(1.0 + f64::from(position) * 2.5).to_string(), "ended_at": null,
        "samples": 0, "missed_samples": 0, "largest_gap_seconds": null,
        "launcher": "local", "requested_cpu": 1.0, "requested_memory_bytes": 48 << 20,
        "limit_memory_bytes": 128 << 20, "machine_id": 0, "machine": {}, "output": null,
    });
    let fields = ended.iter().flat_map(|ended| ended.as_object().unwrap());
    for (name, value) in fields {
        run[name] = value.clone();
    }
    run
}

/// A sample so many seconds after the start of the run at a position.
pub(crate) fn sample(position: u32, seq: u64, seconds: f64) -> Measured {
    let mut values = Values::default();
    let cpu = (seq > 0).then(|| 0.5 + 0.45 * (seconds * 1.7).sin());
    values.set(Resource::Cpu, cpu);
    let memory = (12.0 + 4.0 * seconds) * 1_048_576.0;
    values.set(Resource::Memory, Some(memory));
    values.set(Resource::MemoryAnon, Some(memory * 0.8));
    Measured {
        time: at(1.0 + f64::from(position) * 2.5 + seconds),
        seq,
        missed_before: 0,
        values,
    }
}

/// One task has completed, the second runs for nine seconds, a third waits.
pub(crate) fn running() -> Data {
    let mut data = Data::new(serde_json::from_value(order("running")).unwrap());
    let end = json!({
        "reason": "completed", "exit_code": 0, "censored": false, "ended_at": at(3.1).to_string(),
        "duration_seconds": 2.1, "cpu_seconds": 1.98, "memory_anon_peak_bytes": 71_303_168,
        "memory_anon_peak_exact": true,
    });
    let names = ["camera", "resize", "denoise"].map(str::to_owned);
    data.update(Update::Tasks(names.to_vec()));
    for row in [run(0, "camera", Some(&end)), run(1, "resize", None)] {
        data.update(Update::Run(serde_json::from_value(row).unwrap()));
    }
    let key = |position| (model::Position(position), model::Attempt(1));
    for (position, count) in [(0, 22), (1, 91)] {
        let samples = (0..count).map(|seq| sample(position, seq, seq as f64 / 10.0));
        data.update(Update::Samples(key(position), samples.collect()));
    }
    data
}
