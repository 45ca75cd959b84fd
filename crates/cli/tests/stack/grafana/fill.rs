//! Fills variables and macros in, as Grafana's data source for PostgreSQL does.

use std::collections::BTreeMap;

/// What a query is filled with.
pub(super) struct Fill {
    /// The chosen time, as RFC 3339.
    pub(super) from: String,
    pub(super) to: String,
    /// The values of variables.
    pub(super) variables: BTreeMap<String, Vec<String>>,
}

/// `$__interval`, as text and in seconds.
const INTERVAL: (&str, &str) = ("100ms", "0.100");

impl Fill {
    /// The query as the database gets it.
    pub(super) fn sql(&self, sql: &str) -> String {
        let mut sql = sql.to_owned();
        for (name, values) in &self.variables {
            let quoted = values
                .iter()
                .map(|v| format!("'{}'", v.replace('\'', "''")));
            let quoted: Vec<_> = quoted.collect();
            sql = sql.replace(&format!("${{{name}:sqlstring}}"), &quoted.join(","));
        }
        sql = sql.replace("$__interval", INTERVAL.0);
        while let Some(start) = sql.find("$__") {
            let open = start + sql[start..].find('(').unwrap();
            let close = open + sql[open..].find(')').unwrap();
            let arguments: Vec<_> = sql[open + 1..close].split(',').map(str::trim).collect();
            let filled = self.macro_of(&sql[start + 3..open], &arguments);
            sql.replace_range(start..=close, &filled);
        }
        assert!(!sql.contains('$'), "something isn't filled in: {sql}");
        sql
    }

    fn macro_of(&self, name: &str, arguments: &[&str]) -> String {
        let (from, to) = (&self.from, &self.to);
        match (name, arguments) {
            ("timeFilter", [column]) => format!("{column} BETWEEN '{from}' AND '{to}'"),
            ("timeFrom", [""]) => format!("'{from}'"),
            ("timeTo", [""]) => format!("'{to}'"),
            ("timeGroupAlias", [column, interval]) => {
                assert_eq!(interval.trim_matches('\''), INTERVAL.0);
                format!("time_bucket('{}s', {column}) AS \"time\"", INTERVAL.1)
            }
            other => panic!("a macro that isn't known here: {other:?}"),
        }
    }
}

#[test]
fn variables_are_quoted_and_macros_written_out() {
    let values = [("task".to_owned(), vec!["a'b".to_owned(), "c".to_owned()])];
    let fill = Fill {
        from: "F".to_owned(),
        to: "T".to_owned(),
        variables: values.into(),
    };
    assert_eq!(
        fill.sql("select $__timeGroupAlias(s.time, $__interval) where $__timeFilter(x) and t in (${task:sqlstring})"),
        "select time_bucket('0.100s', s.time) AS \"time\" where x BETWEEN 'F' AND 'T' and t in ('a''b','c')"
    );
}
