//! What the system is asked to do with our connections, for which sqlx has no options.
//!
//! sqlx leaves Nagle's algorithm on: a short message waits until the server has acknowledged the one
//! before it, which it does after 40 ms. The end of a COPY is such a message, so each batch would take
//! 40 ms more. And a server whose machine vanished would be waited for for a quarter of an hour.
//!
//! sqlx doesn't show its sockets; so they are found among our open files, by the port that they lead to.

use std::{
    net::SocketAddr,
    os::fd::{BorrowedFd, RawFd},
    time::Duration,
};

use socket2::{SockRef, TcpKeepalive};

/// How long a server may be silent that was sent something.
const SILENCE: Duration = Duration::from_secs(30);

/// Has all that is written to this port sent at once, and given up when the other side is gone.
/// Where that can't be done all works, slower.
pub(super) fn set_up(port: u16) {
    for fd in open_files() {
        // SAFETY: it was open just now. Should somebody close it in this moment, and another file get
        // its number, the worst is that this one, if it is a connection to that port, is set up, too.
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        let socket = SockRef::from(&fd);
        let peer = socket.peer_addr().ok().and_then(|peer| peer.as_socket());
        if peer.map(|peer: SocketAddr| peer.port()) == Some(port) {
            socket.set_tcp_nodelay(true).ok();
            socket.set_tcp_user_timeout(Some(SILENCE)).ok();
            let alive = TcpKeepalive::new()
                .with_time(SILENCE)
                .with_interval(SILENCE / 3);
            socket.set_tcp_keepalive(&alive).ok();
        }
    }
}

fn open_files() -> Vec<RawFd> {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else {
        return Vec::new();
    };
    let number = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    entries.flatten().filter_map(number).collect()
}
