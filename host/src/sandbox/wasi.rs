//! As much of WASI as language runtimes need to start, with nothing behind it: no files, no network, no environment, a clock
//! that stands still, and the same random bytes in each instance.
//!
//! Whatever else a component imports is refused by name before it is linked. Each function is linked with its type, so that a
//! component can't have one of its own making answered.

use super::imports::{Caller, Refused, charge, offer};
use super::store::CallState;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{
    Component, ComponentType, Lift, Linker, LinkerInstance, Lower, Resource, ResourceType, WasmList,
};
use wasmtime::{Engine, Result};

/// The interfaces, of any 0.2 version, that a component may import, and what links each.
const ALLOWED: &[(&str, Link)] = &[
    ("wasi:cli/environment", link_environment),
    ("wasi:cli/exit", link_exit),
    ("wasi:cli/stderr", link_stderr),
    ("wasi:cli/stdin", link_stdin),
    ("wasi:cli/stdout", link_stdout),
    ("wasi:cli/terminal-input", |linker| resource::<TerminalInput>(linker, "terminal-input")),
    ("wasi:cli/terminal-output", |linker| resource::<TerminalOutput>(linker, "terminal-output")),
    ("wasi:cli/terminal-stderr", |linker| no_terminal::<TerminalOutput>(linker, "get-terminal-stderr")),
    ("wasi:cli/terminal-stdin", |linker| no_terminal::<TerminalInput>(linker, "get-terminal-stdin")),
    ("wasi:cli/terminal-stdout", |linker| no_terminal::<TerminalOutput>(linker, "get-terminal-stdout")),
    ("wasi:clocks/monotonic-clock", link_monotonic_clock),
    ("wasi:clocks/wall-clock", link_wall_clock),
    ("wasi:io/error", link_error),
    ("wasi:io/poll", link_poll),
    ("wasi:io/streams", link_streams),
    ("wasi:random/insecure", |linker| random(linker, "get-insecure-random-bytes", "get-insecure-random-u64")),
    ("wasi:random/insecure-seed", link_insecure_seed),
    ("wasi:random/random", |linker| random(linker, "get-random-bytes", "get-random-u64")),
];

/// The host's own interfaces, linked elsewhere.
const OWN: &[&str] = &["star:transform/log", "star:transform/types"];

type Link = fn(&mut LinkerInstance<'_, CallState>) -> Result<()>;

/// The imports of `component` that the sandbox does not offer.
pub(super) fn refused_imports(engine: &Engine, component: &Component) -> Vec<String> {
    let component_type = component.component_type();
    let imports = component_type.imports(engine).map(|(name, _)| name);
    imports.filter(|name| !is_own(name) && allowed(name).is_none()).map(ToOwned::to_owned).collect()
}

fn is_own(import: &str) -> bool {
    OWN.contains(&import.split_once('@').map_or(import, |(interface, _)| interface))
}

fn allowed(import: &str) -> Option<Link> {
    let (interface, version) = import.split_once('@')?;
    let (_, link) = ALLOWED.iter().find(|(allowed, _)| *allowed == interface)?;
    version.starts_with("0.2.").then_some(*link)
}

/// Links the WASI interfaces that `component` imports.
pub(super) fn link(engine: &Engine, component: &Component, linker: &mut Linker<CallState>) -> Result<()> {
    for (name, import) in component.component_type().imports(engine) {
        if let (Some(link), ComponentItem::ComponentInstance(_)) = (allowed(name), import.ty) {
            link(&mut linker.instance(name)?)?;
        }
    }
    Ok(())
}

struct InputStream;
struct OutputStream;
struct IoError;
struct Pollable;
struct TerminalInput;
struct TerminalOutput;

fn resource<T: 'static>(linker: &mut LinkerInstance<'_, CallState>, name: &str) -> Result<()> {
    linker.resource(name, ResourceType::host::<T>(), |_, _| Ok(()))
}

