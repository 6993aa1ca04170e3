"""What is installed must run: `python -m tests.installed` tries the wheel where the checkout cannot be imported.

For each Python that we promise and that is found here, in a temporary directory: build the wheel, install it with the
runtime's lock alone, start the Procfile's lines, replicate a tenant; then add the sandbox and run the demo.
"""
