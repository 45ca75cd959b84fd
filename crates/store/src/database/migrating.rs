//! Bringing tables to the newest form and back, the same way in both databases.

use sqlx::migrate::{Migrate, MigrateError, Migrator};

use crate::Error;

/// Where it is noted which migrations are applied.
const TABLE: &str = "_sqlx_migrations";
pub(super) const MIGRATING: &str = "bringing the tables up to date";

/// Whether exactly the known migrations are applied. An error if it is not known which are.
pub(super) async fn is_current(
    connection: &mut impl Migrate,
    known: &Migrator,
) -> Result<bool, MigrateError> {
    let applied = connection.list_applied_migrations(TABLE).await?;
    let up = known.iter().filter(|m| m.migration_type.is_up_migration());
    Ok(up
        .map(|m| (m.version, &m.checksum))
        .eq(applied.iter().map(|m| (m.version, &m.checksum))))
}

/// The last migration that is applied; 0 if none is.
pub(super) async fn applied(connection: &mut impl Migrate) -> Result<i64, MigrateError> {
    let applied = connection.list_applied_migrations(TABLE).await?;
    Ok(applied.last().map_or(0, |m| m.version))
}

/// The last migration that is known.
pub(super) fn newest(known: &Migrator) -> i64 {
    known.iter().map(|m| m.version).max().unwrap_or(0)
}

/// Brings the tables to the newest form, within a transaction.
pub(super) async fn up(
    connection: &mut impl Migrate,
    known: &Migrator,
) -> Result<(), MigrateError> {
    known.run_direct(None, connection, false).await
}

/// Takes them down to the form of `version`, within a transaction.
pub(super) async fn down(
    connection: &mut impl Migrate,
    known: &Migrator,
    version: i64,
) -> Result<(), MigrateError> {
    let applied = connection.list_applied_migrations(TABLE).await?;
    let down = known
        .iter()
        .rev()
        .filter(|m| m.migration_type.is_down_migration() && m.version > version)
        .filter(|m| applied.iter().any(|a| a.version == m.version));
    for migration in down {
        connection.revert(TABLE, migration).await?;
    }
    Ok(())
}

/// What an error of migrating means.
pub(super) fn meaning(
    error: MigrateError,
    place: String,
    known: &Migrator,
    classify: impl Fn(sqlx::Error) -> Error,
) -> Error {
    match error {
        MigrateError::VersionMissing(version) => Error::Newer {
            place,
            version,
            known: newest(known),
        },
        MigrateError::Execute(e) | MigrateError::ExecuteMigration(e, _) => classify(e),
        source => Error::Migrate {
            place,
            source: Box::new(source),
        },
    }
}
