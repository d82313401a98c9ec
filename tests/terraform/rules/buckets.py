"""Buckets: nothing public, nothing in the clear, and nothing that is current ever expires."""

from .policies import as_list, statements

BLOCKS = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")


def part(document, kind, bucket):
    """What a resource of some kind says about a bucket."""
    return next((values for values in document["resources"].of(kind).values() if values.get("bucket") == bucket["id"]), {})


def first(block):
    """The only one of a kind of blocks, or an empty one."""
    return (block or [{}])[0]


def each(document):
    """The buckets, with their addresses."""
    return [(address, values) for address, values in document["resources"].items() if address.startswith("aws_s3_bucket.")]


def check_versions(document):
    """What is overwritten can be had back."""
    for address, bucket in each(document):
        versioning = part(document, "aws_s3_bucket_versioning", bucket).get("versioning_configuration")
        if first(versioning).get("status") != "Enabled":
            yield address, "it has no versions: add aws_s3_bucket_versioning with status \"Enabled\""


def check_encryption(document):
    """All is encrypted with the key of the deployment."""
    keys = {key["arn"] for key in document["resources"].of("aws_kms_key").values()}
    for address, bucket in each(document):
        rules = part(document, "aws_s3_bucket_server_side_encryption_configuration", bucket).get("rule")
        default = first(first(rules).get("apply_server_side_encryption_by_default"))
        if default.get("sse_algorithm") != "aws:kms" or default.get("kms_master_key_id") not in keys:
            yield address, "it isn't encrypted with the key of the deployment: add it by default"


def check_public_access(document):
    """Nobody can make a bucket public by mistake."""
    for address, bucket in each(document):
        block = part(document, "aws_s3_bucket_public_access_block", bucket)
        missing = [name for name in BLOCKS if not block.get(name)]
        if missing:
            yield address, f"it could be made public: set {', '.join(missing)} of its aws_s3_bucket_public_access_block"
        owner = first(part(document, "aws_s3_bucket_ownership_controls", bucket).get("rule"))
        if owner.get("object_ownership") != "BucketOwnerEnforced":
            yield address, "it has access lists: set object_ownership to \"BucketOwnerEnforced\""


def check_transport(document):
    """Nothing is sent in the clear."""
    for address, bucket in each(document):
        wanted = {bucket["arn"], bucket["arn"] + "/*"}
        denied = any(
            one["Effect"] == "Deny" and one.get("Principal") in ("*", {"AWS": "*"}) and as_list(one.get("Action")) == ["s3:*"]
            and wanted <= set(as_list(one.get("Resource")))
            and one.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
            for one in statements(part(document, "aws_s3_bucket_policy", bucket).get("policy")))
        if not denied:
            yield address, "it takes requests without TLS: deny s3:* where aws:SecureTransport is false"


def check_lifecycle(document):
    """Only what nobody can miss goes by itself: versions that are no longer current, and uploads that were never ended."""
    for address, bucket in each(document):
        rules = part(document, "aws_s3_bucket_lifecycle_configuration", bucket).get("rule", [])
        active = [rule for rule in rules if rule.get("status") == "Enabled"]
        for rule in rules:
            expiration = first(rule.get("expiration"))
            if expiration.get("days") or expiration.get("date") or rule.get("transition"):
                yield address, f"its lifecycle rule `{rule['id']}` expires or moves current objects: leave those alone"
        if not any(first(rule.get("noncurrent_version_expiration")).get("noncurrent_days") for rule in active):
            yield address, "its old versions stay for ever: add noncurrent_version_expiration"
        if not any(first(rule.get("abort_incomplete_multipart_upload")).get("days_after_initiation") for rule in active):
            yield address, "its unfinished uploads stay for ever: add abort_incomplete_multipart_upload"


RULES = [check_versions, check_encryption, check_public_access, check_transport, check_lifecycle]
