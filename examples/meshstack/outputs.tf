output "CONNECTOR_RUNNER_UUID" {
  value = meshstack_building_block_runner.connector.metadata.uuid
}
