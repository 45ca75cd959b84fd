//! Reading rows: words, instants and counts out of columns, with the column's name in every error.

use std::{error::Error, str::FromStr};

use crate::database::{Cell, Row};
use model::Timestamp;

pub(crate) type Sql<T> = Result<T, sqlx::Error>;

/// A row that is read by its columns' names.
pub(crate) struct Columns<'r>(pub(crate) &'r Row);

impl Columns<'_> {
    /// A column that is never null.
    pub(crate) fn get<T: Cell>(&self, name: &str) -> Sql<T> {
        self.0.get(name)
    }

    /// A column that may be.
    pub(crate) fn optional<T: Cell>(&self, name: &str) -> Sql<Option<T>> {
        T::of(self.0, name)
    }

    /// A text that stands for something else.
    pub(crate) fn word<T>(&self, name: &str) -> Sql<T>
    where
        T: FromStr<Err: Error + Send + Sync + 'static>,
    {
        parse(name, &self.get::<String>(name)?)
    }

    pub(crate) fn optional_word<T>(&self, name: &str) -> Sql<Option<T>>
    where
        T: FromStr<Err: Error + Send + Sync + 'static>,
    {
        self.optional::<String>(name)?
            .map(|text| parse(name, &text))
            .transpose()
    }

    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Sql<Option<T>> {
        self.optional::<String>(name)?
            .map(|text| serde_json::from_str(&text).map_err(|e| unreadable(name, e)))
            .transpose()
    }

    pub(crate) fn time(&self, name: &str) -> Sql<Timestamp> {
        self.get(name)
    }

    pub(crate) fn optional_time(&self, name: &str) -> Sql<Option<Timestamp>> {
        self.optional(name)
    }

    /// A number of a kind that the database doesn't have.
    pub(crate) fn count<T>(&self, name: &str) -> Sql<T>
    where
        T: TryFrom<i64, Error: Error + Send + Sync + 'static>,
    {
        T::try_from(self.get::<i64>(name)?).map_err(|e| unreadable(name, e))
    }

    pub(crate) fn optional_count<T>(&self, name: &str) -> Sql<Option<T>>
    where
        T: TryFrom<i64, Error: Error + Send + Sync + 'static>,
    {
        self.optional::<i64>(name)?
            .map(|n| T::try_from(n).map_err(|e| unreadable(name, e)))
            .transpose()
    }
}

fn parse<T: FromStr<Err: Error + Send + Sync + 'static>>(name: &str, text: &str) -> Sql<T> {
    text.parse().map_err(|e| unreadable(name, e))
}

fn unreadable(name: &str, source: impl Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: name.to_owned(),
        source: Box::new(source),
    }
}

/// A count as the database keeps it; what no machine reaches is cut off.
pub(crate) fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The same where there may be none.
pub(crate) fn whole_or_none(count: Option<u64>) -> Option<i64> {
    count.map(whole)
}
