#!/usr/bin/env python3
"""What a configuration comes to: all resources with their final values, as one JSON document. Nothing is created.

    evaluate.py [--terraform FOLDER] [--var NAME=VALUE]... [--var-file FILE] [--short] [--out FILE]

Terraform itself plans and applies the configuration, with a stand-in for the AWS provider (`provider.py`). `resources`, `data`
and `outputs` hold everything, by address; texts that are JSON are parsed there, and what is not set is left out. The other parts
say the same in the words of this project: functions, schedules, queues, event sources, notifications, state machines, alarms,
buckets, parameters and topics, by their names in the configuration.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from findings import Finding
from provider import Server

ROOT = Path(__file__).resolve().parent.parent.parent
TEXTS_OF_JSON = {"assume_role_policy", "dashboard_body", "definition", "input", "json", "minified_json", "policy",
                 "redrive_allow_policy", "redrive_policy"}


class Refused(Exception):
    """Terraform refuses the configuration."""

    def __init__(self, findings):
        super().__init__("\n".join(map(str, findings)))
        self.findings = findings


class Terraform:
    """A copy of a configuration that Terraform can run in, as long as the block lasts."""

    def __init__(self, folder, environment):
        self.folder, self.environment = Path(folder), environment

    def __enter__(self):
        self.place = Path(tempfile.mkdtemp(prefix="terraform-"))
        for path in self.folder.iterdir():
            if path.suffix in (".tf", ".json", ".tfvars"):
                shutil.copy(path, self.place)
        (self.place / "host.zip").write_bytes(b"")
        (self.place / "terraformrc").touch()
        self.run("init", "-input=false", "-backend=false")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.place)

    def run(self, *arguments):
        """Runs a command; gives its output, each line of which may be JSON, and raises what Terraform refuses."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "AWS_"))}
        environment |= self.environment | {"TF_CLI_CONFIG_FILE": str(self.place / "terraformrc"), "CHECKPOINT_DISABLE": "1"}
        process = subprocess.run(["terraform", *arguments, "-no-color"], cwd=self.place, env=environment,
                                 capture_output=True, text=True, check=False)
        if process.returncode:
            said = one_line(process.stdout + process.stderr)
            raise Refused(diagnoses(process.stdout) or [Finding("versions.tf", 1, "", said)])
        return process.stdout

    def validate(self):
        """Holds the configuration against the schema of the provider, without evaluating it."""
        self.run("validate", "-json")

    def apply(self, variables, var_file):
        """Evaluates the configuration; gives Terraform's own view of the result."""
        given = [f"-var={name}={value}" for name, value in {"package": "host.zip", **variables}.items()]
        self.run("apply", "-json", "-auto-approve", "-refresh=false", "-input=false", f"-var-file={var_file}", *given)
        return json.loads(self.run("show", "-json"))


def one_line(text):
    """A text in one line."""
    return re.sub(r"\s+", " ", text).strip()


def diagnoses(output):
    """The errors in what Terraform writes as JSON: one document, or one a line."""
    try:
        found = json.loads(output).get("diagnostics", [])
    except ValueError:
        lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
        found = [line["diagnostic"] for line in lines if "diagnostic" in line]
    findings = []
    for one in found:
        if one["severity"] != "error":
            continue
        place, context = one.get("range", {}), (one.get("snippet") or {}).get("context") or ""
        resource = ".".join(re.findall(r'"(\w+)"', context)) if context else one.get("address", "")
        findings.append(Finding(place.get("filename", "versions.tf"), place.get("start", {}).get("line", 1), resource,
                                one_line(f"{one['summary']}. {one.get('detail', '')}")))
    return findings


def plain(value, name=None):
    """A value without what is not set, and with JSON where its text is."""
    if isinstance(value, dict):
        return {key: plain(within, key) for key, within in value.items() if within is not None}
    if isinstance(value, list):
        return [plain(within) for within in value]
    if name in TEXTS_OF_JSON and isinstance(value, str) and value.startswith("{"):
        return json.loads(value)
    return value


class Resources(dict):
    """Values by address."""

    def of(self, kind):
        """Those of a kind, by the last part of their address: the key of the instance, else the name."""
        found = {}
        for address, values in self.items():
            named = re.fullmatch(rf"{kind}\.(\w+)(?:\[\"?(.*?)\"?\])?", address)
            if named:
                found[named[2] or named[1]] = values
        return found

    def name_of(self, kind, key, value):
        """The name of that one of a kind whose `key` has a value; the value itself if there is none."""
        return next((name for name, values in self.of(kind).items() if values.get(key) == value), value)


def document_of(state):
    """The document that is made of what Terraform shows."""
    found = {"managed": Resources(), "data": Resources()}
    for one in state["values"]["root_module"]["resources"]:
        try:
            found[one["mode"]][one["address"]] = plain(one["values"])
        except ValueError as error:
            raise Refused([Finding("versions.tf", 1, one["address"], f"a text of it is no JSON: {error}")]) from error
    resources = found["managed"]
    return {**deployment(resources), "outputs": {name: one["value"] for name, one in state["values"]["outputs"].items()},
            "resources": resources, "data": found["data"]}


