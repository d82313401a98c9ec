# `scheduled` says that nobody waits for an answer: what is wrong for good is then told by log and alarm, and not tried again.
locals {
  schedules = {
    ingest = {
      expression = var.schedule
      function   = "ingest"
      input      = { tables_to_query = var.tables_to_query }
    }
    reconcile = {
      expression = var.reconcile_schedule
      function   = "ingest"
      input      = { action = "reconcile" }
    }
    maintain-raw = {
      expression = var.maintain_schedule
      function   = "ingest"
      input      = { action = "maintain" }
    }
    maintain-star = {
      expression = var.maintain_schedule
      function   = "process"
      input      = { action = "maintain" }
    }
    # Brings what no event told of: one that was lost, or came while something was to be mended, delays a packet by a quarter of an
    # hour, and loses nothing.
    catch-up = {
      expression = "rate(15 minutes)"
      function   = "process"
      input      = { action = "process" }
    }
  }
}

resource "aws_scheduler_schedule_group" "this" {
  name = var.name
}

resource "aws_scheduler_schedule" "host" {
  for_each            = local.schedules
  name                = each.key
  group_name          = aws_scheduler_schedule_group.this.name
  schedule_expression = each.value.expression
  kms_key_arn         = aws_kms_key.this.arn

  flexible_time_window {
    mode = "OFF"
  }

  # The function is asked to run, and not waited for: these retries are for a call that does not reach it, those of
  # `aws_lambda_function_event_invoke_config` for a run that fails.
  target {
    arn      = aws_lambda_function.host[each.value.function].arn
    role_arn = aws_iam_role.schedule.arn
    input    = jsonencode(merge(each.value.input, { scheduled = true }))

    dead_letter_config {
      arn = aws_sqs_queue.schedule_dead.arn
    }

    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 5
    }
  }

  depends_on = [aws_iam_role_policy.schedule]
}

resource "aws_iam_role" "schedule" {
  name               = "${var.name}-schedule"
  assume_role_policy = data.aws_iam_policy_document.assume["scheduler"].json
}

resource "aws_iam_role_policy" "schedule" {
  name   = "schedule"
  role   = aws_iam_role.schedule.id
  policy = data.aws_iam_policy_document.schedule.json
}

data "aws_iam_policy_document" "schedule" {
  statement {
    sid       = "Functions"
    actions   = ["lambda:InvokeFunction"]
    resources = [for function in aws_lambda_function.host : function.arn]
  }

  statement {
    sid       = "EventsThatFailedForGood"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.schedule_dead.arn]
  }

  # The inputs of the schedules and the messages of the queue are encrypted.
  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]
  }
}
