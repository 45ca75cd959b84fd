//! What is written to a server is sent at once.
//!
//! sqlx leaves Nagle's algorithm on: a short message waits until the server has acknowledged the one
//! before it, which it does after 40 ms. The end of a COPY is such a message, so each batch would take
//! 40 ms more. sqlx has no option for it and doesn't show its sockets; so they are found among our
//! open files, by the port that they lead to.

use std::{
    net::SocketAddr,
    os::fd::{BorrowedFd, RawFd},
};

use socket2::SockRef;

/// Has all that is written to this port sent at once. Where that can't be done all works, slower.
pub(super) fn send_at_once(port: u16) {
    for fd in open_files() {
        // SAFETY: it was open just now. Should somebody close it in this moment, and another file get
        // its number, the worst is that this one sends at once, too.
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        let socket = SockRef::from(&fd);
        let peer = socket.peer_addr().ok().and_then(|peer| peer.as_socket());
        if peer.map(|peer: SocketAddr| peer.port()) == Some(port) {
            socket.set_tcp_nodelay(true).ok();
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
