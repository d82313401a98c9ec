#!/usr/bin/env python3
"""Makes mistakes in copies of `terraform/`, one at a time: the check that is there for each has to find it.

    mutations.py [--only NAME]... [--json]

A mutation is a change of text in one file. One whose text is no longer there is an error, as is one that its check does not find,
or finds for another reason. First of all the configuration itself has to pass all checks. Exit code: 0 if so, else 1.
"""

import argparse
import json
import re
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from check import CHECKS, HERE, Configuration, run
from evaluate import ROOT
from provider import Server


@dataclass(frozen=True)
class Mutation:
    """A mistake: in a file some text is another, and a check finds something that fits a pattern."""

    name: str
    check: str
    file: str
    old: str
    new: str
    finding: str


def mistakes(check, file, *rows):
    """Mutations that one check finds in one file."""
    return [Mutation(name, check, file, old, new, finding) for name, old, new, finding in rows]


MUTATIONS = [
    *mistakes("fmt", "functions.tf", ("unformatted file", "  runtime   ", "  runtime ", "not formatted")),
    *mistakes(
        "schema", "queues.tf",
        ("typo in an argument", "visibility_timeout_seconds  ", "visibility_timeout_second   ", "visibility_timeout_second"),
        ("misspelt attribute reference", "aws_sqs_queue.packets_dead.arn", "aws_sqs_queue.packets_dead.arrn", "arrn"),
        ("unknown kind of resource", '"aws_sqs_queue_redrive_allow_policy"', '"aws_sqs_queue_redrive_allow"', "does not support"),
        ("argument that AWS sets", 'name                      = "${var.name}-schedule-dead"', 'url = "schedule-dead"', "url")),
    *mistakes("schema", "functions.tf", (
        "missing argument", '  function_name    = "${var.name}-${each.key}"\n', "", "function_name")),
    *mistakes("schema", "lake.tf", (
        "missing block", '  versioning_configuration {\n    status = "Enabled"\n  }\n', "", "versioning_configuration")),
    *mistakes("schema", "schedules.tf", (
        "misspelt block", "flexible_time_window {", "flexible_window {", "flexible_window")),
    *mistakes("schema", "keys.tf", (
        "wrong type of a literal", "enable_key_rotation     = true", 'enable_key_rotation     = "daily"', "bool")),
    *mistakes("schema", "logs.tf", ("reference to no resource", "aws_kms_key.this.arn", "aws_kms_key.that.arn", "that")),
    *mistakes("schema", "versions.tf", ("another version of the provider", '"~> 6.25"', '"~> 5.0"', "version ~> 6.25")),
    *mistakes("evaluate", "example.tfvars", ("name that makes no bucket", '"totesys"', '"ToteSys"', "lower-case")),
    *mistakes("evaluate", "roles.tf", (
        "two statements of a name", 'sid       = "Packets"', 'sid       = "Logs"', "two statements")),
    *mistakes("evaluate", "backfill.asl.json", (
        "broken state machine", '"StartAt": "Tables",', '"StartAt": "Tables"', "no JSON")),
    *mistakes(
        "rules", "lake.tf",
        ("public bucket", "block_public_policy     = true", "block_public_policy     = false", "block_public_policy"),
        ("bucket for everybody", 'effect    = "Deny"', 'effect    = "Allow"', "lets everybody in"),
        ("bucket without versions", 'status = "Enabled"\n  }\n}', 'status = "Suspended"\n  }\n}', "no versions"),
        ("bucket with another key", '"aws:kms"', '"AES256"', "isn't encrypted"),
        ("transport in the clear", 'values   = ["false"]', 'values   = ["true"]', "without TLS"),
        ("lifecycle of current objects", "expired_object_delete_marker = true", "days = 30", "current objects"),
        ("wrong suffix of manifests", '".packet.json"', '".json"', "manifests end in"),
        ("uploads that stay", "days_after_initiation = 2", "days_after_initiation = 0", "unfinished uploads")),
    *mistakes("rules", "notifications.tf", (
        "nobody reads the mails", "for_each  = toset(var.emails)", "for_each  = toset([])", "nobody gets a mail")),
    *mistakes(
        "rules", "queues.tf",
        ("queue in the clear", "  kms_master_key_id         = aws_kms_key.this.arn\n", "", "aren't encrypted"),
        ("queue without dead letters", re.escape("redrive_policy = jsonencode({") + ".*?}\\)\n", "", "no dead letters"),
        ("messages shown too early", "process.timeout + 60", "process.timeout - 60", "shown again"),
        ("messages shown too late", "process.timeout + 60", "process.timeout * 6", "half an hour")),
    *mistakes(
        "rules", "functions.tf",
        ("wrong handler", "handler          = each.key", 'handler          = "main"', "its handler is `main`"),
        ("shared role", "aws_iam_role.function[each.key].arn", 'aws_iam_role.function["ingest"].arn', "shares the role"),
        ("secret in the environment", '"secret:${var.source_secret}"', '"postgres://reader:hunter22@db/totesys"',
         "a password in a URL"),
        ("misspelt variable of the environment", "HOST_LAKE_RAW ", "HOST_RAW_LAKE ", "HOST_RAW_LAKE is unknown"),
        ("batch that fails as a whole", '["ReportBatchItemFailures"]', "[]", "ReportBatchItemFailures"),
        ("failures that nobody hears of", re.escape("  destination_config {") + ".*?\n  }\n", "", "are dropped")),
    *mistakes("rules", "logs.tf", (
        "log that never ends", "  retention_in_days = var.log_retention_days\n", "", "retention_in_days")),
    *mistakes(
        "rules", "alarms.tf",
        ("alarm without action", "alarm_actions       = [aws_sns_topic.alarms.arn]", "alarm_actions       = []",
         "nobody gets a mail"),
        ("alarm on a misspelt metric", '"LagSeconds"', '"LagSecond"', "no metric `LagSecond`"),
        ("alarm on another queue", "aws_sqs_queue.packets_dead.name", "aws_sqs_queue.packets.name", "no alarm looks"),
        ("alarm that silence calms", '"breaching"', '"notBreaching"', "IngestSucceeded"),
        ("alarm that is gone", '"HeldPackets"', '"RowsRejected"', "no alarm goes off for HeldPackets")),
    *mistakes(
        "rules", "schedules.tf",
        ("schedule of an unknown action", '{ action = "maintain" }', '{ action = "vacuum" }', "knows no action `vacuum`"),
        ("schedule that may not start", "[for function in aws_lambda_function.host : function.arn]",
         '[aws_lambda_function.host["ingest"].arn]', "may not start")),
    *mistakes(
        "rules", "backfill.asl.json",
        ("state machine that never tries again", '"MaxAttempts": 5', '"MaxAttempts": 0', "not tried again"),
        ("state machine that calls nobody", '"Resource": "${ingest}"', '"Resource": "${ingest}-old"',
         "no function of this deployment"),
        ("table that stops the others", '"Catch": .*?\n', "", "stops the other tables"),
        ("step that isn't there", '"Next": "Summary"', '"Next": "Summaries"', "which is no state"),
        ("misspelt event", '"action": "plan"', '"action": "plans"', "no action `plans`")),
    *mistakes(
        "rules", "roles.tf",
        ("every action", '["sqs:SendMessage"]', '["sqs:*"]', "allows sqs:"),
        ("every resource", "resources = [aws_sqs_queue.packets.arn]", 'resources = ["*"]', "is about [*]"),
        ("role for anybody's schedule", '? [] : [local.account]', '? [] : []', "act for anybody")),
    *mistakes("rules", "variables.tf", (
        "variable without description", '  description = "Tags of all resources."\n', "",
        "variable.tags: it has no description")),
    *mistakes("rules", "outputs.tf", (
        "output without description", '  description = "Where the dashboard is."\n', "",
        "output.dashboard: it has no description")),
    *mistakes("rules", "variables.tf", (
        "secret in a variable", 'default     = "warn,host=info"', 'default     = "postgres://reader:hunter22@db/totesys"',
        "a password in a URL")),
    *mistakes(
        "iam", "roles.tf",
        ("missing permission", '"s3:PutObject", ', "", "no statement allows s3:PutObject"),
        ("permission on the wrong bucket", 'lake["star"].arn}/', 'lake["raw"].arn}/', "no statement allows s3:PutObject"),
        ("permission on the wrong folder", "/${local.plugins_prefix}/", "/${local.star_prefix}/", "plugins.lock"),
        ("permission for nothing", '"s3:AbortMultipartUpload"]', '"s3:AbortMultipartUpload", "s3:PutObjectAcl"]',
         "no call uses s3:PutObjectAcl"),
        ("missing permission on the key", '"kms:Decrypt", "kms:GenerateDataKey"', '"kms:Decrypt"', "kms:GenerateDataKey"),
        ("denial of too much", '"${local.star_checkpoints_arn}/*"', '"${local.checkpoints_arn}/*"',
         "`NoStarCheckpoints` denies")),
    *mistakes("checkov", "functions.tf", ("exception that is gone", "  #checkov:skip=CKV_AWS_50:[^\n]*\n", "", "CKV_AWS_50")),
    *mistakes("checkov", "notifications.tf", (
        "topic in the clear", "  kms_master_key_id = aws_kms_key.this.arn\n", "", "CKV_AWS_26")),
]


