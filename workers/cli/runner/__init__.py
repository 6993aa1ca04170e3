"""The commands around the runner: run it, make its key, register it in meshStack, see what it works on."""
