locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition

  # The namespace of the metrics, which both functions write into their logs.
  namespace = "${var.name}/host"

  # The places that the host is told of.
  raw_prefix         = "raw"
  star_prefix        = "star"
  plugins_prefix     = "plugins"
  checkpoints_prefix = "/${var.name}/checkpoints"

  # Below these lie the parameters that the host makes: those of star tables in a folder of their own.
  checkpoints_arn      = "arn:${local.partition}:ssm:${var.region}:${local.account}:parameter${local.checkpoints_prefix}"
  star_checkpoints_arn = "${local.checkpoints_arn}/star"

  # The end of a secret's ARN is made up by AWS, and another one when the secret is made again.
  secret_arns = ["arn:${local.partition}:secretsmanager:${var.region}:${local.account}:secret:${var.source_secret}-??????"]

  # What differs between the functions. Timeouts are in seconds: as long as can be for the one that may read a whole source;
  # minutes for the other, since what it has not finished is tried again only when the queue shows its messages again.
  functions = {
    ingest = {
      description = "Rows that changed, into packets of the raw lake"
      memory      = var.ingest_memory
      timeout     = 900
      vpc         = var.vpc
      concurrency = 2 + var.backfill_concurrency
    }
    process = {
      description = "Packets, into the star tables"
      memory      = var.process_memory
      timeout     = 240
      vpc         = null
      concurrency = 2 + var.process_concurrency
    }
  }
}
