output "CONNECTOR_RUNNER_UUID" {
  value = meshstack_building_block_runner.connector.metadata.uuid
}

output "CONNECTOR_MESHSTACK_CLIENT_ID" {
  value = meshstack_api_key.connector.uuid
}

output "CONNECTOR_MESHSTACK_CLIENT_SECRET" {
  value     = meshstack_api_key.connector.token
  sensitive = true
}

output "platform" {
  description = "Name of the connector's platform document, and its metadata.uuid."
  value = {
    identifier = "${var.platform}.${var.location}"
    uuid       = meshstack_platform.aws.metadata.uuid
  }
}

output "entry_role" {
  description = "For auth.workloadIdentity.roleArn of the platform's document; null: a key is stored."
  value       = one(aws_iam_role.connector[*].arn)
}

output "AWS_ACCESS_KEY" {
  value = one(aws_iam_access_key.connector[*].id)
}

output "AWS_SECRET_KEY" {
  value     = one(aws_iam_access_key.connector[*].secret)
  sensitive = true
}
