"""What is installed must run: `python -m tests.installed` tries the wheel where the checkout cannot be imported.

In a temporary directory, with the oldest Python that we support, the image's and this one, as far as they are here:
build the wheel, install it with the runtime's lock alone, start the Procfile's lines, replicate a tenant; then add the
sandbox and run the demo.
"""
