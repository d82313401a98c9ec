//! As much of WASI as language runtimes need to start, with nothing behind it: no files, no network, no environment, a clock
//! that stands still, and the same random bytes in each instance.
//!
//! Whatever else a component imports is refused by name before it is linked.

use super::store::CallState;
use wasmtime::component::types::{ComponentInstance, ComponentItem};
use wasmtime::component::{
    Component, ComponentType, Lift, Linker, LinkerInstance, Lower, Resource, ResourceType, Type, Val,
};
use wasmtime::{Engine, Result, StoreContextMut, bail};

/// The interfaces, of any 0.2 version, that a component may import.
const ALLOWED: &[&str] = &[
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];

/// The host's own interfaces, linked elsewhere.
const OWN: &[&str] = &["star:transform/log", "star:transform/types"];

/// The imports of `component` that the sandbox does not offer.
pub(super) fn refused_imports(engine: &Engine, component: &Component) -> Vec<String> {
    let component_type = component.component_type();
    let imports = component_type.imports(engine);
    let is_refused = |name: &str| {
        let (interface, version) = name.split_once('@').unwrap_or((name, ""));
        !(OWN.contains(&interface) || (ALLOWED.contains(&interface) && version.starts_with("0.2.")))
    };
    imports.map(|(name, _)| name.to_owned()).filter(|name| is_refused(name)).collect()
}

/// Links the WASI interfaces that `component` imports.
pub(super) fn link(engine: &Engine, component: &Component, linker: &mut Linker<CallState>) -> Result<()> {
    for (name, import) in component.component_type().imports(engine) {
        let interface = name.split_once('@').map_or(name, |(interface, _)| interface);
        if OWN.contains(&interface) {
            continue;
        }
        if let ComponentItem::ComponentInstance(instance) = import.ty {
            link_interface(engine, interface, &instance, linker.instance(name)?)?;
        }
    }
    Ok(())
}

fn link_interface(
    engine: &Engine,
    interface: &str,
    instance: &ComponentInstance,
    mut linker: LinkerInstance<'_, CallState>,
) -> Result<()> {
    for (name, export) in instance.exports(engine) {
        match export.ty {
            ComponentItem::Resource(_) if !is_defined_here(interface, name) => {}
            ComponentItem::Resource(_) => linker.resource(name, resource_type(name), |_, _| Ok(()))?,
            ComponentItem::ComponentFunc(_) if link_stream(interface, name, &mut linker)? => {}
            ComponentItem::ComponentFunc(_) => link_answer(interface, name, &mut linker)?,
            _ => {}
        }
    }
    Ok(())
}

/// What the plugin writes its panics to.
const STDERR: u32 = 2;
/// What a stream says that it can take at once.
const WRITE_BYTES_MAX: u64 = 4_096;

struct InputStream;
struct OutputStream;
struct IoError;
struct Pollable;
struct Terminal;

/// Whether `name` is a resource of `interface`, and not one that it uses of another.
fn is_defined_here(interface: &str, name: &str) -> bool {
    match name {
        "input-stream" | "output-stream" => interface == "wasi:io/streams",
        "error" => interface == "wasi:io/error",
        "pollable" => interface == "wasi:io/poll",
        _ => true,
    }
}

