locals {
  # What each alarm means, and what to do, stands in the README; the mail says it in a sentence. What an alarm does not say is as
  # in `alarm_defaults`.
  alarms = {
    no-ingest = {
      description = "No ingest has brought any table for an hour. Look at the log of the ingest function: is the database there, is the secret right?"
      metric      = "IngestSucceeded"
      statistic   = "Sum"
      period      = 3600
      operator    = "LessThanThreshold"
      threshold   = 1
      # Who fails at once says nothing at all.
      missing = "breaching"
    }
    # The ingest function measures lag and held packets at its end: while it is not run, what was last known stands.
    lag = {
      description = "A packet has waited for longer than ${var.lag_minutes_max} minutes. Look at the log of the process function, and at `host status`."
      metric      = "LagSeconds"
      threshold   = 60 * var.lag_minutes_max
      missing     = "ignore"
    }
    held = {
      description = "A packet is held because too many of its rows are rejected. `host rejects` shows why; publish a plugin that takes them, or accept the packet."
      metric      = "HeldPackets"
      missing     = "ignore"
    }
    failing = {
      description = "A star table could not be brought up to date when that was last tried. `host status` shows which, and why."
      metric      = "FailingTables"
      missing     = "ignore"
    }
    missing-packets = {
      description = "The lake lacks packets: star tables have gone on without them. Bring the manifests back from older versions of the bucket's objects, then `host replay`."
      metric      = "MissingPackets"
      statistic   = "Sum"
      period      = 3600
    }
    # What is wrong for good is told at each look: it is one alarm as long as it lasts, and not one for each.
    critical = {
      description = "Something is wrong for good. Look for \"severity\":\"CRITICAL\" in the logs of both functions."
      metric      = "Critical"
      statistic   = "Sum"
      period      = 3600
    }
    retries-spent = {
      description = "A scheduled event has failed with all its retries. Its message in the queue says why; the next event makes it good. Purge the queue once you have seen it."
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = aws_sqs_queue.schedule_dead.name }
    }
    dead-letters = {
      description = "The event of a packet has failed ${local.receives_max} times. The log of the process function says why; purge the queue once it is mended: the next look brings what its messages told of."
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = aws_sqs_queue.packets_dead.name }
    }
    backfill-failed = {
      description = "A backfill has failed for some tables. Its execution names them; run it again for those."
      namespace   = "AWS/States"
      metric      = "ExecutionsFailed"
      dimensions  = { StateMachineArn = aws_sfn_state_machine.backfill.arn }
      statistic   = "Sum"
    }
  }

  alarm_defaults = {
    namespace  = local.namespace
    dimensions = {}
    statistic  = "Maximum"
    period     = 300
    operator   = "GreaterThanThreshold"
    threshold  = 0
    missing    = "notBreaching"
  }
}

resource "aws_cloudwatch_metric_alarm" "host" {
  for_each            = { for name, alarm in local.alarms : name => merge(local.alarm_defaults, alarm) }
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = each.value.period
  evaluation_periods  = 1
  comparison_operator = each.value.operator
  threshold           = each.value.threshold
  treat_missing_data  = each.value.missing
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}
