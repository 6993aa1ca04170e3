"""The migrations, in their order. A migration names its columns itself and never changes once it is released."""
