#!/usr/bin/env python3
"""Checks the configuration in `terraform/` without a cloud.

    check.py [--only NAME]... [--json] [--terraform FOLDER] [--calls FILE]

    fmt       it is formatted as Terraform formats
    schema    every argument, block and reference fits the schema of the AWS provider (schema.json)
    evaluate  Terraform evaluates it, with example.tfvars and with the variables of ALSO
    rules     what must hold of every deployment does (rules/)
    recorded  deployment.json, for tests where there is no Terraform, is what it evaluates to
    iam       the roles allow the calls in FILE, calls.jsonl if left out, and nothing besides
    checkov   checkov has no finding without a reason

A line for each check that is passed or can't be made, and for each finding `terraform/FILE:LINE: resource: what is wrong and what
to do`. Exit code: 0 nothing was found, 1 something was, 2 usage.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

from evaluate import ROOT, Refused, Terraform, document_of, short
from findings import Finding, Places
from iam import all_calls
from iam import findings as findings_of_iam
from provider import SCHEMA, Server
from rules import RULES

HERE = Path(__file__).resolve().parent

# Variables beside example.tfvars: rules must hold for these, too.
ALSO = {
    "vpc": {"vpc": '{subnet_ids = ["subnet-0"], security_group_ids = ["sg-0"]}',
            "source_secret_key_arn": "arn:aws:kms:eu-west-2:123456789012:key/0", "reserve_concurrency": "false",
            "source_server": '{host = "db.example", port = 5433, database = "totesys"}',
            "source_sslrootcert": "/var/task/certificates.pem"},
    "tables": {"tables_to_query": '["sales_order"]', "calendar_years": "2022..2027", "architecture": "arm64"},
}


class Configuration:
    """What is checked. It is evaluated once, when the first check asks for it."""

    def __init__(self, folder, environment, calls, also=None):
        self.folder, self.environment, self.also = folder, environment, ALSO if also is None else also
        self.recorded = [json.loads(line) for line in calls.read_text().splitlines() if line.strip()]

    @cached_property
    def documents(self):
        """The evaluated documents, by the name of their variables."""
        with Terraform(self.folder, self.environment) as terraform:
            states = {"example": terraform.apply({}, "example.tfvars")}
            for name, variables in self.also.items():
                (terraform.place / "terraform.tfstate").unlink()
                states[name] = terraform.apply(variables, "example.tfvars")
        return {name: {**document_of(state), "folder": str(self.folder)} for name, state in states.items()}


def check_fmt(configuration):
    """Terraform would not write a file differently."""
    command = ["terraform", "fmt", "-check", "-recursive", "-list=true", "-no-color", str(configuration.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          env={**os.environ, "TF_CLI_CONFIG_FILE": os.devnull})
    files = sorted(path.name for path in configuration.folder.glob("*.tf*"))
    found = [Finding(Path(line).name, 1, "", "it is not formatted: run terraform fmt -recursive terraform")
             for line in done.stdout.splitlines() if line.strip()]
    if done.returncode and not found:
        found = [Finding(files[0], 1, "", " ".join(done.stderr.split()))]
    return found, f"{len(files)} files are formatted"


def check_schema(configuration):
    """Terraform holds the configuration against the provider's schema."""
    schema = json.loads(SCHEMA.read_text())
    kinds, version = len(schema["resources"]) + len(schema["data_sources"]), schema["provider_version"]
    wanted = re.search(r'"hashicorp/aws"\s+version\s*=\s*"~> (\d+)\.(\d+)"',
                       (configuration.folder / "versions.tf").read_text())
    major, minor, _ = map(int, version.split("."))
    if not wanted or int(wanted[1]) != major or int(wanted[2]) > minor:
        return [Finding("versions.tf", 1, "aws", f"the provider must be of version ~> {major}.{minor}, whose schema this is"
                        " checked against: set it, or make another schema.json")], ""
    try:
        with Terraform(configuration.folder, configuration.environment) as terraform:
            terraform.validate()
    except Refused as refused:
        hint = " (run tests/terraform/schema.py if the kind is new here)"
        return [Finding(one.file, one.line, one.resource, one.text + hint * ("does not support" in one.text))
                for one in refused.findings], ""
    return [], f"arguments, blocks and references fit the AWS provider {version}, {kinds} kinds of resources"


def check_evaluate(configuration):
    """Terraform plans and applies it."""
    try:
        documents = configuration.documents
    except Refused as refused:
        return refused.findings, ""
    others = ", ".join(configuration.also) or "nothing else"
    return [], f"{len(documents['example']['resources'])} resources with example.tfvars, also with {others}"


