//! `host plugin package`.

use super::loading::Loader;
use super::{Failure, boxed};
use crate::arguments::PackageArguments;
use crate::screen;
use host::config::Config;
use host::error::Exit;
use host::sandbox::Package;

pub(super) fn package_command(config: &Config, arguments: &PackageArguments, json: bool) -> Result<Exit, Failure> {
    let loader = Loader::new(config, 1)?;
    let package = Package::new(arguments.out.clone());
    let bar = screen::progress_bar(Some(arguments.components.len() as u64), json);
    let mut packaged = Vec::new();
    for (index, path) in arguments.components.iter().enumerate() {
        let plugin = loader.load(path)?;
        packaged.push(package.add(&plugin).map_err(boxed)?);
        bar.set_position(index as u64 + 1);
    }
    bar.finish_and_clear();
    Ok(screen::registry::show_packaged(&packaged, json))
}
