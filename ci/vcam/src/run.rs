//! The loop that ties a camera to a bus and to its operator.

use crate::{
    descriptor::Transport,
    device::{Device, Flow, Show},
    fault::Fault,
    mode::{Encoding, Mode},
    usbip::Command,
    vhci::Bus,
};
use std::{
    io::{self, BufRead, BufReader, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

/// What the loop hears.
enum Event {
    /// From the host, on the plug of that number.
    Usb(u64, Command),
    /// The host has closed that plug.
    Gone(u64),
    /// A line from an operator, and where the answer goes.
    Line(String, Sender<String>),
}

/// The end of a plug that is ours.
struct Plug<'a> {
    number: u64,
    socket: UnixStream,
    device: Device<'a>,
}

impl Drop for Plug<'_> {
    fn drop(&mut self) {
        // The reading thread has a handle of its own; this ends it.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

/// Plugs a camera with `modes` into `bus` and serves it. Each connection to `operators` may send one line and gets
/// one back, `ok` or `error: why`:
///
/// - `plug`, `unplug` (by the bus) and `cut` (by closing our end)
/// - `error N`, `truncate N`, `lose N`, `stall N`: the next N frames, packets or requests fail; see [`Fault`]
/// - `hold` and `resume`: no pictures, and pictures again
/// - `light K`: the light has K kelvin now, which automatic white balance follows
/// - `status` and `controls`: one line of `name=value`, of the camera and of its controls
///
/// # Errors
/// What the first plugging in says, or reading a picture.
pub fn run(modes: &[Mode], transport: Transport, bus: &impl Bus, operators: UnixListener) -> io::Result<()> {
    let (events, inbox) = mpsc::channel();
    let of_operators = events.clone();
    thread::spawn(move || listen(&operators, &of_operators));
    let mut camera = Camera { modes, transport, bus, events, plugs: 0, plug: None, show: Show::default() };
    camera.plug()?;
    camera.serve(&inbox)
}

struct Camera<'a, B> {
    modes: &'a [Mode],
    transport: Transport,
    bus: &'a B,
    events: Sender<Event>,
    plugs: u64,
    plug: Option<Plug<'a>>,
    show: Show,
}

impl<'a, B: Bus> Camera<'a, B> {
    fn serve(&mut self, inbox: &Receiver<Event>) -> io::Result<()> {
        let start = Instant::now();
        let mut out = Vec::new();
        let mut deadline = None;
        loop {
            let event = match deadline {
                Some(deadline) => {
                    match inbox.recv_timeout(Duration::saturating_sub(deadline, start.elapsed())) {
                        Ok(event) => Some(event),
                        Err(RecvTimeoutError::Timeout) => None,
                        Err(RecvTimeoutError::Disconnected) => return Ok(()),
                    }
                }
                None => match inbox.recv() {
                    Ok(event) => Some(event),
                    Err(_) => return Ok(()),
                },
            };
            let now = start.elapsed();
            match event {
                Some(Event::Usb(number, command)) => {
                    if let Some(plug) = self.plug.as_mut().filter(|p| p.number == number) {
                        plug.device.command(command, now, &mut out);
                    }
                }
                Some(Event::Gone(number)) => {
                    self.plug.take_if(|p| p.number == number);
                }
                Some(Event::Line(line, answer)) => {
                    // The other end may have gone.
                    let _ = answer.send(match self.obey(&line) {
                        Ok(text) => text,
                        Err(e) => format!("error: {e}"),
                    });
                }
                None => {}
            }
            deadline = None;
            if let Some(plug) = &mut self.plug {
                deadline = plug.device.advance(now, &mut self.show, &mut out)?;
                if plug.socket.write_all(&out).is_err() {
                    self.plug = None;
                }
            }
            out.clear();
        }
    }

    fn obey(&mut self, line: &str) -> io::Result<String> {
        let invalid = |e: String| io::Error::new(io::ErrorKind::InvalidInput, e);
        let mut words = line.split_whitespace();
        let verb = words.next().unwrap_or_default();
        match verb {
            "plug" => self.plug()?,
            "unplug" => {
                self.bus.detach()?;
                self.plug = None;
            }
            "cut" => self.plug = None,
            "hold" => self.show.flow = Flow::Held,
            "resume" => self.show.flow = Flow::Running,
            "status" => return Ok(self.status()),
            "controls" => return Ok(self.plugged()?.controls()),
            "light" => {
                let kelvin = words.next().unwrap_or_default();
                let kelvin = kelvin.parse().map_err(|e| invalid(format!("{kelvin}: {e}")))?;
                self.plugged()?.light(kelvin);
            }
            _ => {
                let fault: Fault = verb.parse().map_err(|e| invalid(format!("{verb}: {e}")))?;
                if fault == Fault::LostPacket && self.transport == Transport::Bulk {
                    return Err(invalid("a bulk camera loses no packets".into()));
                }
                let count = words.next().unwrap_or("1");
                let count = count.parse().map_err(|e| invalid(format!("{count}: {e}")))?;
                self.show.faults.add(fault, count);
            }
        }
        Ok("ok".into())
    }

    fn plugged(&mut self) -> io::Result<&mut Device<'a>> {
        let none = || io::Error::new(io::ErrorKind::NotConnected, "not plugged in");
        self.plug.as_mut().map(|plug| &mut plug.device).ok_or_else(none)
    }

    fn plug(&mut self) -> io::Result<()> {
        if self.plug.is_some() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "already plugged in"));
        }
        let (ours, kernels) = UnixStream::pair()?;
        let reader = ours.try_clone()?;
        self.plugs += 1;
        let (number, events) = (self.plugs, self.events.clone());
        thread::spawn(move || receive(reader, number, &events));
        self.plug = Some(Plug { number, socket: ours, device: Device::new(self.modes, self.transport) });
        self.bus.attach(kernels).inspect_err(|_| self.plug = None)
    }

    fn status(&self) -> String {
        let plugged = if self.plug.is_some() { "yes" } else { "no" };
        let mode = match self.plug.as_ref().and_then(|p| p.device.streaming()) {
            Some(mode) => {
                let encoding = match mode.encoding {
                    Encoding::Mjpeg => "mjpg",
                    Encoding::Yuyv => "yuyv",
                };
                format!("{}x{}.{encoding}", mode.width, mode.height)
            }
            None => "none".into(),
        };
        let (begun, faults) = (self.show.begun, self.show.faults.count());
        format!("plugged={plugged} mode={mode} begun={begun} faults={faults}")
    }
}

