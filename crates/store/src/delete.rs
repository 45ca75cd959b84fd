//! Forgetting orders.

use model::{OrderId, Timestamp};

use crate::{
    Error, OrderRow, Store,
    columns::{Columns, Sql},
    database::{Transaction, sql},
    minute,
};

const DELETING: &str = "deleting an order";

impl Store {
    /// Forgets an order with its runs and samples. False if there is none of that id.
    ///
    /// # Errors
    /// [`Error::Unfinished`] if it hasn't ended.
    pub async fn delete(&self, order: &OrderId) -> Result<bool, Error> {
        let failed = self.database.failed(DELETING);
        let Some(row) = self.order(order).await? else {
            return Ok(false);
        };
        if !row.status.is_final() {
            return Err(unfinished(row));
        }
        let mut transaction = self.database.begin().await.map_err(&failed)?;
        forget(&mut transaction, row.id).await.map_err(&failed)?;
        transaction.commit().await.map_err(&failed)?;
        self.known.forget();
        self.database.shrink().await.map_err(&failed)?;
        Ok(true)
    }

    /// Forgets the orders that ended before an instant; each is one transaction, so that writers
    /// get their turns in between. Their ids, oldest first.
    ///
    /// # Errors
    /// What the database says; the orders before the failure are gone.
    pub async fn delete_older_than(&self, before: Timestamp) -> Result<Vec<OrderId>, Error> {
        let failed = self.database.failed(DELETING);
        let old = sql("select name from orders where ended_at < $1 \
             and status not in ('queued', 'running') order by id")
        .bind(before);
        let rows = self.database.all(old).await.map_err(&failed)?;
        let names: Sql<Vec<String>> = rows.iter().map(|row| Columns(row).get("name")).collect();
        let names = names.map_err(&failed)?;
        let mut gone = Vec::new();
        for order in names.iter().filter_map(|name| name.parse().ok()) {
            if self.delete(&order).await? {
                gone.push(order);
            }
        }
        Ok(gone)
    }
}

fn unfinished(row: OrderRow) -> Error {
    Error::Unfinished {
        order: row.name,
        status: row.status,
    }
}

/// The lookups stay: ids are never given twice.
async fn forget(to: &mut Transaction, id: i64) -> Sql<()> {
    for text in [
        "delete from ingest_offset where generation = (select order_uid from orders where id = $1)",
        "delete from sample_wide where order_id = $1",
        "delete from pipeline where order_id = $1",
        "delete from run where order_id = $1",
        "delete from orders where id = $1",
    ] {
        to.execute(sql(text).bind(id)).await?;
    }
    if to.is_server() {
        minute::forget(to, id).await?;
    }
    Ok(())
}
