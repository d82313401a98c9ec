//! Plugins that are refused before a line reaches them.

use super::{sandbox, without_place};
use host::error::Explain;
use host::sandbox::Limits;
use std::path::Path;
use tests::guest;

/// Why the plugin at `path` is refused, with its file's name in place of its path.
fn refusal(path: &Path) -> (&'static str, String) {
    let error = match sandbox().load(path, Limits::default()) {
        Ok(_) => panic!("`{}` is not refused", path.display()),
        Err(error) => error,
    };
    assert!(error.hint().is_some(), "{error}");
    let name = path.file_stem().and_then(|name| name.to_str()).expect("guests have plain names");
    let message = error.to_string().replace(&*path.to_string_lossy(), name);
    (error.code(), without_place(&message))
}

/// Why a component is refused that is written as text.
fn refusal_of_text(name: &str, text: &str) -> (&'static str, String) {
    refusal_of_bytes(name, &wat::parse_str(text).unwrap_or_else(|error| panic!("{name}: {error}")))
}

fn refusal_of_bytes(name: &str, wasm: &[u8]) -> (&'static str, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(format!("{name}.wasm"));
    std::fs::write(&path, wasm).expect("a file");
    refusal(&path)
}

fn refuse_all(cases: &[(&str, &str, &str)]) {
    let mut wrong = String::new();
    for &(name, code, message) in cases {
        let (found_code, found_message) = refusal(&guest(name));
        if (found_code, &found_message[..]) != (code, message) {
            wrong.push_str(&format!("(\"{name}\", \"{found_code}\", \"{found_message}\"),\n"));
        }
    }
    assert!(wrong.is_empty(), "refused otherwise:\n{wrong}");
}

#[test]
fn a_plugin_that_cannot_describe_itself_is_refused() {
    refuse_all(&[
        (
            "describe_panics",
            "describe-failed",
            "`describe_panics` failed in `describe`: the plugin trapped: panicked at tests/guests/examples/describe_panics.rs: who am I",
        ),
        (
            "describe_loops",
            "describe-failed",
            "`describe_loops` failed in `describe`: the plugin used up its 50000000 units of fuel",
        ),
        (
            "describe_hoards",
            "describe-failed",
            "`describe_hoards` failed in `describe`: the plugin wanted more than its 67108864 bytes of memory: memory allocation of 1048576 bytes failed",
        ),
        (
            "describe_too_many_fields",
            "describe-failed",
            "`describe_too_many_fields` failed in `describe`: the plugin handed back more than 8388608 bytes",
        ),
    ]);
}

#[test]
fn a_manifest_that_is_wrong_is_refused() {
    refuse_all(&[
        (
            "describe_two_names_alike",
            "bad-manifest",
            "the manifest of `describe_two_names_alike` is wrong: star table `probe`, fields: `id` comes twice",
        ),
        (
            "describe_many_fields",
            "bad-manifest",
            "the manifest of `describe_many_fields` is wrong: star table `probe`: it has 10011 fields, must have 1 to 1000",
        ),
        (
            "describe_wide_decimal",
            "bad-manifest",
            "the manifest of `describe_wide_decimal` is wrong: star table `probe`, field `price`: `decimal(99, 3)` is no type: a decimal has 1 to 38 digits, and a scale within them",
        ),
        (
            "describe_fact_with_lookup",
            "bad-manifest",
            "the manifest of `describe_fact_with_lookup` is wrong: lookup `department`: the fact table `probe` can't have a lookup; make a dimension of it and join it in the query",
        ),
        (
            "describe_many_lookups",
            "bad-manifest",
            "the manifest of `describe_many_lookups` is wrong: lookups: there are 15000, must be at most 16",
        ),
        (
            "describe_long_key",
            "bad-manifest",
            "the manifest of `describe_long_key` is wrong: star table `probe`: its key has 50000 parts, and it has 11 fields",
        ),
    ]);
}

#[test]
fn imports_of_files_and_sockets_are_refused() {
    refuse_all(&[
        (
            "files",
            "import-refused",
            "`files` imports `wasi:filesystem/types@0.2.6`, `wasi:filesystem/preopens@0.2.6`, which the sandbox does not offer",
        ),
        (
            "sockets",
            "import-refused",
            "`sockets` imports `wasi:filesystem/types@0.2.6`, `wasi:filesystem/preopens@0.2.6`, `wasi:sockets/network@0.2.6`, `wasi:sockets/instance-network@0.2.6`, `wasi:sockets/udp@0.2.6`, `wasi:sockets/udp-create-socket@0.2.6`, `wasi:sockets/tcp@0.2.6`, `wasi:sockets/tcp-create-socket@0.2.6`, `wasi:sockets/ip-name-lookup@0.2.6`, which the sandbox does not offer",
        ),
    ]);
}

