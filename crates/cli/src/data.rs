//! The data folder: the store, the locks, a folder for each order.

use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use model::OrderId;
use store::{Location, Migrations, ServerAddress};
use uuid::Uuid;

/// The data folder. Nothing is made before [`DataFolder::create`].
#[derive(Debug, Clone)]
pub(crate) struct DataFolder {
    path: PathBuf,
    location: Location,
    migrations: Migrations,
}

/// An order's own folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderFolder {
    /// As people are told.
    pub(crate) shown: PathBuf,
    /// From the root on.
    pub(crate) absolute: PathBuf,
    /// Where a folder went that had the name already.
    pub(crate) moved: Option<PathBuf>,
}

impl DataFolder {
    /// The folder; the store is a file in it, or on a server.
    pub(crate) fn new(path: &Path, server: Option<ServerAddress>, migrations: Migrations) -> Self {
        let file = || Location::from(path.join("podometer.db"));
        Self {
            path: path.to_owned(),
            location: server.map_or_else(file, Location::from),
            migrations,
        }
    }

    /// As people named it.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the store is.
    pub(crate) fn location(&self) -> &Location {
        &self.location
    }

    pub(crate) fn is_on_server(&self) -> bool {
        matches!(self.location, Location::Server(_))
    }

    /// Who brings the tables of a server up to date.
    pub(crate) fn migrations(&self) -> Migrations {
        self.migrations
    }

    /// What tells this folder from others whose orders are on the same server: made once, kept in it.
    pub(crate) fn id(&self) -> Result<Uuid> {
        let path = self.path.join(".id");
        let failed = || format!("{} can't be read or made", path.display());
        // Written elsewhere first: whoever comes second finds all of it.
        let new = self.path.join(format!(".id.{}", Uuid::now_v7()));
        if !path.exists() {
            fs::write(&new, Uuid::now_v7().to_string()).with_context(failed)?;
            let made = fs::hard_link(&new, &path);
            let _ = fs::remove_file(&new);
            match made {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    return Err(error).with_context(failed);
                }
                _ => {}
            }
        }
        let text = fs::read_to_string(&path).with_context(failed)?;
        text.trim().parse().with_context(failed)
    }

    pub(crate) fn locks(&self) -> PathBuf {
        self.path.join(".locks")
    }

    /// Where samples wait for a Kafka that is away. No order has a name with a dot.
    pub(crate) fn spool(&self) -> PathBuf {
        self.path.join("kafka.spool")
    }

    pub(crate) fn order(&self, id: &OrderId) -> PathBuf {
        self.path.join(id.as_str())
    }

    /// Makes the folder, which git ignores by a file inside.
    pub(crate) fn create(&self) -> Result<()> {
        let failed = || {
            let path = self.path.display();
            format!("the data folder {path} can't be made; name another one with --data DIR")
        };
        fs::create_dir_all(self.locks()).with_context(failed)?;
        let ignore = self.path.join(".gitignore");
        match fs::File::create_new(ignore) {
            Ok(mut file) => io::Write::write_all(&mut file, b"*\n").with_context(failed),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error).with_context(failed),
        }
    }

    /// Makes the folder of a new order. One that is left of an order which the store doesn't know
    /// any more is moved aside, so that files of two executions are never mixed.
    pub(crate) fn create_order(&self, id: &OrderId) -> Result<OrderFolder> {
        let shown = self.order(id);
        let failed = |path: &Path| format!("the order's folder {} can't be made", path.display());
        let moved = match fs::create_dir(&shown) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let aside = self.move_aside(id).with_context(|| failed(&shown))?;
                fs::create_dir(&shown).with_context(|| failed(&shown))?;
                Some(aside)
            }
            other => other.map(|()| None).with_context(|| failed(&shown))?,
        };
        let absolute = std::path::absolute(&shown).with_context(|| failed(&shown))?;
        Ok(OrderFolder {
            shown,
            absolute,
            moved,
        })
    }

    /// A dot is in no id, so that the name is nobody's.
    fn move_aside(&self, id: &OrderId) -> io::Result<PathBuf> {
        let names = (1..).map(|n| self.path.join(format!("{id}.old-{n}")));
        for aside in names {
            if fs::symlink_metadata(&aside).is_err() {
                fs::rename(self.order(id), &aside)?;
                return Ok(aside);
            }
        }
        Err(ErrorKind::AlreadyExists.into())
    }

    /// Removes an order's folder, if it is there.
    pub(crate) fn remove_order(&self, id: &OrderId) -> Result<()> {
        let folder = self.order(id);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error)
                .with_context(|| format!("{} can't be removed; do it by hand", folder.display())),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_there_is_moved_aside_and_kept() {
        let temporary = tempfile::tempdir().unwrap();
        let data = DataFolder::new(&temporary.path().join("deep/data"), None, Migrations::Run);

        data.create().unwrap();
        data.create().unwrap();
        assert_eq!(data.id().unwrap(), data.id().unwrap());
        assert_eq!(
            fs::read_to_string(data.path.join(".gitignore")).unwrap(),
            "*\n"
        );
        let id: OrderId = "leaf".parse().unwrap();
        let first = data.create_order(&id).unwrap();
        assert_eq!(first.moved, None);
        for n in 1..3 {
            fs::write(data.order(&id).join("file"), n.to_string()).unwrap();
            let next = data.create_order(&id).unwrap();
            let aside = data.path.join(format!("leaf.old-{n}"));
            assert_eq!(next.moved, Some(aside.clone()));
            assert_eq!(
                fs::read_to_string(aside.join("file")).unwrap(),
                n.to_string()
            );
            assert_eq!(fs::read_dir(&next.absolute).unwrap().count(), 0);
        }
        data.remove_order(&id).unwrap();
        data.remove_order(&id).unwrap();
        assert!(!data.order(&id).exists());
    }
}
