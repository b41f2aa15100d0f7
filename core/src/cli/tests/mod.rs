//! The command line of a binary without devices.

mod arguments;
mod config;
mod files;
#[cfg(feature = "tls")]
mod tls;
mod upload;

use super::{args::Command, *};
use crate::pipeline::Open;
use eyelet_hal::{JpegEncoder, Result};
use std::net::{Ipv4Addr, SocketAddr};

#[derive(Debug)]
struct Nothing;

#[derive(Clone, Debug, clap::Args)]
struct Flags {
    #[arg(long)]
    seed: Option<u64>,
}

impl Platform for Nothing {
    const PROGRAM: &'static str = "nothing";
    const CAMERA: &'static str = "none";
    const BIND: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    type Flags = Flags;
    type Command = NoCommand;

    fn cameras(_: CameraRequest, _: &Flags) -> Result<Open<dyn eyelet_hal::CameraSource>> {
        unreachable!("no command runs here")
    }
    fn encoder(_: &str, _: &Flags) -> Result<Box<dyn JpegEncoder>> {
        unreachable!("no command runs here")
    }
    fn doctor(_: &CameraRequest, _: &Flags, _: &dyn Fn() -> bool) -> Findings {
        unreachable!("no command runs here")
    }
    fn run(command: NoCommand, _: &Output) -> Outcome {
        match command {}
    }
}

fn parsed(arguments: &[&str]) -> std::result::Result<Command<Nothing>, Failure> {
    let arguments = std::iter::once("nothing").chain(arguments.iter().copied());
    parse(arguments.map(OsString::from).collect(), drop)
}

fn serve(arguments: &[&str]) -> ServeArgs<Flags> {
    match parsed(arguments) {
        Ok(Command::Serve(args)) => *args,
        other => panic!("{arguments:?} gave {other:?}"),
    }
}

fn refused(arguments: &[&str]) -> String {
    match parsed(arguments) {
        Err(Failure::Usage(what)) => {
            assert!(!what.contains('\n'), "one line: {what}");
            what
        }
        other => panic!("{arguments:?} gave {other:?}"),
    }
}

fn file(text: &str) -> (tempfile::NamedTempFile, String) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let name = file.path().to_str().unwrap().to_owned();
    (file, name)
}
