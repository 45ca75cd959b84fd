//! Statements that both databases take.
//!
//! Their texts use what SQLite and PostgreSQL have in common: `$1`, `on conflict`, `returning`,
//! `values` lists whose columns are `column1`, `column2` and so on.

use model::Timestamp;
use sqlx::{
    Arguments, AssertSqlSafe, Postgres, SqlSafeStr, SqlStr, Sqlite, error::BoxDynError,
    postgres::PgArguments, sqlite::SqliteArguments,
};

use super::time::Time;

/// A statement with the values of its parameters.
pub(crate) struct Statement {
    pub(super) text: SqlStr,
    values: Vec<Value>,
    /// Whether the connection should keep it prepared.
    pub(super) is_kept: bool,
}

/// A parameter; none is null.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Int(Option<i64>),
    Real(Option<f64>),
    Text(Option<String>),
    Bool(Option<bool>),
    Time(Option<Timestamp>),
}

/// A statement that is used again and again.
pub(crate) fn sql(text: &'static str) -> Statement {
    statement(text.into_sql_str(), true)
}

/// A statement whose text was put together. It is kept prepared only if it has few forms.
pub(crate) fn made(text: String, is_kept: bool) -> Statement {
    statement(AssertSqlSafe(text).into_sql_str(), is_kept)
}

/// A statement whose text is shared.
pub(crate) fn prepared(text: SqlStr) -> Statement {
    statement(text, true)
}

fn statement(text: SqlStr, is_kept: bool) -> Statement {
    Statement {
        text,
        values: Vec::new(),
        is_kept,
    }
}

/// `($1, $2), ($3, $4)`: a `values` list of so many rows of so many columns.
pub(crate) fn places(rows: usize, columns: usize) -> String {
    let row = |r: usize| {
        let places: Vec<_> = (1..=columns)
            .map(|c| format!("${}", r * columns + c))
            .collect();
        format!("({})", places.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

impl Statement {
    /// The next parameter.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    pub(super) fn sqlite(&self) -> Result<SqliteArguments, sqlx::Error> {
        let mut to = SqliteArguments::default();
        let mut add = |value: &Value| -> Result<(), BoxDynError> {
            match value {
                Value::Int(v) => to.add(*v),
                Value::Real(v) => to.add(*v),
                Value::Text(v) => to.add(v.clone()),
                Value::Bool(v) => to.add(*v),
                Value::Time(v) => to.add(v.map(|time| time.0)),
            }
        };
        self.values
            .iter()
            .try_for_each(&mut add)
            .map_err(sqlx::Error::Encode)?;
        Ok(to)
    }

    pub(super) fn postgres(&self) -> Result<PgArguments, sqlx::Error> {
        let mut to = PgArguments::default();
        let mut add = |value: &Value| -> Result<(), BoxDynError> {
            match value {
                Value::Int(v) => to.add(*v),
                Value::Real(v) => to.add(*v),
                Value::Text(v) => to.add(v.as_deref().map(without_nul)),
                Value::Bool(v) => to.add(*v),
                Value::Time(v) => to.add(v.map(Time)),
            }
        };
        self.values
            .iter()
            .try_for_each(&mut add)
            .map_err(sqlx::Error::Encode)?;
        Ok(to)
    }

    pub(super) fn for_sqlite(self) -> Result<SqliteQuery, sqlx::Error> {
        let arguments = self.sqlite()?;
        Ok(sqlx::query_with::<Sqlite, _>(self.text, arguments).persistent(self.is_kept))
    }

    pub(super) fn for_postgres(self) -> Result<PgQuery, sqlx::Error> {
        let arguments = self.postgres()?;
        Ok(sqlx::query_with::<Postgres, _>(self.text, arguments).persistent(self.is_kept))
    }
}

pub(super) type SqliteQuery = sqlx::query::Query<'static, Sqlite, SqliteArguments>;
pub(super) type PgQuery = sqlx::query::Query<'static, Postgres, PgArguments>;

/// A text of PostgreSQL can't hold the character NUL; it is shown as one that couldn't be read.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

macro_rules! into_value {
    ($($from:ty => $kind:ident),*) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$kind(Some(value.into()))
            }
        }
        impl From<Option<$from>> for Value {
            fn from(value: Option<$from>) -> Self {
                Self::$kind(value.map(Into::into))
            }
        }
    )*};
}

into_value!(i64 => Int, i32 => Int, u32 => Int, u8 => Int, f64 => Real, &str => Text, String => Text, bool => Bool, Timestamp => Time);
