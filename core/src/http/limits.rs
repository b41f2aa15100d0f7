//! How much a peer may ask for, and for how long: every number, with its reason.

use socket2::{SockRef, TcpKeepalive};
use std::{io, time::Duration};

/// A peer that answers nothing for about this long is gone: its cable was pulled, or its battery is empty. The
/// kernel asks when nothing is under way (after half of this, then every 10 s), and gives up what it cannot deliver.
const DEAD: Duration = Duration::from_secs(60);

/// Lets the kernel end connections to peers that are gone without a word. On a listening socket, its connections
/// inherit it.
pub(super) fn notice_dead_peers(socket: &SockRef<'_>) -> io::Result<()> {
    let probes = TcpKeepalive::new().with_time(DEAD / 2).with_interval(DEAD / 6).with_retries(3);
    socket.set_tcp_keepalive(&probes)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(DEAD))?;
    Ok(())
}
