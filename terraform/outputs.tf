output "environment" {
  description = "What `host` needs to know to work on this deployment from a shell: eval \"$(terraform output -raw environment)\"."
  value       = local.exports
}

output "buckets" {
  description = "The names of the buckets: the raw lake; the star tables, each folder below `star/` one of Delta Lake; the plugins, which `host plugin publish` puts there."
  value       = { for name, bucket in aws_s3_bucket.lake : name => bucket.bucket }
}

output "functions" {
  description = "The names of the functions: aws lambda invoke --function-name ..."
  value       = { for name, function in aws_lambda_function.host : name => function.function_name }
}

output "log_groups" {
  description = "Where the functions log: aws logs tail ..."
  value       = { for name, group in aws_cloudwatch_log_group.function : name => group.name }
}

output "queues" {
  description = "The URLs of the queues: events of packets, and what failed for good of those and of schedules."
  value = {
    packets       = aws_sqs_queue.packets.url
    packets_dead  = aws_sqs_queue.packets_dead.url
    schedule_dead = aws_sqs_queue.schedule_dead.url
  }
}

output "backfill" {
  description = "The ARN of the state machine that brings a range again: aws stepfunctions start-execution --state-machine-arn ..."
  value       = aws_sfn_state_machine.backfill.arn
}

output "topic" {
  description = "The ARN of the topic that alarms are sent to, for other subscribers than mail."
  value       = aws_sns_topic.alarms.arn
}

output "key" {
  description = "The ARN of the key that all is encrypted with: who reads the star tables may need `kms:Decrypt` on it."
  value       = aws_kms_key.this.arn
}

output "dashboard" {
  description = "Where the dashboard is."
  value       = "https://${var.region}.console.aws.amazon.com/cloudwatch/home?region=${var.region}#dashboards/dashboard/${aws_cloudwatch_dashboard.host.dashboard_name}"
}

output "operator_policy" {
  description = "The ARN of a policy that allows what `host` does on this deployment: aws iam attach-role-policy, or a group's."
  value       = aws_iam_policy.operator.arn
}