fn resource_type(name: &str) -> ResourceType {
    match name {
        "input-stream" => ResourceType::host::<InputStream>(),
        "output-stream" => ResourceType::host::<OutputStream>(),
        "error" => ResourceType::host::<IoError>(),
        "pollable" => ResourceType::host::<Pollable>(),
        _ => ResourceType::host::<Terminal>(),
    }
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
type Store<'a> = StoreContextMut<'a, CallState>;

/// Links the functions of the standard streams: nothing comes in, what goes to the standard error is kept for the message of
/// a trap, the rest is dropped. Says whether `name` is one of them.
fn link_stream(interface: &str, name: &str, linker: &mut LinkerInstance<'_, CallState>) -> Result<bool> {
    match (interface, name) {
        ("wasi:cli/stdin", "get-stdin") => {
            linker.func_wrap(name, |_: Store<'_>, (): ()| Ok((Resource::<InputStream>::new_own(0),)))?;
        }
        ("wasi:cli/stdout", "get-stdout") => {
            linker.func_wrap(name, |_: Store<'_>, (): ()| Ok((Resource::<OutputStream>::new_own(1),)))?;
        }
        ("wasi:cli/stderr", "get-stderr") => {
            linker.func_wrap(name, |_: Store<'_>, (): ()| Ok((Resource::<OutputStream>::new_own(STDERR),)))?;
        }
        ("wasi:io/streams", "[method]output-stream.check-write") => {
            linker.func_wrap(name, |_: Store<'_>, (_,): (Resource<OutputStream>,)| -> Streamed<u64> {
                Ok((Ok(WRITE_BYTES_MAX),))
            })?;
        }
        ("wasi:io/streams", "[method]output-stream.write" | "[method]output-stream.blocking-write-and-flush") => {
            linker.func_wrap(name, write)?
        }
        ("wasi:io/streams", "[method]output-stream.flush" | "[method]output-stream.blocking-flush") => {
            linker
                .func_wrap(name, |_: Store<'_>, (_,): (Resource<OutputStream>,)| -> Streamed<()> { Ok((Ok(()),)) })?;
        }
        ("wasi:io/streams", "[method]input-stream.read" | "[method]input-stream.blocking-read") => {
            linker.func_wrap(name, |_: Store<'_>, (_, _): (Resource<InputStream>, u64)| -> Streamed<Vec<u8>> {
                Ok((Err(StreamError::Closed),))
            })?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn write(mut store: Store<'_>, (stream, bytes): (Resource<OutputStream>, Vec<u8>)) -> Streamed<()> {
    if stream.rep() == STDERR {
        store.data_mut().write_stderr(&bytes);
    }
    Ok((Ok(()),))
}

/// Links any other function: it answers with zero, with nothing, or with as many zero bytes as were asked for; where only a
/// resource would do, it traps.
fn link_answer(interface: &str, name: &str, linker: &mut LinkerInstance<'_, CallState>) -> Result<()> {
    let full_name = format!("{interface}.{name}");
    let is_bytes = name.ends_with("random-bytes");
    linker.func_new(name, move |_, function, parameters, results| {
        if full_name == "wasi:cli/exit.exit" {
            bail!("it called `{full_name}`");
        }
        for (result, result_type) in results.iter_mut().zip(function.results()) {
            *result = match parameters {
                [Val::U64(count)] if is_bytes => zero_bytes(*count)?,
                _ => match zero(&result_type) {
                    Some(value) => value,
                    None => bail!("it called `{full_name}`, which the sandbox does not offer"),
                },
            };
        }
        Ok(())
    })
}

fn zero_bytes(count: u64) -> Result<Val> {
    /// More than any seed; a plugin has no other use for bytes that are all the same.
    const RANDOM_BYTES_MAX: u64 = 64 * 1024;
    if count > RANDOM_BYTES_MAX {
        bail!("it asked for {count} random bytes at once, and {RANDOM_BYTES_MAX} are the most");
    }
    Ok(Val::List((0..count).map(|_| Val::U8(0)).collect()))
}

/// The zero, or the nothing, of a type.
fn zero(value_type: &Type) -> Option<Val> {
    Some(match value_type {
        Type::Bool => Val::Bool(false),
        Type::U8 => Val::U8(0),
        Type::U32 => Val::U32(0),
        Type::S32 => Val::S32(0),
        Type::U64 => Val::U64(0),
        Type::S64 => Val::S64(0),
        Type::String => Val::String(String::new()),
        Type::List(_) => Val::List(Vec::new()),
        Type::Option(_) => Val::Option(None),
        Type::Tuple(tuple) => Val::Tuple(tuple.types().map(|part| zero(&part)).collect::<Option<_>>()?),
        Type::Record(record) => {
            let field = |field: wasmtime::component::types::Field<'_>| Some((field.name.to_owned(), zero(&field.ty)?));
            Val::Record(record.fields().map(field).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}
