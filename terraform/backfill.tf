# A range of `last_updated`, or the whole source, table by table and side by side.
resource "aws_sfn_state_machine" "backfill" {
  #checkov:skip=CKV_AWS_284:an execution shows its steps, and the log of the function what each took
  name     = "${var.name}-backfill"
  role_arn = aws_iam_role.backfill.arn

  definition = templatefile("${path.module}/backfill.asl.json", {
    ingest      = aws_lambda_function.host["ingest"].arn
    timeout     = local.functions.ingest.timeout
    concurrency = var.backfill_concurrency
  })

  # Inputs and outputs are names of tables, times and keys of packets.
  logging_configuration {
    level                  = "ERROR"
    include_execution_data = true
    log_destination        = "${aws_cloudwatch_log_group.backfill.arn}:*"
  }

  depends_on = [aws_iam_role_policy.backfill]
}

resource "aws_iam_role" "backfill" {
  name               = "${var.name}-backfill"
  assume_role_policy = data.aws_iam_policy_document.assume["states"].json
}

resource "aws_iam_role_policy" "backfill" {
  name   = "backfill"
  role   = aws_iam_role.backfill.id
  policy = data.aws_iam_policy_document.backfill.json
}

data "aws_iam_policy_document" "backfill" {
  statement {
    sid       = "Ingest"
    actions   = ["lambda:InvokeFunction"]
    resources = [aws_lambda_function.host["ingest"].arn]
  }

  # The delivery of logs is set up for the account as a whole: these take no resource.
  statement {
    sid = "LogDelivery"
    actions = [
      "logs:CreateLogDelivery",
      "logs:DeleteLogDelivery",
      "logs:DescribeLogGroups",
      "logs:DescribeResourcePolicies",
      "logs:GetLogDelivery",
      "logs:ListLogDeliveries",
      "logs:PutResourcePolicy",
      "logs:UpdateLogDelivery",
    ]
    resources = ["*"]
  }
}
