#!/usr/bin/env python3
"""Holds the calls that the functions made against what their roles allow, and the other way round.

    iam.py --evaluated FILE --calls FILE

FILE is what `evaluate.py` writes; CALLS has a line of JSON for each call, or each kind of calls:
`{"function": "ingest", "action": "s3:PutObject", "resource": "arn:aws:s3:::BUCKET/key"}`. What AWS does by itself with a role is
added: it encrypts and decrypts with the key, writes logs, takes messages, and sends what failed for good. Each call must be
allowed, and each permission must be used by some call, unless it stands in RARE with its reason.
"""

import argparse
import json
import re
import sys
from pathlib import Path

from findings import Finding, Places
from rules.policies import as_list, statements

ROOT = Path(__file__).resolve().parent.parent.parent

# Permissions that an ordinary run has no use for, by function and action; `*` stands for both functions.
RARE = {
    ("*", "s3:AbortMultipartUpload"): "a large object whose upload fails, or is found unfinished later",
    ("*", "s3:ListBucketMultipartUploads"): "unfinished uploads are looked for once a day",
    ("*", "s3:DeleteObject"): "what nobody needs is removed once a day, when it is older than two days",
    ("ingest", "ec2:*"): "Lambda makes the interfaces into a VPC, before the function runs",
}

# What the key is asked for when a service is.
KEY_CALLS = {
    "s3:PutObject": ["kms:GenerateDataKey", "kms:Decrypt"], "s3:GetObject": ["kms:Decrypt"],
    "ssm:GetParameter": ["kms:Decrypt"], "sqs:ReceiveMessage": ["kms:Decrypt"],
    "sqs:SendMessage": ["kms:GenerateDataKey", "kms:Decrypt"],
}


def matches(pattern, text, flags=0):
    """Whether a text fits a pattern of IAM: `*` is anything, `?` one character."""
    expression = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(expression, text, flags | re.DOTALL) is not None


def concerns(statement, action, resource):
    """Whether a statement is about a call. One with a condition can only forbid: nobody knows here whether it holds."""
    if statement["Effect"] == "Allow" and "Condition" in statement:
        return False
    return (any(matches(one, action, re.IGNORECASE) for one in as_list(statement.get("Action")))
            and any(matches(one, resource) for one in as_list(statement.get("Resource"))))


def decide(policy, action, resource):
    """Whether a role may: None if so, else why not."""
    found = [one for one in statements(policy) if concerns(one, action, resource)]
    denied = [one.get("Sid") for one in found if one["Effect"] == "Deny"]
    if denied:
        return f"the statement `{denied[0]}` denies {action} on {resource}"
    return None if found else f"no statement allows {action} on {resource}"


def calls_of_aws(document):
    """What AWS does with the roles of functions, whatever these do."""
    keys = [key["arn"] for address, key in document["resources"].items() if address.startswith("aws_kms_key.")]
    groups = {group["name"]: group["arn"] for address, group in document["resources"].items()
              if address.startswith("aws_cloudwatch_log_group.")}
    for name, function in document["functions"].items():
        stream = f"{groups.get(function['log_group'], 'none')}:log-stream:2026/02/03/[$LATEST]0123456789abcdef"
        yield name, "logs:CreateLogStream", stream
        yield name, "logs:PutLogEvents", stream
        if function["on_failure"] in document["queues"]:
            yield name, "sqs:SendMessage", document["queues"][function["on_failure"]]["arn"]
        # The environment is encrypted.
        yield from ((name, "kms:Decrypt", key) for key in keys)
    for source in document["event_sources"]:
        for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
            yield source["function"], f"sqs:{action}", document["queues"][source["queue"]]["arn"]


def all_calls(document, recorded):
    """The calls of the functions and of AWS, and what these ask of the key."""
    keys = [key["arn"] for address, key in document["resources"].items() if address.startswith("aws_kms_key.")]
    calls = {(call["function"], call["action"], call["resource"]) for call in recorded} | set(calls_of_aws(document))
    return sorted(calls | {(function, wanted, key) for function, action, _ in calls
                           for wanted in KEY_CALLS.get(action, []) for key in keys})


def findings(document, recorded, folder):
    """What the roles lack, and what they have for nothing."""
    places, calls = Places(folder), all_calls(document, recorded)
    for name, action, resource in calls:
        place = places.finding(f"data.aws_iam_policy_document.{name}", "")
        if name not in document["functions"]:
            yield Finding(place.file, place.line, name, "a call was made by it, and it is no function of this deployment")
            continue
        refusal = decide(document["functions"][name]["policy"], action, resource)
        if refusal:
            yield Finding(place.file, place.line, f"the role of {name}",
                          f"{refusal}, which the function does: add it to the policy")
    for name, function in document["functions"].items():
        place = places.finding(f"data.aws_iam_policy_document.{name}", "")
        for one in statements(function["policy"]):
            for action in as_list(one.get("Action")) if one["Effect"] == "Allow" else []:
                # One use is enough for a statement that lists a folder and what is in it.
                used = any(who == name and concerns({**one, "Action": action}, done, resource)
                           for who, done, resource in calls)
                rare = any(who in ("*", name) and matches(pattern, action) for who, pattern in RARE)
                if not used and not rare:
                    yield Finding(place.file, place.line, f"the role of {name}",
                                  f"no call uses {action} of the statement `{one.get('Sid')}`: take it away, or give"
                                  " the reason in RARE")


def main():
    """Compares, and tells what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--evaluated", type=Path, required=True, metavar="FILE")
    parser.add_argument("--calls", type=Path, required=True, metavar="FILE")
    parser.add_argument("--terraform", type=Path, default=ROOT / "terraform", metavar="FOLDER")
    arguments = parser.parse_args()
    document = json.loads(arguments.evaluated.read_text())
    recorded = [json.loads(line) for line in arguments.calls.read_text().splitlines() if line.strip()]
    found = list(findings(document, recorded, arguments.terraform))
    for one in found:
        print(one)
    if not found:
        calls = len(all_calls(document, recorded))
        print(f"ok iam: {calls} kinds of calls are allowed, and no permission is for nothing")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
