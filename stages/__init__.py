"""One module per DVC stage: read the plan, call one pipeline, write the outs."""
