# The host, twice: what a function does is named by its handler.
resource "aws_lambda_function" "host" {
  #checkov:skip=CKV_AWS_50:the log says of each table what it took; traces would cost more than the functions
  #checkov:skip=CKV_AWS_116:events that fail for good go to a queue all the same, as the destination below says
  #checkov:skip=CKV_AWS_272:who deploys has built the package; a profile for signing belongs to an organisation
  for_each         = local.functions
  function_name    = "${var.name}-${each.key}"
  description      = each.value.description
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  runtime          = "provided.al2023"
  handler          = each.key
  architectures    = [var.architecture]
  role             = aws_iam_role.function[each.key].arn
  memory_size      = each.value.memory
  timeout          = each.value.timeout
  kms_key_arn      = aws_kms_key.this.arn

  # More than these would only wait for each other, and hold connections to the database meanwhile.
  reserved_concurrent_executions = var.reserve_concurrency ? each.value.concurrency : -1

  # Rows of a large table are kept in files for a while.
  ephemeral_storage {
    size = 2048
  }

  environment {
    variables = local.environment
  }

  # The lines are JSON as they are, and some are metrics: `JSON` would wrap them.
  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.function[each.key].name
  }

  dynamic "vpc_config" {
    for_each = each.value.vpc[*]

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  depends_on = [aws_iam_role_policy.function]
}

locals {
  # What `host` needs to know anywhere: an output gives it to whoever runs it by hand.
  places = {
    HOST_SOURCE_URL      = "secret:${var.source_secret}"
    HOST_LAKE_RAW        = "s3://${aws_s3_bucket.lake["raw"].bucket}/${local.raw_prefix}"
    HOST_LAKE_STAR       = "s3://${aws_s3_bucket.lake["star"].bucket}/${local.star_prefix}"
    HOST_CHECKPOINTS_URL = "ssm:${local.checkpoints_prefix}"
    HOST_PLUGINS_PATH    = "s3://${aws_s3_bucket.lake["plugins"].bucket}/${local.plugins_prefix}"
    HOST_CONFIG          = local.config
  }

  # What the secret leaves open.
  source = merge({ PGSSLMODE = var.source_sslmode }, {
    for name, value in {
      PGHOST     = try(var.source_server.host, null)
      PGPORT     = try(tostring(var.source_server.port), null)
      PGDATABASE = try(var.source_server.database, null)
    } : name => value if value != null
  })

  environment = merge(local.places, local.source, var.source_sslrootcert == "" ? {} : { PGSSLROOTCERT = var.source_sslrootcert }, {
    HOST_METRICS = local.namespace
    HOST_LOG     = var.log_level
  })
}

# What a schedule asks for and fails is tried again, a minute and two minutes later; then it is told to the queue.
resource "aws_lambda_function_event_invoke_config" "host" {
  for_each                     = aws_lambda_function.host
  function_name                = each.value.function_name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 3600

  destination_config {
    on_failure {
      destination = aws_sqs_queue.schedule_dead.arn
    }
  }
}

# Messages of packets that could not be processed go back into the queue, one by one; the others are done.
resource "aws_lambda_event_source_mapping" "packets" {
  event_source_arn                   = aws_sqs_queue.packets.arn
  function_name                      = aws_lambda_function.host["process"].arn
  batch_size                         = 100
  maximum_batching_window_in_seconds = 5
  function_response_types            = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = var.process_concurrency
  }
}
