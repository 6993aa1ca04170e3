"""The sandbox: an embedded Redis-protocol server and a strict AWS simulator for laptops and tests."""
