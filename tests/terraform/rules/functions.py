"""Functions and what starts them: each with a role of its own, a log that ends, and events that it knows."""

from .buckets import first

# The environment that the host knows, and what each value has to look like.
ENVIRONMENT = {
    "HOST_SOURCE_URL": "secret:", "HOST_LAKE_RAW": "s3://", "HOST_LAKE_STAR": "s3://", "HOST_PLUGINS_PATH": "s3://",
    "HOST_CHECKPOINTS_URL": "ssm:/", "HOST_CONFIG": "", "HOST_METRICS": "", "HOST_LOG": "", "PGSSLMODE": "",
}
MAY_HAVE = {"PGSSLROOTCERT", "PGHOST", "PGPORT", "PGDATABASE"}

# The events that each handler knows, by their action; None stands for an event without one.
ACTIONS = {"ingest": {None, "reconcile", "maintain", "plan", "summary"}, "process": {None, "process", "maintain"}}
KEYS = {None: {"tables_to_query", "from", "to"}, "reconcile": {"tables_to_query"}, "plan": {"of"}, "summary": {"of"}}


def address_of(name):
    """The address of a function."""
    return f'aws_lambda_function.host["{name}"]'


def mistake_of(handler, event):
    """What a handler would say about an event, or None."""
    action = event.get("action")
    if action not in ACTIONS.get(handler, ()):
        return f"the handler `{handler}` knows no action `{action}`"
    unknown = set(event) - {"action", "scheduled"} - KEYS.get(action, set())
    return f"the event has an unknown key `{', '.join(sorted(unknown))}`" if unknown else None


def check_handlers(document):
    """There are two, and the runtime is the one the package is built for."""
    for name, function in document["functions"].items():
        if function["handler"] != name or name not in ACTIONS:
            yield address_of(name), f"its handler is `{function['handler']}`: `ingest` and `process` are what the package has"
        if function["runtime"] != "provided.al2023":
            yield address_of(name), f"its runtime is {function['runtime']}: the package is for provided.al2023"
        if function["timeout"] > 900:
            yield address_of(name), "AWS lets no function run for longer than 900 s"
    missing = {"ingest", "process"} - set(document["functions"])
    if missing:
        yield "aws_lambda_function.host", f"there is no function {', '.join(missing)}"


def check_environment(document):
    """The host is told all it needs, and nothing that it doesn't know."""
    for name, function in document["functions"].items():
        given = function["environment"]
        for variable in sorted(set(ENVIRONMENT) ^ (set(given) - MAY_HAVE)):
            wrong = "unknown to the host" if variable in given else "missing"
            yield address_of(name), f"{variable} is {wrong} in its environment"
        for variable, start in ENVIRONMENT.items():
            if not given.get(variable, start).startswith(start):
                yield address_of(name), f"{variable} must begin with {start}"
        for variable in ("HOST_LAKE_RAW", "HOST_LAKE_STAR", "HOST_PLUGINS_PATH"):
            if given.get(variable, "///").split("/")[2] not in document["buckets"].values():
                yield address_of(name), f"{variable} is in no bucket of this deployment"


def check_encryption(document):
    """Environments, parameters, logs and mails are encrypted with the key of the deployment."""
    keys = {key["arn"] for key in document["resources"].of("aws_kms_key").values()}
    for kind, attribute in [("aws_lambda_function", "kms_key_arn"), ("aws_ssm_parameter", "key_id"),
                            ("aws_cloudwatch_log_group", "kms_key_id"), ("aws_sns_topic", "kms_master_key_id"),
                            ("aws_scheduler_schedule", "kms_key_arn")]:
        for address, values in document["resources"].items():
            if address.startswith(kind + ".") and values.get(attribute) not in keys:
                yield address, f"it isn't encrypted with the key of the deployment: set {attribute}"
    for address, key in document["resources"].items():
        if address.startswith("aws_kms_key.") and not key.get("enable_key_rotation"):
            yield address, "it is never rotated: set enable_key_rotation"


def check_logs(document):
    """Each function and state machine logs where lines end some day."""
    groups = {group["name"]: group for group in document["resources"].of("aws_cloudwatch_log_group").values()}
    for name, function in document["functions"].items():
        if function["log_group"] not in groups:
            yield address_of(name), "it logs into no log group of this deployment: set logging_config"
    for name, machine in document["resources"].of("aws_sfn_state_machine").items():
        logging = first(machine.get("logging_configuration"))
        if logging.get("level") in (None, "OFF"):
            yield f"aws_sfn_state_machine.{name}", "it logs nothing: set logging_configuration"
    for address, group in document["resources"].items():
        if address.startswith("aws_cloudwatch_log_group.") and not group.get("retention_in_days"):
            yield address, "its lines stay for ever: set retention_in_days"


def check_failures(document):
    """What a function was asked for and did not do is told."""
    for name, function in document["functions"].items():
        if not function["on_failure"]:
            yield address_of(name), ("events that it fails for good are dropped: set the destination of its"
                                     " aws_lambda_function_event_invoke_config")
        if not function["retries"]:
            yield address_of(name), "events that it fails are not tried again: set maximum_retry_attempts"


def check_roles(document):
    """No two share a role: each may do what it does, and no more."""
    owners = {}
    for kind, attribute in [("aws_lambda_function", "role"), ("aws_sfn_state_machine", "role_arn")]:
        for address, values in document["resources"].items():
            if address.startswith(kind + "."):
                owners.setdefault(values[attribute], set()).add(address)
    for address, values in document["resources"].items():
        if address.startswith("aws_scheduler_schedule."):
            owners.setdefault(first(values.get("target")).get("role_arn"), set()).add("aws_scheduler_schedule")
    for role, sharing in owners.items():
        if len(sharing) > 1:
            one, *others = sorted(sharing)
            yield one, f"it shares the role {role.rsplit('/', 1)[-1]} with {', '.join(others)}: give it one of its own"


def check_schedules(document):
    """Schedules ask for what their function knows, and what they can't deliver is told."""
    for name, schedule in document["schedules"].items():
        address = f'aws_scheduler_schedule.host["{name}"]'
        if schedule["function"] not in document["functions"]:
            yield address, f"it starts {schedule['function']}, which is no function of this deployment"
            continue
        mistake = mistake_of(schedule["function"], schedule["input"])
        if mistake:
            yield address, mistake
        if not schedule["dead_letters"]:
            yield address, "what it can't deliver is dropped: set dead_letter_config"
    asked = {(schedule["function"], schedule["input"].get("action")) for schedule in document["schedules"].values()}
    for function, action in [("ingest", None), ("ingest", "reconcile"), ("ingest", "maintain"), ("process", "process"),
                             ("process", "maintain")]:
        if (function, action) not in asked:
            yield "aws_scheduler_schedule.host", f"no schedule asks `{function}` for {action or 'changes'}"


RULES = [check_handlers, check_environment, check_encryption, check_logs, check_failures, check_roles, check_schedules]
