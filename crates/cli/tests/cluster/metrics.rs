//! What the services on a cluster say to a Prometheus that finds them as `kubernetes/monitoring` says.

use std::collections::BTreeMap;

use http::Request;
use k8s_openapi::api::core::v1::Pod;
use kube::{ResourceExt, api::ListParams};

use crate::kit::{Kit, block_on};

/// The component, and the port that is scraped.
const SCRAPED: [(&str, &str); 5] = [
    ("queue", "metrics"),
    ("orchestrator", "metrics"),
    ("monitor-producer", "metrics"),
    ("monitor-consumer", "metrics"),
    ("server", "http"),
];

/// Where Deployments serve all orders, each of them says something of its own.
pub(crate) fn all_are_scraped(kit: &Kit) {
    let pods = kit.pods();
    let of = ListParams::default().labels("app.kubernetes.io/name=podometer");
    let all = block_on(async { pods.list(&of).await.unwrap() });
    let by_component: BTreeMap<_, _> = all
        .iter()
        .filter_map(|pod| {
            Some((
                pod.labels().get("app.kubernetes.io/component")?.as_str(),
                pod,
            ))
        })
        .collect();
    for (component, port) in SCRAPED {
        let pod = by_component.get(component);
        let pod = pod.unwrap_or_else(|| panic!("no pod of {component}: {:?}", by_component.keys()));
        let text = scrape(kit, pod, port);
        let own = format!("podometer_{}_", component.trim_start_matches("monitor-"));
        for name in [own.as_str(), "process_cpu_seconds_total"] {
            assert!(text.contains(name), "{component}: no {name} in\n{text}");
        }
    }
}

fn scrape(kit: &Kit, pod: &Pod, port: &str) -> String {
    let ports = pod.spec.as_ref().unwrap().containers[0]
        .ports
        .iter()
        .flatten();
    let mut named = ports.filter(|one| one.name.as_deref() == Some(port));
    let number = named.next().unwrap().container_port;
    let (namespace, name) = (&kit.0.name, pod.name_any());
    let path = format!("/api/v1/namespaces/{namespace}/pods/{name}:{number}/proxy/metrics");
    let request = Request::get(path).body(Vec::new()).unwrap();
    let client = kit.client();
    block_on(async { client.request_text(request).await.unwrap() })
}
