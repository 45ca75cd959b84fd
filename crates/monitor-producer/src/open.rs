//! Which orders of shared topics are under way, and from where a successor must read to take them over.
//! Pure.
//!
//! The state of an order is made from its messages, from the first one on. So what is noted in Kafka for a
//! partition is the offset of the first message of the oldest order that isn't over.

use std::collections::{BTreeMap, HashMap};

use bus::Partition;
use model::OrderUid;

/// The orders under way, by partition.
#[derive(Debug, Default)]
pub(crate) struct Open {
    partitions: HashMap<Partition, Orders>,
    places: HashMap<OrderUid, (Partition, i64)>,
}

#[derive(Debug, Default)]
struct Orders {
    /// By the offset of the first message.
    first: BTreeMap<i64, OrderUid>,
    /// The offset behind the last message that was read.
    next: i64,
    noted: Option<i64>,
}

impl Open {
    /// A message was read; whether it is the first of its order.
    pub(crate) fn read(&mut self, partition: &Partition, offset: i64, order: OrderUid) -> bool {
        self.pass(partition, offset);
        if self.places.contains_key(&order) {
            return false;
        }
        if let Some(orders) = self.partitions.get_mut(partition) {
            orders.first.insert(offset, order);
        }
        self.places.insert(order, (partition.clone(), offset));
        true
    }

    /// A record was read that is no order's.
    pub(crate) fn pass(&mut self, partition: &Partition, offset: i64) {
        let orders = self.partitions.entry(partition.clone()).or_default();
        orders.next = orders.next.max(offset + 1);
    }

    /// An order is over.
    pub(crate) fn over(&mut self, order: OrderUid) {
        if let Some((partition, first)) = self.places.remove(&order)
            && let Some(orders) = self.partitions.get_mut(&partition)
        {
            orders.first.remove(&first);
        }
    }

    /// A partition is somebody else's; the orders that go with it.
    pub(crate) fn revoked(&mut self, partition: &Partition) -> Vec<OrderUid> {
        let orders = self.partitions.remove(partition).unwrap_or_default();
        let gone: Vec<_> = orders.first.into_values().collect();
        for order in &gone {
            self.places.remove(order);
        }
        gone
    }

    /// What is to be noted in Kafka since the last call.
    pub(crate) fn news(&mut self) -> Vec<(Partition, i64)> {
        let changed = self
            .partitions
            .iter_mut()
            .filter_map(|(partition, orders)| {
                let from = orders.first.keys().next().copied().unwrap_or(orders.next);
                let moved = orders.noted.replace(from) != Some(from);
                moved.then(|| (partition.clone(), from))
            });
        changed.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn order(n: u128) -> OrderUid {
        OrderUid(Uuid::from_u128(n))
    }

    fn one() -> Partition {
        ("shared-task".into(), 1)
    }

    #[test]
    fn a_successor_reads_from_the_first_message_of_the_oldest_order() {
        let mut open = Open::default();
        assert!(open.read(&one(), 5, order(1)));
        assert!(open.read(&one(), 6, order(2)));
        assert!(!open.read(&one(), 7, order(1)));
        assert_eq!(open.news(), [(one(), 5)]);
        assert_eq!(open.news(), []);
        open.over(order(1));
        assert_eq!(open.news(), [(one(), 6)]);
        open.over(order(2));
        assert_eq!(open.news(), [(one(), 8)]);
        open.pass(&one(), 8);
        assert_eq!(open.news(), [(one(), 9)]);
    }

    #[test]
    fn orders_go_with_their_partition() {
        let mut open = Open::default();
        open.read(&one(), 5, order(1));
        assert_eq!(open.revoked(&one()), [order(1)]);
        assert!(open.read(&one(), 5, order(1)), "it may come back");
    }

    proptest! {
        /// Whatever ends when: no message of an order that isn't over lies before what is noted.
        #[test]
        fn nothing_of_an_open_order_is_passed(steps in prop::collection::vec((0u128..6, any::<bool>()), 1..80)) {
            let (mut open, mut noted, mut over) = (Open::default(), 0, HashSet::new());
            let mut read: Vec<(i64, u128)> = Vec::new();
            for (offset, (n, ends)) in (0..).zip(steps) {
                if over.contains(&n) {
                    open.pass(&one(), offset);
                } else {
                    open.read(&one(), offset, order(n));
                    read.push((offset, n));
                }
                if ends && over.insert(n) {
                    open.over(order(n));
                }
                for (_, from) in open.news() {
                    noted = from;
                }
                prop_assert!(read.iter().all(|(at, n)| over.contains(n) || *at >= noted));
            }
        }
    }
}
