//! Panics while it describes itself.

use guests::types::Manifest;

guests::guest!(describe: describe);

fn describe() -> Manifest {
    panic!("who am I")
}