/// Links a function that no runtime needs to start: whoever calls it ends there.
fn refuse<P, R>(linker: &mut LinkerInstance<'_, CallState>, interface: &str, name: &str) -> Result<()>
where
    P: wasmtime::component::ComponentNamedList + Lift + 'static,
    R: wasmtime::component::ComponentNamedList + Lower + 'static,
{
    let function = format!("{interface}.{name}");
    offer(linker, name, move |_, _: P| -> Result<R> { Err(Refused::call(&function).into()) })
}

fn link_environment(linker: &mut LinkerInstance<'_, CallState>) -> Result<()> {
    offer(linker, "get-environment", |_, (): ()| Ok((Vec::<(String, String)>::new(),)))?;
    offer(linker, "get-arguments", |_, (): ()| Ok((Vec::<String>::new(),)))?;
    offer(linker, "initial-cwd", |_, (): ()| Ok((None::<String>,)))
}

fn link_exit(linker: &mut LinkerInstance<'_, CallState>) -> Result<()> {
    refuse::<(std::result::Result<(), ()>,), ()>(linker, "wasi:cli/exit", "exit")?;
    refuse::<(u8,), ()>(linker, "wasi:cli/exit", "exit-with-code")
}

/// What the plugin writes its panics to.
const STDERR: u32 = 2;

fn link_stderr(linker: &mut LinkerInstance<'_, CallState>) -> Result<()> {
    offer(linker, "get-stderr", |_, (): ()| Ok((Resource::<OutputStream>::new_own(STDERR),)))
}

fn link_stdout(linker: &mut LinkerInstance<'_, CallState>) -> Result<()> {
    offer(linker, "get-stdout", |_, (): ()| Ok((Resource::<OutputStream>::new_own(1),)))
}

fn link_stdin(linker: &mut LinkerInstance<'_, CallState>) -> Result<()> {
    offer(linker, "get-stdin", |_, (): ()| Ok((Resource::<InputStream>::new_own(0),)))
}

fn no_terminal<T: 'static>(linker: &mut LinkerInstance<'_, CallState>, name: &str) -> Result<()> {
    offer(linker, name, |_, (): ()| Ok((None::<Resource<T>>,)))
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

fn link_monotonic_clock(linker: &mut LinkerInstance<'_, CallState>) -> Result<()> {
    const NAME: &str = "wasi:clocks/monotonic-clock";
    offer(linker, "now", |_, (): ()| Ok((0_u64,)))?;
    offer(linker, "resolution", |_, (): ()| Ok((1_u64,)))?;
    refuse::<(u64,), (Resource<Pollable>,)>(linker, NAME, "subscribe-instant")?;
    refuse::<(u64,), (Resource<Pollable>,)>(linker, NAME, "subscribe-duration")
}

fn link_wall_clock(linker: &mut LinkerInstance<'_, CallState>) -> Result<()> {
    offer(linker, "now", |_, (): ()| Ok((Datetime { seconds: 0, nanoseconds: 0 },)))?;
    offer(linker, "resolution", |_, (): ()| Ok((Datetime { seconds: 0, nanoseconds: 1 },)))
}

fn link_error(linker: &mut LinkerInstance<'_, CallState>) -> Result<()> {
    resource::<IoError>(linker, "error")?;
    offer(linker, "[method]error.to-debug-string", |_, (_,): (Resource<IoError>,)| Ok((String::new(),)))
}

/// What there is to wait for is there: only the standard streams can be waited for.
fn link_poll(linker: &mut LinkerInstance<'_, CallState>) -> Result<()> {
    resource::<Pollable>(linker, "pollable")?;
    offer(linker, "[method]pollable.ready", |_, (_,): (Resource<Pollable>,)| Ok((true,)))?;
    offer(linker, "[method]pollable.block", |_, (_,): (Resource<Pollable>,)| Ok(()))?;
    offer(linker, "poll", |caller, (pollables,): (WasmList<Resource<Pollable>>,)| {
        charge(caller, pollables.len() as u64)?;
        Ok(((0..pollables.len() as u32).collect::<Vec<_>>(),))
    })
}

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    LastOperationFailed(Resource<IoError>),
    #[component(name = "closed")]
    Closed,
}

