//! Rows of either database.

use model::Timestamp;
use sqlx::{
    ColumnIndex, Decode, Postgres, Row as _, Type, ValueRef,
    postgres::{PgRow, PgValueRef},
    sqlite::SqliteRow,
};

use super::time::Time;

pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// A kind of value that a column can hold.
pub(crate) trait Cell: Sized {
    /// Out of the column of that name or place (from 0); none if it is null.
    fn of<I: At>(row: &Row, at: I) -> Result<Option<Self>, sqlx::Error>;
}

/// A column's name or place.
pub(crate) trait At: ColumnIndex<SqliteRow> + ColumnIndex<PgRow> + Copy + ToString {}
impl At for &str {}
impl At for usize {}

impl Row {
    /// A column that may be null.
    pub(crate) fn optional<T: Cell>(&self, at: impl At) -> Result<Option<T>, sqlx::Error> {
        T::of(self, at)
    }

    /// A column that is never null.
    pub(crate) fn get<T: Cell>(&self, at: impl At) -> Result<T, sqlx::Error> {
        T::of(self, at)?.ok_or_else(|| sqlx::Error::ColumnDecode {
            index: at.to_string(),
            source: Box::new(sqlx::error::UnexpectedNullError),
        })
    }
}

macro_rules! cell {
    ($($kind:ty: $sqlite:ty => $from_sqlite:expr, $postgres:ty => $from_postgres:expr;)*) => {$(
        impl Cell for $kind {
            fn of<I: At>(row: &Row, at: I) -> Result<Option<Self>, sqlx::Error> {
                Ok(match row {
                    Row::Sqlite(row) => row.try_get::<Option<$sqlite>, _>(at)?.map($from_sqlite),
                    Row::Postgres(row) => row.try_get::<Option<$postgres>, _>(at)?.map($from_postgres),
                })
            }
        }
    )*};
}

cell! {
    i64: i64 => |v| v, Whole => |v| v.0;
    f64: f64 => |v| v, f64 => |v| v;
    bool: bool => |v| v, bool => |v| v;
    String: String => |v| v, String => |v| v;
    Timestamp: i64 => Timestamp, Time => |v| v.0;
}

/// A whole number of any width.
struct Whole(i64);

impl Type<Postgres> for Whole {
    fn type_info() -> sqlx::postgres::PgTypeInfo {
        <i64 as Type<Postgres>>::type_info()
    }

    fn compatible(ty: &sqlx::postgres::PgTypeInfo) -> bool {
        <i64 as Type<Postgres>>::compatible(ty) || <i32 as Type<Postgres>>::compatible(ty)
    }
}

impl<'r> Decode<'r, Postgres> for Whole {
    fn decode(value: PgValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
        if value.is_null() {
            return Err(Box::new(sqlx::error::UnexpectedNullError));
        }
        let bytes = value.as_bytes()?;
        Ok(Self(match bytes.len() {
            4 => i64::from(i32::from_be_bytes(bytes.try_into()?)),
            _ => i64::from_be_bytes(bytes.try_into()?),
        }))
    }
}
