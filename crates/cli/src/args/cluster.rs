//! Which cluster, and where on it.

use std::path::PathBuf;

use clap::Args;

/// Where help lists them.
const HEADING: &str = "Options of the cluster";

/// Which cluster and which namespace, as `kubectl` names them.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ClusterArgs {
    /// The namespace [default: podometer]
    #[arg(long, short, value_name = "NAME", value_parser = namespace, help_heading = HEADING)]
    pub(crate) namespace: Option<String>,
    /// The context of the kubeconfig [default: the current one]
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    pub(crate) context: Option<String>,
    /// The kubeconfig [default: what KUBECONFIG names, else ~/.kube/config]
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    pub(crate) kubeconfig: Option<PathBuf>,
}

impl ClusterArgs {
    /// Whether any of it is said.
    pub(crate) fn is_named(&self) -> bool {
        let Self {
            namespace,
            context,
            kubeconfig,
        } = self;
        namespace.is_some() || context.is_some() || kubeconfig.is_some()
    }

    /// The namespace that is worked on.
    pub(crate) fn namespace_or_default(&self) -> &str {
        self.namespace.as_deref().unwrap_or("podometer")
    }
}

/// Whether a command that reads looks at a cluster, and at which.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct MaybeClusterArgs {
    /// Look at a cluster instead of the data folder here; so do the options that name one
    #[arg(long = "cluster", help_heading = HEADING)]
    wanted: bool,
    #[command(flatten)]
    which: ClusterArgs,
}

impl MaybeClusterArgs {
    /// The cluster that is meant, if one is.
    pub(crate) fn wanted(&self) -> Option<&ClusterArgs> {
        (self.wanted || self.which.is_named()).then_some(&self.which)
    }
}

/// A DNS label, as namespaces are.
fn namespace(text: &str) -> Result<String, String> {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let sound = text.len() <= 63
        && edge(text.chars().next())
        && edge(text.chars().last())
        && text.chars().all(inner);
    if sound {
        return Ok(text.to_owned());
    }
    Err(
        "a namespace has at most 63 characters of a-z, 0-9 and '-', and neither begins nor ends \
         with '-'"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_dns_labels() {
        for good in ["podometer", "a", "team-7"] {
            assert!(namespace(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a.b", &"a".repeat(64)] {
            assert!(namespace(bad).is_err(), "{bad}");
        }
    }
}
