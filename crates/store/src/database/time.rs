//! Instants in PostgreSQL: whole microseconds since 2000-01-01T00:00:00Z. (SQLite keeps them as
//! [`Timestamp`] does.)

use model::Timestamp;
use sqlx::{
    Decode, Encode, Postgres, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgTypeInfo, PgValueRef, types::Oid},
};

/// 2000-01-01T00:00:00Z, microseconds since 1970.
const EPOCH_US: i64 = 946_684_800_000_000;
/// Between these, microseconds since 2000, are the instants that there are; what is beyond is infinity.
const FIRST: i64 = -211_813_488_000_000_000;
const END: i64 = 9_223_371_331_200_000_000;
/// The type `timestamptz`.
const TIMESTAMPTZ: Oid = Oid(1184);

#[derive(Debug, Clone, Copy)]
pub(crate) struct Time(pub(crate) Timestamp);

impl Time {
    /// What is before or after all times there is infinity there, too.
    pub(crate) fn since_2000(self) -> i64 {
        match self.0.0.saturating_sub(EPOCH_US) {
            ..FIRST => i64::MIN,
            us if us >= END || self.0.0 == i64::MAX => i64::MAX,
            us => us,
        }
    }

    pub(super) fn from_2000(us: i64) -> Timestamp {
        Timestamp(us.saturating_add(EPOCH_US))
    }
}

impl Type<Postgres> for Time {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ)
    }
}

impl Encode<'_, Postgres> for Time {
    fn encode_by_ref(&self, to: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <i64 as Encode<'_, Postgres>>::encode(self.since_2000(), to)
    }
}

impl<'r> Decode<'r, Postgres> for Time {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        let us = i64::from_be_bytes(value.as_bytes()?.try_into()?);
        Ok(Self(Self::from_2000(us)))
    }
}
