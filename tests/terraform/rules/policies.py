"""Policies: nobody is let in who isn't named, and nothing is allowed that isn't needed."""

import re

# Actions with a wildcard, and resources that are all there is: by the address of what has the policy and the statement's name.
EVERYTHING = {
    ("aws_kms_key.this", "Account"): "the account's own policies give rights on the key; within its policy `*` is the key",
    ("aws_kms_key.this", "Logs"): "within the policy of a key `*` is that key",
    ("aws_kms_key.this", "Senders"): "within the policy of a key `*` is that key",
    ("aws_iam_role_policy.backfill", "LogDelivery"): "the delivery of logs is set up for an account as a whole",
    ('aws_iam_role_policy.function["ingest"]', "Network"): "the interfaces into a VPC don't exist before Lambda makes them",
}
EVERY_ACTION = {("aws_kms_key.this", "Account")}

# What stands for many: the objects below a prefix, the streams of a log group, the end of a secret's ARN that AWS makes up, the runs
# of a state machine.
WILDCARD = re.compile(r"arn:aws:s3:::[\w.-]+(/[\w-]+)?/\*|arn:aws:logs:[\w:/-]+:\*|arn:aws:secretsmanager:[\w:/-]+-\?{6}"
                      r"|arn:aws:ssm:[\w:/-]+/\*|arn:aws:states:[\w:-]+:execution:[\w-]+:\*")


def as_list(value):
    """What stands alone or in a list, as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]


def statements(policy):
    """The statements of a policy, if there is one."""
    return as_list(policy.get("Statement")) if isinstance(policy, dict) else []


def each(document):
    """All statements, with the address of what has them."""
    for address, values in document["resources"].items():
        for key in ("policy", "assume_role_policy"):
            for one in statements(values.get(key)):
                yield address, one


def allows_service(policy, service, action, resource, source):
    """Whether a policy lets a service do something to a resource on behalf of another, and of no other."""
    return any(
        one["Effect"] == "Allow" and service in as_list((one.get("Principal") or {}).get("Service"))
        and action in as_list(one.get("Action")) and resource in as_list(one.get("Resource"))
        and source in as_list(one.get("Condition", {}).get("ArnEquals", {}).get("aws:SourceArn"))
        for one in statements(policy) if isinstance(one.get("Principal"), dict))


def check_principals(document):
    """Nobody is let in whose account isn't named; everybody may be kept out."""
    for address, one in each(document):
        principal = one.get("Principal")
        named = as_list(principal.get("AWS")) if isinstance(principal, dict) else as_list(principal)
        if one["Effect"] == "Allow" and ("NotPrincipal" in one or "*" in named):
            yield address, f"the statement `{one.get('Sid')}` lets everybody in: name who it is for"


def check_services(document):
    """A service acts for this account alone; who may start a function is given a role by who may pass it."""
    for address, one in each(document):
        principal = one.get("Principal")
        services = as_list(principal.get("Service")) if isinstance(principal, dict) else []
        conditions = {name for test in one.get("Condition", {}).values() for name in test}
        if services and services != ["lambda.amazonaws.com"] and not conditions & {
                "aws:SourceAccount", "aws:SourceArn", "kms:EncryptionContext:aws:logs:arn"}:
            yield address, f"the statement `{one.get('Sid')}` lets {', '.join(services)} act for anybody: add aws:SourceAccount"


def check_actions(document):
    """Actions are named, one by one."""
    for address, one in each(document):
        if one["Effect"] == "Allow" and (address, one.get("Sid")) not in EVERY_ACTION:
            for action in as_list(one.get("Action")):
                if "*" in action:
                    yield address, f"the statement `{one.get('Sid')}` allows {action}: name the actions"
            if "NotAction" in one:
                yield address, f"the statement `{one.get('Sid')}` allows all but some: name the actions"


def check_resources(document):
    """So are resources."""
    for address, one in each(document):
        if one["Effect"] != "Allow" or (address, one.get("Sid")) in EVERYTHING:
            continue
        for resource in as_list(one.get("Resource")):
            if re.search(r"[*?]", resource) and not WILDCARD.fullmatch(resource):
                yield address, (f"the statement `{one.get('Sid')}` is about {resource}: name the resource, or give the"
                                " reason in EVERYTHING")
        if "NotResource" in one:
            yield address, f"the statement `{one.get('Sid')}` is about all resources but some: name them"


def check_invocations(document):
    """Who starts a function may."""
    roles = {role["name"]: role["arn"] for role in document["resources"].of("aws_iam_role").values()}
    policies = {roles.get(one["role"]): one["policy"] for one in document["resources"].of("aws_iam_role_policy").values()}
    starters = [(f'aws_scheduler_schedule.host["{name}"]', one["target"][0]["role_arn"], one["target"][0]["arn"])
                for name, one in document["resources"].of("aws_scheduler_schedule").items()]
    for name, one in document["resources"].of("aws_sfn_state_machine").items():
        called = re.findall(r"arn:aws:lambda:[\w:-]+", str(one["definition"]))
        starters += [(f"aws_sfn_state_machine.{name}", one["role_arn"], arn) for arn in sorted(set(called))]
    for address, role, function in starters:
        allowed = {resource for one in statements(policies.get(role)) if "lambda:InvokeFunction" in as_list(one.get("Action"))
                   for resource in as_list(one.get("Resource"))}
        if function not in allowed:
            yield address, f"its role may not start {function}: allow lambda:InvokeFunction"


RULES = [check_principals, check_services, check_actions, check_resources, check_invocations]
