//! The Terraform configuration, checked without a cloud.

use std::process::Command;
use tests::tools::{terraform_python, workspace};

fn run(arguments: &[&str]) -> String {
    let mut command = Command::new(terraform_python());
    let output = command.args(arguments).current_dir(workspace()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// Format, the provider's schema, what it comes to, our own rules, roles, and the rules of others.
#[test]
fn the_configuration_passes_all_checks() {
    let said = run(&["tests/terraform/check.py"]);
    eprintln!("{said}");
    assert!(said.lines().all(|line| line.starts_with("ok ") || line.starts_with("skipped ")), "{said}");
}

/// A check that finds nothing in a wrong configuration is none.
#[test]
fn mistakes_in_the_configuration_are_found() {
    eprintln!("{}", run(&["tests/terraform/mutations.py"]));
}
