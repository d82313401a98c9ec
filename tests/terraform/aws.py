"""What AWS, and the provider for it, would answer: the ids and ARNs of resources, and the text of policies.

The account is the one that stand-ins for AWS have. Only what a configuration refers to has to be here; what isn't stays empty,
and Terraform says so where it is used.
"""

import hashlib
import json

ACCOUNT = "123456789012"
PARTITION = "aws"


def arn(service, region, name, account=ACCOUNT):
    """An ARN."""
    return f"arn:{PARTITION}:{service}:{region}:{account}:{name}"


def uuid_of(text):
    """An id that AWS would have made up: always the same for the same text."""
    digits = hashlib.sha256(text.encode()).hexdigest()
    return "-".join([digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]])


def resource(kind, values, region):
    """What AWS adds to a resource of some kind that was asked for with some values."""
    def name(key="name"):
        return values.get(key) or ""

    if kind == "aws_s3_bucket":
        return {"arn": f"arn:{PARTITION}:s3:::{name('bucket')}", "id": name("bucket")}
    if kind == "aws_sqs_queue":
        url = f"https://sqs.{region}.amazonaws.com/{ACCOUNT}/{name()}"
        return {"arn": arn("sqs", region, name()), "id": url, "url": url}
    if kind == "aws_lambda_function":
        return {"arn": arn("lambda", region, f"function:{name('function_name')}"), "id": name("function_name")}
    if kind == "aws_lambda_event_source_mapping":
        made_up = uuid_of(values["event_source_arn"] + values["function_name"])
        return {"arn": arn("lambda", region, f"event-source-mapping:{made_up}"), "id": made_up, "uuid": made_up}
    if kind == "aws_iam_role":
        return {"arn": arn("iam", "", f"role/{name()}"), "id": name()}
    if kind == "aws_kms_key":
        made_up = uuid_of(name("description"))
        return {"arn": arn("kms", region, f"key/{made_up}"), "id": made_up, "key_id": made_up}
    if kind == "aws_kms_alias":
        return {"arn": arn("kms", region, name()), "id": name()}
    if kind == "aws_sns_topic":
        return {"arn": arn("sns", region, name()), "id": arn("sns", region, name())}
    if kind == "aws_sfn_state_machine":
        machine = arn("states", region, f"stateMachine:{name()}")
        return {"arn": machine, "id": machine}
    if kind == "aws_cloudwatch_log_group":
        return {"arn": arn("logs", region, f"log-group:{name()}"), "id": name()}
    if kind == "aws_cloudwatch_metric_alarm":
        return {"arn": arn("cloudwatch", region, f"alarm:{name('alarm_name')}"), "id": name("alarm_name")}
    if kind == "aws_ssm_parameter":
        return {"arn": arn("ssm", region, f"parameter{name()}"), "id": name()}
    if kind == "aws_scheduler_schedule_group":
        return {"arn": arn("scheduler", region, f"schedule-group/{name()}"), "id": name()}
    if kind == "aws_scheduler_schedule":
        group = name("group_name") or "default"
        return {"arn": arn("scheduler", region, f"schedule/{group}/{name()}"), "id": f"{group}/{name()}"}
    made_up = uuid_of(kind + json.dumps(values, sort_keys=True, default=str))
    return {"id": values.get("bucket") or values.get("name") or made_up}


def data(kind, values, region):
    """What is read of a data source."""
    if kind == "aws_caller_identity":
        return {"account_id": ACCOUNT, "id": ACCOUNT, "arn": arn("iam", "", "user/somebody"), "user_id": "AIDASOMEBODY"}
    if kind == "aws_partition":
        return {"partition": PARTITION, "id": PARTITION, "dns_suffix": "amazonaws.com",
                "reverse_dns_prefix": "com.amazonaws"}
    if kind == "aws_region":
        return {"region": region, "name": region, "id": region}
    if kind == "aws_iam_policy_document":
        text = policy(values)
        return {"json": json.dumps(text, indent=2), "minified_json": json.dumps(text), "id": uuid_of(json.dumps(text))}
    return {}


def policy(values):
    """The policy that `aws_iam_policy_document` makes: the statements of other documents, then its own."""
    statements = []
    for document in values.get("source_policy_documents") or []:
        statements += json.loads(document)["Statement"]
    statements += [statement(one) for one in values.get("statement") or []]
    for document in values.get("override_policy_documents") or []:
        others = json.loads(document)["Statement"]
        replaced = {other.get("Sid") for other in others} - {None}
        statements = [one for one in statements if one.get("Sid") not in replaced] + others
    sids = [one["Sid"] for one in statements if "Sid" in one]
    doubled = {sid for sid in sids if sids.count(sid) > 1}
    if doubled:
        raise ValueError(f"two statements of a policy have the sid {', '.join(sorted(doubled))}")
    return {"Version": values.get("version") or "2012-10-17", "Statement": statements}


def statement(values):
    """One statement, in the form of IAM."""
    def one_or_all(texts):
        if None in texts:
            raise ValueError(f"a statement ({values.get('sid')}) of a policy has an entry that is null")
        return texts[0] if len(texts) == 1 else sorted(texts)

    made = {"Sid": values["sid"]} if values.get("sid") else {}
    made["Effect"] = values.get("effect") or "Allow"
    for key, name in [("Action", "actions"), ("NotAction", "not_actions"), ("Resource", "resources"),
                      ("NotResource", "not_resources")]:
        if values.get(name):
            made[key] = one_or_all(values[name])
    for key, name in [("Principal", "principals"), ("NotPrincipal", "not_principals")]:
        for who in values.get(name) or []:
            if who["type"] == "*":
                made[key] = "*"
            else:
                made.setdefault(key, {})[who["type"]] = one_or_all(who["identifiers"])
    for condition in values.get("condition") or []:
        made.setdefault("Condition", {}).setdefault(condition["test"], {})[condition["variable"]] = one_or_all(
            condition["values"])
    return made
