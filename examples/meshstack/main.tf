terraform {
  required_providers {
    meshstack = {
      source  = "meshcloud/meshstack"
      version = ">= 0.25.2"
    }
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

# Endpoint and API key come from MESHSTACK_ENDPOINT, MESHSTACK_API_KEY and MESHSTACK_API_SECRET.
provider "meshstack" {}

# The account in which the connector signs in; credentials as everywhere with AWS.
provider "aws" {
  region = "eu-central-1"
}

resource "meshstack_building_block_runner" "connector" {
  metadata = { owned_by_workspace = var.workspace }

  spec = {
    display_name        = "AWS Connector"
    implementation_type = "TERRAFORM"
    public_key          = file(var.public_key_file) # what 'aws-connector runner keygen' has printed
    restriction         = "PRIVATE"
  }
}

resource "meshstack_building_block_definition" "aws_account" {
  metadata = { owned_by_workspace = var.workspace }

  spec = {
    display_name              = "AWS account"
    description               = "An AWS account of your own, set up as the landing zone says."
    target_type               = "TENANT_LEVEL"
    supported_platforms       = [meshstack_platform_type.aws_account.ref]
    use_in_landing_zones_only = true
    run_transparency          = false # true: teams also read what is for operators
  }

  version_spec = {
    draft                      = var.draft
    only_apply_once_per_tenant = true
    deletion_mode              = "DELETE"
    runner_ref                 = meshstack_building_block_runner.connector.ref

    inputs = {
      workspace = {
        display_name    = "Workspace"
        type            = "STRING"
        assignment_type = "WORKSPACE_IDENTIFIER"
      }
      project = {
        display_name    = "Project"
        type            = "STRING"
        assignment_type = "PROJECT_IDENTIFIER"
      }
      platform = {
        display_name    = "Platform"
        type            = "STRING"
        assignment_type = "FULL_PLATFORM_IDENTIFIER"
      }
      tenant_uuid = {
        display_name    = "Tenant"
        type            = "STRING"
        assignment_type = "MESHSTACK_TENANT_UUID"
      }
      users = {
        display_name    = "People and their roles"
        type            = "CODE"
        assignment_type = "USER_PERMISSIONS"
      }
    }

    # The type that has outputs of its own, dry runs, approvals and schedules. The repository is never used.
    implementation = {
      terraform = {
        terraform_version = "1.9.0"
        repository_url    = "https://example.com/not-used.git"
        async             = true
      }
    }

    outputs = {
      account_id = {
        display_name    = "Account"
        type            = "STRING"
        assignment_type = "PLATFORM_TENANT_ID"
      }
      sign_in_url = {
        display_name    = "Sign in"
        type            = "STRING"
        assignment_type = "SIGN_IN_URL"
      }
      summary = {
        display_name    = "Summary"
        type            = "STRING"
        assignment_type = "SUMMARY"
      }
    }
  }
}
