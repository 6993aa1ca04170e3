variable "workspace" {
  description = "Identifier of the platform team's workspace, which owns everything here."
  type        = string
}

variable "location" {
  description = "Name of the location. With the platform's it is the full identifier, <platform>.<location>."
  type        = string
  default     = "production"
}

variable "platform" {
  description = "Name of the platform. meshStack never lets a name be used again."
  type        = string
  default     = "aws"
}

variable "landing_zones" {
  description = "Landing zones by name; each needs a document of the connector of the same name."
  type        = map(object({ display_name = string, description = string }))
  default = {
    development = { display_name = "Development", description = "For trying things out." }
    production  = { display_name = "Production", description = "For what customers depend on." }
  }
}

variable "public_key_file" {
  description = "What 'aws-connector runner keygen' has printed."
  type        = string
  default     = "runner.pub.pem"
}

variable "draft" {
  description = "Whether the definition is still a draft. A released version cannot be changed any more."
  type        = bool
  default     = true
}

variable "api_key_expires_at" {
  description = "Day on which the API key ends, such as 2027-12-31."
  type        = string
}

variable "reads_all_workspaces" {
  description = "Whether the API key may read tenants, projects, workspaces and payment methods of all workspaces."
  type        = bool
  default     = true
}

variable "cluster_issuer" {
  description = "OIDC issuer of the cluster in which the workers run, without https://. null: none, so a key is stored."
  type        = string
  default     = null
}

variable "cluster_subject" {
  description = "The workers' service account in that cluster."
  type        = string
  default     = "system:serviceaccount:connector:worker"
}

variable "connector_roles" {
  description = "ARNs of the management role and of the automation role, each with its external id."
  type        = map(string)
  sensitive   = true
}
