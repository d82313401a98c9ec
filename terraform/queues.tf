locals {
  # A message that was taken is shown again after so many seconds, the only pause before the next try; Lambda wants at least the
  # function's timeout. AWS advises six times as long, for functions that are throttled meanwhile: the mapping never takes more
  # than the function may run at once, and six times would be half an hour of lag for a packet that failed once.
  visibility_seconds = local.functions.process.timeout + 60
  # With the pauses between them, tries go on for twenty minutes.
  receives_max = 5
}

# Events of new packets, on their way to the process function.
resource "aws_sqs_queue" "packets" {
  name                              = "${var.name}-packets"
  visibility_timeout_seconds        = local.visibility_seconds
  message_retention_seconds         = 4 * 24 * 3600
  kms_master_key_id                 = aws_kms_key.this.arn
  kms_data_key_reuse_period_seconds = 3600

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.packets_dead.arn
    maxReceiveCount     = local.receives_max
  })
}

# Packets that could not be processed. They are not lost: the next event of the same table brings them, too.
resource "aws_sqs_queue" "packets_dead" {
  name                      = "${var.name}-packets-dead"
  message_retention_seconds = 14 * 24 * 3600
  kms_master_key_id         = aws_kms_key.this.arn
}

resource "aws_sqs_queue_redrive_allow_policy" "packets_dead" {
  queue_url = aws_sqs_queue.packets_dead.id

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.packets.arn]
  })
}

resource "aws_sqs_queue_policy" "packets" {
  queue_url = aws_sqs_queue.packets.id
  policy    = data.aws_iam_policy_document.packets_queue.json
}

data "aws_iam_policy_document" "packets_queue" {
  statement {
    sid       = "EventsOfTheRawLake"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.packets.arn]

    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_s3_bucket.lake["raw"].arn]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

# Scheduled events whose retries are spent: the schedule's own, and those of the functions that it starts.
resource "aws_sqs_queue" "schedule_dead" {
  name                      = "${var.name}-schedule-dead"
  message_retention_seconds = 14 * 24 * 3600
  kms_master_key_id         = aws_kms_key.this.arn
}
