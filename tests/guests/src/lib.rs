//! What the hostile plugins of the tests share: the innocent plugin, so that each states only its misdeed.
//!
//! A guest reads lines as `{"id":7}`. A line `{"id":7,"bad":"loop"}` is marked: it asks for the misdeed `loop`. A line without
//! an id is rejected.

pub mod innocent;
pub mod orders;

pub use sdk::bindings;
pub use sdk::bindings::star::transform::{log, types};

/// A line of the input.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The number that all values of the row are made from.
    pub id: Option<u32>,
    /// The misdeed that the line asks for.
    pub bad: Option<&'a str>,
}

/// Reads the lines of a call.
pub fn lines(json_lines: &[u8]) -> impl Iterator<Item = Line<'_>> {
    json_lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(|line| {
        let line = core::str::from_utf8(line).unwrap_or_default();
        Line {
            id: after(line, "\"id\":").and_then(|rest| rest.split([',', '}']).next()?.parse().ok()),
            bad: after(line, "\"bad\":\"").and_then(|rest| rest.split('"').next()),
        }
    })
}

fn after<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.split_once(key).map(|(_, rest)| rest)
}

/// Makes a crate a guest: innocent, but for a `describe` or a `transform` of its own.
#[macro_export]
macro_rules! guest {
    () => {
        $crate::guest!(@ $crate::innocent::manifest, $crate::innocent::transform);
    };
    (describe: $describe:path) => {
        $crate::guest!(@ $describe, $crate::innocent::transform);
    };
    (transform: $transform:path) => {
        $crate::guest!(@ $crate::innocent::manifest, $transform);
    };
    (@ $describe:path, $transform:path) => {
        #[doc(hidden)]
        pub struct Guest;

        impl $crate::bindings::exports::star::transform::plugin::Guest for Guest {
            fn describe() -> $crate::types::Manifest {
                $describe()
            }

            fn transform(
                context: $crate::types::Context,
                json_lines: Vec<u8>,
            ) -> Result<$crate::types::Output, $crate::types::Failure> {
                $transform(&context, &json_lines)
            }
        }

        #[cfg(target_arch = "wasm32")]
        $crate::bindings::export_transform!(Guest with_types_in $crate::bindings);
    };
}
