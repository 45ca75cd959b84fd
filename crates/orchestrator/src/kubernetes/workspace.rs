//! The folder of an order in its volume: the runner, put there once, and what the tasks share.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use model::OrderId;

use super::{
    config::Volume,
    launch::patiently,
    names, places,
    record::{CHUNK, InputFile},
};

/// The runner in the orchestrator's image.
const RUNNER: &str = "/task-runner";
/// Tasks run as users of their own.
const FOR_ALL: u32 = 0o777;

/// Makes the folder, with the runner in it.
pub(super) fn lay_out(volume: &Volume) -> Result<()> {
    let folder = Path::new(places::VOLUME).join(volume.folder());
    let (bin, workspace) = (folder.join("bin"), folder.join("workspace"));
    for path in [&bin, &workspace] {
        fs::create_dir_all(path).with_context(|| {
            format!(
                "the folder {} can't be made; the volume {} must be writable for the group {}",
                path.display(),
                volume.claim,
                super::job::USER,
            )
        })?;
    }
    open_to_all(&workspace);
    install(Path::new(RUNNER), &bin.join("task-runner"))
        .context("putting the runner into the workspace")
}

/// Some volumes keep no permissions.
fn open_to_all(path: &Path) {
    if let Err(error) = fs::set_permissions(path, Permissions::from_mode(FOR_ALL)) {
        tracing::debug!("{}: {error}", path.display());
    }
}

/// Nobody ever sees half of it, and one that runs is left alone.
fn install(from: &Path, to: &Path) -> io::Result<()> {
    if fs::metadata(to)
        .is_ok_and(|there| fs::metadata(from).is_ok_and(|new| there.len() == new.len()))
    {
        return Ok(());
    }
    let beside = to.with_extension("new");
    fs::copy(from, &beside)?;
    fs::set_permissions(&beside, Permissions::from_mode(0o555))?;
    fs::rename(&beside, to)
}

/// Puts the input's chunks together; where tasks find it.
pub(super) async fn fetch_input(
    client: &Client,
    namespace: &str,
    order: &OrderId,
    volume: &Volume,
    input: &InputFile,
) -> Result<PathBuf> {
    let folder = Path::new(places::VOLUME).join(volume.workspace());
    let (file, beside) = (folder.join(&input.name), folder.join(".input"));
    let in_container = Path::new(places::WORKSPACE).join(&input.name);
    if fs::metadata(&file).is_ok_and(|there| there.len() == input.bytes) {
        return Ok(in_container);
    }
    let maps: kube::Api<ConfigMap> = kube::Api::namespaced(client.clone(), namespace);
    let mut to = File::create(&beside).with_context(|| beside.display().to_string())?;
    for chunk in 0..input.chunks {
        let name = names::input(order, chunk);
        let map = patiently(&name, || maps.get(&name)).await?;
        let bytes = map.binary_data.and_then(|mut data| data.remove(CHUNK));
        to.write_all(
            &bytes
                .with_context(|| format!("{name} holds no {CHUNK:?}"))?
                .0,
        )?;
    }
    let length = to.metadata()?.len();
    ensure!(
        length == input.bytes,
        "the input has {length} bytes instead of {}",
        input.bytes
    );
    fs::set_permissions(&beside, Permissions::from_mode(0o644))?;
    fs::rename(&beside, &file)?;
    Ok(in_container)
}

/// Removes the folder of an order that is over.
pub(super) fn remove(volume: &Volume) {
    let folder = Path::new(places::VOLUME).join(volume.folder());
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!("{} can't be removed: {error}", folder.display());
        }
        _ => {}
    }
}

/// Deletes the input's chunks of an order that is over.
pub(super) async fn forget_input(
    client: &Client,
    namespace: &str,
    order: &OrderId,
    input: &InputFile,
) {
    let maps: kube::Api<ConfigMap> = kube::Api::namespaced(client.clone(), namespace);
    for chunk in 0..input.chunks {
        let name = names::input(order, chunk);
        if let Err(error) = maps
            .delete(&name, &kube::api::DeleteParams::default())
            .await
            && !matches!(&error, kube::Error::Api(status) if status.code == 404)
        {
            tracing::warn!("{name} can't be deleted: {error}");
        }
    }
}
