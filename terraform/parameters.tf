# For those who work on the deployment and have no state of it: eval "$(aws ssm get-parameter ...)", as the output `environment`.
resource "aws_ssm_parameter" "environment" {
  name        = "/${var.name}/environment"
  description = "What the command line needs to know to work on this deployment, as lines of a shell"
  type        = "SecureString"
  key_id      = aws_kms_key.this.arn
  value       = local.exports
}

locals {
  exports = join("", [
    for name, value in merge(local.places, local.source, { AWS_REGION = var.region }) : "export ${name}='${replace(value, "'", "'\\''")}'\n"
  ])

  # `host.toml`: keys and cursors of single tables, limits of plugins. The places above go before it.
  config = join("\n", compact([
    "# Made by Terraform.",
    var.calendar_years == null ? "" : "[calendar]\nyears = \"${var.calendar_years}\"",
    var.tables_config,
  ]))
}
