//! The functions that a plugin may call, and what they cost it.
//!
//! Work that the host does for a plugin is paid for in the plugin's fuel: a call that is free would let a loop of calls run for
//! hours on the fuel of a second.

use super::bindings::log::Level;
use super::store::{CallState, LogLevel};
use wasmtime::component::{ComponentNamedList, Lift, Linker, LinkerInstance, Lower, WasmStr};
use wasmtime::{Result, StoreContextMut, Trap};

/// What a call of any import costs beside its bytes, each of which is a unit too: crossing the border and back takes the time of
/// some hundred instructions.
const CALL_FUEL: u64 = 200;

/// The instance that calls.
pub(super) type Caller<'a> = StoreContextMut<'a, CallState>;

/// A call that the sandbox refuses, and that ends the plugin.
#[derive(Debug, thiserror::Error)]
#[error("it {0}")]
pub(super) struct Refused(pub(super) String);

impl Refused {
    /// The call of a function that is there only so that a runtime can be linked.
    pub(super) fn call(function: &str) -> Self {
        Self(format!("called `{function}`, which the sandbox does not offer"))
    }
}

/// Links the function `name`: `answer` runs once the call is paid for.
pub(super) fn offer<P, R>(
    linker: &mut LinkerInstance<'_, CallState>,
    name: &str,
    answer: impl Fn(&mut Caller<'_>, P) -> Result<R> + Send + Sync + 'static,
) -> Result<()>
where
    P: ComponentNamedList + Lift + 'static,
    R: ComponentNamedList + Lower + 'static,
{
    linker.func_wrap(name, move |mut caller: Caller<'_>, parameters: P| {
        charge(&mut caller, CALL_FUEL)?;
        answer(&mut caller, parameters)
    })
}

/// Takes `fuel` from the plugin, or ends it where it has no more.
pub(super) fn charge(caller: &mut Caller<'_>, fuel: u64) -> Result<()> {
    let left = caller.get_fuel()?.checked_sub(fuel);
    caller.set_fuel(left.unwrap_or(0))?;
    if left.is_none() {
        return Err(Trap::OutOfFuel.into());
    }
    Ok(())
}

/// Links the contract's own import.
pub(super) fn link_log(linker: &mut Linker<CallState>) -> Result<()> {
    let mut linker = linker.instance(&format!("star:transform/log@{}", super::CONTRACT_VERSION))?;
    offer(&mut linker, "write", |caller, (level, message): (Level, WasmStr)| {
        // A message is read in place, and copied only if it is kept.
        let text = message.to_str(&*caller)?;
        let bytes = text.len() as u64;
        let kept = caller.data().has_log_room(bytes).then(|| text.into_owned());
        charge(caller, bytes)?;
        let level = match level {
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warning => LogLevel::Warning,
        };
        caller.data_mut().write_log(level, kept.as_deref(), bytes);
        Ok(())
    })
}