fn receive(socket: UnixStream, number: u64, events: &Sender<Event>) {
    let mut socket = BufReader::new(socket);
    // A stream out of step is a device that is gone; only the loop can act on it.
    while let Ok(Some(command)) = Command::read(&mut socket) {
        if events.send(Event::Usb(number, command)).is_err() {
            return;
        }
    }
    let _ = events.send(Event::Gone(number));
}

fn listen(operators: &UnixListener, events: &Sender<Event>) {
    for connection in operators.incoming() {
        // An operator that left early is no reason to stop.
        let _ = connection.and_then(|connection| serve_operator(connection, events));
    }
}

fn serve_operator(connection: UnixStream, events: &Sender<Event>) -> io::Result<()> {
    let mut line = String::new();
    BufReader::new(&connection).read_line(&mut line)?;
    let (answer, answered) = mpsc::channel();
    let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
    events.send(Event::Line(line, answer)).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
    let text = answered.recv().map_err(gone)?;
    writeln!(&connection, "{text}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mode::fixture;
    use std::{io::Read, sync::Mutex};

    /// A bus whose host is the test.
    struct Hub {
        hosts: Mutex<Sender<UnixStream>>,
    }

    impl Bus for Hub {
        fn attach(&self, socket: UnixStream) -> io::Result<()> {
            self.hosts.lock().unwrap().send(socket).map_err(io::Error::other)
        }
        fn detach(&self) -> io::Result<()> {
            Ok(())
        }
    }

    fn ask(path: &std::path::Path, line: &str) -> String {
        let mut socket = UnixStream::connect(path).unwrap();
        writeln!(socket, "{line}").unwrap();
        let mut answer = String::new();
        BufReader::new(socket).read_line(&mut answer).unwrap();
        answer.trim_end().into()
    }

    /// Asks for the device descriptor over the wire.
    fn device_descriptor(host: &mut UnixStream) -> Vec<u8> {
        let words = [1u32, 1, 0, 1, 0, 0, 18, 0, u32::MAX, 0];
        let mut bytes: Vec<u8> = words.iter().flat_map(|w| w.to_be_bytes()).collect();
        bytes.extend([0x80, 6, 0, 1, 0, 0, 18, 0]);
        host.write_all(&bytes).unwrap();
        let mut reply = vec![0; 48 + 18];
        host.read_exact(&mut reply).unwrap();
        reply.split_off(48)
    }

    #[test]
    fn operator_plugs_and_unplugs_the_camera() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("operators");
        let operators = UnixListener::bind(&path).unwrap();
        let (sender, hosts) = mpsc::channel();
        thread::spawn(move || {
            run(&fixture::modes(), Transport::Isochronous, &Hub { hosts: Mutex::new(sender) }, operators)
        });

        let mut host = hosts.recv().unwrap();
        assert_eq!(device_descriptor(&mut host), crate::descriptor::device());
        assert_eq!(ask(&path, "status"), "plugged=yes mode=none begun=0 faults=0");
        assert_eq!(ask(&path, "plug"), "error: already plugged in");
        assert_eq!(ask(&path, "error 3"), "ok");
        assert!(ask(&path, "error many").starts_with("error: many: "));
        assert!(ask(&path, "").starts_with("error: : no such fault"));
        assert_eq!(ask(&path, "light 3000"), "ok");
        assert!(
            ask(&path, "controls").ends_with(" white_balance_automatic=1 white_balance_temperature=3000")
        );
        assert!(ask(&path, "light red").starts_with("error: red: "));

        assert_eq!(ask(&path, "cut"), "ok");
        assert_eq!(host.read(&mut [0]).unwrap(), 0, "the host sees the end");
        assert_eq!(ask(&path, "status"), "plugged=no mode=none begun=0 faults=3");
        assert_eq!(ask(&path, "controls"), "error: not plugged in");
        assert_eq!(ask(&path, "plug"), "ok");
        let mut host = hosts.recv().unwrap();
        assert_eq!(device_descriptor(&mut host).len(), 18);

        // The host may pull it out as well; the next question finds it gone, sooner or later.
        drop(host);
        while ask(&path, "status").starts_with("plugged=yes") {
            thread::yield_now();
        }
    }
}
