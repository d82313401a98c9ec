"""Queues: encrypted, never read twice at once without need, and nothing is lost silently."""

from .policies import allows_service

SUFFIX = ".packet.json"


def address_of(name):
    """The address of a queue."""
    return f"aws_sqs_queue.{name}"


def watched(document):
    """The names of queues whose messages set off an alarm."""
    names = {queue["name"]: name for name, queue in document["queues"].items()}
    return {names.get((alarm["dimensions"] or {}).get("QueueName")) for alarm in document["alarms"].values()
            if alarm["metric_name"] == "ApproximateNumberOfMessagesVisible" and alarm["threshold"] == 0}


def check_encryption(document):
    """Messages are encrypted with the key of the deployment."""
    keys = {key["arn"] for key in document["resources"].of("aws_kms_key").values()}
    for name, values in document["resources"].of("aws_sqs_queue").items():
        if values.get("kms_master_key_id") not in keys:
            yield address_of(name), "its messages aren't encrypted with the key of the deployment: set kms_master_key_id"


def check_dead_letters(document):
    """What fails for good goes where somebody sees it."""
    last = {source["queue"] for source in document["event_sources"]}
    for name in last:
        queue = document["queues"][name]
        if not queue["dead_letters"] or not queue["receives_max"] or queue["receives_max"] < 3:
            yield address_of(name), ("a function takes its messages, and it has no dead letters after 3 tries or more:"
                                     " set redrive_policy")
    graves = {document["queues"][name]["dead_letters"] for name in last}
    graves |= {function["on_failure"] for function in document["functions"].values()}
    graves |= {schedule["dead_letters"] for schedule in document["schedules"].values()}
    for name in graves - {None}:
        if name not in document["queues"]:
            yield "aws_sqs_queue", f"dead letters go to `{name}`, which is no queue of this deployment"
        elif name not in watched(document):
            yield address_of(name), "dead letters come here, and no alarm looks: add one on ApproximateNumberOfMessagesVisible"
        elif document["queues"][name]["retention_seconds"] < 14 * 24 * 3600:
            yield address_of(name), "dead letters are gone in less than 14 days: set message_retention_seconds"


def check_visibility(document):
    """No message is shown again while a function still works on it, and none waits for long."""
    for source in document["event_sources"]:
        queue, function = document["queues"][source["queue"]], document["functions"][source["function"]]
        if queue["visibility_seconds"] < function["timeout"]:
            yield address_of(source["queue"]), (
                f"its messages are shown again after {queue['visibility_seconds']} s, and the function may run for "
                f"{function['timeout']} s: raise visibility_timeout_seconds")
        if queue["visibility_seconds"] * (queue["receives_max"] or 0) > 1800:
            yield address_of(source["queue"]), "its messages fail for more than half an hour before anybody hears of it"


def check_sources(document):
    """Of a batch only what failed comes again."""
    for source in document["event_sources"]:
        if not source["partial_failures"]:
            yield "aws_lambda_event_source_mapping.packets", "one failed message fails its batch: set ReportBatchItemFailures"
        if source["function"] != "process" or source["queue"] != "packets":
            yield "aws_lambda_event_source_mapping.packets", "it must bring `packets` to `process`"
    if not document["event_sources"]:
        yield "aws_lambda_event_source_mapping.packets", "nobody takes messages: add an event source for `packets`"


def check_notifications(document):
    """A packet exists when its manifest does, and only that is news."""
    told = [one for one in document["notifications"] if one["bucket"] == "raw" and one["queue"] == "packets"]
    if not told:
        yield "aws_s3_bucket_notification.packets", "nobody hears of new packets: tell the queue `packets`"
    for one in told:
        if one["suffix"] != SUFFIX:
            yield "aws_s3_bucket_notification.packets", f"filter_suffix is \"{one['suffix']}\": manifests end in {SUFFIX}"
        prefix = document["functions"]["ingest"]["environment"].get("HOST_LAKE_RAW", "").split("/", 3)[-1] + "/"
        if one["prefix"] != prefix:
            yield "aws_s3_bucket_notification.packets", f"filter_prefix is \"{one['prefix']}\": packets lie below {prefix}"
        if one["events"] != ["s3:ObjectCreated:*"]:
            yield "aws_s3_bucket_notification.packets", "events must be [\"s3:ObjectCreated:*\"]: large manifests are uploads"
        bucket = document["resources"].of("aws_s3_bucket")["raw"]["arn"]
        policy = next((policy["policy"] for policy in document["resources"].of("aws_sqs_queue_policy").values()
                       if policy["queue_url"] == document["queues"]["packets"]["url"]), None)
        if not allows_service(policy, "s3.amazonaws.com", "sqs:SendMessage", document["queues"]["packets"]["arn"], bucket):
            yield "aws_sqs_queue_policy.packets", "S3 can't send the events of the raw lake: allow sqs:SendMessage for its ARN"


RULES = [check_encryption, check_dead_letters, check_visibility, check_sources, check_notifications]
