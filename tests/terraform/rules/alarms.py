"""Alarms: each mails somebody, looks at a metric that is there, and none that is wanted is missing."""

# What the host writes into its log as metrics: none has a dimension.
OWN = {"IngestSucceeded", "FailingTables", "MissingPackets", "LagSeconds", "HeldPackets", "Critical", "RowsIngested", "PacketsIngested",
       "RowsPublished", "RowsRejected", "PacketsProcessed"}

# The metrics of AWS that are of use here, each with the dimension that it must have and the resource that this names.
OF_AWS = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): ("QueueName", "aws_sqs_queue", "name"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): ("QueueName", "aws_sqs_queue", "name"),
    ("AWS/Lambda", "Errors"): ("FunctionName", "aws_lambda_function", "function_name"),
    ("AWS/Lambda", "Throttles"): ("FunctionName", "aws_lambda_function", "function_name"),
    ("AWS/Lambda", "Duration"): ("FunctionName", "aws_lambda_function", "function_name"),
    ("AWS/Lambda", "Invocations"): ("FunctionName", "aws_lambda_function", "function_name"),
    ("AWS/States", "ExecutionsFailed"): ("StateMachineArn", "aws_sfn_state_machine", "arn"),
}

# What must set off an alarm: the metric, how it is compared and with what, over how many seconds at most, and what silence means.
WANTED = [
    ("IngestSucceeded", "LessThanThreshold", 1, 3600, "breaching"),
    ("LagSeconds", "GreaterThanThreshold", 1800, 900, None),
    ("HeldPackets", "GreaterThanThreshold", 0, 900, None),
    ("Critical", "GreaterThanThreshold", 0, 3600, None),
    ("FailingTables", "GreaterThanThreshold", 0, 900, None),
]


def mistake_of(document, namespace, metric, dimensions):
    """What is wrong with a metric, or None."""
    if namespace == document["functions"]["ingest"]["environment"].get("HOST_METRICS"):
        if metric not in OWN:
            return f"the host has no metric `{metric}`"
        return "the metrics of the host have no dimensions" if dimensions else None
    if (namespace, metric) not in OF_AWS:
        return f"`{metric}` of {namespace} is no metric of the host or of AWS that is known here"
    dimension, kind, attribute = OF_AWS[namespace, metric]
    if set(dimensions) != {dimension}:
        return f"`{metric}` must have the dimension {dimension}"
    if dimensions[dimension] not in {values.get(attribute) for values in document["resources"].of(kind).values()}:
        return f"the {dimension} `{dimensions[dimension]}` is none of this deployment"
    return None


def check_actions(document):
    """Each alarm is mailed."""
    read = {topic["arn"] for topic in document["topics"].values() if topic["emails"]}
    for name, alarm in document["alarms"].items():
        if not read & set(alarm["alarm_actions"] or []):
            yield (f'aws_cloudwatch_metric_alarm.host["{name}"]',
                   "nobody gets a mail: set alarm_actions to the topic with subscriptions")


def check_metrics(document):
    """Alarms and graphs look at what is there."""
    for name, alarm in document["alarms"].items():
        mistake = mistake_of(document, alarm["namespace"], alarm["metric_name"], alarm["dimensions"] or {})
        if mistake:
            yield f'aws_cloudwatch_metric_alarm.host["{name}"]', mistake
    for name, dashboard in document["resources"].of("aws_cloudwatch_dashboard").items():
        for widget in dashboard["dashboard_body"]["widgets"]:
            for namespace, metric, *dimensions in widget["properties"]["metrics"]:
                texts = [text for text in dimensions if isinstance(text, str)]
                mistake = mistake_of(document, namespace, metric, dict(zip(texts[::2], texts[1::2])))
                if mistake:
                    yield f"aws_cloudwatch_dashboard.{name}", f"`{widget['properties']['title']}`: {mistake}"


def check_wanted(document):
    """What an operator has to hear of is told. That dead letters are is a matter of the queues."""
    for metric, operator, threshold, period, missing in WANTED:
        found = [alarm for alarm in document["alarms"].values() if alarm["metric_name"] == metric]
        good = [alarm for alarm in found if alarm["comparison_operator"] == operator and alarm["threshold"] == threshold
                and alarm["period"] * alarm["evaluation_periods"] <= period
                and missing in (None, alarm["treat_missing_data"])]
        if not good:
            yield "aws_cloudwatch_metric_alarm.host", (
                f"no alarm goes off for {metric}: {operator} {threshold} within {period} s"
                + (f", {missing} if missing" if missing else ""))
    failed = {alarm["metric_name"] for alarm in document["alarms"].values() if alarm["namespace"] == "AWS/States"}
    if document["state_machines"] and "ExecutionsFailed" not in failed:
        yield "aws_cloudwatch_metric_alarm.host", "no alarm goes off when a backfill fails: add one for ExecutionsFailed"


RULES = [check_actions, check_metrics, check_wanted]
