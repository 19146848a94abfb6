"""One pass over an experiment: observe, decide, act. Every decision is a function of what is stored."""
