"""Bad input on purpose: what decodes what comes from outside, and samples to begin with."""
