//! Which partition of a shared topic an order's messages go to.

use model::OrderUid;

/// The partition of a topic with so many that carries an order's messages: murmur2 of the 36
/// characters of its `order_uid`, without the sign bit, modulo the number of partitions. That is what
/// Java's default partitioner does with a record key of that text, so that programs in other languages
/// can find it, too.
pub fn partition_of(order_uid: OrderUid, partitions: i32) -> i32 {
    if partitions <= 1 {
        return 0;
    }
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    let text = order_uid.0.hyphenated().encode_lower(&mut text);
    let positive = murmur2(text.as_bytes()) & 0x7fff_ffff;
    (positive % partitions.unsigned_abs()) as i32
}

/// As in `org.apache.kafka.common.utils.Utils`.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut h = 0x9747_b28c ^ data.len() as u32;
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let mut k = word.iter().rev().fold(0, |k, b| k << 8 | u32::from(*b));
        k = k.wrapping_mul(M);
        k ^= k >> 24;
        h = h.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        h ^= rest.iter().rev().fold(0, |k, b| k << 8 | u32::from(*b));
        h = h.wrapping_mul(M);
    }
    h = (h ^ h >> 13).wrapping_mul(M);
    h ^ h >> 15
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    /// The examples of Kafka's own tests.
    #[test]
    fn hashes_as_java_does() {
        for (text, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            (
                "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
                -58_897_971,
            ),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(text.as_bytes()) as i32, hash, "{text}");
        }
    }

    #[test]
    fn an_order_keeps_its_partition() {
        let uid = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        let found = [1, 2, 3, 8, 100].map(|n| partition_of(uid, n));
        insta::assert_debug_snapshot!(found);
    }

    proptest! {
        #[test]
        fn is_a_partition(uid in any::<u128>(), partitions in 1i32..1000) {
            let partition = partition_of(OrderUid(Uuid::from_u128(uid)), partitions);
            prop_assert!((0..partitions).contains(&partition));
        }
    }
}
