locals {
  buckets = ["raw", "star", "plugins"]
}

# The raw lake, the star tables, and the plugins. Objects are overwritten and removed as part of the day's work (hints, logs of
# star tables, what `host gc` finds), so that all buckets keep what was there before for some days.
resource "aws_s3_bucket" "lake" {
  #checkov:skip=CKV_AWS_18:who reads objects is logged by the CloudTrail of an account, for all its buckets or none
  #checkov:skip=CKV_AWS_144:the raw lake can be made again from the source, and the star tables from the raw lake
  #checkov:skip=CKV2_AWS_62:only new packets of the raw lake are news; nobody waits for the others
  for_each = toset(local.buckets)
  bucket   = "${var.name}-${each.key}-${local.account}-${var.region}"

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "lake" {
  for_each = toset(local.buckets)
  bucket   = aws_s3_bucket.lake[each.key].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "lake" {
  for_each = toset(local.buckets)
  bucket   = aws_s3_bucket.lake[each.key].id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.this.arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "lake" {
  for_each                = toset(local.buckets)
  bucket                  = aws_s3_bucket.lake[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "lake" {
  for_each = toset(local.buckets)
  bucket   = aws_s3_bucket.lake[each.key].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

# Only what nobody can miss: versions that are no longer current, and uploads that were never ended.
resource "aws_s3_bucket_lifecycle_configuration" "lake" {
  for_each = toset(local.buckets)
  bucket   = aws_s3_bucket.lake[each.key].id

  rule {
    id     = "noncurrent-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_days
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  rule {
    id     = "unfinished-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 2
    }
  }

  depends_on = [aws_s3_bucket_versioning.lake]
}

resource "aws_s3_bucket_policy" "lake" {
  for_each = toset(local.buckets)
  bucket   = aws_s3_bucket.lake[each.key].id
  policy   = data.aws_iam_policy_document.encrypted_transport[each.key].json
}

data "aws_iam_policy_document" "encrypted_transport" {
  for_each = toset(local.buckets)

  statement {
    sid       = "EncryptedTransportOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.lake[each.key].arn, "${aws_s3_bucket.lake[each.key].arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

# A packet exists when its manifest does, and that is the event.
resource "aws_s3_bucket_notification" "packets" {
  bucket = aws_s3_bucket.lake["raw"].id

  queue {
    id            = "packets"
    queue_arn     = aws_sqs_queue.packets.arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = "${local.raw_prefix}/"
    filter_suffix = ".packet.json"
  }

  depends_on = [aws_sqs_queue_policy.packets]
}
