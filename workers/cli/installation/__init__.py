"""Commands around an installation: check its documents, make its policies, start the API, the sandbox or the demo."""
