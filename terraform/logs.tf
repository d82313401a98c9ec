# Made here, so that they are encrypted and end some day: Lambda would make them without.
resource "aws_cloudwatch_log_group" "function" {
  for_each          = local.functions
  name              = "/aws/lambda/${var.name}-${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}

resource "aws_cloudwatch_log_group" "backfill" {
  name              = "/aws/vendedlogs/states/${var.name}-backfill"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}
