# terraform apply -var-file example.tfvars

name   = "totesys"
region = "eu-west-2"

# Made by hand: aws secretsmanager create-secret --name totesys/reader --secret-string file://secret.txt
source_secret = "totesys/reader"

emails = ["data-team@example.com"]

# A database that only its VPC can reach:
# vpc = {
#   subnet_ids         = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
#   security_group_ids = ["sg-0123456789abcdef0"]
# }

schedule = "rate(5 minutes)"

calendar_years = "2022..2027"

# tables_config = <<-TOML
#   [tables.sales_order]
#   cursor = "snapshot"
# TOML
