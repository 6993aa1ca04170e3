# A platform type of your own: on meshStack's type AWS its own replicator would work, beside the connector.
resource "meshstack_platform_type" "aws_account" {
  metadata = { name = "AWS-ACCOUNT" }

  spec = {
    display_name     = "AWS account"
    default_endpoint = "https://console.aws.amazon.com"
    icon             = "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4="
  }
}

resource "meshstack_location" "aws" {
  metadata = {
    name               = var.location
    owned_by_workspace = var.workspace
  }

  spec = {
    display_name = "AWS"
    description  = "Our AWS organization."
  }
}

# Its full identifier is <platform>.<location>, and the connector's document in connector/platform.yaml has the same.
resource "meshstack_platform" "aws" {
  metadata = {
    name               = var.platform
    owned_by_workspace = var.workspace
  }

  spec = {
    display_name = "AWS account"
    description  = "An AWS account of your own, set up as the landing zone says."
    endpoint     = "https://console.aws.amazon.com"
    location_ref = meshstack_location.aws.ref

    # Visible to the platform team alone until it is tried out.
    availability = {
      restriction              = "PRIVATE"
      publication_state        = "UNPUBLISHED"
      restricted_to_workspaces = [var.workspace]
    }

    quota_definitions       = []
    contributing_workspaces = []

    # Nothing of AWS stands here: roles, patterns and credentials are the connector's alone.
    config = {
      custom = {
        platform_type_ref = meshstack_platform_type.aws_account.ref
      }
    }
  }
}

# Each has the name of a landing zone document of the connector (connector/landing-zones.yaml).
resource "meshstack_landingzone" "aws" {
  for_each = var.landing_zones

  metadata = {
    name               = each.key
    owned_by_workspace = var.workspace
  }

  spec = {
    display_name = each.value.display_name
    description  = each.value.description
    # Whether a person must approve a deletion says the connector's document: aws-connector approve.
    automate_deletion_approval    = true
    automate_deletion_replication = true
    platform_ref                  = meshstack_platform.aws.ref
    platform_properties           = { custom = {} }

    # Who orders a tenant here gets an account: this queues the run.
    mandatory_building_block_refs = [meshstack_building_block_definition.aws_account.ref]
  }
}
