"""IAM Identity Center's SCIM endpoint, with AWS's restrictions, over the same directory as the Identity Store API.

Source: docs.aws.amazon.com/singlesignon/latest/developerguide/
"""

SERVICE = "scim"  # in the call log, in faults and rates, as if it were a service of the SDK
