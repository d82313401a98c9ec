locals {
  # What the host says, and what its functions and queues do.
  graphs = [
    {
      title   = "Rows"
      metrics = [[local.namespace, "RowsIngested"], [local.namespace, "RowsPublished"], [local.namespace, "RowsRejected"]]
      stat    = "Sum"
    },
    {
      title   = "Lag of the oldest unprocessed packet, in seconds"
      metrics = [[local.namespace, "LagSeconds"]]
      stat    = "Maximum"
    },
    {
      title   = "Packets"
      metrics = [[local.namespace, "PacketsIngested"], [local.namespace, "PacketsProcessed"], [local.namespace, "HeldPackets", { stat = "Maximum" }]]
      stat    = "Sum"
    },
    {
      title = "Messages"
      metrics = [
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", aws_sqs_queue.packets.name],
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", aws_sqs_queue.packets_dead.name],
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", aws_sqs_queue.schedule_dead.name],
      ]
      stat = "Maximum"
    },
    {
      title   = "Time of the functions, in milliseconds"
      metrics = [for function in aws_lambda_function.host : ["AWS/Lambda", "Duration", "FunctionName", function.function_name]]
      stat    = "p95"
    },
    {
      title   = "Errors of the functions"
      metrics = [for function in aws_lambda_function.host : ["AWS/Lambda", "Errors", "FunctionName", function.function_name]]
      stat    = "Sum"
    },
  ]
}

resource "aws_cloudwatch_dashboard" "host" {
  dashboard_name = var.name

  dashboard_body = jsonencode({
    widgets = [for index, graph in local.graphs : {
      type   = "metric"
      x      = 12 * (index % 2)
      y      = 6 * floor(index / 2)
      width  = 12
      height = 6
      properties = {
        title   = graph.title
        metrics = graph.metrics
        stat    = graph.stat
        period  = 300
        region  = var.region
        view    = "timeSeries"
      }
    }]
  })
}
