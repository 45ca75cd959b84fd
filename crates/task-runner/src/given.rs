//! What the runner is told by its environment: the spec, and beside it what must not stand in one.

use std::env::VarError;

use anyhow::{Context, Result, ensure};
use bus::Settings;
use model::{
    AttemptSpec,
    attempt::{
        BusAddress, KAFKA_PROPERTIES_VARIABLE, SPEC_VARIABLE, STREAM_HOST_VARIABLE, TOKEN_VARIABLE,
        Token,
    },
};

/// Reads the spec from the variables that `get` knows.
pub(crate) fn spec(get: impl Fn(&str) -> Result<String, VarError>) -> Result<AttemptSpec> {
    let text = get(SPEC_VARIABLE).with_context(|| {
        format!("{SPEC_VARIABLE} is not set; the runner is started by a launcher, not by hand")
    })?;
    let mut spec: AttemptSpec =
        serde_json::from_str(&text).with_context(|| format!("{SPEC_VARIABLE} can't be read"))?;
    ensure!(!spec.argv.is_empty(), "{SPEC_VARIABLE}: argv is empty");
    let said = |name| get(name).ok().filter(|value| !value.trim().is_empty());
    if let Some(token) = said(TOKEN_VARIABLE) {
        spec.token = Token(token.trim().to_owned());
    }
    if let Some(host) = said(STREAM_HOST_VARIABLE) {
        host.trim().clone_into(&mut spec.stream_host);
    }
    ensure!(
        !spec.wait || !spec.token.0.is_empty(),
        "{SPEC_VARIABLE}: a runner that waits for the orchestrator's word needs the order's token in \
         {TOKEN_VARIABLE}"
    );
    if let (Some(address), Some(text)) = (&mut spec.bus, said(KAFKA_PROPERTIES_VARIABLE))
        && let Err(error) = add_properties(address, &text)
    {
        // The task runs all the same; the termination log tells of it.
        eprintln!("podometer runner: nothing is reported to the broker: {error}");
        spec.bus = None;
    }
    Ok(spec)
}

/// The spec's address stands, wherever the properties would have the client go.
fn add_properties(address: &mut BusAddress, text: &str) -> Result<(), bus::Error> {
    let mut settings = Settings::default();
    settings.read_properties(KAFKA_PROPERTIES_VARIABLE, text)?;
    address.options.extend(settings.into_options());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;

    fn text(change: impl Fn(&mut Value)) -> String {
        let mut spec = json!({
            "order": "leaf-1", "task": "t", "argv": ["true"], "env": {}, "working_dir": null,
            "key": { "order_uid": "0198c5d2-0000-7000-8000-000000000000", "position": 0, "attempt": 1 },
            "image": null, "resources": {}, "timeout": null, "grace": "1s", "period": "1s",
            "messages": "runner", "launcher": "kubernetes", "own_cgroup": true, "own_network": true,
            "bus": {
                "bootstrap_servers": "kafka:9092",
                "topics": { "task": "taskleaf-1", "resource": "resourceleaf-1", "orchestrator": "orchestrator" },
            },
            "token": "", "stream_host": "", "termination_log": "/dev/termination-log",
            "output_file": "/podometer/run/output", "input": null, "stdio": "tee",
        });
        change(&mut spec);
        spec.to_string()
    }

    fn read(spec: String, beside: &[(&str, &str)]) -> Result<AttemptSpec> {
        let mut variables: BTreeMap<_, _> =
            beside.iter().map(|(n, v)| (*n, (*v).to_owned())).collect();
        variables.insert(SPEC_VARIABLE, spec);
        super::spec(|name| variables.get(name).cloned().ok_or(VarError::NotPresent))
    }

    #[test]
    fn what_a_cluster_keeps_out_of_the_spec() {
        let properties = "security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.username=u\n\
                          sasl.password=p w\nbootstrap.servers=elsewhere:1\n";
        let spec = read(
            text(|_| {}),
            &[
                (TOKEN_VARIABLE, "hush\n"),
                (STREAM_HOST_VARIABLE, "10.1.2.3"),
                (KAFKA_PROPERTIES_VARIABLE, properties),
            ],
        )
        .unwrap();
        assert_eq!(
            (spec.token.0.as_str(), spec.stream_host.as_str()),
            ("hush", "10.1.2.3")
        );
        assert_eq!((spec.stream_port, spec.wait), (None, false));
        let bus = spec.bus.unwrap();
        assert_eq!(bus.bootstrap_servers, "kafka:9092");
        assert_eq!(bus.options["sasl.password"].0, "p w");
        assert_eq!(bus.options["security.protocol"].0, "SASL_SSL");
    }

    #[test]
    fn what_is_broken() {
        let nothing_to_say = read(
            text(|_| {}),
            &[(KAFKA_PROPERTIES_VARIABLE, "no.such.option=1")],
        );
        assert_eq!(
            nothing_to_say.unwrap().bus,
            None,
            "the task runs all the same"
        );
        let waits = |beside: &[(&str, &str)]| read(text(|spec| spec["wait"] = json!(true)), beside);
        assert!(waits(&[]).unwrap_err().to_string().contains(TOKEN_VARIABLE));
        assert!(waits(&[(TOKEN_VARIABLE, "t")]).unwrap().wait);
        assert!(read(text(|spec| spec["argv"] = json!([])), &[]).is_err());
    }
}
