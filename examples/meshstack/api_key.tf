# The connector's API key. Runs are those of our own definitions, so the workspace's reach is enough for them; the ADM_
# permissions need a key that an administrator makes, and may be left out: see docs/meshstack.md.
resource "meshstack_api_key" "connector" {
  workspace_identifier = var.workspace
  display_name         = "AWS Connector"
  expires_at           = var.api_key_expires_at # a new date makes a new secret

  authorities = concat(
    [
      "BUILDINGBLOCKRUNNER_LIST",
      "BUILDINGBLOCKRUNNER_SAVE",
      "MANAGED_BUILDINGBLOCKRUN_LIST",
      "MANAGED_BUILDINGBLOCKRUN_SAVE",
      "MANAGED_BUILDINGBLOCKRUNSOURCE_SAVE",
    ],
    var.reads_all_workspaces ? [
      "ADM_PAYMENTMETHOD_LIST",
      "ADM_PROJECT_LIST",
      "ADM_TENANT_LIST",
      "ADM_WORKSPACE_LIST",
    ] : [],
  )
}