#[test]
fn a_name_that_is_none_is_shown_without_control_of_the_terminal() {
    let (code, message) = refusal(&guest("describe_long_names"));
    assert_eq!(code, "bad-manifest");
    assert!(message.len() < 700 && !message.contains(char::is_control), "{message}");
}

/// A component of these parts that exports the contract, though none of its functions.
macro_rules! component {
    ($($part:expr),*) => {
        concat!(
            "(component ", $($part,)*
            "(instance $none) (export \"star:transform/plugin@0.1.0\" (instance $none)))"
        )
    };
}

#[test]
fn components_of_another_kind_are_refused() {
    let cases = [
        (
            "no_exports",
            "(component)",
            "no-contract",
            "`no_exports` exports no `star:transform/plugin`: it is no transform plugin",
        ),
        (
            "another_export",
            r#"(component (instance $none) (export "wasi:http/incoming-handler@0.2.0" (instance $none)))"#,
            "no-contract",
            "`another_export` exports no `star:transform/plugin`: it is no transform plugin",
        ),
        (
            "longer_name",
            r#"(component (instance $none) (export "star:transform/plugins@0.1.0" (instance $none)))"#,
            "no-contract",
            "`longer_name` exports no `star:transform/plugin`: it is no transform plugin",
        ),
        (
            "no_functions",
            component!(),
            "contract-mismatch",
            "`no_functions` does not fit the contract: instance export `star:transform/plugin@0.1.0` does not have export `describe`",
        ),
        (
            "no_version",
            r#"(component (instance $none) (export "star:transform/plugin" (instance $none)))"#,
            "contract-version",
            "`no_version` was built for version unknown of the contract, and this host runs 0.1.0",
        ),
        (
            "version_0_2_0",
            r#"(component (instance $none) (export "star:transform/plugin@0.2.0" (instance $none)))"#,
            "contract-version",
            "`version_0_2_0` was built for version 0.2.0 of the contract, and this host runs 0.1.0",
        ),
        (
            "version_1_0_0",
            r#"(component (instance $none) (export "star:transform/plugin@1.0.0" (instance $none)))"#,
            "contract-version",
            "`version_1_0_0` was built for version 1.0.0 of the contract, and this host runs 0.1.0",
        ),
        (
            "version_0_1_7",
            r#"(component (instance $none) (export "star:transform/plugin@0.1.7" (instance $none)))"#,
            "contract-mismatch",
            "`version_0_1_7` does not fit the contract: instance export `star:transform/plugin@0.1.0` does not have export `describe`",
        ),
        (
            "http",
            component!(r#"(import "wasi:http/outgoing-handler@0.2.0" (instance))"#),
            "import-refused",
            "`http` imports `wasi:http/outgoing-handler@0.2.0`, which the sandbox does not offer",
        ),
        (
            "own_interface",
            component!(r#"(import "evil:host/shell@1.0.0" (instance (export "run" (func (param "command" string)))))"#),
            "import-refused",
            "`own_interface` imports `evil:host/shell@1.0.0`, which the sandbox does not offer",
        ),
        (
            "plain_function",
            component!(r#"(import "run" (func (param "command" string)))"#),
            "import-refused",
            "`plain_function` imports `run`, which the sandbox does not offer",
        ),
        (
            "wasi_0_3",
            component!(r#"(import "wasi:cli/stdin@0.3.0" (instance))"#),
            "import-refused",
            "`wasi_0_3` imports `wasi:cli/stdin@0.3.0`, which the sandbox does not offer",
        ),
        (
            "other_log",
            component!(r#"(import "star:transform/log@0.1.0" (instance (export "read" (func (result string)))))"#),
            "contract-mismatch",
            "`other_log` does not fit the contract: component imports instance `star:transform/log@0.1.0`, but a matching implementation was not found in the linker: instance export `read` has the wrong type: function implementation is missing",
        ),
        (
            "later_log",
            component!(r#"(import "star:transform/log@0.2.0" (instance (export "write" (func))))"#),
            "contract-mismatch",
            "`later_log` does not fit the contract: component imports instance `star:transform/log@0.2.0`, but a matching implementation was not found in the linker: instance export `write` has the wrong type: function implementation is missing",
        ),
        (
            "unknown_function",
            component!(r#"(import "wasi:cli/exit@0.2.0" (instance (export "restart" (func))))"#),
            "contract-mismatch",
            "`unknown_function` does not fit the contract: component imports instance `wasi:cli/exit@0.2.0`, but a matching implementation was not found in the linker: instance export `restart` has the wrong type: function implementation is missing",
        ),
        (
            "other_types",
            component!(
                r#"(import "wasi:random/random@0.2.0" (instance (export "get-random-bytes" (func (result (list (list u8)))))))"#
            ),
            "contract-mismatch",
            "`other_types` does not fit the contract: component imports instance `wasi:random/random@0.2.0`, but a matching implementation was not found in the linker: instance export `get-random-bytes` has the wrong type: type mismatch with parameters: expected 1-tuple, found 0-tuple",
        ),
        (
            "two_memories",
            r#"(component (core module $part (memory (export "memory") 1)) (core instance $one (instantiate $part)) (core instance $two (instantiate $part)) (instance $none) (export "star:transform/plugin@0.1.0" (instance $none)))"#,
            "not-a-component",
            "`two_memories` is no WebAssembly component that this host can compile: The component transitively contains 2 Wasm linear memories, which exceeds the configured maximum of 1 in the pooling allocator",
        ),
        (
            "large_memory",
            r#"(component (core module $part (memory (export "memory") 20000)) (core instance $one (instantiate $part)) (instance $none) (export "star:transform/plugin@0.1.0" (instance $none)))"#,
            "not-a-component",
            "`large_memory` is no WebAssembly component that this host can compile: module memory does not fit in pooling allocator requirements: memory index 0 is unsupported in this pooling allocator configuration: memory has a minimum byte size of 1310720000 which exceeds the limit of 0x40000000 bytes",
        ),
        (
            "large_table",
            r#"(component (core module $part (table 200000 funcref)) (core instance $one (instantiate $part)) (instance $none) (export "star:transform/plugin@0.1.0" (instance $none)))"#,
            "not-a-component",
            "`large_table` is no WebAssembly component that this host can compile: module table does not fit in pooling allocator requirements: table index 0 has a minimum element size of 200000 which exceeds the limit of 100000",
        ),
        (
            "shared_memory",
            r#"(component (core module $part (memory (export "memory") 1 2 shared)) (core instance $one (instantiate $part)) (instance $none) (export "star:transform/plugin@0.1.0" (instance $none)))"#,
            "not-a-component",
            "`shared_memory` is no WebAssembly component that this host can compile: failed to parse WebAssembly module: threads must be enabled for shared memories (at offset 0x15)",
        ),
        (
            "core_module",
            "(module)",
            "not-a-component",
            "`core_module` is no WebAssembly component that this host can compile: it is a core module, not a component",
        ),
    ];
    let mut wrong = String::new();
    for (name, text, code, message) in cases {
        let (found_code, found_message) = refusal_of_text(name, text);
        if (found_code, &found_message[..]) != (code, message) {
            wrong.push_str(&format!("\"{name}\", \"{found_code}\", \"{found_message}\",\n"));
        }
    }
    assert!(wrong.is_empty(), "refused otherwise:\n{wrong}");
}

#[test]
fn a_crowd_of_instances_is_refused() {
    let text = format!(component!("(core module $part)", "{}"), "(core instance (instantiate $part))".repeat(65));
    let (code, message) = refusal_of_text("crowd", &text);
    assert_eq!(code, "not-a-component");
    assert!(message.contains("65 core module instances"), "{message}");
}

#[test]
fn what_is_no_component_is_refused() {
    let (code, message) = refusal_of_bytes("text", b"id,name\n1,Ada\n");
    assert_eq!(code, "not-a-component");
    assert!(message.starts_with("`text` is no WebAssembly component that this host can compile: "), "{message}");
    assert_eq!(refusal_of_bytes("empty", b"").0, "not-a-component");
    let whole = std::fs::read(guest("innocent")).expect("the guest is there");
    assert_eq!(refusal_of_bytes("half", &whole[..whole.len() / 2]).0, "not-a-component");
    assert_eq!(refusal(Path::new("nowhere.wasm")).0, "plugin-unreadable");
}

#[test]
fn many_imports_are_not_all_listed() {
    let imports: String = (0..500).map(|index| format!("(import \"function-{index}\" (func))")).collect();
    let (code, message) = refusal_of_text("greedy", &format!(component!("{}"), imports));
    assert_eq!(code, "import-refused");
    assert!(message.ends_with("`function-9` and 490 more, which the sandbox does not offer"), "{message}");
}
