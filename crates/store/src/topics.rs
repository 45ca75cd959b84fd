//! Topics of single orders that nobody needs any more.

use model::{OrderId, OrderUid, Timestamp};

use crate::{
    Error, Store,
    columns::{Columns, Sql},
    database::{Row, sql},
};

/// An order all of which is stored, with the topic that its samples came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTopic {
    /// The order's id.
    pub order: OrderId,
    /// The execution.
    pub order_uid: OrderUid,
    /// The topic.
    pub topic: String,
}

impl StoredTopic {
    fn read(row: &Row) -> Sql<Self> {
        let row = Columns(row);
        Ok(Self {
            order: row.word("name")?,
            order_uid: row.word("order_uid")?,
            topic: row.get("topic")?,
        })
    }
}

impl Store {
    /// The orders with topics of their own on this broker that are stored to the last sample and ended
    /// before an instant.
    ///
    /// # Errors
    /// What the database says.
    pub async fn stored_topics(
        &self,
        bus: &str,
        before: Timestamp,
    ) -> Result<Vec<StoredTopic>, Error> {
        let old = sql("select orders.name, orders.order_uid, ingest_offset.topic \
             from ingest_offset join orders on orders.order_uid = ingest_offset.generation \
             where ingest_offset.bus = $1 and orders.storing_complete and orders.ended_at < $2 \
             order by orders.id")
        .bind(bus)
        .bind(before);
        let rows = self.database.all(old).await;
        rows.and_then(|rows| rows.iter().map(StoredTopic::read).collect())
            .map_err(self.database.failed("reading the table ingest_offset"))
    }

    /// Notes that an order's own topics are gone.
    ///
    /// # Errors
    /// What the database says.
    pub async fn forget_topics(&self, order_uid: OrderUid) -> Result<(), Error> {
        let failed = self.database.failed("writing the table ingest_offset");
        let gone =
            sql("delete from ingest_offset where generation = $1").bind(order_uid.to_string());
        let mut transaction = self.database.begin().await.map_err(&failed)?;
        transaction.execute(gone).await.map_err(&failed)?;
        transaction.commit().await.map_err(&failed)
    }
}
