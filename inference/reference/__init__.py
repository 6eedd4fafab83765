"""What needs transformers: converting and checking checkpoints. Never imported to serve.

Each module is a program for a process of its own.
"""