def mutate(text, mutation):
    """The text with the mistake, or None if what it is made of is not there. `.*?` and `[^` make a pattern of it."""
    pattern = mutation.old if re.search(r"\.\*\?|\[\^", mutation.old) else re.escape(mutation.old)
    mutated, count = re.subn(pattern, lambda _: mutation.new, text, count=1, flags=re.DOTALL)
    return mutated if count else None


def try_mutation(mutation, environment):
    """Makes the mistake; gives None if its check finds it, else what is wrong."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        copy = Path(shutil.copytree(ROOT / "terraform", Path(folder) / "terraform",
                                    ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*")))
        path = copy / mutation.file
        mutated = mutate(path.read_text(), mutation)
        if mutated is None:
            return f"its text is not in {mutation.file}: write it anew"
        path.write_text(mutated)
        found, texts = run(Configuration(copy, environment, HERE / "calls.jsonl", also={}), [mutation.check])
    if mutation.check in texts:
        return f"not found by {mutation.check}: {texts[mutation.check]}"
    reasons = [str(one) for one in found[mutation.check]]
    if not any(re.search(mutation.finding, reason) for reason in reasons):
        return f"{mutation.check} finds something else: {reasons[0]}"
    return None


def main():
    """Makes all mistakes, two at a time, and tells."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", action="append", choices=[one.name for one in MUTATIONS], metavar="NAME")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    chosen = [one for one in MUTATIONS if not arguments.only or one.name in arguments.only]
    started, wrong = time.monotonic(), {}
    with Server() as environment:
        with ThreadPoolExecutor(2) as pool:
            itself = pool.submit(run, Configuration(ROOT / "terraform", environment, HERE / "calls.jsonl"), list(CHECKS))
            for mutation, mistake in zip(chosen, pool.map(lambda one: try_mutation(one, environment), chosen)):
                if mistake:
                    wrong[mutation.name] = mistake
                elif not arguments.json:
                    print(f"found by {mutation.check}: {mutation.name}")
            wrong |= {"none": str(one) for ones in itself.result()[0].values() for one in ones}
    seconds, count = round(time.monotonic() - started, 1), len(chosen) - len(set(wrong) - {"none"})
    if arguments.json:
        print(json.dumps({"mutations": len(chosen), "found": count, "wrong": wrong, "seconds": seconds}))
    else:
        for name, mistake in wrong.items():
            print(f"NOT FOUND {name}: {mistake}")
        print(f"{count} of {len(chosen)} mistakes were found, in {seconds} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