def check_rules(configuration):
    """The rules of this project hold."""
    places, found = Places(configuration.folder), {}
    for document in configuration.documents.values():
        for rule in RULES:
            for address, text in rule(document):
                found.setdefault(places.finding(address, text))
    return list(found), f"{len(RULES)} rules hold of {len(configuration.documents)} sets of variables"


def check_recorded(configuration):
    """What is recorded for tests is what Terraform makes of it today."""
    recorded = json.loads((HERE / "deployment.json").read_text())
    today = json.loads(json.dumps(short(configuration.documents["example"])))
    found = [Finding("example.tfvars", 1, name, "tests/terraform/deployment.json has another value: run "
                     "tests/terraform/evaluate.py --short --out tests/terraform/deployment.json")
             for name in sorted(set(recorded) | set(today)) if recorded.get(name) != today.get(name)]
    return found, "deployment.json is what Terraform makes of example.tfvars"


def check_iam(configuration):
    """The roles allow what is done, and nothing besides."""
    document = configuration.documents["example"]
    found = list(findings_of_iam(document, configuration.recorded, configuration.folder))
    calls = len(all_calls(document, configuration.recorded))
    return found, f"{calls} kinds of calls are allowed, and no permission is for nothing"


def check_checkov(configuration):
    """Checkov finds nothing."""
    command = [Path(sys.executable).with_name("checkov"), "-d", configuration.folder, "-o", "json",
               "--config-file", HERE / "checkov.yaml"]
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False)
    if not done.stdout.startswith("{"):
        return [Finding("versions.tf", 1, "", f"checkov fails: {' '.join(done.stderr.split())[-500:]}")], ""
    results = json.loads(done.stdout)["results"]
    found = [Finding(Path(one["file_path"]).name, one["file_line_range"][0], one["resource"],
                     f"{one['check_id']}: {one['check_name']}. Mend it, or write #checkov:skip={one['check_id']}:reason")
             for one in results["failed_checks"]]
    skipped = {one["check_id"]: one["check_result"].get("suppress_comment", "").strip()
               for one in results["skipped_checks"]}
    places = Places(configuration.folder)
    found += [places.finding(one["resource"], f"the exception {one['check_id']} has no reason")
              for one in results["skipped_checks"] if skipped[one["check_id"]] in ("", "No comment provided")]
    found += [Finding("versions.tf", 1, "", f"checkov can't read {path}") for path in results.get("parsing_errors", [])]
    return found, (f"{len(results['passed_checks'])} checks are passed, {len(skipped)} have a reason not to be made:"
                   f" {', '.join(sorted(skipped))}")


CHECKS = {"fmt": check_fmt, "schema": check_schema, "evaluate": check_evaluate, "rules": check_rules,
          "recorded": check_recorded, "iam": check_iam, "checkov": check_checkov}
NEEDS_EVALUATION = {"rules", "recorded", "iam"}


def run(configuration, names):
    """Makes the checks; gives the findings, and a text for each check."""
    found, texts, refused = {}, {}, False
    for name in names:
        if name != "checkov" and not shutil.which("terraform"):
            texts[name] = f"skipped {name}: terraform is not installed"
        elif name in NEEDS_EVALUATION and (refused or (refused := bool(check_evaluate(configuration)[0]))):
            found[name] = [] if found.get("evaluate") else check_evaluate(configuration)[0]
            texts[name] = f"skipped {name}: terraform refuses the configuration"
        else:
            found[name], text = CHECKS[name](configuration)
            if not found[name]:
                texts[name] = f"ok {name}: {text}"
    return found, texts


def main():
    """Makes the checks that are asked for, and tells."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", action="append", choices=list(CHECKS), metavar="NAME")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--terraform", type=Path, default=ROOT / "terraform", metavar="FOLDER")
    parser.add_argument("--calls", type=Path, default=HERE / "calls.jsonl", metavar="FILE")
    arguments = parser.parse_args()
    with Server() as environment:
        configuration = Configuration(arguments.terraform.resolve(), environment, arguments.calls)
        found, texts = run(configuration, arguments.only or list(CHECKS))
    if arguments.json:
        all_found = [{"check": name, **asdict(one)} for name, ones in found.items() for one in ones]
        print(json.dumps({"checks": texts, "findings": all_found}, indent=2))
    else:
        for name in arguments.only or list(CHECKS):
            for one in found.get(name, []):
                print(one)
            if name in texts:
                print(texts[name])
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
