"""`python -m bench`: how fast Neuro is, beside others on the same machine."""
