variable "name" {
  description = "What the names of all resources begin with. Two deployments in one account need two names."
  type        = string
  default     = "totesys"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.name))
    error_message = "The name is 2 to 21 lower-case letters, digits and hyphens, a letter first: names of buckets are made of it."
  }
}

variable "region" {
  description = "The region of AWS that all is in."
  type        = string
  default     = "eu-west-2"
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}

variable "package" {
  description = "The zip that `make lambda` builds: the host with its precompiled plugins."
  type        = string
  default     = "../target/lambda/x86_64/host.zip"
}

variable "architecture" {
  description = "The processor of the package: `x86_64` or `arm64`."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "The architecture is x86_64 or arm64."
  }
}

variable "source_secret" {
  description = "The name of the secret in Secrets Manager that holds the URL of the database, or the JSON that RDS makes, whose server `source_server` may have to name. It is made by hand, so that no state file has it."
  type        = string
}

variable "source_server" {
  description = "The database's server, where the secret does not name it: a secret that RDS manages holds a user and a password alone."
  type = object({
    host     = string
    port     = optional(number)
    database = optional(string)
  })
  default = null
}

variable "source_secret_key_arn" {
  description = "The ARN of the KMS key that the secret is encrypted with, where it is not the account's own `aws/secretsmanager`."
  type        = string
  default     = null
}

variable "source_sslmode" {
  description = "How the connection to the database is encrypted where the secret's URL does not say it: `verify-full`, `require`, ... `verify-full` needs a certificate that is trusted: a public one, or that of `source_sslrootcert`."
  type        = string
  default     = "require"

  validation {
    condition     = contains(["disable", "prefer", "require", "verify-ca", "verify-full"], var.source_sslmode)
    error_message = "The mode is disable, prefer, require, verify-ca or verify-full."
  }
}

variable "source_sslrootcert" {
  description = "The file of certificates that are trusted instead of public ones: `/var/task/certificates.pem`, where `make lambda CERTIFICATES=bundle.pem` puts those of RDS."
  type        = string
  default     = ""
}

variable "vpc" {
  description = "Where a private database is reached from: subnets and security groups for the ingest function. Without them it runs outside of any VPC. The subnets need a way to S3, SSM and Secrets Manager: a NAT gateway, or endpoints."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
}

variable "emails" {
  description = "Who gets a mail when an alarm goes off. Each address has to confirm the subscription once."
  type        = list(string)
}

variable "schedule" {
  description = "When the ingest function looks for changes, as an expression of EventBridge Scheduler. Once an hour is the least: an alarm tells of an hour without."
  type        = string
  default     = "rate(5 minutes)"
}

variable "tables_to_query" {
  description = "The tables that the schedule asks for; all if left empty."
  type        = list(string)
  default     = []
}

variable "reconcile_schedule" {
  description = "When the whole source is held against the lake, to find rows that are gone. Hours are those of UTC."
  type        = string
  default     = "cron(30 2 * * ? *)"
}

variable "maintain_schedule" {
  description = "When small files of facts are joined, and files that nobody needs are removed. Hours are those of UTC."
  type        = string
  default     = "cron(0 4 * * ? *)"
}

variable "ingest_memory" {
  description = "Memory of the ingest function in MiB. Its share of a processor grows with it."
  type        = number
  default     = 512
}

variable "process_memory" {
  description = "Memory of the process function in MiB."
  type        = number
  default     = 1024
}

variable "process_concurrency" {
  description = "How many process functions the queue may start at once. Any number is safe."
  type        = number
  default     = 4

  validation {
    condition     = var.process_concurrency >= 2 && var.process_concurrency <= 1000
    error_message = "A queue starts 2 to 1,000 functions at once."
  }
}

variable "backfill_concurrency" {
  description = "How many tables a backfill asks for at once: each takes a connection to the database."
  type        = number
  default     = 3

  validation {
    condition     = var.backfill_concurrency >= 1
    error_message = "At least 1: a map of 0 at once has no limit."
  }
}

variable "reserve_concurrency" {
  description = "Whether the functions have their share of the account's concurrency to themselves, and never more. A new account, whose quota is 10, has none to reserve."
  type        = bool
  default     = true
}

variable "calendar_years" {
  description = "The years that the calendar has in any case, `2022..2027`; null for those of the facts alone, or where `tables_config` has a `[calendar]` of its own."
  type        = string
  default     = null
}

variable "noncurrent_days" {
  description = "How many days an object is kept that was overwritten or removed."
  type        = number
  default     = 30
}

variable "log_retention_days" {
  description = "How many days logs are kept."
  type        = number
  default     = 365
}

variable "log_level" {
  description = "What is logged: `info`, `warn`, `host=debug`, ..."
  type        = string
  default     = "warn,host=info"
}

variable "lag_minutes_max" {
  description = "After how many minutes an unprocessed packet sets off an alarm."
  type        = number
  default     = 30
}

variable "tables_config" {
  description = "More of `host.toml`, as its text: `[tables.sales_order]` with `key` and `cursor`, `[limits]`, ..."
  type        = string
  default     = ""

  validation {
    condition     = var.calendar_years == null || !can(regex("(?m)^\\s*\\[calendar\\]", var.tables_config))
    error_message = "The configuration has `[calendar]` twice: `calendar_years` and `tables_config`. Leave out `calendar_years`, and write `years` here."
  }

  validation {
    condition     = length(var.tables_config) <= 2500
    error_message = "The environment of a function holds 4 KB in all: 2,500 letters of this are the most."
  }
}
