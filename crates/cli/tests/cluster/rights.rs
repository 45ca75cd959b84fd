//! What each service account may do: what kubernetes/README.md says, and nothing more.

use std::fmt::Write;

use k8s_openapi::api::authorization::v1::{SelfSubjectRulesReview, SelfSubjectRulesReviewSpec};
use kube::{Api, Client, api::PostParams};

use crate::namespace::Space;

#[test]
fn nobody_may_do_more_than_is_written() {
    let Some(space) = Space::new("rights") else {
        return;
    };
    // What matters here needs no pod that runs.
    space.up(&["--timeout", "1s"]);
    let all = all_rules(&space);
    insta::assert_snapshot!(all);
    // Nobody needs more where orders share services.
    space.up(&["--shared", "--timeout", "1s"]);
    assert_eq!(all_rules(&space), all);
}

fn all_rules(space: &Space) -> String {
    let mut all = String::new();
    for account in ["queue", "orchestrator", "server", "service", "task"] {
        writeln!(all, "podometer-{account}").unwrap();
        for rule in space.ask(async |_| rules(space, account).await) {
            writeln!(all, "  {rule}").unwrap();
        }
    }
    all
}

/// What an account may do in the namespace, beside asking for its own rights.
async fn rules(space: &Space, account: &str) -> Vec<String> {
    let mut config = space.config().await;
    let name = format!("system:serviceaccount:{}:podometer-{account}", space.name);
    config.auth_info.impersonate = Some(name);
    let reviews: Api<SelfSubjectRulesReview> = Api::all(Client::try_from(config).unwrap());
    let review = SelfSubjectRulesReview {
        spec: SelfSubjectRulesReviewSpec {
            namespace: Some(space.name.clone()),
        },
        ..SelfSubjectRulesReview::default()
    };
    let answer = reviews
        .create(&PostParams::default(), &review)
        .await
        .unwrap();
    let mut rules: Vec<_> = answer.status.unwrap().resource_rules.into_iter().collect();
    rules.retain(|rule| {
        let groups = rule.api_groups.clone().unwrap_or_default();
        !groups
            .iter()
            .any(|group| group == "authorization.k8s.io" || group == "authentication.k8s.io")
    });
    let list = |names: Option<Vec<String>>| names.unwrap_or_default().join(", ");
    let mut lines: Vec<_> = rules
        .into_iter()
        .map(|rule| format!("{}: {}", list(rule.resources), rule.verbs.join(", ")))
        .collect();
    lines.sort_unstable();
    lines
}
