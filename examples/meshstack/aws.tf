# How the connector signs in to AWS. First choice: a workload identity, so that there is no key that can leak. The
# cluster writes a token to a file, and AWS trusts the cluster. Second choice, where no cluster issues tokens: a stored key.
# The roles that follow, and their policies, are printed by 'aws-connector policies'.

locals {
  with_identity = var.cluster_issuer != null
  # What the entry may do, and nothing else: act as the two roles, with their external ids.
  entry = {
    Version = "2012-10-17"
    Statement = [
      for role, external_id in var.connector_roles : {
        Effect    = "Allow"
        Action    = "sts:AssumeRole"
        Resource  = role
        Condition = { StringEquals = { "sts:ExternalId" = external_id } }
      }
    ]
  }
}

resource "aws_iam_openid_connect_provider" "cluster" {
  count          = local.with_identity ? 1 : 0
  url            = "https://${var.cluster_issuer}"
  client_id_list = ["sts.amazonaws.com"]
}

resource "aws_iam_role" "connector" {
  count = local.with_identity ? 1 : 0
  name  = "meshstack-aws-connector"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = aws_iam_openid_connect_provider.cluster[0].arn }
      Condition = {
        StringEquals = {
          "${var.cluster_issuer}:aud" = "sts.amazonaws.com"
          "${var.cluster_issuer}:sub" = var.cluster_subject
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "connector" {
  count  = local.with_identity ? 1 : 0
  name   = "act-as-the-connectors-roles"
  role   = aws_iam_role.connector[0].name
  policy = jsonencode(local.entry)
}

# Second choice. The key stands in the state of OpenTofu: keep that secret, and replace the key now and then.
resource "aws_iam_user" "connector" {
  count = local.with_identity ? 0 : 1
  name  = "meshstack-aws-connector"
}

resource "aws_iam_user_policy" "connector" {
  count  = local.with_identity ? 0 : 1
  name   = "act-as-the-connectors-roles"
  user   = aws_iam_user.connector[0].name
  policy = jsonencode(local.entry)
}

resource "aws_iam_access_key" "connector" {
  count = local.with_identity ? 0 : 1
  user  = aws_iam_user.connector[0].name
}
