# A platform type of your own: on meshStack's type AWS its own replicator would work, beside the connector.
resource "meshstack_platform_type" "aws_account" {
  metadata = { name = "AWS-ACCOUNT" }

  spec = {
    display_name     = "AWS account"
    default_endpoint = "https://console.aws.amazon.com"
    icon             = "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4="
  }
}

# Location, platform and landing zones of this type are made in meshStack's panel, or with the resources meshstack_location,
# meshstack_platform and meshstack_landingzone. The landing zone lists the building block as mandatory:
#
#   mandatory_building_block_refs = [{
#     kind = "meshBuildingBlockDefinition"
#     uuid = meshstack_building_block_definition.aws_account.metadata.uuid
#   }]
#
# Its name must be that of a landing zone document of the connector.
