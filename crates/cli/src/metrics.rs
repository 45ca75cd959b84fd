//! What the services in this process count, in one registry.

use metrics::Registry;

/// The services' handles. They are made once for a command: each broker's services go on counting with
/// them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    pub(crate) producer: monitor_producer::Metrics,
    pub(crate) consumer: monitor_consumer::Metrics,
    pub(crate) orchestrator: orchestrator::Metrics,
}

impl Metrics {
    /// All of them, with what the process uses.
    pub(crate) fn registry(&self) -> Registry {
        let mut registry = metrics::registry();
        self.producer.register(&mut registry);
        self.consumer.register(&mut registry);
        self.orchestrator.register(&mut registry);
        registry
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// Name, type and labels of each metric, as the text says them.
    fn served() -> BTreeMap<String, (String, BTreeSet<String>)> {
        let mut registry = Metrics::default().registry();
        orchestrator::QueueMetrics::default().register(&mut registry);
        let text = metrics::text(&registry);
        let mut all: BTreeMap<String, (String, BTreeSet<String>)> = BTreeMap::new();
        for line in text.lines() {
            if let Some(of) = line.strip_prefix("# TYPE ") {
                let (name, kind) = of.split_once(' ').unwrap();
                let before = all.insert(name.to_owned(), (kind.to_owned(), BTreeSet::new()));
                assert!(before.is_none(), "{name} is there twice");
            } else if let Some((name, rest)) = line.split_once('{')
                && let Some((_, labels)) = all.get_mut(name)
            {
                let label = rest.split('=').next().unwrap_or_default();
                labels.insert(label.to_owned());
            }
        }
        all
    }

    /// The tables' rows: `name`, type, `label` or nothing, meaning.
    fn documented() -> BTreeMap<String, (String, BTreeSet<String>)> {
        let text = include_str!("../../../docs/metrics.md");
        let rows = text.lines().filter(|line| line.starts_with("| `"));
        rows.map(|row| {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            assert!(cells.len() == 6 && cells[4].len() > 10, "{row}");
            let labels = cells[3]
                .split(',')
                .map(|label| label.trim_matches([' ', '`']));
            let labels = labels.filter(|label| !label.is_empty());
            let name = cells[1].trim_matches('`').to_owned();
            (
                name,
                (cells[2].to_owned(), labels.map(str::to_owned).collect()),
            )
        })
        .collect()
    }

    #[test]
    fn docs_metrics_md_has_each_metric_with_its_type_and_label() {
        assert_eq!(documented(), served());
    }
}
