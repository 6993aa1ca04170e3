"""The AWS simulator: AWS's wire protocol, as strict as AWS where moto is kinder."""
