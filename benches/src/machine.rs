//! The machine, in general terms.

use std::{fs, io, thread};

/// Its cores, architecture and kernel.
///
/// # Errors
/// The system's.
pub fn described() -> io::Result<String> {
    let cores = thread::available_parallelism()?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let kernel: Vec<&str> = kernel.split('.').take(2).collect();
    Ok(format!("{cores} cores, {}, Linux {}, loopback", std::env::consts::ARCH, kernel.join(".")))
}

/// How many wanted a core, over the last minute.
///
/// # Errors
/// The system's.
pub fn load_average() -> io::Result<String> {
    let text = fs::read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').next().unwrap_or_default().to_owned())
}
