//! What instances of a component are made of.

use super::bindings::TransformPre;
use super::engine::link;
use super::package::Package;
use super::store::CallState;
use std::sync::OnceLock;
use wasmtime::Engine;

/// A component that is linked, or will be when it is first called.
pub(super) struct Instances {
    linked: OnceLock<TransformPre<CallState>>,
    /// Where it is, if it is not linked yet: the package, and its digest.
    packaged: Option<(Package, String)>,
}

impl Instances {
    pub(super) fn of(linked: TransformPre<CallState>) -> Self {
        Self { linked: OnceLock::from(linked), packaged: None }
    }

    /// Those of the component with `digest` in a package.
    pub(super) fn later(package: Package, digest: String) -> Self {
        Self { linked: OnceLock::new(), packaged: Some((package, digest)) }
    }

    /// # Errors
    /// What wasmtime says if the component of a package can't be loaded.
    pub(super) fn get(&self, engine: &Engine) -> wasmtime::Result<&TransformPre<CallState>> {
        if let (None, Some((package, digest))) = (self.linked.get(), &self.packaged) {
            let linked = link(engine, &package.load(engine, digest)?)?;
            // Of two first calls at a time the result of one is kept.
            return Ok(self.linked.get_or_init(|| linked));
        }
        Ok(self.linked.get().expect("what does not lie in a package is linked from the beginning"))
    }
}
