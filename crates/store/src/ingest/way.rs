//! How a batch is written, when the database refuses some of it.

use crate::database::code;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// As if all of it were new.
    Fast,
    /// Some of it is there already.
    Merging,
    /// One by one, because there is an item that the database can't take.
    OneByOne,
}

impl Way {
    /// The way to go after an error, if there is one that may do better.
    pub(super) fn after(self, error: sqlx::Error) -> Result<Self, sqlx::Error> {
        match self {
            Self::Fast if is_duplicate(&error) => Ok(Self::Merging),
            Self::Fast | Self::Merging if is_data(&error) => Ok(Self::OneByOne),
            _ => Err(error),
        }
    }
}

fn is_duplicate(error: &sqlx::Error) -> bool {
    code(error).as_deref() == Some("23505")
}

/// Whether it is the data that the database doesn't take: a value out of its range, or one that a
/// constraint forbids.
pub(super) fn is_data(error: &sqlx::Error) -> bool {
    code(error)
        .is_some_and(|code| code.starts_with("22") || (code.starts_with("23") && code != "23505"))
}
