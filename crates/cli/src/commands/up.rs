//! `podometer up`.

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use anyhow::Result;
use kube::core::DynamicObject;
use tokio::time::sleep;

use crate::{
    args::{Overlay, UpArgs},
    cluster::{Cluster, manifest, order, remove, secrets, volumes, wait},
    exit::Code,
    load::Usage,
    output::{self, Waiting},
};

/// Where volumes of a node are, each namespace's in a folder of its own.
const VOLUMES: &str = "/var/lib/podometer";
/// The claim of the database in the cluster.
const DATABASE_CLAIM: &str = "timescaledb-data";

pub(super) async fn run(args: UpArgs, database_url: Option<String>, quiet: bool) -> Result<Code> {
    let given = given(&args, database_url)?;
    let namespace = args.cluster.namespace_or_default().to_owned();
    let wishes = manifest::Wishes {
        overlay: args.overlay,
        shared: args.shared,
        namespace: &namespace,
        registry: args.registry.as_deref(),
        images: &args.set_image,
        settings: &args.set,
    };
    // What is wrong with the wishes is said before anything is looked for.
    let mut objects = manifest::objects(wishes)?;
    let cluster = Cluster::connect(&args.cluster).await?;
    let mut progress = Waiting::new(quiet);
    progress.line(&format!("podometer up: {}", cluster.place()));
    if !args.shared {
        remove::refuse_if_shared(&cluster).await?;
    }
    let has_namespace = take_namespace(&cluster, &mut objects, &mut progress).await?;
    let has = cluster.secrets().await?;
    let secret = has.is_some();
    let has = has.unwrap_or_default();
    let missing = secrets::missing(args.overlay, &has, &given, secrets::random)?;
    if args.overlay == Overlay::Local {
        if missing.contains_key(secrets::PASSWORD) && cluster.has_claim(DATABASE_CLAIM).await? {
            return Err(Usage::NoPassword { namespace }.into());
        }
        objects.splice(0..0, static_volumes(&cluster, &args, &mut progress).await?);
        objects.sort_by_key(order::place);
    }
    for key in secrets::kept(&has, &given) {
        progress.line(&format!(
            "Secret {} has {key} already, which is kept",
            secrets::NAME
        ));
    }
    let there = There {
        namespace: has_namespace,
        secret,
    };
    // Services that orders share would end again and again while what they call isn't there.
    let (shared, objects): (Vec<_>, Vec<_>) =
        objects.into_iter().partition(order::is_shared_service);
    apply(&cluster, &objects, missing, there).await?;
    wait::until_ready(&cluster, &objects, args.timeout, &mut progress).await?;
    if args.shared {
        apply(&cluster, &shared, BTreeMap::new(), there).await?;
        wait::until_ready(&cluster, &shared, args.timeout, &mut progress).await?;
    } else {
        let mut removal = remove::Removal::new(&cluster, args.timeout, &mut progress);
        removal.shared_services().await?;
    }
    drop(progress);
    output::print(&format!("Podometer is up: {}\n", cluster.place()))?;
    Ok(Code::DONE)
}

/// What was given for the Secret. What a shell says for local runs is no address in a cluster.
fn given(args: &UpArgs, database_url: Option<String>) -> Result<secrets::Given, Usage> {
    if args.overlay == Overlay::Local {
        return Ok(secrets::Given::default());
    }
    let read = |path: &PathBuf| {
        let unreadable = |source| Usage::Unreadable {
            path: path.clone(),
            source,
        };
        fs::read_to_string(path).map_err(unreadable)
    };
    let kafka = args.kafka_config.as_ref().map(read).transpose()?;
    Ok(secrets::Given {
        database_url,
        kafka,
    })
}

/// Leaves a namespace of somebody else as it is, and waits until one that goes is gone. Says whether it is there.
async fn take_namespace(
    cluster: &Cluster,
    objects: &mut Vec<DynamicObject>,
    progress: &mut Waiting,
) -> Result<bool> {
    loop {
        let found = match cluster.namespace_object().await {
            Ok(None) => return Ok(false),
            Ok(Some(found)) => found,
            Err(error) if error.is_forbidden() => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        if found.metadata.deletion_timestamp.is_none() {
            if !remove::is_ours(&found) {
                progress.line("the namespace was there before: its labels are left as they are");
                objects.retain(|object| order::kind(object) != "Namespace");
            }
            return Ok(true);
        }
        progress.until_gone("namespace", &format!("namespace {}", cluster.namespace));
        sleep(Duration::from_millis(500)).await;
    }
}

/// Volumes, where the cluster makes none; those that are there stay where they are.
async fn static_volumes(
    cluster: &Cluster,
    args: &UpArgs,
    progress: &mut Waiting,
) -> Result<Vec<DynamicObject>> {
    if volumes::are_made(&cluster.storage_classes().await?) {
        return Ok(Vec::new());
    }
    let node = match &args.volume_node {
        Some(node) => node.clone(),
        None => volumes::node(&cluster.nodes().await?).ok_or(Usage::NoNode)?,
    };
    let default = || PathBuf::from(VOLUMES).join(&cluster.namespace);
    let folder = args.volume_folder.clone().unwrap_or_else(default);
    let mut made = Vec::new();
    for volume in volumes::on(&node, &folder, &cluster.namespace)? {
        let there = cluster.find(&volume).await?;
        let (node, folder) = volumes::place(there.as_ref().unwrap_or(&volume)).unwrap_or_default();
        let title = order::title(&volume);
        progress.line(&format!(
            "{title}: folder {folder} of node {node}, which must be there"
        ));
        if there.is_none() {
            made.push(volume);
        }
    }
    Ok(made)
}

/// What was there before.
#[derive(Debug, Clone, Copy)]
struct There {
    namespace: bool,
    secret: bool,
}

async fn apply(
    cluster: &Cluster,
    objects: &[DynamicObject],
    missing: BTreeMap<&str, String>,
    there: There,
) -> Result<()> {
    let mut missing = Some(missing).filter(|missing| !missing.is_empty());
    for object in objects {
        // The Secret comes before the pods that need it, and after the namespace.
        if order::kind(object) != "Namespace"
            && let Some(missing) = missing.take()
        {
            cluster.add_secrets(missing, there.secret).await?;
        }
        match cluster.apply(object).await {
            // Who may work in one namespace alone may not touch the namespace itself.
            Err(error)
                if error.is_forbidden()
                    && there.namespace
                    && order::kind(object) == "Namespace" => {}
            applied => applied?,
        }
    }
    Ok(())
}
