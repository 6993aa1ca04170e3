"""CloudFormation: templates, and instances of StackSets."""
