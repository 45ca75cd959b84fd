//! `/proc/net/dev`.

use super::{lines, whole};

/// Bytes received and sent, summed over all interfaces but loopback. `None` if the file is cut off.
pub(crate) fn net_dev(text: &[u8]) -> Option<(u64, u64)> {
    if !text.ends_with(b"\n") {
        return None;
    }
    let (mut received, mut sent) = (0_u64, 0_u64);
    for line in lines(text).skip(2) {
        let colon = line.iter().position(|byte| *byte == b':')?;
        if line[..colon].trim_ascii_start() == b"lo" {
            continue;
        }
        let mut fields = line[colon + 1..]
            .split(|byte| *byte == b' ')
            .filter(|field| !field.is_empty());
        received = received.checked_add(whole(fields.next()?)?)?;
        sent = sent.checked_add(whole(fields.nth(7)?)?)?;
    }
    Some((received, sent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: &str = "Inter-|   Receive                                                |  Transmit\n \
        face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs\n";

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(text: Vec<u8>) {
            let _ = net_dev(&text);
        }

        #[test]
        fn printed_interfaces_parse_back(rx in 0..u64::MAX / 2, tx in 0..u64::MAX / 2) {
            let text = format!(
                "{HEAD}    lo: 99 1 0 0 0 0 0 0 99 1 0 0 0 0 0 0\n  eth0: {rx:7} 2 3 4 5 6 7 8 {tx} 10 0 0 0 0 0 0\n\
                 veth1:1 2 3 4 5 6 7 8 2 10 0 0 0 0 0 0\n"
            );
            prop_assert_eq!(net_dev(text.as_bytes()), Some((rx + 1, tx + 2)));
            prop_assert_eq!(net_dev(&text.as_bytes()[..text.len() - 1]), None);
        }
    }
}
