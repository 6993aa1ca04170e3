"""Everything that is in Redis. Open `keys.py` first for what is there, and `store.py` for the way to it.

One module for each subject (`orders.py`, `work.py`, `limits.py`, ...) is a part of the store. What must happen whole or
not at all is a Lua script in `lua/`; `parameters.py` says what each is given.
"""
