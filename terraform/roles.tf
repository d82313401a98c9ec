# Who may take a role.
data "aws_iam_policy_document" "assume" {
  for_each = toset(["lambda", "scheduler", "states"])

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["${each.key}.amazonaws.com"]
    }

    # So that nobody else's schedule or state machine takes the role.
    dynamic "condition" {
      for_each = each.key == "lambda" ? [] : [local.account]

      content {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [condition.value]
      }
    }
  }
}

resource "aws_iam_role" "function" {
  for_each           = local.functions
  name               = "${var.name}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.assume["lambda"].json
}

resource "aws_iam_role_policy" "function" {
  for_each = {
    ingest  = data.aws_iam_policy_document.ingest.json
    process = data.aws_iam_policy_document.process.json
  }
  name   = each.key
  role   = aws_iam_role.function[each.key].id
  policy = each.value
}

data "aws_iam_policy_document" "ingest" {
  source_policy_documents = [data.aws_iam_policy_document.function["ingest"].json]

  statement {
    sid       = "Packets"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    resources = ["${aws_s3_bucket.lake["raw"].arn}/${local.raw_prefix}/*"]
  }

  statement {
    sid       = "ListPackets"
    actions   = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
    resources = [aws_s3_bucket.lake["raw"].arn]
  }

  statement {
    sid       = "Checkpoints"
    actions   = ["ssm:GetParameter", "ssm:GetParametersByPath", "ssm:PutParameter"]
    resources = [local.checkpoints_arn, "${local.checkpoints_arn}/*"]
  }

  # How far the star tables are is only read here, to tell the lag.
  statement {
    sid       = "NoStarCheckpoints"
    effect    = "Deny"
    actions   = ["ssm:PutParameter"]
    resources = ["${local.star_checkpoints_arn}/*"]
  }

  statement {
    sid       = "Database"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = local.secret_arns
  }

  dynamic "statement" {
    for_each = var.source_secret_key_arn[*]

    content {
      sid       = "KeyOfTheSecret"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
    }
  }

  # For these there is no narrower resource than all: the interfaces do not exist yet.
  dynamic "statement" {
    for_each = var.vpc[*]

    content {
      sid = "Network"
      actions = [
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
      ]
      resources = ["*"]
    }
  }
}

data "aws_iam_policy_document" "process" {
  source_policy_documents = [data.aws_iam_policy_document.function["process"].json]

  statement {
    sid       = "ReadPackets"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.lake["raw"].arn}/${local.raw_prefix}/*"]
  }

  statement {
    sid       = "StarTables"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    resources = ["${aws_s3_bucket.lake["star"].arn}/${local.star_prefix}/*"]
  }

  statement {
    sid       = "Plugins"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.lake["plugins"].arn}/${local.plugins_prefix}/*"]
  }

  statement {
    sid       = "ListObjects"
    actions   = ["s3:ListBucket"]
    resources = [for bucket in aws_s3_bucket.lake : bucket.arn]
  }

  statement {
    sid       = "ListUploads"
    actions   = ["s3:ListBucketMultipartUploads"]
    resources = [aws_s3_bucket.lake["star"].arn]
  }

  statement {
    sid       = "StarCheckpoints"
    actions   = ["ssm:GetParametersByPath", "ssm:PutParameter"]
    resources = [local.star_checkpoints_arn, "${local.star_checkpoints_arn}/*"]
  }

  statement {
    sid       = "EventsOfPackets"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = [aws_sqs_queue.packets.arn]
  }
}

# What both functions do.
data "aws_iam_policy_document" "function" {
  for_each = local.functions

  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function[each.key].arn}:*"]
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]
  }

  statement {
    sid       = "EventsThatFailedForGood"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.schedule_dead.arn]
  }
}

# Those who work on the deployment by `host`: all that the functions may, and what only people do, which is to publish plugins.
data "aws_iam_policy_document" "operator" {
  statement {
    sid     = "Objects"
    actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    resources = [
      "${aws_s3_bucket.lake["raw"].arn}/${local.raw_prefix}/*",
      "${aws_s3_bucket.lake["star"].arn}/${local.star_prefix}/*",
      "${aws_s3_bucket.lake["plugins"].arn}/${local.plugins_prefix}/*",
    ]
  }

  statement {
    sid       = "ListObjects"
    actions   = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
    resources = [for bucket in aws_s3_bucket.lake : bucket.arn]
  }

  statement {
    sid       = "Checkpoints"
    actions   = ["ssm:GetParameter", "ssm:GetParametersByPath", "ssm:PutParameter", "ssm:DeleteParameter"]
    resources = [local.checkpoints_arn, "${local.checkpoints_arn}/*"]
  }

  statement {
    sid       = "Environment"
    actions   = ["ssm:GetParameter"]
    resources = [aws_ssm_parameter.environment.arn]
  }

  statement {
    sid       = "Database"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = local.secret_arns
  }

  statement {
    sid       = "Keys"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = concat([aws_kms_key.this.arn], var.source_secret_key_arn[*])
  }

  statement {
    sid       = "Events"
    actions   = ["lambda:InvokeFunction"]
    resources = [for function in aws_lambda_function.host : function.arn]
  }

  statement {
    sid       = "Backfill"
    actions   = ["states:StartExecution", "states:ListExecutions"]
    resources = [aws_sfn_state_machine.backfill.arn]
  }

  statement {
    sid       = "Backfills"
    actions   = ["states:DescribeExecution"]
    resources = ["${replace(aws_sfn_state_machine.backfill.arn, ":stateMachine:", ":execution:")}:*"]
  }

  statement {
    sid       = "DeadLetters"
    actions   = ["sqs:ReceiveMessage", "sqs:PurgeQueue"]
    resources = [aws_sqs_queue.packets_dead.arn, aws_sqs_queue.schedule_dead.arn]
  }

  statement {
    sid       = "Logs"
    actions   = ["logs:FilterLogEvents"]
    resources = [for group in aws_cloudwatch_log_group.function : "${group.arn}:*"]
  }
}

resource "aws_iam_policy" "operator" {
  name        = "${var.name}-operator"
  description = "To work on the deployment ${var.name} by the command line of the host"
  policy      = data.aws_iam_policy_document.operator.json
}