def deployment(resources):
    """The same in the words of this project."""
    def queue(arn):
        return resources.name_of("aws_sqs_queue", "arn", arn)

    def function(arn):
        return resources.name_of("aws_lambda_function", "arn", arn)

    invoked = {one["function_name"]: one for one in resources.of("aws_lambda_function_event_invoke_config").values()}
    policies = {one["role"]: one["policy"] for one in resources.of("aws_iam_role_policy").values()}
    functions = {}
    for name, one in resources.of("aws_lambda_function").items():
        role, retries = one["role"].rsplit("/", 1)[-1], invoked.get(one["function_name"], {})
        failures = (retries.get("destination_config") or [{}])[0].get("on_failure") or [{}]
        functions[name] = {
            "name": one["function_name"], "arn": one["arn"], "handler": one.get("handler"), "runtime": one.get("runtime"),
            "timeout": one.get("timeout", 3), "memory": one.get("memory_size", 128),
            "concurrency": one.get("reserved_concurrent_executions"), "role": role, "policy": policies.get(role),
            "retries": retries.get("maximum_retry_attempts"), "on_failure": queue(failures[0].get("destination")),
            "log_group": (one.get("logging_config") or [{}])[0].get("log_group"),
            "environment": (one.get("environment") or [{}])[0].get("variables", {})}
    schedules = {}
    for name, one in resources.of("aws_scheduler_schedule").items():
        target = one["target"][0]
        schedules[name] = {
            "expression": one["schedule_expression"], "function": function(target["arn"]), "input": target.get("input", {}),
            "retries": (target.get("retry_policy") or [{}])[0].get("maximum_retry_attempts", 185),
            "dead_letters": queue((target.get("dead_letter_config") or [{}])[0].get("arn"))}
    queues = {}
    for name, one in resources.of("aws_sqs_queue").items():
        redrive = one.get("redrive_policy") or {}
        queues[name] = {
            "name": one["name"], "arn": one["arn"], "url": one["url"],
            "visibility_seconds": one.get("visibility_timeout_seconds", 30), "receives_max": redrive.get("maxReceiveCount"),
            "retention_seconds": one.get("message_retention_seconds", 345600),
            "dead_letters": queue(redrive.get("deadLetterTargetArn"))}
    sources = [{
        "queue": queue(one["event_source_arn"]), "function": function(one["function_name"]),
        "batch_size": one.get("batch_size", 10), "window_seconds": one.get("maximum_batching_window_in_seconds", 0),
        "concurrency": (one.get("scaling_config") or [{}])[0].get("maximum_concurrency"),
        "partial_failures": "ReportBatchItemFailures" in one.get("function_response_types", [])}
        for one in resources.of("aws_lambda_event_source_mapping").values()]
    notifications = [{
        "bucket": resources.name_of("aws_s3_bucket", "id", one["bucket"]), "queue": queue(to["queue_arn"]),
        "events": to["events"], "prefix": to.get("filter_prefix", ""), "suffix": to.get("filter_suffix", "")}
        for one in resources.of("aws_s3_bucket_notification").values() for to in one.get("queue", [])]
    alarms = {name: {key: one.get(key) for key in (
        "namespace", "metric_name", "dimensions", "statistic", "period", "evaluation_periods", "comparison_operator",
        "threshold", "treat_missing_data", "alarm_actions")}
        for name, one in resources.of("aws_cloudwatch_metric_alarm").items()}
    return {
        "functions": functions, "schedules": schedules, "queues": queues, "event_sources": sources,
        "notifications": notifications, "alarms": alarms,
        "buckets": {name: one["bucket"] for name, one in resources.of("aws_s3_bucket").items()},
        "state_machines": {name: {"arn": one["arn"], "definition": one["definition"]}
                           for name, one in resources.of("aws_sfn_state_machine").items()},
        "parameters": {one["name"]: one.get("value") for one in resources.of("aws_ssm_parameter").values()},
        "topics": {name: {"arn": one["arn"], "emails": [
            to["endpoint"] for to in resources.of("aws_sns_topic_subscription").values() if to["topic_arn"] == one["arn"]]}
            for name, one in resources.of("aws_sns_topic").items()}}


def evaluate(folder, environment, variables=None, var_file="example.tfvars"):
    """The document of a configuration."""
    with Terraform(folder, environment) as terraform:
        return document_of(terraform.apply(variables or {}, var_file))


def short(document):
    """What the tests of the functions need to know of a document."""
    return {name: part for name, part in document.items() if name not in ("resources", "data", "outputs", "folder")}


def main():
    """Writes the document."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--terraform", type=Path, default=ROOT / "terraform", metavar="FOLDER")
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--var-file", type=Path, metavar="FILE", help="instead of example.tfvars")
    parser.add_argument("--short", action="store_true", help="without `resources`, `data` and `outputs`: deployment.json")
    parser.add_argument("--out", type=Path, metavar="FILE", help="instead of standard output")
    arguments = parser.parse_args()
    var_file = arguments.var_file.resolve() if arguments.var_file else "example.tfvars"
    try:
        variables = dict(one.split("=", 1) for one in arguments.var)
        with Server() as environment:
            document = evaluate(arguments.terraform, environment, variables, var_file)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1
    text = json.dumps(short(document) if arguments.short else document, indent=2) + "\n"
    if arguments.out:
        arguments.out.write_text(text)
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
