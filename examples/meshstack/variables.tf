variable "workspace" {
  description = "Identifier of the platform team's workspace, which owns everything here."
  type        = string
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