type Streamed<T> = Result<(std::result::Result<T, StreamError>,)>;

/// The standard streams: nothing comes in, what goes to the standard error is kept for the message of a trap, the rest is
/// dropped.
fn link_streams(linker: &mut LinkerInstance<'_, CallState>) -> Result<()> {
    /// What a stream says that it can take at once.
    const WRITE_BYTES_MAX: u64 = 4_096;
    resource::<InputStream>(linker, "input-stream")?;
    resource::<OutputStream>(linker, "output-stream")?;
    for name in ["[method]input-stream.read", "[method]input-stream.blocking-read"] {
        offer(linker, name, |_, (_, _): (Resource<InputStream>, u64)| -> Streamed<Vec<u8>> {
            Ok((Err(StreamError::Closed),))
        })?;
    }
    for name in ["[method]input-stream.skip", "[method]input-stream.blocking-skip"] {
        offer(linker, name, |_, (_, _): (Resource<InputStream>, u64)| -> Streamed<u64> {
            Ok((Err(StreamError::Closed),))
        })?;
    }
    offer(linker, "[method]output-stream.check-write", |_, (_,): (Resource<OutputStream>,)| -> Streamed<u64> {
        Ok((Ok(WRITE_BYTES_MAX),))
    })?;
    for name in ["[method]output-stream.write", "[method]output-stream.blocking-write-and-flush"] {
        offer(linker, name, write)?;
    }
    for name in ["[method]output-stream.flush", "[method]output-stream.blocking-flush"] {
        offer(linker, name, |_, (_,): (Resource<OutputStream>,)| -> Streamed<()> { Ok((Ok(()),)) })?;
    }
    for name in ["[method]output-stream.write-zeroes", "[method]output-stream.blocking-write-zeroes-and-flush"] {
        offer(linker, name, |_, (_, _): (Resource<OutputStream>, u64)| -> Streamed<()> { Ok((Ok(()),)) })?;
    }
    for name in ["[method]output-stream.splice", "[method]output-stream.blocking-splice"] {
        type Splice = (Resource<OutputStream>, Resource<InputStream>, u64);
        offer(linker, name, |_, _: Splice| -> Streamed<u64> { Ok((Err(StreamError::Closed),)) })?;
    }
    let ready = || Ok((Resource::<Pollable>::new_own(0),));
    offer(linker, "[method]input-stream.subscribe", move |_, (_,): (Resource<InputStream>,)| ready())?;
    offer(linker, "[method]output-stream.subscribe", move |_, (_,): (Resource<OutputStream>,)| ready())
}

fn write(caller: &mut Caller<'_>, (stream, bytes): (Resource<OutputStream>, WasmList<u8>)) -> Streamed<()> {
    charge(caller, bytes.len() as u64)?;
    if stream.rep() == STDERR {
        let last = CallState::last_stderr(bytes.as_le_slice(&*caller)).to_vec();
        caller.data_mut().write_stderr(&last);
    }
    Ok((Ok(()),))
}

fn random(linker: &mut LinkerInstance<'_, CallState>, bytes: &str, number: &str) -> Result<()> {
    offer(linker, bytes, random_bytes)?;
    offer(linker, number, |_, (): ()| Ok((0_u64,)))
}

fn random_bytes(caller: &mut Caller<'_>, (count,): (u64,)) -> Result<(Vec<u8>,)> {
    /// More than any seed; a plugin has no other use for bytes that are all the same.
    const RANDOM_BYTES_MAX: u64 = 64 * 1024;
    if count > RANDOM_BYTES_MAX {
        let asked = format!("asked for {count} random bytes at once, and {RANDOM_BYTES_MAX} are the most");
        return Err(Refused(asked).into());
    }
    charge(caller, count)?;
    Ok((vec![0; count as usize],))
}

fn link_insecure_seed(linker: &mut LinkerInstance<'_, CallState>) -> Result<()> {
    offer(linker, "insecure-seed", |_, (): ()| Ok(((0_u64, 0_u64),)))
}
